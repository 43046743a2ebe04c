"""Transfers of a quality from one picture to another, and the pictures that are paired for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from kerascope.auditing.data.thumbnails import Thumbnails
from kerascope.auditing.shortcuts.interventions import transfer
from kerascope.auditing.shortcuts.interventions.matching import describe_layout, match_donors
from kerascope.typing import Array

pytestmark = pytest.mark.once


def clouds(count: int = 3, seed: int = 0) -> Array:
    """Grey pictures of 40 x 48 pixels, each with all values from 0.2 to 0.8 alike often."""
    rng = np.random.default_rng(seed)
    pictures = [gaussian_filter(rng.normal(size=(40, 48)), 2.5) for _ in range(count)]
    ranks = [np.argsort(np.argsort(picture, axis=None)).reshape(40, 48) for picture in pictures]
    return np.repeat(0.2 + 0.6 * np.stack(ranks)[..., None] / (40 * 48 - 1), 3, -1).astype("float32")


def bend(pictures: Array) -> Array:
    """A gamma between the quantiles that count as black and white."""
    black, white = 0.2 + 0.6 * 0.01, 0.2 + 0.6 * 0.99
    share = (pictures - black) / (white - black)
    return np.asarray(
        np.where((share > 0) & (share < 1), black + (white - black) * np.clip(share, 0, 1) ** 1.6, pictures)
    )


@pytest.mark.parametrize(
    "change",
    [lambda p: p + 0.15, lambda p: 0.5 + 0.5 * (p - 0.5), bend, lambda p: 0.1 + 0.7 * bend(p)],
    ids=["offset", "contrast", "gamma", "all"],
)
def test_what_a_camera_does_to_the_tone_is_undone(change: Callable[[Array], Array]) -> None:
    pictures = clouds()
    found = transfer.transfer_tone(change(pictures).astype("float32"), pictures)
    np.testing.assert_allclose(found, pictures, atol=1 / 255)
    # A donor with another picture and the same tone does as well.
    found = transfer.transfer_tone(change(pictures).astype("float32"), pictures[:, ::-1, ::-1])
    np.testing.assert_allclose(found, pictures, atol=1 / 255)


def test_a_picture_of_one_brightness_has_a_tone() -> None:
    flat = np.full((1, 8, 8, 1), 0.4, "float32")
    np.testing.assert_allclose(transfer.transfer_tone(flat, flat), flat, atol=1e-6)
    assert np.isfinite(transfer.transfer_tone(flat, clouds(1)[..., :1])).all()


def test_a_cast_goes_from_one_picture_to_another_and_leaves_the_brightness() -> None:
    pictures = clouds()
    luma = np.asarray([0.299, 0.587, 0.114])
    cast = np.asarray([0.05, 0.0, -0.05 * luma[0] / luma[2]])  # of no brightness of its own
    tinted = (pictures + cast).astype("float32")
    np.testing.assert_allclose(transfer.transfer_cast(tinted, pictures), pictures, atol=1e-5)
    given = transfer.transfer_cast(pictures, tinted[::-1])
    np.testing.assert_allclose(given, tinted, atol=1e-5)
    np.testing.assert_allclose(given @ luma, pictures @ luma, atol=1e-5)


def split_octaves(picture: Array) -> tuple[list[Array], Array]:
    """Detail between Gaussians of 0.7, 1.4 and 2.8 pixels, (H, W, 3) each, and what is left."""
    parts, left = [], picture
    for sigma in (0.7, 1.4, 2.8):
        smooth = np.stack([gaussian_filter(picture[..., c], sigma, mode="nearest") for c in range(3)], -1)
        parts.append(left - smooth)
        left = smooth
    return parts, left


def test_the_detail_of_a_blurred_copy_becomes_as_strong_as_it_was() -> None:
    sharp = np.clip(clouds() + np.random.default_rng(1).normal(0, 0.03, (3, 40, 48, 1)), 0.1, 0.9)
    blurred = np.asarray(gaussian_filter(sharp, (0, 0.8, 0.8, 0), mode="nearest"))
    found = transfer.transfer_sharpness(blurred.astype("float32"), sharp.astype("float32"))
    for image, donor, new in zip(blurred, sharp, found, strict=True):
        (own, left), (wanted, _) = split_octaves(image), split_octaves(donor)
        expected = left + sum(
            part * other.std() / part.std() for part, other in zip(own, wanted, strict=True)
        )
        np.testing.assert_allclose(new, np.clip(expected, 0, 1), atol=1e-4)
        for before, after, other in zip(own, split_octaves(new)[0], wanted, strict=True):
            assert abs(after.std() - other.std()) < abs(before.std() - other.std())


def test_the_fine_part_is_the_donors_and_the_coarse_part_the_pictures_own() -> None:
    """Turned by half, a picture has the same tone, so that nothing else changes."""
    rough = np.clip(clouds() + np.random.default_rng(1).normal(0, 0.02, (3, 40, 48, 1)), 0, 1).astype(
        "float32"
    )
    donors = rough[:, ::-1, ::-1]
    coarse = [gaussian_filter(each, (0, 2.0, 2.0, 0), mode="nearest") for each in (rough, donors)]
    expected = np.clip(coarse[0] + donors - coarse[1], 0, 1)
    for function in (transfer.transfer_grain, transfer.transfer_fine_part):
        np.testing.assert_allclose(function(rough, donors), expected, atol=1e-5)
        np.testing.assert_allclose(function(rough, rough), rough, atol=1e-5)
    # What lies finely over black is not cut off: grain brings the tone of the donor along.
    black = np.zeros_like(rough)
    assert transfer.transfer_fine_part(black, donors).std() < 0.75 * donors.std()
    fine = donors - coarse[1]
    expected = np.quantile(coarse[1][..., :1], 0.01, axis=(1, 2), keepdims=True) + fine
    np.testing.assert_allclose(transfer.transfer_grain(black, donors), expected, atol=1e-5)


# ---- who is paired with whom -------------------------------------------------------------------


def test_each_picture_gets_the_donor_that_is_most_alike() -> None:
    rng = np.random.default_rng(0)
    layouts = rng.normal(size=(12, 20))
    layouts /= np.linalg.norm(layouts, axis=1, keepdims=True)
    order = rng.permutation(12)
    np.testing.assert_array_equal(order[match_donors(layouts, layouts[order])], np.arange(12))
    # Where all want the same one, none is used twice while there are enough, and else hardly more often.
    alike = np.repeat(layouts[:1], 12, axis=0)
    assert np.bincount(match_donors(alike, layouts), minlength=12).tolist() == [1] * 12
    assert np.bincount(match_donors(alike, layouts[:5]), minlength=5).max() == 3


def test_a_donor_that_is_not_allowed_is_taken_only_where_no_other_is_left() -> None:
    layouts = np.eye(6)
    found = match_donors(layouts, layouts, np.eye(6, dtype=bool))
    assert (found != np.arange(6)).all()
    assert sorted(found) == list(range(6))
    assert match_donors(layouts[:1], layouts[:1], np.ones((1, 1), bool)).tolist() == [0]


def describe(pictures: Array, without: Array | None = None) -> Array:
    maps = np.zeros(pictures.shape[:3], "float32")
    return describe_layout(Thumbnails(np.arange(len(pictures)), pictures, maps), without)


def test_a_layout_is_where_a_picture_is_light_and_not_how_light() -> None:
    pictures = np.random.default_rng(0).integers(0, 100, (4, 32, 32, 3)).astype("uint8")
    found = describe(pictures)
    assert found.shape == (4, 64)
    cells = (
        (pictures @ np.asarray([0.299, 0.587, 0.114])).reshape(4, 8, 4, 8, 4).mean(axis=(2, 4)).reshape(4, 64)
    )
    cells -= cells.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found, cells / np.linalg.norm(cells, axis=1, keepdims=True), atol=1e-5)
    np.testing.assert_allclose(describe(2 * pictures + 30), found, atol=1e-5)
    np.testing.assert_allclose(describe(np.full((1, 32, 32, 3), 90, "uint8")), 0, atol=1e-6)
    # What is to be exchanged does not count.
    without = np.zeros((32, 32), bool)
    without[:16, 8:] = True
    other = pictures.copy()
    other[:, without] = 255
    np.testing.assert_allclose(describe(other, without), describe(pictures, without), atol=1e-6)
    assert describe(other, without).shape == (4, 64 - 24)
