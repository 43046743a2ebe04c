"""Pictures of noise, and the same with one patch changed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascope.typing import Array

GROUNDS = 3
"""Pictures that patches are changed in."""
PATCHES = 33
"""Changed patches: with the grounds, and a pass back from each of them, less than 40 passes."""
_SHARE = 16
"""A side of the picture is so many patches."""
_BASES = (2, 3, 5)


@dataclass(frozen=True, eq=False)
class Patches:
    """Pictures with a patch changed.

    Args:
        images: float32 (PATCHES, *spatial, C), as `grounds`, 0 to 1.
        grounds: float32 (GROUNDS, *spatial, C), without the change; patch k is on ground k mod GROUNDS.
        centres: float64 (PATCHES, axes), in pixels.
    """

    images: Array
    grounds: Array
    centres: Array


def make_grounds(spatial: tuple[int, ...], channels: int, count: int = GROUNDS, seed: int = 0) -> Array:
    """Noise at two scales, float32 (count, *spatial, C), 0 to 1; always the same."""
    generator = np.random.default_rng(seed)
    fine = generator.random((count, *spatial, channels), "float32")
    coarse = generator.random((count, *(-(-side // 8) for side in spatial), channels), "float32")
    for axis, side in enumerate(spatial, start=1):
        coarse = np.repeat(coarse, 8, axis=axis).take(np.arange(side), axis)
    return np.asarray(0.5 * fine + 0.5 * coarse, "float32")


def find_bounds(mask: Array) -> tuple[tuple[int, int], ...]:
    """For each axis the first place that is set, and the one behind the last."""
    found = []
    for axis in range(mask.ndim):
        places = np.flatnonzero(mask.any(axis=tuple(other for other in range(mask.ndim) if other != axis)))
        found.append((int(places[0]), int(places[-1]) + 1))
    return tuple(found)


def make_patches(grounds: Array, masks: Sequence[Array], seed: int = 0) -> Patches:
    """Change patches that are spread evenly over the part of the picture that is seen.

    Each is so large that it holds a pixel that is seen, where a layer sees few of them.

    Args:
        grounds: the pictures.
        masks: for each layer the pixels that reach it, bool (*spatial,).
        seed: of what the patches hold.
    """
    spatial, channels = grounds.shape[1:-1], grounds.shape[-1]
    others = make_grounds(spatial, channels, PATCHES, seed + 1)
    seen = find_bounds(np.any(masks, axis=0))
    shares = [mask.sum() / math.prod(high - low for low, high in find_bounds(mask)) for mask in masks]
    least = math.ceil(min(shares) ** (-1 / len(spatial)) - 1e-9)
    sides = [min(high - low, max(1, least, round((high - low) / _SHARE))) for low, high in seen]
    images = np.take(grounds, np.arange(PATCHES) % GROUNDS, axis=0)
    centres = np.empty((PATCHES, len(spatial)))
    for index, (picture, other) in enumerate(zip(images, others, strict=True)):
        window = []
        for axis, ((low, high), side) in enumerate(zip(seen, sides, strict=True)):
            share = _radical_inverse(index + 1, _BASES[axis])
            start = low + round(share * (high - low) - side / 2)  # also half beyond what is seen
            start = min(max(start, 0), spatial[axis] - side)
            window.append(slice(start, start + side))
            centres[index, axis] = start + side / 2
        inside = tuple(window)
        picture[inside] = 0.5 * (1 - picture[inside]) + 0.5 * other[inside]
    return Patches(images, grounds, centres)


def _radical_inverse(number: int, base: int) -> float:
    """The digits of a number behind the point, in reverse: evenly spread over 0 to 1; Halton, 1960."""
    result, share = 0.0, 1.0
    while number:
        share /= base
        number, digit = divmod(number, base)
        result += share * digit
    return result
