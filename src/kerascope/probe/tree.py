"""The operations inside a model, each with its path from the outside in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import keras

from kerascope import errors


@dataclass(frozen=True)
class Place:
    """An operation of a model.

    Args:
        path: names from the outer model inwards, without the outer model's own: `"backbone/conv2"`.
        operation: the Keras layer or bare operation.
        parent: the place that contains it; None where that is the outer model, which is not referred to, so
            that a probe kept for a model does not keep it alive.
    """

    path: str
    operation: keras.Operation
    parent: Place | None


def places(model: keras.Model) -> list[Place]:
    """Every operation inside `model` once, outer ones first, under its shortest path."""
    found: dict[int, Place] = {}
    queue: deque[Place | None] = deque([None])
    while queue:
        parent = queue.popleft()
        for child in _children(model if parent is None else parent.operation):
            if id(child) in found or child is model:
                continue
            path = child.name if parent is None else f"{parent.path}/{child.name}"
            found[id(child)] = Place(path, child, parent)
            queue.append(found[id(child)])
    return list(found.values())


def fingerprint(model: keras.Model) -> tuple[object, ...]:
    """Changes when the model is changed in a way that compiled programs would not see.

    Weights are arguments of every program; operations, activations, quantisation and the variables' shapes
    are not.
    """
    operations = (
        (id(operation), id(getattr(operation, "activation", None)), _quantisation(operation))
        for operation in (place.operation for place in places(model))
    )
    variables = ((tuple(variable.shape), variable.dtype) for variable in model.variables)
    return (*operations, *variables)


def find(name: str, known: Iterable[str]) -> list[str]:
    """The paths that `name` stands for: itself, or all that end in it.

    Raises:
        UnknownLayerError: there is none.
    """
    known = list(known)
    if name in known:
        return [name]
    matches = [path for path in known if path.endswith("/" + name)]
    if matches:
        return matches
    innermost = {path.rsplit("/", 1)[-1]: path for path in reversed(known)}
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


def _quantisation(operation: keras.Operation) -> object:
    return getattr(operation, "quantization_mode", None)
