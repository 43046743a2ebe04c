"""Qualities of a whole picture: its tone, cast, sharpness, noise, traces of compression and texture.

Quantiles and spectra, not means: an offset, a gamma or a blur moves these in every picture, whatever it
shows.
"""

from __future__ import annotations

import functools

import numpy as np

from kerascope.typing import Array

TONE = (
    *("the darkest parts", "the dark parts", "the darker half", "the middle tones"),
    *("the lighter half", "the light parts", "the lightest parts"),
)
"""Whose brightness is a quality: quantiles of the luma."""
_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
CAST = (
    *("red even where there is least", "red even where there is most"),
    *("blue even where there is least", "blue even where there is most"),
)
_CAST_QUANTILES, _DARK = (0.05, 0.95), 0.1
SHARPNESS = (*(f"detail of band {band}" for band in range(1, 9)), "slope of the spectrum", "edges")
NOISE, COMPRESSION, TEXTURE = ("noise",), ("blocks",), ("regular texture",)
QUALITIES = (*TONE, *CAST, *SHARPNESS, *NOISE, *COMPRESSION, *TEXTURE)
"""The names of all qualities, in the order of their columns."""
_BANDS = (0.03, 0.06, 0.1, 0.15, 0.21, 0.28, 0.36, 0.45, 0.71)
"""Edges of the bands of the spectrum, in cycles per pixel."""
_BESIDE = ((0, 4), (2, 4), (3, 3), (4, 2), (4, 0), (4, -2), (3, -3), (2, -4))
"""How far beside a peak of the spectrum it is compared, in steps of the spectrum, to both sides."""
_PEAKS = 0.1
"""Cycles per pixel from which on a peak of the spectrum is a regular texture."""
_BLOCK = 8
"""Pixels along the sides of the blocks of JPEG."""
_LUMA = np.asarray([0.299, 0.587, 0.114], "float32")


def compute_qualities(pixels: Array) -> Array:
    """The qualities of one picture.

    Tone: quantiles of the luma, 0 to 1. Cast: quantiles of red and of
    blue, less the luma and compared with it. Sharpness: the
    decimal logarithm of the mean power in eight bands of the spectrum, compared with the lowest frequencies;
    the slope between two of them; and the strength of the sharpest edges compared with their height. Noise:
    the logarithm of a low quantile of the second derivative, since noise is everywhere, and edges are not.
    Blocks: the logarithm of the steps at every eighth pixel, compared with those beside them. Regular
    texture: the logarithm of the highest peak of the spectrum, compared with what is beside it.

    Args:
        pixels: uint8 (H, W, 3).

    Returns:
        float32 (24,), by `QUALITIES`.
    """
    picture = pixels.astype("float32") / 255
    luma = picture @ _LUMA
    cast = [
        np.quantile((picture[..., channel] - luma) / (luma + _DARK), _CAST_QUANTILES) for channel in (0, 2)
    ]
    bands, peak = _read_spectrum(luma)
    second = np.abs(4 * luma - sum(np.roll(luma, *turn) for turn in ((1, 0), (-1, 0), (1, 1), (-1, 1))))
    second = second[1:-1, 1:-1] if min(luma.shape) > 2 else second
    down, across = np.abs(np.diff(luma, axis=0)), np.abs(np.diff(luma, axis=1))
    heights = np.hypot(down[:, :-1], across[:-1]) if min(luma.shape) > 1 else luma
    edges = np.log10(np.quantile(second, 0.95) / (np.quantile(heights, 0.95) + 1e-3) + 1e-3)
    return np.asarray(
        [
            *np.quantile(luma, _QUANTILES),
            *np.concatenate(cast),
            *bands,
            bands[-1] - bands[3],
            edges,
            np.log10(np.quantile(second, 0.3) + 1e-4),
            _find_blocks(across) + _find_blocks(down.T),
            peak,
        ],
        "float32",
    )


def middle(pixels: Array) -> Array:
    """The middle of a picture: a third of each side, begun at a multiple of eight, as blocks of JPEG are."""
    top, left = (round(side / 3 / _BLOCK) * _BLOCK for side in pixels.shape[:2])
    return pixels[top : top + max(pixels.shape[0] // 3, 1), left : left + max(pixels.shape[1] // 3, 1)]


@functools.lru_cache(maxsize=4)
def _grid(height: int, width: int) -> tuple[Array, Array, Array]:
    """By frequency: its band, and whether it counts for peaks; and a window over the picture."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    band = np.digitize(frequency, _BANDS)
    band[frequency == 0] = -1
    window = np.hanning(height + 2)[1:-1, None] * np.hanning(width + 2)[None, 1:-1]
    return band, frequency > _PEAKS, window


def _read_spectrum(luma: Array) -> tuple[Array, float]:
    """The power of each band compared with the lowest, and the highest peak, as logarithms."""
    from scipy.ndimage import uniform_filter

    band, counts, window = _grid(*luma.shape)
    power = uniform_filter(np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2, 3, mode="wrap")
    number = np.bincount(band[band >= 0], minlength=len(_BANDS) + 1)[: len(_BANDS)]
    total = np.bincount(band[band >= 0], power[band >= 0], len(_BANDS) + 1)[: len(_BANDS)]
    mean = total / np.maximum(number, 1)
    bands = np.log10(mean[1:] / (mean[0] + 1e-9) + 1e-9)
    # A peak stands out from what is beside it in all directions; the line that an edge leaves does not.
    beside = [
        np.roll(power, (down, right), (0, 1)) + np.roll(power, (-down, -right), (0, 1))
        for down, right in _BESIDE
    ]
    peaks = (power / (np.max(beside, axis=0) / 2 + 1e-6 * power.mean() + 1e-12))[counts]
    return bands, float(np.log10(peaks.max() + 1e-9)) if peaks.size else 0.0


def _find_blocks(steps: Array) -> float:
    """The steps at every eighth column compared with those beside them, as a logarithm."""
    mean = steps.mean(axis=0)
    at = np.arange(_BLOCK - 1, len(mean) - 2, _BLOCK)
    if not len(at):
        return 0.0
    # Not the next ones: in a picture of twice the size every other step is larger.
    beside = (mean[at - 2] + mean[at + 2]) / 2
    return float(np.log((mean[at].sum() + 1e-3) / (beside.sum() + 1e-3)))
