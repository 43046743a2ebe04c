"""References to the layers inside a model, each with its path from the outside in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import keras

from kerascope import errors


@dataclass(frozen=True)
class LayerRef:
    """A layer or operation of a model, and its path.

    Args:
        path: names from the outer model inwards, without the outer model's own: `"backbone/conv2"`.
        operation: the Keras layer or bare operation.
        parent: the layer that contains it; None where that is the outer model: a reference to it would keep
            the model of a cached probe alive.
    """

    path: str
    operation: keras.Operation
    parent: LayerRef | None

    def is_inside(self, other: LayerRef) -> bool:
        """Whether `other` contains this layer, at any depth."""
        return self.path.startswith(f"{other.path}/")


def find_layers(model: keras.Model) -> list[LayerRef]:
    """Every operation inside `model` once, outer ones first, under its shortest path, which is unique."""
    found: dict[int, LayerRef] = {}
    used: set[str] = set()
    queue: deque[LayerRef | None] = deque([None])
    while queue:
        parent = queue.popleft()
        for child in _children(model if parent is None else parent.operation):
            if id(child) in found or child is model:
                continue
            name = child.name if parent is None else f"{parent.path}/{child.name}"
            # A subclassed model may hold two layers of one name.
            path, count = name, 1
            while path in used:
                path, count = f"{name}_{count}", count + 1
            used.add(path)
            found[id(child)] = LayerRef(path, child, parent)
            queue.append(found[id(child)])
    return list(found.values())


def match_paths(name: str, paths: Iterable[str]) -> list[str]:
    """The paths that match `name`: itself, or all that end in it."""
    paths = list(paths)
    if name in paths:
        return [name]
    matches = [path for path in paths if path.endswith("/" + name)]
    if matches:
        return matches
    innermost = {path.rsplit("/", 1)[-1]: path for path in reversed(paths)}
    suggestion = errors.nearest(name.rsplit("/", 1)[-1], innermost)
    for short, path in innermost.items():
        suggestion = suggestion.replace(repr(short), repr(path))
    raise errors.UnknownLayerError(
        f"a layer must be named by its path inside the model; there is no {name!r}; {suggestion} "
        "`Probe.layers()` lists all paths."
    )


def _children(operation: keras.Operation) -> list[keras.Operation]:
    children: list[keras.Operation] = []
    # A functional model's `operations` hold bare operations too; layers held as attributes are in neither
    # `operations` nor, for a plain layer, in any public list.
    if isinstance(operation, keras.Model):
        children += getattr(operation, "operations", None) or []
    if isinstance(operation, keras.Layer):
        children += operation._flatten_layers(include_self=False, recursive=False)
    return [child for child in children if not isinstance(child, keras.layers.InputLayer)]
