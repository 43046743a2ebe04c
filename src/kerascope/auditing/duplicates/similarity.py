"""Similarity of pictures, whatever their crop, scale and compression."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascope.typing import Array

SIDE = 32
"""Pixels along the sides of a sketch."""
_FREQUENCIES = 8
"""Frequencies along each axis of the first comparison: the lowest ones, as in perceptual hashes."""
_LUMA = np.asarray([0.299, 0.587, 0.114], "float32")
_STEPS = ((2, 2), (1, 3))
"""Alignment of two sketches, from coarse to fine: pixels averaged, and steps."""
_STRETCH, _SHIFT = 1.18, 4.0
"""The most that a sketch is stretched, and shifted in pixels, to match the other."""
_RIM = 2
"""Pixels at each edge that are not compared, since a crop moves other content there."""
_AT_ONCE = 512
"""Pairs that are compared together: about 100 MB."""


def to_sketch(picture: Any) -> Array:
    """Reduce a picture to 32 x 32 pixels for comparisons: uint8 (32, 32, 3)."""
    from PIL.Image import Resampling

    resampling = Resampling.BOX if min(picture.size) > SIDE else Resampling.BILINEAR
    return np.asarray(picture.resize((SIDE, SIDE), resampling))


def contrast(sketches: Array) -> Array:
    """(n,) the standard deviation of the brightness of each sketch, 0 to 128."""
    return np.asarray((sketches @ _LUMA).std(axis=(1, 2)))


def compute_frequencies(sketches: Array) -> Array:
    """The lowest frequencies of sketches, which survive nearly everything except a shift.

    Args:
        sketches: uint8 (n, 32, 32, 3).

    Returns:
        float32 (n, 63), of unit length: the cosine of two is their first similarity.

    Source:
        Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, the hash by the
        discrete cosine transform. Deviation: the coefficients themselves and not their signs, which separate
        digits better.
    """
    centres = np.arange(SIDE) + 0.5
    basis = np.cos(np.pi / SIDE * np.arange(_FREQUENCIES)[:, None] * centres).astype("float32")
    basis[0] /= np.sqrt(2, dtype="float32")
    frequencies = (basis @ (sketches @ _LUMA) @ basis.T).reshape(len(sketches), -1)[:, 1:]
    return np.asarray(
        frequencies / np.maximum(np.linalg.norm(frequencies, axis=1, keepdims=True), 1e-6), "float32"
    )


def mirror_frequencies(frequencies: Array) -> Array:
    """The frequencies of the mirrored sketches: every second one changes its sign."""
    signs = np.tile((-1.0) ** np.arange(_FREQUENCIES), _FREQUENCIES)[1:].astype("float32")
    return np.asarray(frequencies * signs)


def compute_distances(ones: Array, others: Array) -> Array:
    """The distance between the pictures of each pair once one is aligned with the other.

    One is stretched and shifted to match the other (least squares, coarse to fine); brightness and contrast
    do not count. The distance combines two correlations: of the whole pictures, and of their fine detail, in
    which different pictures of similar things differ most.

    Args:
        ones: uint8 (P, 32, 32, 3).
        others: the same.

    Returns:
        float (P,), 0 for equal pictures, about 1 for unrelated ones: the geometric mean of 1 - r of both.

    Source:
        Lucas and Kanade, An iterative image registration technique with an application to stereo vision,
        IJCAI 1981, for the alignment. Deviation: a scale and a shift for each axis.
    """
    parts = [
        _distances(ones[start : start + _AT_ONCE], others[start : start + _AT_ONCE])
        for start in range(0, len(ones), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, "float32")


def _distances(ones: Array, others: Array) -> Array:
    one, other = ones.astype("float32"), others.astype("float32")
    down, across = _align(one @ _LUMA, other @ _LUMA)
    planes = np.moveaxis(one, -1, 1), np.moveaxis(other, -1, 1)
    aligned = down[:, None] @ planes[0] @ across[:, None].transpose(0, 1, 3, 2)
    blur = _blur()
    both = [aligned, planes[1]]
    fine = [plane - blur @ plane @ blur.T for plane in both]
    whole, small = (
        1 - _correlation(*(plane[..., _RIM:-_RIM, _RIM:-_RIM] for plane in pair)) for pair in (both, fine)
    )
    return np.asarray(np.sqrt(np.maximum(whole, 0) * np.maximum(small, 0)))


def _align(one: Array, other: Array) -> tuple[Array, Array]:
    """Matrices (P, 32, 32) that align grey sketches with others, by rows and by columns."""
    solution = np.tile(np.asarray([1, 0, 1, 0], "float32"), (len(one), 1))
    low = np.asarray([1 / _STRETCH, -_SHIFT, 1 / _STRETCH, -_SHIFT], "float32")
    high = np.asarray([_STRETCH, _SHIFT, _STRETCH, _SHIFT], "float32")
    for together, count in _STEPS:
        side = SIDE // together
        here, there = (
            each.reshape(len(each), side, together, side, together).mean(axis=(2, 4)) for each in (one, other)
        )
        for _ in range(count):
            solution = np.clip(solution + _step(here, there, solution, together), low, high)
    scale_down, shift_down, scale_across, shift_across = solution.T
    return _matrices(scale_down, shift_down, SIDE), _matrices(scale_across, shift_across, SIDE)


def _step(one: Array, other: Array, solution: Array, together: int) -> Array:
    """A step of least squares, (P, 4): scale and shift of rows, then of columns."""
    side = one.shape[1]
    down = _matrices(solution[:, 0], solution[:, 1] / together, side)
    across = _matrices(solution[:, 2], solution[:, 3] / together, side)
    aligned = down @ one @ across.transpose(0, 2, 1)
    slope_down, slope_across = np.gradient(aligned, axis=1), np.gradient(aligned, axis=2)
    axis = ((np.arange(side, dtype="float32") - (side - 1) / 2) / (side / 2)).astype("float32")
    terms = [
        aligned,
        np.ones_like(aligned),
        slope_down * axis[:, None],
        slope_down,
        slope_across * axis,
        slope_across,
    ]
    design = np.stack(terms, axis=-1)[:, 1:-1, 1:-1].reshape(len(one), -1, len(terms))
    left = design.transpose(0, 2, 1)
    normal = left @ design
    # Directions that the picture does not determine, such as a shift along a stripe, stay as they are.
    mean = np.trace(normal, axis1=1, axis2=2)[:, None, None] / len(terms)
    normal = normal + np.eye(len(terms)) * (1e-3 * mean * np.asarray([0, 0, 1, 1, 1, 1]) + 1e-3)
    solved = np.linalg.solve(normal, left @ other[:, 1:-1, 1:-1].reshape(len(one), -1, 1))[..., 0]
    gain = np.maximum(solved[:, :1], 0.2)
    step = np.clip(solved[:, 2:] / gain, -2, 2)
    return np.asarray(step * np.asarray([2 / side, together, 2 / side, together]), "float32")


def _matrices(scale: Array, shift: Array, side: int) -> Array:
    """Matrices that resample rows linearly: float32 (P, side, side)."""
    middle = (side - 1) / 2
    positions = (np.arange(side) - middle) * scale[:, None] + middle + shift[:, None]
    positions = np.clip(positions, 0, side - 1)
    return np.asarray(np.clip(1 - np.abs(positions[:, :, None] - np.arange(side)), 0, 1), "float32")


def _blur() -> Array:
    """The mean of five neighbours, of fewer at the ends: (32, 32)."""
    near = np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE))) <= 2
    return np.asarray(near / near.sum(axis=1, keepdims=True), "float32")


def _correlation(one: Array, other: Array) -> Array:
    """Pearson's coefficient of pictures (P, 3, h, w), each colour centred."""
    one = one - one.mean(axis=(2, 3), keepdims=True)
    other = other - other.mean(axis=(2, 3), keepdims=True)
    shared, first, second = (
        np.einsum("pchw,pchw->p", *pair) for pair in ((one, other), (one, one), (other, other))
    )
    return np.asarray(shared / np.sqrt(first * second + 1e-3))
