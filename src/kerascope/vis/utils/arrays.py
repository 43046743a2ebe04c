"""Arithmetic on pictures in NumPy. All names are also in `kerascope.vis.utils.utils`.

Deviations from keras-vis: `normalize` and `deprocess_input` divide by the range or the standard deviation
without adding 1e-7, so that small maps reach 1, and a flat array stays flat; `random_array` and its callers
use no global random state, and take a `seed`; results are never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.typing import Array


def normalize(array: Any, min_value: float = 0.0, max_value: float = 1.0) -> Array:
    r"""Stretch an array to a range: $(a - \min a) / (\max a - \min a)$, in [0, 1] by default.

    Args:
        array: finite numbers.
        min_value: the new least value.
        max_value: the new greatest value.

    Returns:
        An array of the same shape; a constant one becomes `min_value` everywhere.

    Raises:
        InputError: the array has NaN or infinite values.

    Example:
        >>> normalize(np.array([2.0, 4.0, 3.0]))
        array([0. , 1. , 0.5])
    """
    array = _finite(array)
    low, high = array.min(initial=np.inf), array.max(initial=-np.inf)
    unit = (array - low) / (high - low) if high > low else np.zeros_like(array)
    stretched: Array = unit * (max_value - min_value) + min_value
    return stretched


def deprocess_input(input_array: Any, input_range: tuple[float, float] = (0, 255)) -> Array:
    r"""Scale an array for display: $\mathrm{clip}(0.1\,(x - \bar x) / \sigma_x + 0.5, 0, 1)$, on a range.

    Args:
        input_array: finite numbers of any shape.
        input_range: least and greatest value of the result.

    Returns:
        An array of the same shape, floats; a constant one becomes the middle of the range.

    Raises:
        InputError: the array has NaN or infinite values.

    Example:
        >>> deprocess_input(np.array([-1.0, 1.0]), (0, 10))
        array([4., 6.])
    """
    array = _finite(input_array)
    centred = array - array.mean()
    # A constant array may differ from its mean by a rounding error, which is no contrast.
    deviation = centred.std()
    has_contrast = deviation > 1e-6 * np.abs(array).max(initial=0)
    unit = np.clip(centred / deviation * 0.1 + 0.5, 0, 1) if has_contrast else np.full_like(array, 0.5)
    return unit * (input_range[1] - input_range[0]) + input_range[0]


def random_array(
    shape: Sequence[int], mean: float = 128.0, std: float = 20.0, seed: int | None = None
) -> Array:
    """Draw uniform random numbers with an exact mean and standard deviation.

    Args:
        shape: of the array.
        mean: of its numbers.
        std: their standard deviation.
        seed: of the random numbers; None for different numbers at every call, even after `np.random.seed`.

    Returns:
        float64 array.

    Example:
        >>> float(random_array((4, 4), mean=10, std=2, seed=0).std().round(6))
        2.0
    """
    noise = np.random.default_rng(seed).random(tuple(shape))
    return (noise - noise.mean()) / (noise.std() or 1.0) * std + mean if noise.size else noise


def stitch_images(images: Sequence[Array] | Array, margin: int = 5, cols: int = 5) -> Array | None:
    """Arrange pictures side by side on black, in rows.

    Args:
        images: pictures (H, W, C) of one size.
        margin: black pixels between them.
        cols: most pictures in a row.

    Returns:
        One picture in the type of the first; None for no pictures, as in keras-vis.

    Raises:
        InputError: the pictures differ in shape, or have no channel axis.

    Example:
        >>> stitch_images([np.ones((2, 3, 1))] * 3, margin=1, cols=2).shape
        (5, 7, 1)
    """
    if len(images) == 0:
        return None
    shape = np.shape(images[0])
    shapes = sorted({np.shape(image) for image in images})
    if len(shape) != 3 or len(shapes) > 1:
        raise errors.InputError(
            f"pictures to stitch must all have one shape (H, W, C); got {shapes}; add a channel axis with "
            "picture[..., None], or resize them."
        )
    if cols < 1 or margin < 0:
        raise errors.ParameterError(f"cols must be at least 1 and margin at least 0; got {cols}, {margin}.")
    height, width, channels = shape
    rows, columns = math.ceil(len(images) / cols), min(len(images), cols)
    size = (rows * (height + margin) - margin, columns * (width + margin) - margin, channels)
    sheet = np.zeros(size, np.asarray(images[0]).dtype)
    for index, image in enumerate(images):
        top, left = (index // cols) * (height + margin), (index % cols) * (width + margin)
        sheet[top : top + height, left : left + width] = image
    return sheet


def bgr2rgb(img: Array) -> Array:
    """Exchange red and blue.

    Args:
        img: (..., C).

    Returns:
        A view with the channels in reverse order.
    """
    return img[..., ::-1]


def _finite(numbers: Any) -> Array:
    array: Array = np.asarray(numbers)
    array = array if array.dtype.kind == "f" else array.astype("float64")
    if not np.isfinite(array).all():
        raise errors.InputError(
            f"the array must be finite; got {np.count_nonzero(~np.isfinite(array))} NaN or infinite values "
            f"of {array.size}; remove or replace them."
        )
    return array
