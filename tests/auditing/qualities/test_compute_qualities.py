"""The qualities of a picture: each moves by its own cue, and not by what it has nothing to do with."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from PIL import Image

from kerascope.auditing.description.qualities import CAST, QUALITIES, SHARPNESS, TONE, compute_qualities
from kerascope.typing import Array
from tests.helpers.networks.qualities import CUES, shapes

pytestmark = pytest.mark.once

GRAIN = 0.02


def enlarge(images: Array, rng: np.random.Generator) -> Array:
    """As from half the size."""
    small = images.reshape(len(images), 24, 2, 24, 2, 3).mean(axis=(2, 4))
    pixels = [Image.fromarray(np.rint(255 * image).astype("uint8")).resize((48, 48)) for image in small]
    return np.stack([np.asarray(picture) for picture in pixels]) / 255


CHANGES = {**{kind: change for kind, (change, _) in CUES.items()}, "enlargement": enlarge}


@functools.cache
def changes_by(cue: str) -> dict[str, tuple[float, float]]:
    """By quality: by how much a cue moves it, the least and the most of six pictures, in standard deviations.

    The deviation is that of pictures without any cue.
    """
    images = shapes(np.arange(12) % 3, GRAIN, seed=3)
    changed = CHANGES[cue](images, np.random.default_rng(4))
    before, after = (
        np.stack([compute_qualities(np.rint(255 * np.clip(image, 0, 1)).astype("uint8")) for image in each])
        for each in (images, changed)
    )
    moved = (after - before) / (before.std(axis=0) + 1e-3)
    return {name: (float(moved[:, at].min()), float(moved[:, at].max())) for at, name in enumerate(QUALITIES)}


MOVES = [
    ("tone", "the darkest parts", 1),
    ("cast", "red even where there is least", 1),
    ("cast", "blue even where there is most", -1),
    ("sharpness", "detail of band 7", -1),
    ("sharpness", "slope of the spectrum", -1),
    ("enlargement", "detail of band 7", -1),
    ("noise", "noise", 1),
    ("compression", "blocks", 1),
    ("texture", "regular texture", 1),
]


@pytest.mark.parametrize(("cue", "quality", "sign"), MOVES)
def test_a_quality_moves_by_its_cue_in_every_picture(cue: str, quality: str, sign: int) -> None:
    least, most = changes_by(cue)[quality]
    assert (least if sign > 0 else -most) > 1


STAYS = [
    ("tone", (*SHARPNESS[:8], "regular texture", "blocks")),
    ("cast", (*SHARPNESS[:8], "noise", "regular texture", "blocks")),
    ("noise", (*CAST, "blocks")),
    ("sharpness", (*CAST, "blocks", "regular texture")),
    ("enlargement", (*CAST, "blocks")),
    ("texture", (*CAST, "blocks", TONE[3])),
    ("mark", ("regular texture", TONE[3])),
]


@pytest.mark.parametrize(("cue", "qualities"), STAYS)
def test_a_quality_stays_where_its_cue_is_missing(cue: str, qualities: tuple[str, ...]) -> None:
    moved = changes_by(cue)
    means = {name: (moved[name][0] + moved[name][1]) / 2 for name in qualities}
    assert {name: mean for name, mean in means.items() if abs(mean) > 1} == {}


def test_the_tone_is_quantiles_of_the_brightness() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype("uint8")
    found = compute_qualities(pixels)
    assert found.shape == (len(QUALITIES),)
    luma = pixels / 255 @ np.asarray([0.299, 0.587, 0.114])
    np.testing.assert_allclose(
        found[:7], np.quantile(luma, (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)), atol=1e-6
    )


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 30, 3), (3, 5, 3), (30, 8, 3)])
def test_pictures_of_any_size_and_without_any_detail_have_qualities(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    for pixels in (np.full(shape, 7, "uint8"), rng.integers(0, 256, shape).astype("uint8")):
        assert np.isfinite(compute_qualities(pixels)).all()


def test_an_edge_is_no_regular_texture_whatever_its_direction() -> None:
    """Its line in the spectrum stands out from what is beside it, but not from what lies along it."""
    rows, columns = np.mgrid[:48, :48] - 23.5
    at = QUALITIES.index("regular texture")
    grain = np.random.default_rng(0).normal(0, 0.01, (48, 48))

    def peak(picture: Array) -> float:
        pixels = np.rint(255 * np.clip(picture + grain, 0, 1)).astype("uint8")
        return float(compute_qualities(np.repeat(pixels[..., None], 3, -1))[at])

    weave = peak(0.4 + 0.05 * np.sin(np.pi / 2 * rows) * np.sin(np.pi / 2 * columns))
    angles = np.deg2rad(np.arange(0, 180, 15))
    beside = [rows * np.sin(angle) + columns * np.cos(angle) for angle in angles]
    bars = [peak(0.2 + 0.6 * np.exp(-((each / 1.5) ** 2))) for each in beside]
    # The peak of the weave is ten times as high as that of any bar.
    assert max(bars) < weave - 1
