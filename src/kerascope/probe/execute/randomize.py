"""Random weights for the layers of a model, by each layer's own initialisers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascope.probe.graph.graph import Survey
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


def randomize_layers(model: keras.Model, survey: Survey, seed: int) -> list[RandomizedLayer]:
    """New values for every layer that has learnt something, from the output to the input.

    A variable is drawn by the initialiser that its layer names for it (`kernel_initializer` for `kernel`), so
    that the statistics of a normalisation are those of an untrained one. The numbers are Keras's, which
    differ between backends. What is not trained and has no initialiser, such as the mean that a
    `Normalization` was adapted to, stays.

    Args:
        model: whose layers are looked at; it is not changed.
        survey: of the model.
        seed: of the values.
    """
    # The innermost operation that holds a variable owns it: places come outer ones first.
    owners: dict[int, tuple[str, Any]] = {}
    for path, operation in (("", model), *((place.path, place.operation) for place in survey.places)):
        for variable in getattr(operation, "variables", ()):
            owners[id(variable)] = (path, operation)
    last = {run.place.path: run.number for run in survey.runs}
    generator = np.random.default_rng(seed)
    found: dict[str, dict[int, Array]] = {}
    shuffled: dict[str, list[str]] = {}
    for number, variable in enumerate(model.variables):
        path, owner = owners[id(variable)]
        drawn = int(generator.integers(1 << 31))
        initialiser = _initialiser(owner, variable.name)
        new: Array | None = None
        if initialiser is not None:
            value = _seeded(initialiser, drawn)(tuple(variable.shape), dtype="float32")
            new = np.asarray(ops.convert_to_numpy(value))
        # A kernel of zeros is one that was meant to be loaded: it would switch the layer off.
        if new is not None and (new.ndim < 2 or np.ptp(new) > 0):
            found.setdefault(path, {})[number] = new
        elif new is not None or variable.trainable:
            values = np.asarray(ops.convert_to_numpy(variable.value))
            mixed = np.random.default_rng(drawn).permutation(values.ravel())
            found.setdefault(path, {})[number] = mixed.reshape(values.shape)
            shuffled.setdefault(path, []).append(variable.name)
    order = sorted(found, key=lambda path: last.get(path, -1), reverse=True)
    return [RandomizedLayer(path, found[path], tuple(shuffled.get(path, ()))) for path in order]


def _initialiser(owner: Any, name: str) -> Any:
    """The initialiser that a layer names for a variable, or None."""
    for known in _names(name):
        found = getattr(owner, f"{known}_initializer", None)
        if isinstance(found, keras.initializers.Initializer):
            return found
    return None


def _names(name: str) -> Iterator[str]:
    """What a variable may be called where its initialiser is named."""
    yield name
    yield name.removesuffix("_kernel")
    if name == "kernel":
        yield "depthwise"


def _seeded(initialiser: Any, seed: int) -> Any:
    """The same initialiser with another seed, where it takes one."""
    given = initialiser.get_config()
    return type(initialiser).from_config({**given, "seed": seed}) if "seed" in given else initialiser
