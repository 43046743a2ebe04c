"""Random views of a picture: shifted, scaled and turned a little, anew at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.typing import Array


@dataclass(frozen=True)
class Transforms:
    r"""How far a picture is moved at random before the network sees it, anew at each step.

    A position $x$ on an axis of $n$ pixels, counted from its middle, shows what lies at $z x + t n$ in the
    picture, after a turn by $\theta$ in the plane of the last two axes:

    $$t \sim U(-j, j), \qquad \log z \sim U(-\log s, \log s) + \log\tfrac{n + 2 p n}{n}, \qquad
      \theta \sim U(-r, r)$$

    with the jitter $j$, the scale $s$, the pad $p$ and the rotation $r$. Every draw is symmetric and starts
    from the picture itself, so that it does not walk away. Outside of the picture lies grey.

    Args:
        jitter: largest shift as a share of the size, from 0 to 0.5.
        scale: largest enlargement, and reduction by the same factor; at least 1.
        pad: grey border around the picture, as a share of the size, from 0 to 1: the network sees the
            picture with it, so that its edges are no place to hide things.
        rotate: largest turn in degrees, from 0 to 180; pictures only. It gathers pixels one by one, and costs
            more than all the rest: see docs/design.md.

    Raises:
        ParameterError: out of these ranges.

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
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not (number and low <= value <= high):
                raise errors.ParameterError(
                    f"{name} of Transforms must be a number from {low} to {high}; got {value!r}."
                )

    def draw(self, count: int, axes: int, generator: np.random.Generator) -> dict[str, Array]:
        """Random placements of `count` pictures, by name, float32.

        `"shift"` (count, axes) as shares, `"zoom"` (count,), and `"angle"` (count,) in radians.
        """
        shift = generator.uniform(-1, 1, (count, axes)) * self.jitter
        zoom = np.exp(generator.uniform(-1, 1, count) * np.log(self.scale)) * (1 + 2 * self.pad)
        angle = np.deg2rad(generator.uniform(-1, 1, count) * self.rotate)
        drawn = {"shift": shift, "zoom": zoom, "angle": angle}
        return {name: value.astype("float32") for name, value in drawn.items()}


def placed(size: int, shift: Any, zoom: Any) -> Any:
    """The matrices (N, size, size) that show an axis shifted and scaled, by linear interpolation.

    Args:
        size: of the axis, in pixels.
        shift: (N,) as shares of the size.
        zoom: (N,); above 1 more of the picture is seen.
    """
    middle = (size - 1) / 2
    place = (ops.arange(size, dtype="float32") - middle)[None] * zoom[:, None]
    place = place + middle + shift[:, None] * size
    distance = place[:, :, None] - ops.arange(size, dtype="float32")[None, None]
    return ops.relu(1 - ops.abs(distance))


def turned(values: Any, angle: Any) -> Any:
    """Values (N, C, H, W) turned around their middle, bilinear; zero outside.

    Pixels are gathered: the gradient of `ops.image.affine_transform` is not its transpose on TensorFlow.

    Args:
        values: what is shown.
        angle: (N,) in radians.
    """
    count, channels, height, width = values.shape
    row, column = _places(angle, height, width)
    flat = ops.swapaxes(ops.reshape(values, (count, channels, -1)), 1, 2)
    pixels = ops.reshape(flat, (-1, channels))
    first = ops.reshape(ops.arange(count) * (height * width), (-1, 1, 1))
    total = ops.zeros_like(pixels)
    for near in (ops.floor(row), ops.floor(row) + 1):
        for beside in (ops.floor(column), ops.floor(column) + 1):
            weight = ops.relu(1 - ops.abs(row - near)) * ops.relu(1 - ops.abs(column - beside))
            inside = _on(near, height) * _on(beside, width)
            place = first + _index(near, height) * width + _index(beside, width)
            seen = ops.take(pixels, ops.reshape(place, (-1,)), axis=0)
            total = total + ops.cast(ops.reshape(weight * inside, (-1, 1)), values.dtype) * seen
    return ops.reshape(ops.swapaxes(ops.reshape(total, (count, -1, channels)), 1, 2), values.shape)


def _places(angle: Any, height: int, width: int) -> tuple[Any, Any]:
    """For each pixel of a turned picture the row and the column, (N, H, W), that it shows."""
    cosine, sine = (ops.reshape(part, (-1, 1, 1)) for part in (ops.cos(angle), ops.sin(angle)))
    y, x = (height - 1) / 2, (width - 1) / 2
    down = ops.reshape(ops.arange(height, dtype="float32") - y, (-1, 1))
    across = ops.arange(width, dtype="float32") - x
    return sine * across + cosine * down + y, cosine * across - sine * down + x


def _on(place: Any, size: int) -> Any:
    """1 where a whole position lies on an axis, else 0."""
    return ops.cast((place >= 0) & (place < size), "float32")


def _index(place: Any, size: int) -> Any:
    """The index of a whole position, or of the end that it lies beyond."""
    return ops.cast(ops.clip(place, 0, size - 1), "int32")
