"""Shape, type and finiteness of maps, whatever the size, the rank and the precision of the model."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation
from kerascope.testing.fixture import CLOSE, EXACT, Fixture, assert_close, difference, expect_error
from kerascope.testing.models import Tiny, family
from kerascope.testing.oracles import heatmap
from kerascope.testing.registry import check
from kerascope.typing import Array


def check_shape(fixture: Fixture, found: Explanation, tiny: Tiny, images: Array) -> None:
    """Assert shape, type, finiteness and sign of an explanation of `images`."""
    channels_first = tiny.facts.get("channels_first", False)
    shown = np.moveaxis(images, 1, -1) if channels_first else images
    expected = fixture.values_shape(shown, tiny.spatial)
    assert found.values.shape == expected, f"values must be {expected}; got {found.values.shape}"
    assert found.values.dtype == np.float32, f"values must be float32; got {found.values.dtype}"
    assert np.isfinite(found.values).all(), "values must be finite"
    assert found.scores.shape == found.targets.shape == (len(images),), "one target per image"
    assert found.scores.dtype == np.float32, f"scores must be float32; got {found.scores.dtype}"
    assert found.signed or (found.values >= 0).all(), "values are negative, but not said to be signed"


def not_flat(fixture: Fixture, name: str, layer: str | None = None) -> None:
    """Assert that a tiny model's map varies for some class of some image."""
    tiny = fixture.tiny(name)
    method = fixture.fit_segments(fixture.for_tiny(tiny) if layer is None else fixture.at(layer), name)
    found = [method(fixture.probe(name), tiny.images, index) for index in range(3)]
    at = f" at {layer!r}" if layer else ""
    assert not all(each.flat.all() for each in found), f"{name}{at}: the map is flat for every class"


@check(3)
def shape(fixture: Fixture) -> None:
    """Maps of a non-square model have the layer's grid or the image's shape, float32 and finite."""
    tiny = fixture.tiny("functional")
    for target in range(3):
        found = fixture.explain("functional", target)
        check_shape(fixture, found, tiny, tiny.images)
        assert not found.flat.any(), f"the map of class {target} must not be flat"


@check(3)
def heatmaps(fixture: Fixture) -> None:
    """Heat maps are the reduced values, resized by half-pixel bilinear interpolation, nothing else."""
    found = fixture.explain("functional", 1)
    maps = found.heatmaps()
    assert maps.dtype == np.float32, f"heat maps must be float32; got {maps.dtype}"
    assert maps.shape == (3, 8, 16), f"heat maps must have the input's size; got {maps.shape}"
    for size in ((8, 16), (5, 7)):
        expected = np.stack([heatmap(values, found.reduction, size) for values in found.values])
        assert_close(found.heatmaps(size), expected, EXACT, f"heat map of size {size}")


@check(3)
def batch_of_one(fixture: Fixture) -> None:
    """A single image, as a batch of one, is explained; without its batch axis it is refused."""
    tiny = fixture.tiny("functional")
    check_shape(fixture, fixture.explain("functional", 1, tiny.images[:1]), tiny, tiny.images[:1])
    with expect_error(errors.InputError, "batch"):
        fixture.explain("functional", 1, tiny.images[0])


@check(3)
def integer_images(fixture: Fixture) -> None:
    """Images of 8-bit integers give the map of the same numbers as floats."""
    tiny = fixture.tiny("normalised")
    images = np.minimum(tiny.images, 255).astype("uint8")
    found = fixture.explain("normalised", 1, images)
    assert_close(
        found.values,
        fixture.explain("normalised", 1, images.astype("float32")).values,
        0.0,
        "map of uint8 images",
    )


@check(3, unless="planar")
def rank(fixture: Fixture) -> None:
    """Signals and volumes are explained like pictures."""
    for name in family("rank"):
        tiny = fixture.tiny(name)
        found = fixture.explain(name, 1)
        check_shape(fixture, found, tiny, tiny.images)
        size = tiny.images.shape[1:-1]
        assert found.heatmaps().shape == (2, *size), f"heat maps of {name} must be (2, {size})"


@check(3)
def mixed_precision(fixture: Fixture) -> None:
    """A model computing in float16 or bfloat16 gives float32 maps near those in full precision."""
    expected = fixture.explain("smooth_functional", 1)
    rounded = "rounded" in fixture.method.tags
    for name, tolerance in (
        ("mixed_float16", 0.04 if rounded else 0.01),
        ("mixed_bfloat16", 0.16 if rounded else 0.08),
    ):
        tiny = fixture.tiny(name)
        found = fixture.explain(name, 1)
        check_shape(fixture, found, tiny, tiny.images)
        assert_close(found.values, expected.values, tolerance, name)


@check(3)
def sizes(fixture: Fixture) -> None:
    """A fixed batch size takes any number of images; a model of any size takes any size."""
    images = np.concatenate([fixture.tiny("functional").images, fixture.tiny("functional").images[:1]])
    expected = fixture.explain("functional", 1, images)
    # The size of a pass decides in which order a layer sums, which differences between scores show.
    tolerance = CLOSE if "rounded" in fixture.method.tags else EXACT
    for name in family("sizes"):
        assert_close(fixture.explain(name, 1, images).values, expected.values, tolerance, name)
    larger = np.tile(images, (1, 2, 1, 1))
    found = fixture.explain("dynamic_size", 1, larger)
    grid = fixture.values_shape(larger, (8, 8))
    assert found.values.shape == grid, f"a larger image must give {grid}; got {found.values.shape}"


@check(3)
def flat_maps_are_named(fixture: Fixture) -> None:
    """Where a network is dead, the map is flat, is marked as such, and a warning is stored."""
    if "weight_free" in fixture.method.tags:
        return
    try:
        found = fixture.explain("flat", 1)
    except errors.DisconnectedError:
        return
    assert difference(found.values, np.zeros_like(found.values)) == 0, "the map must be zero"
    assert found.flat.all(), "a flat map must be marked as flat"
    assert any("FlatMapWarning" in text for text in found.warnings), "a warning must be stored"


@check(3)
def no_spatial_extent(fixture: Fixture) -> None:
    """Where no layer has a spatial extent, a method that needs one says so, another one works."""
    if not fixture.takes_layer:
        tiny = fixture.tiny("no_spatial")
        check_shape(fixture, fixture.explain("no_spatial", 1), tiny, tiny.images)
        return
    for name, method in (
        ("no_spatial", fixture.method),
        ("no_spatial", fixture.at("hidden")),
        ("functional", fixture.at("head")),
    ):
        with expect_error(errors.NoSpatialExtentError):
            method(fixture.probe(name), fixture.tiny(name).images, 1)
