"""Transfer of a quality of the whole picture from one image to another, whose contents stay.

Images are (n, H, W, C) from 0, black, to 1, white; each is given the quality of the donor in the same row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerascope.typing import Array

Transfer = Callable[[Array, Array], Array]
"""From images and donors to images, float32 (n, H, W, C)."""

_LUMA = np.asarray([0.299, 0.587, 0.114], "float32")
_FINEST, _COARSEST = 0.7, 16
"""Octaves of detail: from this standard deviation in pixels, to the side divided by this."""
_FINE = 24
"""The fine part: what a Gaussian of the side divided by this takes away."""
_ENDS, _BETWEEN = (0.01, 0.99), 0.02
"""Quantiles of the brightness that are black and white, and the share of the range that counts as these."""
_STRONGEST, _STEPS, _EPSILON = 3.0, 6, 1e-3
"""The strongest gamma, the steps in which it is found, and the least range of brightness."""
_MOST = 20.0
"""By how much a detail may be made stronger or weaker."""


def transfer_tone(images: Array, donors: Array) -> Array:
    r"""Match black, white and the middle between them: offset, contrast and gamma.

    $$p \mapsto b' + (w' - b') \Big(\frac{p - b}{w - b}\Big)^g$$

    with the 1 and 99 % quantiles of the brightness, $b$ and $w$, of the donor $b'$ and $w'$, and the $g$ that
    matches the medians of what lies between. Not the whole histogram: how large a part of the picture is
    light belongs to what it shows.
    """
    changed = np.empty_like(images)
    for row, (image, donor) in enumerate(zip(images, donors, strict=True)):
        luma = _luma(image)
        _, _, share = _read_tone(luma)
        new_black, new_white, wanted = _read_tone(_luma(donor))
        gamma = _match_gamma(share, _find_middle(wanted))
        # Beyond black and white the curve goes on as a straight line.
        curve = np.where((share > 0) & (share < 1), np.clip(share, 0, 1) ** gamma, share)
        changed[row] = image + (new_black + (new_white - new_black) * curve - luma)[..., None]
    return np.clip(changed, 0, 1)


def _read_tone(luma: Array) -> tuple[float, float, Array]:
    """Black, white, and where each pixel lies between them, 0 to 1."""
    black, white = np.quantile(luma, _ENDS)
    return float(black), float(white), (luma - black) / max(white - black, _EPSILON)


def _find_middle(share: Array) -> float:
    """The median of what is neither black nor white."""
    between = share[(share > _BETWEEN) & (share < 1 - _BETWEEN)]
    return float(np.clip(np.median(between), 0.05, 0.95)) if between.size else 0.5


def _match_gamma(share: Array, middle: float) -> float:
    """The gamma that gives a picture this middle; in steps, since it also changes what is black or white."""
    inside, gamma = np.clip(share, 0, 1), 1.0
    for _ in range(_STEPS):
        gamma *= np.log(middle) / np.log(_find_middle(inside**gamma))
        gamma = float(np.clip(gamma, 1 / _STRONGEST, _STRONGEST))
    return gamma


def transfer_cast(images: Array, donors: Array) -> Array:
    """Match mean and deviation of the colours' differences from the brightness, which stays.

    Source:
        Reinhard et al., Color transfer between images, 2001, equations 10 to 12, on colours alone.
    """
    luma = _luma(images)[..., None]
    colours, wanted = images - luma, donors - _luma(donors)[..., None]
    mean, deviation = _moments(colours)
    new_mean, new_deviation = _moments(wanted)
    gain = np.clip(new_deviation / np.maximum(deviation, 1e-3), 0.25, 4)
    return np.clip(luma + (colours - mean) * gain + new_mean, 0, 1)


def transfer_sharpness(images: Array, donors: Array) -> Array:
    """Make the image's own detail as strong as the donor's, octave by octave.

    Source:
        Burt and Adelson, The Laplacian pyramid, 1983, for the octaves. Deviation: none is made smaller.
    """
    changed, donor = np.array(images), np.array(donors)
    sigma, parts = _FINEST, []
    while sigma <= max(images.shape[1:3]) / _COARSEST:
        smooth, smooth_donor = _blur(images, sigma), _blur(donors, sigma)
        parts.append((changed - smooth, donor - smooth_donor))
        changed, donor = smooth, smooth_donor
        sigma *= 2
    for own, other in parts:
        deviation, wanted = (part.std(axis=(1, 2, 3), keepdims=True) for part in (own, other))
        changed = changed + own * np.clip(wanted / np.maximum(deviation, 1e-4), 1 / _MOST, _MOST)
    return np.asarray(np.clip(changed, 0, 1))


def transfer_grain(images: Array, donors: Array) -> Array:
    """Match the tone, and replace the fine part of the image by the donor's: noise, texture, compression.

    The tone is that of the coarse parts: without it, what lies finely over black would be cut off.
    """
    sigma = _fine_sigma(images)
    smooth, smooth_donors = _blur(images, sigma), _blur(donors, sigma)
    return np.asarray(np.clip(transfer_tone(smooth, smooth_donors) + donors - smooth_donors, 0, 1))


def transfer_fine_part(images: Array, donors: Array) -> Array:
    """Replace the fine part of the image by the donor's."""
    sigma = _fine_sigma(images)
    return np.asarray(np.clip(_blur(images, sigma) + donors - _blur(donors, sigma), 0, 1))


def _fine_sigma(images: Array) -> float:
    return float(max(1.5, max(images.shape[1:3]) / _FINE))


def _luma(images: Array) -> Array:
    return images[..., 0] if images.shape[-1] == 1 else images @ _LUMA


def _moments(values: Array) -> tuple[Array, Array]:
    return values.mean(axis=(1, 2), keepdims=True), values.std(axis=(1, 2), keepdims=True)


def _blur(images: Array, sigma: float) -> Array:
    from scipy.ndimage import gaussian_filter

    return np.asarray(gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest"))
