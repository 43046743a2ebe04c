"""A model of the zoo with the truth about it, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from kerascope.testing.models.base import pictures
from kerascope.typing import Array
from tests.zoo.axis_truth import AxisTruth, divide

EVERYWHERE = ("torch", "tensorflow", "jax")
Read = Callable[[Array], Array]


def as_it_is(value: Any) -> Any:
    """The value itself: what a layer returns has its grid in the image's order and its channels last."""
    return value


def tokens(*grid: int, front: int = 0, behind: int = 0) -> Read:
    """What a layer returns is a sequence of patches, with other tokens in front or behind."""

    def read(value: Array) -> Array:
        patches = value[:, front : value.shape[1] - behind]
        return patches.reshape(len(value), *grid, value.shape[-1])

    return read


def channels_first(value: Array) -> Array:
    """What a layer returns has its channels behind the batch."""
    return np.moveaxis(value, 1, -1)


def turned(value: Array) -> Array:
    """What a layer returns has its columns in front of its rows."""
    return np.swapaxes(value, 1, 2)


def second_class(outputs: Any) -> Any:
    """The score of class 1 of an output without activation."""
    return outputs[:, 1]


@dataclass(frozen=True)
class Specimen:
    """A model and what is true of it, whatever kerascope says.

    Args:
        name: of its builder.
        build: makes the model, with random weights.
        shape: of one image.
        grid: of a map at the automatic layer, an entry for each axis of the image in the image's order; None
            for an axis along which the map does not tell places apart. None where the model has no layer
            whose positions are places.
        read: what the automatic layer returns, as (N, *grid, C).
        layers: paths of layers of which any is right as the automatic one; empty for any of this grid.
        target: the explained number.
        score: the same number, of the model's outputs.
        axes: where the cells lie along each axis of the image; None where they divide it evenly.
        coarse: the cells of a coarser map that is enlarged to this one: places within are not told apart.
        inputs: what the model takes, from a batch of images.
        backends: on which it is tried; one is enough where the backend changes nothing.
        needs: package that must be there.
        scale: the white of an image.
        options: of the probe.
        tolerance: relative difference to values computed apart.
        covers: classes of keras-hub that are in it.
        slow: it is wide whatever its configuration.
        unmeasured: why changed patches do not tell where its cells lie, or empty.
    """

    name: str
    build: Callable[[], keras.Model]
    shape: tuple[int, ...]
    grid: tuple[int | None, ...] | None
    read: Read = as_it_is
    layers: tuple[str, ...] = ()
    target: Any = 1
    score: Callable[[Any], Any] = second_class
    axes: tuple[AxisTruth, ...] | None = None
    coarse: tuple[AxisTruth, ...] | None = None
    inputs: Callable[[Any], Any] = as_it_is
    backends: tuple[str, ...] = ("torch",)
    needs: str = ""
    scale: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-4
    covers: tuple[str, ...] = ()
    slow: bool = False
    unmeasured: str = ""

    @property
    def cells(self) -> tuple[int, ...]:
        """The shape of a map: the axes along which it tells places apart."""
        return tuple(count for count in self.grid or () if count is not None)

    @property
    def truth(self) -> tuple[AxisTruth | None, ...]:
        """Where the cells lie, for each axis of the image."""
        if self.axes is not None:
            return self.axes
        return tuple(
            None if cells is None else divide(side, cells)
            for side, cells in zip(self.sides, self.grid or (), strict=True)
        )

    @property
    def sides(self) -> tuple[int, ...]:
        """The size of the image."""
        return self.shape[:-1]

    def images(self, count: int) -> Array:
        """Noise, dark enough that white shows."""
        return pictures(count, *self.shape, seed=7) * np.float32(self.scale / 2)


SPECIMENS: dict[str, Specimen] = {}


def register(specimen: Specimen) -> None:
    """Put a model into the zoo."""
    if specimen.name in SPECIMENS:
        raise ValueError(f"a name must stand for one model; {specimen.name!r} is there twice")
    SPECIMENS[specimen.name] = specimen


def specimen(**truth: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Put the model of a builder into the zoo under the builder's name, with what is true of it."""

    def decorate(build: Callable[[], Any]) -> Callable[[], Any]:
        register(Specimen(build.__name__, build, **truth))
        return build

    return decorate
