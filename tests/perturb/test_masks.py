"""Kinds of masks, and what is painted where something is removed."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.method.masks.rise import GridMasks
from kerascope.perturb import MapMasks, WindowMasks
from kerascope.perturb.inpainting import inpaint
from kerascope.placement import stretch
from kerascope.resize import resize
from kerascope.testing.oracles import heatmap

once = pytest.mark.once
"""What is done on the host, or is the same on every backend by the contract."""


@once
def test_windows_cover_every_pixel_in_any_dimension() -> None:
    for spatial in ((7,), (5, 9), (4, 6, 5)):
        window, starts = ks.Occlusion(window=0.3, stride=0.2).windows(spatial)
        masks = WindowMasks(spatial, window).make(starts, {}, np)[..., 0]
        assert (masks.min(axis=0) == 0).all()
        assert ((masks == 0).reshape(len(masks), -1).sum(axis=1) == np.prod(window)).all()


@once
def test_grids_are_the_enlarged_cells_from_their_shift_on() -> None:
    kind = GridMasks((6, 8), (3, 4), (8, 10))
    generator = np.random.default_rng(0)
    cells = generator.integers(0, 2, (5, 12))
    shifts = generator.integers(0, 2, (5, 2))
    masks = kind.make(np.concatenate([cells, shifts], axis=1).astype("float32"), {}, np)[..., 0]
    for mask, cell, (down, right) in zip(masks, cells, shifts, strict=True):
        enlarged = resize(cell.reshape(1, 3, 4).astype("float32"), (8, 10))[0]
        assert np.allclose(mask, enlarged[down : down + 6, right : right + 8], atol=1e-6)


@once
def test_inpainting_fills_a_hole_with_the_harmonic_function_of_its_border() -> None:
    rows, columns = np.mgrid[0:12, 0:16].astype("float32")
    plane = (0.3 * rows - 0.2 * columns)[None, ..., None]
    mask = np.ones((1, 12, 16, 1), "float32")
    mask[0, 3:8, 4:11] = 0
    found = inpaint(plane * mask, mask, np)
    assert np.array_equal(found[mask[..., 0] > 0], plane[mask[..., 0] > 0])
    # A plane is harmonic.
    assert np.abs(found - plane).max() < 0.02 * np.ptp(plane)
    nothing = inpaint(plane, np.zeros_like(mask), np)
    assert np.isfinite(nothing).all()


def test_inpainting_is_the_same_on_the_backend() -> None:
    generator = np.random.default_rng(0)
    pictures = generator.random((2, 7, 9, 3)).astype("float32")
    masks = generator.integers(0, 2, (2, 7, 9, 1)).astype("float32")
    tensors = [keras.ops.convert_to_tensor(array) for array in (pictures, masks)]
    found = keras.ops.convert_to_numpy(inpaint(*tensors, keras.ops))
    assert np.allclose(found, inpaint(pictures, masks, np), atol=1e-5)


@once
def test_inpainting_nothing_is_the_mean_colour() -> None:
    pictures = 100 + np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    found = inpaint(pictures, np.zeros((2, 8, 8, 1), "float32"), np)
    assert np.allclose(found, pictures.mean(axis=(1, 2), keepdims=True), atol=1e-3)


@once
def test_noise_is_a_share_of_each_maps_own_range_and_comes_before_enlarging() -> None:
    random = np.random.default_rng(1)
    maps, noise = random.random((2, 2, 3, 4)), random.standard_normal((2, 2, 3, 5))
    codes = np.array([[1, 0.5, 4], [3, 1.0, 0]])
    found = MapMasks(stretch((2, 3), (4, 6)), sigma=0.3).make(codes, {"maps": maps, "noise": noise}, np)
    for row, (channel, factor, sample) in enumerate(codes):
        map_ = maps[row, ..., int(channel)]
        noisy = map_ + 0.3 * (map_.max() - map_.min()) * noise[row, ..., int(sample)]
        enlarged = heatmap(noisy, "none", (4, 6))
        expected = factor * (enlarged - enlarged.min()) / (enlarged.max() - enlarged.min())
        np.testing.assert_allclose(found[row, ..., 0], expected, atol=1e-6)
