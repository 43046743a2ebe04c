"""Random weights for the layers of a model, by each layer's own initialisers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascope.probe.graph.graph import Graph
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class RandomizedLayer:
    """New values for the variables of one layer.

    Args:
        path: of the layer; empty for variables of the model itself.
        values: by the position of the variable in `model.variables`.
        shuffled: names of variables that have no initialiser of their own, or kernels with one that gives the
            same number everywhere: their values change places.
    """

    path: str
    values: Mapping[int, Array]
    shuffled: tuple[str, ...]


def randomize_layers(model: keras.Model, graph: Graph, seed: int) -> list[RandomizedLayer]:
    """Random weights for every layer with trained ones, from the output to the input.

    A variable is drawn by the initialiser that its layer names for it (`kernel_initializer` for `kernel`), so
    that the statistics of a normalisation are those of an untrained one. The numbers are Keras's, which
    differ between backends. Variables that are not trained and have no initialiser, such as the mean that a
    `Normalization` was adapted to, stay.

    Args:
        model: the model; it is not changed.
        graph: of the model.
        seed: of the values.
    """
    # The innermost operation that holds a variable owns it: layers come outer ones first.
    owners: dict[int, tuple[str, Any]] = {}
    for path, operation in (("", model), *((layer.path, layer.operation) for layer in graph.layers)):
        for variable in getattr(operation, "variables", ()):
            owners[id(variable)] = (path, operation)
    last = {call.layer.path: call.number for call in graph.calls}
    generator = np.random.default_rng(seed)
    found: dict[str, dict[int, Array]] = {}
    shuffled: dict[str, list[str]] = {}
    for index, variable in enumerate(model.variables):
        path, owner = owners[id(variable)]
        own_seed = int(generator.integers(1 << 31))
        initialiser = _initialiser(owner, variable.name)
        new: Array | None = None
        if initialiser is not None:
            value = _with_seed(initialiser, own_seed)(tuple(variable.shape), dtype="float32")
            new = np.asarray(ops.convert_to_numpy(value))
        # An initial kernel of zeros is meant to be loaded over: it would switch the layer off.
        if new is not None and (new.ndim < 2 or np.ptp(new) > 0):
            found.setdefault(path, {})[index] = new
        elif new is not None or variable.trainable:
            values = np.asarray(ops.convert_to_numpy(variable.value))
            mixed = np.random.default_rng(own_seed).permutation(values.ravel())
            found.setdefault(path, {})[index] = mixed.reshape(values.shape)
            shuffled.setdefault(path, []).append(variable.name)
    order = sorted(found, key=lambda path: last.get(path, -1), reverse=True)
    return [RandomizedLayer(path, found[path], tuple(shuffled.get(path, ()))) for path in order]


def _initialiser(owner: Any, name: str) -> Any:
    """The initialiser that a layer names for a variable, or None."""
    for alias in _names(name):
        found = getattr(owner, f"{alias}_initializer", None)
        if isinstance(found, keras.initializers.Initializer):
            return found
    return None


def _names(name: str) -> Iterator[str]:
    """Names that a variable may have in its layer's `..._initializer`."""
    yield name
    yield name.removesuffix("_kernel")
    if name == "kernel":
        yield "depthwise"


def _with_seed(initialiser: Any, seed: int) -> Any:
    """The same initialiser with another seed, where it has one."""
    config = initialiser.get_config()
    return type(initialiser).from_config({**config, "seed": seed}) if "seed" in config else initialiser
