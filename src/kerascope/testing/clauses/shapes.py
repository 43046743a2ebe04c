"""Shape, type and finiteness of maps, whatever the size, the rank and the precision of the model."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation
from kerascope.testing.bench import CLOSE, EXACT, Bench, difference, refused, same
from kerascope.testing.clause import clause
from kerascope.testing.models import Tiny, family
from kerascope.testing.oracles import heatmap
from kerascope.typing import Array


def check_shape(bench: Bench, found: Explanation, tiny: Tiny, images: Array) -> None:
    """Assert shape, type, finiteness and sign of an explanation of `images`."""
    channels_first = tiny.facts.get("channels_first", False)
    shown = np.moveaxis(images, 1, -1) if channels_first else images
    expected = bench.values_shape(shown, tiny.spatial)
    assert found.values.shape == expected, f"values must be {expected}; got {found.values.shape}"
    assert found.values.dtype == np.float32, f"values must be float32; got {found.values.dtype}"
    assert np.isfinite(found.values).all(), "values must be finite"
    assert found.scores.shape == found.targets.shape == (len(images),), "one target per image"
    assert found.scores.dtype == np.float32, f"scores must be float32; got {found.scores.dtype}"
    assert found.signed or (found.values >= 0).all(), "values are negative, but not said to be signed"


def not_flat(bench: Bench, name: str, layer: str | None = None) -> None:
    """Assert that a tiny model's map varies for some class of some image."""
    tiny = bench.tiny(name)
    method = bench.fitted(bench.for_tiny(tiny) if layer is None else bench.at(layer), name)
    found = [method(bench.probe(name), tiny.images, index) for index in range(3)]
    at = f" at {layer!r}" if layer else ""
    assert not all(each.flat.all() for each in found), f"{name}{at}: the map is flat for every class"


@clause(3)
def shape(bench: Bench) -> None:
    """Maps of a non-square model have the layer's grid or the image's shape, float32 and finite."""
    tiny = bench.tiny("functional")
    for target in range(3):
        found = bench.explain("functional", target)
        check_shape(bench, found, tiny, tiny.images)
        assert not found.flat.any(), f"the map of class {target} must not be flat"


@clause(3)
def heatmaps(bench: Bench) -> None:
    """Heat maps are the reduced values, resized by half-pixel bilinear interpolation, nothing else."""
    found = bench.explain("functional", 1)
    maps = found.heatmaps()
    assert maps.dtype == np.float32, f"heat maps must be float32; got {maps.dtype}"
    assert maps.shape == (3, 8, 16), f"heat maps must have the input's size; got {maps.shape}"
    for size in ((8, 16), (5, 7)):
        expected = np.stack([heatmap(values, found.reduction, size) for values in found.values])
        same(found.heatmaps(size), expected, EXACT, f"heat map of size {size}")


@clause(3)
def batch_of_one(bench: Bench) -> None:
    """A single image, as a batch of one, is explained; without its batch axis it is refused."""
    tiny = bench.tiny("functional")
    check_shape(bench, bench.explain("functional", 1, tiny.images[:1]), tiny, tiny.images[:1])
    with refused(errors.InputError, "batch"):
        bench.explain("functional", 1, tiny.images[0])


@clause(3)
def integer_images(bench: Bench) -> None:
    """Images of 8-bit integers give the map of the same numbers as floats."""
    tiny = bench.tiny("normalised")
    images = np.minimum(tiny.images, 255).astype("uint8")
    found = bench.explain("normalised", 1, images)
    same(
        found.values,
        bench.explain("normalised", 1, images.astype("float32")).values,
        0.0,
        "map of uint8 images",
    )


@clause(3, unless="planar")
def rank(bench: Bench) -> None:
    """Signals and volumes are explained like pictures."""
    for name in family("rank"):
        tiny = bench.tiny(name)
        found = bench.explain(name, 1)
        check_shape(bench, found, tiny, tiny.images)
        size = tiny.images.shape[1:-1]
        assert found.heatmaps().shape == (2, *size), f"heat maps of {name} must be (2, {size})"


@clause(3)
def mixed_precision(bench: Bench) -> None:
    """A model computing in float16 or bfloat16 gives float32 maps near those in full precision."""
    expected = bench.explain("smooth_functional", 1)
    rounded = "rounded" in bench.method.tags
    for name, tolerance in (
        ("mixed_float16", 0.04 if rounded else 0.01),
        ("mixed_bfloat16", 0.16 if rounded else 0.08),
    ):
        tiny = bench.tiny(name)
        found = bench.explain(name, 1)
        check_shape(bench, found, tiny, tiny.images)
        same(found.values, expected.values, tolerance, name)


@clause(3)
def sizes(bench: Bench) -> None:
    """A fixed batch size takes any number of images; a model of any size takes any size."""
    images = np.concatenate([bench.tiny("functional").images, bench.tiny("functional").images[:1]])
    expected = bench.explain("functional", 1, images)
    # The size of a pass decides in which order a layer sums, which differences between scores show.
    tolerance = CLOSE if "rounded" in bench.method.tags else EXACT
    for name in family("sizes"):
        same(bench.explain(name, 1, images).values, expected.values, tolerance, name)
    larger = np.tile(images, (1, 2, 1, 1))
    found = bench.explain("dynamic_size", 1, larger)
    grid = bench.values_shape(larger, (8, 8))
    assert found.values.shape == grid, f"a larger image must give {grid}; got {found.values.shape}"


@clause(3)
def flat_maps_are_named(bench: Bench) -> None:
    """Where a network is dead, the map is flat, is marked as such, and a warning is stored."""
    if "weight_free" in bench.method.tags:
        return
    try:
        found = bench.explain("flat", 1)
    except errors.DisconnectedError:
        return
    assert difference(found.values, np.zeros_like(found.values)) == 0, "the map must be zero"
    assert found.flat.all(), "a flat map must be marked as flat"
    assert any("FlatMapWarning" in text for text in found.warnings), "a warning must be stored"


@clause(3)
def no_spatial_extent(bench: Bench) -> None:
    """Where no layer has a spatial extent, a method that needs one says so, another one works."""
    if not bench.takes_layer:
        tiny = bench.tiny("no_spatial")
        check_shape(bench, bench.explain("no_spatial", 1), tiny, tiny.images)
        return
    for name, method in (
        ("no_spatial", bench.method),
        ("no_spatial", bench.at("hidden")),
        ("functional", bench.at("head")),
    ):
        with refused(errors.NoSpatialExtentError):
            method(bench.probe(name), bench.tiny(name).images, 1)
