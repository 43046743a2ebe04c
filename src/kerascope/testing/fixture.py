"""The fixture that the checks of one method share: tiny models, probes, comparisons."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascope.explanation import Explanation
from kerascope.method import Method
from kerascope.probe import Probe
from kerascope.testing.fast_settings import make_fast
from kerascope.testing.models import MODELS, OTHER_HEADS, Tiny, UnavailableError, family
from kerascope.testing.oracles import ORACLES, Oracle
from kerascope.typing import Array

EXACT = 1e-6
"""Relative difference that the rounding of float32 explains on tiny models with exact weights."""
CLOSE = 1e-5
"""The same, where the order of sums differs: other wirings, layouts, batch sizes, compilers."""


class Models:
    """Tiny models and their probes, made once, for the checks of one method or of many.

    The probes run eagerly, which spares a compilation for each method and model: that compiled maps are the
    same is checked for itself, and on the golden file.
    """

    def __init__(self) -> None:
        self._tiny: dict[str, Tiny] = {}
        self._probes: dict[tuple[str, bool], Probe] = {}

    def tiny(self, name: str) -> Tiny:
        """A tiny model by name.

        Raises:
            UnavailableError: the model cannot exist in this environment.
        """
        if name not in self._tiny:
            self._tiny[name] = MODELS[name]()
        return self._tiny[name]

    def probe(self, name: str, compiled: bool = False) -> Probe:
        """The probe of a tiny model; compiled where the backend compiles, if that is asked for."""
        if (name, compiled) not in self._probes:
            tiny = self.tiny(name)
            self._probes[name, compiled] = Probe(
                tiny.model,
                input=tiny.facts.get("input"),
                placement="stretched",
                compile=None if compiled else False,
            )
        return self._probes[name, compiled]


class Fixture:
    """The method under test and everything that its checks share.

    Args:
        method: a method's class, with the settings of `kerascope.testing.fast_settings`, or a method.
        oracle: its oracle, or None for the one of kerascope's own method of this name.
        golden: file of golden maps, or None.
        tolerance: relative tolerance of the golden maps.
        models: what tiny models are taken from; None for new ones.
    """

    def __init__(
        self,
        method: type[Method] | Method,
        oracle: Oracle | None = None,
        golden: Path | None = None,
        tolerance: float = 1e-4,
        models: Models | None = None,
    ) -> None:
        self.type: type[Method] = method if isinstance(method, type) else type(method)
        self.method: Method = make_fast(method) if isinstance(method, type) else method
        self.title = self.type.__name__ if isinstance(method, type) else repr(method)
        if oracle is None and self.method == _default(self.type):
            oracle = ORACLES.get(self.type.name)
        self.oracle = oracle
        self.golden = golden
        self.tolerance = tolerance
        self.models = Models() if models is None else models

    @property
    def takes_layer(self) -> bool:
        """The method explains a layer, which can be chosen."""
        return "layer" in self.method.tags

    @property
    def on_grid(self) -> bool:
        """The method's map lies on a layer's grid, not on the input's pixels."""
        return not self.method.tags & {"input", "pixels"}

    @property
    def makes_images(self) -> bool:
        """Gradients are asked for at images of the method's own making, whose numbers are not exact."""
        method = self.method
        return "rectifier" not in method.tags and method.backwards > 0 and method.forwards > 1

    def values_shape(self, images: Array, grid: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that values must have.

        Args:
            images: (N, *spatial, C).
            grid: spatial size of the layer.
        """
        # A layer's map is brought to the image's pixels where it has as many axes.
        laid_out = self.takes_layer and "pixels" in self.method.tags
        if self.on_grid or (laid_out and len(grid) != images.ndim - 2):
            return (len(images), *grid)
        shape: tuple[int, ...] = images.shape
        return shape if "input" in self.method.tags else shape[:-1]

    def tiny(self, name: str, fresh: bool = False) -> Tiny:
        """A tiny model by name, built once, or anew where a check changes it."""
        return MODELS[name]() if fresh else self.models.tiny(name)

    def probe(self, name: str) -> Probe:
        """The probe of a tiny model, made once."""
        return self.models.probe(name)

    def fits(self, name: str) -> bool:
        """The method takes the head, and the number of spatial axes, of a tiny model."""
        refused = OTHER_HEADS if "pooled_head" in self.method.tags else frozenset()
        volumes = {*family("rank"), "smooth_conv3d"} if "planar" in self.method.tags else frozenset()
        return name not in refused and name not in volumes

    def family(self, name: str) -> list[str]:
        """The tiny models of a family whose head the method takes."""
        return [found for found in family(name) if self.fits(found)]

    def at(self, layer: str | None) -> Method:
        """The method, pointed at a layer where it explains one."""
        return self.method.at(layer)

    def for_tiny(self, tiny: Tiny) -> Method:
        """The method as it is where the automatic layer is known, else pointed at the tiny model's layer."""
        return self.method if tiny.automatic else self.at(tiny.layer)

    def explain(
        self, name: str, target: Any = None, images: Any = None, compiled: bool = False
    ) -> Explanation:
        """Explain a tiny model, on its own images unless others are given.

        Raises:
            UnavailableError: the model cannot exist here, or its head is one that the method refuses.
        """
        if not self.fits(name):
            raise UnavailableError(f"{self.method.name!r} refuses the head of {name!r}")
        tiny = self.tiny(name)
        images = copy.deepcopy(tiny.images) if images is None else images
        method = self.fit_segments(self.for_tiny(tiny), name)
        return method(self.models.probe(name, compiled), images, target)

    def fit_segments(self, method: Method, name: str) -> Method:
        """The method, its grid of segments made for pictures, with as many axes as a tiny model's images."""
        cells = getattr(method, "segments", None)
        if not isinstance(cells, tuple):
            return method
        image = self.probe(name).graph(self.tiny(name).images).image
        axes = len(cells if image is None else image)
        return replace(method, segments=(*cells, *[cells[-1]] * axes)[:axes])  # type: ignore[call-arg]


def _default(method: type[Method]) -> Method | None:
    required = any(field.default is field.default_factory and field.init for field in fields(method))
    return None if required else make_fast(method)


def difference(actual: Array, expected: Array) -> float:
    """Largest absolute difference, relative to the largest absolute value that is expected."""
    if actual.shape != expected.shape:
        raise AssertionError(f"the shapes must be equal: got {actual.shape}, expected {expected.shape}")
    scale = float(np.max(np.abs(expected), initial=0.0)) or 1.0
    gap = float(np.max(np.abs(actual.astype("float64") - expected.astype("float64")), initial=0.0))
    return gap / scale


def assert_close(actual: Array, expected: Array, tolerance: float, what: str) -> None:
    """Assert that two maps agree within a relative tolerance."""
    found = difference(actual, expected)
    if not found <= tolerance:
        place = np.unravel_index(int(np.argmax(np.abs(actual - expected))), actual.shape)
        raise AssertionError(
            f"{what}: relative difference {found:.3g}, at most {tolerance:.3g} is allowed; at {place}: "
            f"got {actual[place]:.7g}, expected {expected[place]:.7g}"
        )


@contextmanager
def expect_error(error: type[Exception], *words: str) -> Iterator[None]:
    """Assert that the block raises an error whose message holds all the words."""
    try:
        yield
    except error as found:
        for word in words:
            if word not in str(found):
                raise AssertionError(f"the error must mention {word!r}; it says: {found}") from found
    else:
        raise AssertionError(f"{error.__name__} must be raised")


def backend_name() -> str:
    """Name of the backend that Keras runs on."""
    return str(keras.backend.backend())
