"""Random views of a picture: small shifts, scalings and rotations, different at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.typing import Array
from kerascope.validation import is_number


@dataclass(frozen=True)
class Transforms:
    r"""Random transforms of a picture before each step.

    Position $x$ on an axis of $n$ pixels, from its middle, shows position $z x + t n$ of the picture, after a
    rotation by $\theta$ in the plane of the last two axes:

    $$t \sim U(-j, j), \qquad \log z \sim U(-\log s, \log s) + \log\tfrac{n + 2 p n}{n}, \qquad
      \theta \sim U(-r, r)$$

    with the jitter $j$, the scale $s$, the pad $p$ and the rotation $r$. Each
    transform is symmetric and starts from the picture itself, so that it does not drift. Outside the picture
    is grey.

    Args:
        jitter: largest shift as a share of the size, from 0 to 0.5.
        scale: largest enlargement, and reduction by the same factor; at least 1.
        pad: grey border around the picture, as a share of the size, from 0 to 1, so that no evidence is
            hidden at the edges.
        rotate: largest rotation in degrees, from 0 to 180; pictures only. It gathers pixels one by one, which
            costs more than all other transforms: see docs/design.md.

    Raises:
        ParameterError: a parameter is out of its range.

    Source:
        Olah, Mordvintsev and Schubert, Feature Visualization, Distill 2017, section "Transformation
        robustness"; Mordvintsev, Olah and Tyka, Inceptionism, 2015 (jitter).

    Example:
        >>> import kerascope as ks
        >>> ks.Transforms(jitter=0.05).rotate
        0.0
    """

    jitter: float = 0.06
    scale: float = 1.1
    pad: float = 0.0
    rotate: float = 0.0

    def __post_init__(self) -> None:
        limits = {"jitter": (0, 0.5), "scale": (1, 10), "pad": (0, 1), "rotate": (0, 180)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not is_number(value) or not low <= value <= high:
                raise errors.ParameterError(f"{name} must be a number from {low} to {high}; got {value!r}.")

    def draw(self, count: int, axes: int, generator: np.random.Generator) -> dict[str, Array]:
        """Draw transforms of `count` pictures, float32 by name.

        `"shift"` (count, axes) as shares, `"zoom"` (count,), and `"angle"` (count,) in radians.
        """
        shift = generator.uniform(-1, 1, (count, axes)) * self.jitter
        zoom = np.exp(generator.uniform(-1, 1, count) * np.log(self.scale)) * (1 + 2 * self.pad)
        angle = np.deg2rad(generator.uniform(-1, 1, count) * self.rotate)
        placement = {"shift": shift, "zoom": zoom, "angle": angle}
        return {name: value.astype("float32") for name, value in placement.items()}


def shift_matrices(size: int, shift: Any, zoom: Any) -> Any:
    """Return matrices (N, size, size) that shift (by shares) and scale an axis, by linear interpolation."""
    middle = (size - 1) / 2
    position = (ops.arange(size, dtype="float32") - middle)[None] * zoom[:, None]
    position = position + middle + shift[:, None] * size
    distance = position[:, :, None] - ops.arange(size, dtype="float32")[None, None]
    return ops.relu(1 - ops.abs(distance))


def rotate(values: Any, angle: Any) -> Any:
    """Rotate values (N, C, H, W) around their middle, bilinear; zero outside.

    Pixels are gathered: the gradient of `ops.image.affine_transform` is not its transpose on TensorFlow.
    """
    count, channels, height, width = values.shape
    row, column = _source_positions(angle, height, width)
    flat = ops.swapaxes(ops.reshape(values, (count, channels, -1)), 1, 2)
    pixels = ops.reshape(flat, (-1, channels))
    first = ops.reshape(ops.arange(count) * (height * width), (-1, 1, 1))
    total = ops.zeros_like(pixels)
    for near_row in (ops.floor(row), ops.floor(row) + 1):
        for near_column in (ops.floor(column), ops.floor(column) + 1):
            weight = ops.relu(1 - ops.abs(row - near_row)) * ops.relu(1 - ops.abs(column - near_column))
            weight = weight * _is_inside(near_row, height) * _is_inside(near_column, width)
            index = first + _clip(near_row, height) * width + _clip(near_column, width)
            corner = ops.take(pixels, ops.reshape(index, (-1,)), axis=0)
            total = total + ops.cast(ops.reshape(weight, (-1, 1)), values.dtype) * corner
    return ops.reshape(ops.swapaxes(ops.reshape(total, (count, -1, channels)), 1, 2), values.shape)


def _source_positions(angle: Any, height: int, width: int) -> tuple[Any, Any]:
    """Return the row and the column (N, H, W) that each pixel of a rotated picture shows."""
    cosine, sine = (ops.reshape(part, (-1, 1, 1)) for part in (ops.cos(angle), ops.sin(angle)))
    y, x = (height - 1) / 2, (width - 1) / 2
    down = ops.reshape(ops.arange(height, dtype="float32") - y, (-1, 1))
    across = ops.arange(width, dtype="float32") - x
    return sine * across + cosine * down + y, cosine * across - sine * down + x


def _is_inside(position: Any, size: int) -> Any:
    """Return 1 for positions on the axis, else 0."""
    return ops.cast((position >= 0) & (position < size), "float32")


def _clip(position: Any, size: int) -> Any:
    """Return positions as indices, clipped to the axis."""
    return ops.cast(ops.clip(position, 0, size - 1), "int32")
