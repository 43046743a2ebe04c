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
        recomputed: name of the layer, itself or one around it, that is recomputed in the backward pass
            (`keras.RematScope`), or None.
    """

    path: str
    operation: keras.Operation
    recomputed: str | None = None


def places(model: keras.Model) -> list[Place]:
    """Every operation inside `model` once, outer ones first, under its shortest path."""
    found: dict[int, Place] = {}
    queue: deque[tuple[keras.Operation, str, str | None]] = deque([(model, "", None)])
    while queue:
        parent, prefix, recomputed = queue.popleft()
        for child in _children(parent):
            if id(child) in found or child is model:
                continue
            path = prefix + child.name
            reason = recomputed or (path if _is_recomputed(child) else None)
            found[id(child)] = Place(path, child, reason)
            queue.append((child, path + "/", reason))
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


def _is_recomputed(operation: keras.Operation) -> bool:
    remat = getattr(operation, "_remat_mode", None)
    if remat is None or remat.mode is None or remat.mode == "activations":
        return False
    return remat.mode != "list_of_layers" or operation.name in remat.layer_names


def _quantisation(operation: keras.Operation) -> object:
    return getattr(operation, "quantization_mode", None)
