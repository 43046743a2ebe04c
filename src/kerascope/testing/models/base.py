"""What every tiny model is made of: the record, the registry, and weights equal everywhere.

All numbers are small multiples of 1/16. Sums and products of such numbers are exact in float32, so
the tiny networks give the same bits on every backend wherever only sums, products and ReLU are
involved, and an oracle in float64 can be compared with a float32 network to a few units in the
last place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerascope.typing import Array

# Every weight is set afterwards; random initialisers would cost a compilation per shape on JAX.
ZERO: dict[str, Any] = {"kernel_initializer": "zeros"}


class UnavailableError(Exception):
    """This tiny model cannot exist here (backend, Keras version); the message is the reason."""


@dataclass(frozen=True)
class Tiny:
    """A small model with inputs for it and the facts known about it by construction.

    Args:
        model: built, with weights set.
        images: what `model(images)` takes: an array, a dict of arrays or a list of arrays.
        layer: path of the last place with a spatial extent that a layer method can be pointed at;
            None where there is none.
        automatic: the path that the automatic choice must find; None where not stated.
        spatial: the spatial shape of the map at `layer`, () where there is none.
        targets: the class each image shows, where that is known by construction.
        boxes: per image the half-open box (top, bottom, left, right) that holds the evidence for
            `targets`.
        facts: anything else that is known, by name.
    """

    model: keras.Model
    images: Any
    layer: str | None = None
    automatic: str | None = None
    spatial: tuple[int, ...] = ()
    targets: tuple[int, ...] | None = None
    boxes: tuple[tuple[int, int, int, int], ...] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


Builder = Callable[[], Tiny]
MODELS: dict[str, Builder] = {}
FAMILIES: dict[str, list[str]] = {}


def tiny(*families: str) -> Callable[[Builder], Builder]:
    """Put a builder into `MODELS` under its own name, and that name into each of the families."""

    def register(builder: Builder) -> Builder:
        MODELS[builder.__name__] = builder
        for name in families:
            FAMILIES.setdefault(name, []).append(builder.__name__)
        return builder

    return register


def sixteenths(shape: tuple[int, ...], seed: int, low: int = -8, high: int = 8) -> Array:
    """Multiples of 1/16 between `low`/16 and `high`/16, float32, the same in every process.

    `RandomState` is used because NumPy promises never to change its stream.
    """
    return (np.random.RandomState(seed).randint(low, high + 1, size=shape) / 16).astype("float32")


def pictures(*shape: int, seed: int = 0) -> Array:
    """A batch of float32 images in [0, 1], in steps of 1/16."""
    return sixteenths(shape, seed=1000 + seed, low=0, high=16)


def fill(model: keras.Model, seed: int) -> None:
    """Give every weight of a built model values as its name demands.

    Kernels and offsets are multiples of 1/16 of both signs, scales and variances are positive.
    """
    for position, variable in enumerate(model.weights):
        positive = any(word in variable.name for word in ("gamma", "variance", "scale"))
        low, high = (8, 24) if positive else (-8, 8)
        variable.assign(sixteenths(tuple(variable.shape), 7919 * seed + position, low, high))
