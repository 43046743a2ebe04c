"""The same network gives the same map, however it is wired, headed, laid out and batched."""

from __future__ import annotations

import numpy as np

from kerascope.explanation import Explanation
from kerascope.probe import Probe
from kerascope.testing.fixture import CLOSE, Fixture, assert_close
from kerascope.testing.registry import check


@check(4)
def topology(fixture: Fixture) -> None:
    """Sequential, Functional, nested in three ways and subclassed: one map, and the layer is found."""
    expected = fixture.explain("functional", 1)
    for name in fixture.family("topology"):
        found = fixture.explain(name, 1)
        if fixture.takes_layer:
            wanted = fixture.tiny(name).automatic
            assert found.layer == wanted, f"{name}: the layer must be {wanted!r}, not {found.layer!r}"
        assert_close(found.values, expected.values, CLOSE, name)
        assert_close(found.scores, expected.scores, CLOSE, f"scores of {name}")


@check(4, needs="layer")
def layer_paths(fixture: Fixture) -> None:
    """A nested layer is found by its path and by its unique name, and is the automatic one."""
    tiny = fixture.tiny("nested_fresh")
    expected = fixture.explain("nested_fresh", 1)
    for path in ("backbone/conv2", "conv2"):
        found = fixture.at(path)(fixture.probe("nested_fresh"), tiny.images, 1)
        assert found.layer == "backbone/conv2", f"{path}: the explanation names {found.layer!r}"
        assert_close(found.values, expected.values, 0.0, path)


@check(5)
def heads(fixture: Fixture) -> None:
    """Under softmax and sigmoid, as activation, layer or op, the map is the same as of the linear head."""
    expected = fixture.explain("linear_head", 1)
    for name in fixture.family("heads"):
        found = fixture.explain(name, 1)
        assert_close(found.scores, expected.scores, CLOSE, f"scores of {name}")
        assert_close(found.values, expected.values, CLOSE, name)
        assert not found.warnings, f"{name}: nothing is to be warned about; got {found.warnings}"


@check(5)
def hidden_head(fixture: Fixture) -> None:
    """Where a probability has to be explained, a warning says so."""
    found = fixture.explain("mixture", 1)
    stored = [text for text in found.warnings if "ProbabilityWarning" in text]
    assert stored, f"a ProbabilityWarning must be stored; got {found.warnings}"


@check(5, needs="averaged")
def flattened_heads_are_named(fixture: Fixture) -> None:
    """Where the head flattens the places that a gradient is averaged over, one warning says so."""
    found = fixture.explain("flattened", 1)
    stored = [text for text in found.warnings if "FlattenedHeadWarning" in text]
    assert len(stored) == 1, f"one FlattenedHeadWarning must be stored; got {found.warnings}"


@check(6)
def layout(fixture: Fixture) -> None:
    """A channels-first twin gives the same map, channels last."""
    expected = fixture.explain("functional", 1)
    found = fixture.explain("channels_first", 1)
    assert_close(found.values, expected.values, CLOSE, "channels_first")
    assert_close(found.heatmaps(), expected.heatmaps(), CLOSE, "heat maps of channels_first")
    assert found.images is not None, "the explanation must keep the images"
    assert found.images.shape == (3, 8, 16, 3), f"images must be kept channels last; got {found.images.shape}"


@check(7, unless="pooled")
def batch(fixture: Fixture) -> None:
    """A map does not depend on its neighbours, on their order, or on the batch size."""
    tiny = fixture.tiny("smooth_functional")
    expected = fixture.explain("smooth_functional", [0, 1, 2])
    turned = fixture.explain("smooth_functional", [2, 1, 0], tiny.images[::-1])
    assert_close(turned.values[::-1], expected.values, CLOSE, "in another order")
    for index in range(3):
        alone = fixture.explain("smooth_functional", index, tiny.images[index : index + 1])
        assert_close(alone.values[0], expected.values[index], CLOSE, f"image {index} alone")
    small = fixture.method(Probe(tiny.model, batch_size=2), tiny.images, [0, 1, 2])
    assert_close(small.values, expected.values, CLOSE, "with batch_size=2")
    _same_rest(small, expected)
    bright = tiny.images.copy()
    bright[1] *= 16
    found = fixture.explain("smooth_functional", [0, 1, 2], bright)
    assert_close(found.values[::2], expected.values[::2], CLOSE, "next to a much brighter image")


def _same_rest(found: Explanation, expected: Explanation) -> None:
    for name in ("targets", "predictions"):
        before, after = getattr(expected, name), getattr(found, name)
        assert np.array_equal(before, after), f"{name} must be {before}; got {after}"
    assert_close(found.scores, expected.scores, CLOSE, "scores")
