"""Conversion of model inputs to photographs for display."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from kerascope.errors import ExplanationError, ParameterError

RGBImages = npt.NDArray[np.uint8]
Display = Callable[[npt.NDArray[Any]], RGBImages]

# Preprocessing of `keras.applications` that is recognised by its bounds, and inverted.
_CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)  # blue, green, red; range 0 to 255
_TORCH_MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # red, green, blue; range 0 to 1
_TORCH_SCALE = np.array([0.229, 0.224, 0.225], np.float32)
_SLACK = 0.05  # how far, as a share of the range, resizing may overshoot


def display_images(images: npt.ArrayLike, value_range: tuple[float, float] | None = None) -> RGBImages:
    """Convert model inputs to photographs, uint8 RGB.

    The first rule that fits all images of the batch is used, so that images have different scales only under
    the last rule:

    1. `value_range=(low, high)`, if given: low is black, high is white.
    2. bool: False is black, True is white. Integers within 0..255: unchanged.
    3. [0, 1]: times 255.
    4. [-1, 1]: (x + 1) / 2, times 255.
    5. [0, 255] in floats: rounded.
    6. three channels within the bounds of the "torch" preprocessing of `keras.applications`: inverted.
    7. three channels within the bounds of its "caffe" preprocessing (blue first, mean subtracted): inverted.
    8. anything else (other standardisation, 16 bit): each image from its own minimum to its own maximum.

    Rules 3 and 5 allow an overshoot of 5 % of the range, as after resizing. Three channels are red, green and
    blue, as are the first three of four; the mean of any other number of channels is shown as grey. NaN is
    black, infinity black or white.

    Args:
        images: (N, H, W, C), or (N, H, W) for grey; any number type.
        value_range: (low, high) of the numbers, if known. Default None: see above.

    Returns:
        uint8 (N, H, W, 3).

    Raises:
        ExplanationError: the input is not a batch of images.
        ParameterError: the range is not two finite numbers, low below high.

    Cost: one pass over the numbers to find the range, one to convert.

    Example:
        >>> display_images(np.array([-1.0, 0.0, 1.0]).reshape(1, 1, 3, 1))[0, 0, :, 0].tolist()
        [0, 128, 255]
    """
    array = as_batch(images)
    return choose_display(array, value_range)(array)


def as_batch(images: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return images as (N, H, W, C), with a channel axis added to grey images."""
    array = np.asarray(images)
    if array.dtype.kind not in "buif":
        if array.dtype.kind == "V":  # bfloat16 and similar types, which NumPy does not know
            array = array.astype(np.float32)
        else:
            raise ExplanationError(
                f"images must be numbers, got an array of {array.dtype}; convert them to float32"
            )
    if array.ndim == 3 and array.shape[-1] not in (1, 3, 4):
        array = array[..., None]
    if array.ndim != 4 or 0 in array.shape[1:]:
        raise ExplanationError(
            f"images must have shape (N, H, W, C), got {np.shape(images)}; "
            + ("add a batch axis: images[None]" if array.ndim < 4 else "take slices of volumes first")
        )
    return array


def choose_display(images: npt.NDArray[Any], value_range: tuple[float, float] | None = None) -> Display:
    """Return the rule of `display_images` that fits `images`, as a function of any part of them."""
    if value_range is not None:
        low, high = (float(bound) for bound in value_range)
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ParameterError(
                f"value_range must be two finite numbers, low below high, got {value_range!r}; "
                "give for example (0, 1), or None to infer it"
            )
        return _linear(255 / (high - low), -low * 255 / (high - low))
    if images.dtype == np.bool_:
        return _linear(255, 0)
    if images.dtype == np.uint8:
        return _as_rgb if images.shape[-1] in (1, 3, 4) else _linear(1, 0)
    low, high = _bounds(images)
    if images.dtype.kind in "ui":
        return _linear(1, 0) if low >= 0 and high <= 255 else _stretch
    if low >= -_SLACK and high <= 1 + _SLACK:
        return _linear(255, 0)
    if low >= -1 - 1e-3 and high <= 1 + 1e-3:
        return _linear(127.5, 127.5)
    if low >= -_SLACK * 255 and high <= (1 + _SLACK) * 255 and high > 16 and high > -8 * low:
        return _linear(1, 0)
    if images.shape[-1] == 3:
        channels = [_bounds(images[..., channel]) for channel in range(3)]
        if _within(channels, -_TORCH_MEAN / _TORCH_SCALE, (1 - _TORCH_MEAN) / _TORCH_SCALE):
            return _linear(255 * _TORCH_SCALE, 255 * _TORCH_MEAN)
        if high - low > 32 and _within(channels, -_CAFFE_MEAN, 255 - _CAFFE_MEAN):
            invert = _linear(1, _CAFFE_MEAN)
            return lambda part: np.ascontiguousarray(invert(part)[..., ::-1])
    return _stretch


def _bounds(images: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest finite number, (0, 0) if there is none."""
    if images.size == 0:
        return 0.0, 0.0
    low, high = float(images.min()), float(images.max())
    if not np.isfinite(low) or not np.isfinite(high):
        finite = images[np.isfinite(images)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    return low, high


def _within(bounds: list[tuple[float, float]], low: npt.NDArray[Any], high: npt.NDArray[Any]) -> bool:
    slack = 1e-3 * (high - low)
    lows, highs = np.array(bounds).T
    return bool(np.all(lows >= low - slack) and np.all(highs <= high + slack))


def _linear(factor: Any, offset: Any) -> Display:
    """Convert by factor x + offset, rounded and clipped to 0..255."""
    factor = np.asarray(factor, np.float32)
    offset = np.asarray(offset, np.float32) + np.float32(0.5)

    def show(part: npt.NDArray[Any]) -> RGBImages:
        with np.errstate(invalid="ignore", over="ignore"):  # infinite pixels
            scaled = part.astype(np.float32)
            scaled *= factor
            scaled += offset
        np.clip(scaled, 0, 255.5, out=scaled)
        if np.isnan(scaled.sum()):
            np.nan_to_num(scaled, copy=False, nan=0.0)
        if scaled.shape[-1] in (1, 3, 4):
            return _as_rgb(scaled.astype(np.uint8))
        return _as_rgb(scaled)

    return show


def _stretch(part: npt.NDArray[Any]) -> RGBImages:
    """Scale each image from its own least to its own greatest number; a constant image is mid grey."""
    pictures = np.empty((*part.shape[:3], 3), np.uint8)
    for picture, image in zip(pictures, part, strict=True):
        low, high = _bounds(image)
        show = _linear(255 / (high - low), 0) if high > low else _linear(1, 127.5)
        picture[...] = show(image[None].astype(np.float32) - low)[0]
    return pictures


def _as_rgb(images: npt.NDArray[Any]) -> RGBImages:
    channels = images.shape[-1]
    if channels == 1:
        return np.repeat(images, 3, axis=-1)
    if channels not in (3, 4):
        mean = images.mean(axis=-1, keepdims=True)
        return np.repeat(mean.astype(np.uint8), 3, axis=-1)
    return np.ascontiguousarray(images[..., :3])
