"""Occlusion: a window is moved over the image, and what the score loses under it is its value."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.method.masks.base import PerturbationMethod
from kerascope.perturb import WindowMasks
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import pixels_of
from kerascope.probe import Answer, AnyProbe
from kerascope.typing import Array
from kerascope.validation import is_number

Length = int | float | tuple[int | float, ...]
"""Pixels as whole numbers, shares of a side as fractions below 1; one for all axes, or one for each."""


@dataclass(frozen=True)
class Occlusion(PerturbationMethod, name="occlusion"):
    r"""Occlusion: the drop of the score while a window over the pixel is removed, averaged over windows.

    $$V_p = \frac{1}{|\{w : p \in w\}|} \sum_{w \ni p} \big(s(x) - s(x_{\setminus w})\big)$$

    with the image $x$ and windows $w$, whose pixels are replaced by the baseline in $x_{\setminus w}$. The
    last window of each row ends at the edge, so that every pixel is covered.

    Args:
        window: size of the window on each axis: whole numbers are pixels, numbers between 0 and 1 shares of
            the side (rounded up); one for all axes, or a tuple. Default an eighth of each side.
        stride: how far it moves, in the same way, at most the window; default half of the window, rounded up.

    Returns:
        values float32 (N, *spatial), in units of the score; positive where removing lowers it. Not
        normalised.

    Raises:
        ParameterError: a window or stride has another number of axes than the images.

    Cost:
        1 forward, and 1 for each window and baseline: 225 to 256 by default on pictures. See
        `Explanation.masks`.

    Source:
        Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 4.2.
        Deviations: the drop of the score instead of the probability that is left, averaged over the windows
        that cover a pixel, as in captum; windows in proportion to the image.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.Occlusion(window=4, stride=2)(model, images, target=1)
        >>> found.values.shape, found.masks.tolist()
        ((2, 8, 8), [9, 9])
    """

    window: Length = 0.125
    stride: Length | None = None

    tags: ClassVar[frozenset[str]] = PerturbationMethod.tags | {"sized"}

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_length(self.window, "window")
        if self.stride is not None:
            _check_length(self.stride, "stride")

    def windows(self, spatial: tuple[int, ...]) -> tuple[tuple[int, ...], Array]:
        """Size of the window, and the first pixel of each, (W, axes)."""
        window = _pixels(self.window, spatial, "window")
        half = tuple(-(-length // 2) for length in window)
        stride = half if self.stride is None else _pixels(self.stride, spatial, "stride")
        wide = [axis for axis, (step, length) in enumerate(zip(stride, window, strict=True)) if step > length]
        if wide:
            raise errors.ParameterError(
                f"stride must be at most the window, so that every pixel is covered; got {stride} for "
                f"windows of {window} pixels."
            )
        starts = [
            sorted({*range(0, side - length, step), side - length})
            for side, length, step in zip(spatial, window, stride, strict=True)
        ]
        return window, np.asarray(list(itertools.product(*starts)), "float32")

    def perturb(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> Answer:
        """The drop under each window."""
        spatial = pixels_of(first).shape[1:-1]
        window, starts = self.windows(spatial)
        masks = WindowMasks(spatial, window)
        with self.stream(probe, first, pictures, masks, expected=len(starts)) as stream:
            found = stream.scores(dict.fromkeys(range(len(pictures.pixels)), starts))
        whole = first.scores.astype("float64").reshape(len(found), -1)
        values = np.stack(
            [_average_drops(whole[image] - found[image], starts, window, spatial) for image in found]
        )
        note = f"windows of {' x '.join(map(str, window))} pixels"
        return self.to_answer(stream, values.reshape(*first.scores.shape, *spatial), (note,))


def _average_drops(drops: Array, starts: Array, window: tuple[int, ...], spatial: tuple[int, ...]) -> Array:
    """The mean drop (K, *spatial) over the windows that cover a pixel, without those that are not known."""
    total, cover = np.zeros((drops.shape[1], *spatial)), np.zeros(spatial)
    for drop, start in zip(drops, starts.astype(int), strict=True):
        if np.isfinite(drop).all():
            inside = tuple(slice(first, first + length) for first, length in zip(start, window, strict=True))
            total[(slice(None), *inside)] += drop.reshape(-1, *[1] * len(spatial))
            cover[inside] += 1
    return np.asarray(np.divide(total, cover, out=np.full(total.shape, np.nan), where=cover > 0))


def _check_length(given: Any, name: str) -> None:
    parts = given if isinstance(given, tuple) and given else (given,)
    for part in parts:
        whole = isinstance(part, int | np.integer)
        if not is_number(part) or part <= 0 or (not whole and part >= 1):
            raise errors.ParameterError(
                f"{name} must be a whole number of pixels of at least 1, a share of the side between 0 and "
                f"1, or a tuple of these, one for each axis; got {given!r}."
            )


def _pixels(given: Length, spatial: tuple[int, ...], name: str) -> tuple[int, ...]:
    parts = given if isinstance(given, tuple) else (given,) * len(spatial)
    if len(parts) != len(spatial):
        raise errors.ParameterError(
            f"{name} must have one number for each of the {len(spatial)} axes of the images; got {given!r}."
        )
    return tuple(
        min(side, int(part) if isinstance(part, int | np.integer) else max(1, math.ceil(part * side - 1e-9)))
        for part, side in zip(parts, spatial, strict=True)
    )
