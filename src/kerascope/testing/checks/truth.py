"""The map is right: it follows target and weights, finds planted evidence, equals theory and oracle."""

from __future__ import annotations

import numpy as np

from kerascope.probe import Probe
from kerascope.testing.fixture import CLOSE, EXACT, Fixture, assert_close, difference
from kerascope.testing.identities import IDENTITIES
from kerascope.testing.models import UnavailableError, fill
from kerascope.testing.oracles import STARTS, networks
from kerascope.testing.registry import check

LARGEST_PEAK = 0.4
"""Share of the pixels that may be the peak of a map in the pointing game."""


@check(13, unless="target_free")
def depends_on_the_target(fixture: Fixture) -> None:
    """Another class gives another map."""
    maps = [fixture.explain("functional", index).values for index in range(3)]
    for first, second in ((0, 1), (1, 2), (2, 0)):
        gap = difference(maps[first], maps[second])
        assert gap > 1e-2, f"classes {first} and {second} give the same map (difference {gap:.2g})"


@check(13, unless="weight_free")
def depends_on_the_weights(fixture: Fixture) -> None:
    """Random weights give another map."""
    tiny = fixture.tiny("functional", fresh=True)
    fill(tiny.model, 78)
    found = fixture.method(Probe(tiny.model), tiny.images, 1).values
    gap = difference(found, fixture.explain("functional", 1).values)
    assert gap > 1e-2, f"other weights give the same map (difference {gap:.2g})"


@check(14, needs="input", unless="weight_free")
def dummy_channel(fixture: Fixture) -> None:
    """A colour that the network does not use gets exactly zero."""
    tiny = fixture.tiny("functional", fresh=True)
    conv1 = tiny.model.get_layer("conv1")
    kernel, bias = conv1.get_weights()
    kernel[:, :, 1] = 0
    conv1.set_weights([kernel, bias])
    found = fixture.method(Probe(tiny.model), tiny.images, 1).values
    assert found.any(), "the other colours must have relevance"
    assert not found[..., 1].any(), "a colour that is not used must have none"


@check(14, needs="complete")
def completeness(fixture: Fixture) -> None:
    """Values sum to the change of the score within 1 % of all that is shared out, and the gap is stated."""
    start = STARTS.get(fixture.method.name)
    if start is None:
        raise UnavailableError(f"it is not known where the path of {fixture.method.name!r} begins")
    for name in ("smooth_functional", "smooth_residual"):
        starts = np.stack([start(image) for image in fixture.tiny(name).images])
        for index in range(3):
            found = fixture.explain(name, index)
            assert found.completeness_gap is not None, "a complete method must tell its completeness gap"
            assert found.completeness_gap.shape == found.scores.shape, "one gap for each score"
            assert found.completeness_gap.dtype == np.float32, "the gap must be float32"
            maps = found.values.astype("float64").reshape(len(found), -1)
            change = found.scores - fixture.probe(name).scores(starts, index)
            missed = np.abs(maps.sum(axis=1) - change) / np.abs(maps).sum(axis=1)
            assert (missed < 0.01).all(), f"{name}, class {index}: values miss their sum by {missed}"
            error = np.abs(found.completeness_gap * np.abs(change) - (maps.sum(axis=1) - change))
            assert (error < 1e-5 * np.abs(maps).sum(axis=1)).all(), (
                f"{name}, class {index}: the gap must be the one of the values; got {found.completeness_gap}"
            )


@check(15)
def identities(fixture: Fixture) -> None:
    """What theory says about this method on networks where theory is simple."""
    identity = IDENTITIES.get(fixture.method.name)
    if identity is None:
        raise UnavailableError(f"no identity is known for {fixture.method.name!r}")
    identity(fixture)


@check(16, unless="unlocalised weight_free")
def planted_evidence(fixture: Fixture) -> None:
    """The pointing game on planted patches is won for every image."""
    tiny = fixture.tiny("planted")
    assert tiny.targets is not None, "the planted model names its targets"
    assert tiny.boxes is not None, "the planted model names its boxes"
    questions = [("patch", tiny.targets, tiny.boxes)]
    if "target_free" not in fixture.method.tags:
        facts = tiny.facts
        questions.append(("distractor", facts["distractor_targets"], facts["distractor_boxes"]))
    for what, classes, boxes in questions:
        maps = fixture.explain("planted", list(classes)).heatmaps()
        for index, (top, bottom, left, right) in enumerate(boxes):
            # Where pixels share a value, as in a segment, the peak is all of them.
            peak = maps[index] == maps[index].max()
            row, column = np.argwhere(peak)[0]
            inside = peak[top:bottom, left:right].any() and peak.mean() <= LARGEST_PEAK
            assert inside, (
                f"image {index}: the map of class {classes[index]} peaks at ({row}, {column}), and at "
                f"{peak.mean():.0%} of all pixels, outside of the {what} at rows {top}-{bottom - 1}, columns "
                f"{left}-{right - 1}"
            )


@check(17)
def oracle(fixture: Fixture) -> None:
    """The values are those of an oracle: explicit loops in float64, written from the paper."""
    if fixture.oracle is None:
        raise UnavailableError("no oracle was given")
    for name, network in networks(smooth=fixture.makes_images).items():
        if not fixture.fits(name):
            continue
        images = fixture.tiny(name).images
        for index in range(3):
            expected = np.stack([fixture.oracle(network, image, index) for image in images])
            found = fixture.explain(name, index)
            scores = np.array([network.forward(image).scores[index] for image in images])
            # Only sums and products of the tiny networks' numbers are exact.
            exact = CLOSE if fixture.makes_images else EXACT
            assert_close(found.scores, scores, exact, f"score of class {index} of {name}")
            # A difference between scores shows more of their rounding.
            tolerance = 5 * CLOSE if "rounded" in fixture.method.tags else exact
            assert_close(found.values, expected, tolerance, f"class {index} of {name}")
