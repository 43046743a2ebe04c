"""How alike two pictures are: one picture, cut, scaled or saved another time, or two of a kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascope.typing import Array

SIDE = 32
"""Pixels along the sides of a sketch."""
_WAVES = 8
"""Waves along each axis that a first look compares: the lowest ones, as in perceptual hashes."""
_LUMA = np.asarray([0.299, 0.587, 0.114], "float32")
_STEPS = ((2, 2), (1, 3))
"""How two sketches are aligned: pixels that are taken together, and steps of so many."""
_STRETCH, _SHIFT = 1.18, 4.0
"""The most by which one is stretched and shifted, in pixels of a sketch, to lie on the other."""
_RIM = 2
"""Pixels at each edge that are not compared, since something else may have come in there."""
_AT_ONCE = 512
"""Pairs that are compared together: some 100 MB."""


def sketch(picture: Any) -> Array:
    """A picture as it is compared: uint8 (32, 32, 3).

    Args:
        picture: of Pillow, red, green and blue.
    """
    from PIL.Image import Resampling

    way = Resampling.BOX if min(picture.size) > SIDE else Resampling.BILINEAR
    return np.asarray(picture.resize((SIDE, SIDE), way))


def contrast(sketches: Array) -> Array:
    """(n,) the standard deviation of the brightness of each sketch, 0 to 128."""
    return np.asarray((sketches @ _LUMA).std(axis=(1, 2)))


def waves(sketches: Array) -> Array:
    """The lowest waves of sketches, which survive nearly everything but another place.

    Args:
        sketches: uint8 (n, 32, 32, 3).

    Returns:
        float32 (n, 63), of unit length: the cosine of two is their first likeness.

    Source:
        Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010, the hash by the
        discrete cosine transform. Deviation: the coefficients themselves and not their signs, which tell
        digits apart better.
    """
    places = np.arange(SIDE) + 0.5
    basis = np.cos(np.pi / SIDE * np.arange(_WAVES)[:, None] * places).astype("float32")
    basis[0] /= np.sqrt(2, dtype="float32")
    found = (basis @ (sketches @ _LUMA) @ basis.T).reshape(len(sketches), -1)[:, 1:]
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6), "float32")


def mirrored_waves(found: Array) -> Array:
    """The waves of the same sketches, left and right exchanged: every second one changes its sign."""
    signs = np.tile((-1.0) ** np.arange(_WAVES), _WAVES)[1:].astype("float32")
    return np.asarray(found * signs)


def remainders(ones: Array, others: Array) -> Array:
    """What is left between the pictures of each pair once one is laid over the other.

    One is stretched and shifted so that it lies best on the other (least squares, coarse to fine), and its
    brightness and contrast do not count. Of what then does not agree, two shares are taken: of all that there
    is, and of what is fine, in which different pictures of one kind differ most.

    Args:
        ones: uint8 (P, 32, 32, 3).
        others: the same.

    Returns:
        float (P,), 0 where they are equal, about 1 where they have nothing to do with each other: the
        geometric mean of 1 - r of both.

    Source:
        Lucas and Kanade, An iterative image registration technique with an application to stereo vision,
        IJCAI 1981, for the alignment. Deviation: a scale and a shift for each axis.
    """
    parts = [
        _remainders(ones[start : start + _AT_ONCE], others[start : start + _AT_ONCE])
        for start in range(0, len(ones), _AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, "float32")


def _remainders(ones: Array, others: Array) -> Array:
    one, other = ones.astype("float32"), others.astype("float32")
    down, across = _aligned(one @ _LUMA, other @ _LUMA)
    planes = np.moveaxis(one, -1, 1), np.moveaxis(other, -1, 1)
    laid = down[:, None] @ planes[0] @ across[:, None].transpose(0, 1, 3, 2)
    blur = _blur()
    both = [laid, planes[1]]
    fine = [plane - blur @ plane @ blur.T for plane in both]
    whole, small = (
        1 - _correlation(*(plane[..., _RIM:-_RIM, _RIM:-_RIM] for plane in pair)) for pair in (both, fine)
    )
    return np.asarray(np.sqrt(np.maximum(whole, 0) * np.maximum(small, 0)))


def _aligned(one: Array, other: Array) -> tuple[Array, Array]:
    """Matrices (P, 32, 32) that lay grey sketches on others, by rows and by columns."""
    found = np.tile(np.asarray([1, 0, 1, 0], "float32"), (len(one), 1))
    low = np.asarray([1 / _STRETCH, -_SHIFT, 1 / _STRETCH, -_SHIFT], "float32")
    high = np.asarray([_STRETCH, _SHIFT, _STRETCH, _SHIFT], "float32")
    for together, count in _STEPS:
        side = SIDE // together
        here, there = (
            each.reshape(len(each), side, together, side, together).mean(axis=(2, 4)) for each in (one, other)
        )
        for _ in range(count):
            found = np.clip(found + _step(here, there, found, together), low, high)
    return _matrices(found[:, 0], found[:, 1], SIDE), _matrices(found[:, 2], found[:, 3], SIDE)


def _step(one: Array, other: Array, found: Array, together: int) -> Array:
    """A step of least squares, (P, 4): scale and shift of rows, then of columns."""
    side = one.shape[1]
    down = _matrices(found[:, 0], found[:, 1] / together, side)
    across = _matrices(found[:, 2], found[:, 3] / together, side)
    laid = down @ one @ across.transpose(0, 2, 1)
    slope_down, slope_across = np.gradient(laid, axis=1), np.gradient(laid, axis=2)
    place = ((np.arange(side, dtype="float32") - (side - 1) / 2) / (side / 2)).astype("float32")
    terms = [
        laid,
        np.ones_like(laid),
        slope_down * place[:, None],
        slope_down,
        slope_across * place,
        slope_across,
    ]
    design = np.stack(terms, axis=-1)[:, 1:-1, 1:-1].reshape(len(one), -1, len(terms))
    left = design.transpose(0, 2, 1)
    normal = left @ design
    # What nothing in the picture tells, such as a shift along a stripe, stays as it is.
    mean = np.trace(normal, axis1=1, axis2=2)[:, None, None] / len(terms)
    normal = normal + np.eye(len(terms)) * (1e-3 * mean * np.asarray([0, 0, 1, 1, 1, 1]) + 1e-3)
    solved = np.linalg.solve(normal, left @ other[:, 1:-1, 1:-1].reshape(len(one), -1, 1))[..., 0]
    gain = np.maximum(solved[:, :1], 0.2)
    moved = np.clip(solved[:, 2:] / gain, -2, 2)
    return np.asarray(moved * np.asarray([2 / side, together, 2 / side, together]), "float32")


def _matrices(scale: Array, shift: Array, side: int) -> Array:
    """What reads rows at other places, linearly between them: float32 (P, side, side)."""
    middle = (side - 1) / 2
    places = (np.arange(side) - middle) * scale[:, None] + middle + shift[:, None]
    places = np.clip(places, 0, side - 1)
    return np.asarray(np.clip(1 - np.abs(places[:, :, None] - np.arange(side)), 0, 1), "float32")


def _blur() -> Array:
    """The mean of five neighbours, of fewer at the ends: (32, 32)."""
    near = np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE))) <= 2
    return np.asarray(near / near.sum(axis=1, keepdims=True), "float32")


def _correlation(one: Array, other: Array) -> Array:
    """Pearson's coefficient of pictures (P, 3, h, w), their colours each about their own mean."""
    one = one - one.mean(axis=(2, 3), keepdims=True)
    other = other - other.mean(axis=(2, 3), keepdims=True)
    shared, first, second = (
        np.einsum("pchw,pchw->p", *pair) for pair in ((one, other), (one, one), (other, other))
    )
    return np.asarray(shared / np.sqrt(first * second + 1e-3))
