r"""Parametrisations of images: the logits of pixels, or coefficients of waves.

Both are one formula. Coefficients $s$ of shape (N, C, K_1, ..., K_D) become a picture in [0, 1],

$$p = \sigma\Big(M \sum_{k} f_k\, s_k\, b_{k_1}(x_1) \cdots b_{k_D}(x_D)\Big)$$

with a basis $b$ for each axis, a factor $f$ for each coefficient, a colour matrix $M$ and the logistic
function $\sigma$, so that no pixel can leave its range. It is separable, a product of small matrices, in any
number of dimensions and the same on every backend; a shifted or scaled picture is the same product with other
matrices.

pixels    b is the identity, f = 1, M the identity.
fourier   b are cosine waves (the orthonormal DCT-II), f_k = 1 / (4 max(frequency, lowest)), so that waves of
          every length change alike, as in photographs; M correlates colours as photographs do. Along an axis
          of 64 pixels or more, waves shorter than four pixels are omitted: they fool networks rather than
          show objects, and take most of the arithmetic.

Source: Olah, Mordvintsev and Schubert, Feature Visualization, Distill 2017, section "Preconditioning and
Parameterization". Deviation: cosine waves instead of complex ones, so that opposite borders are independent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from keras import ops

from kerascope.typing import Array

ParametrizationKind = Literal["fourier", "pixels"]

# Square root of the covariance of red, green and blue in ImageNet, as published with lucid; columns are
# independent directions: brightness first.
_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]])
FINE = 64
"""The least length of an axis, in pixels, from which the shorter half of the waves is omitted."""
_GENTLE = 4.0
_EDGE = 1e-3  # distance of start pictures from 0 and 1, where logits are infinite
_NOISE = {"fourier": 0.01, "pixels": 0.05}


@dataclass(frozen=True)
class Parametrization:
    """The parametrisation of pictures of one size.

    Args:
        kind: `"fourier"` or `"pixels"`.
        size: of the spatial axes, in pixels.
        channels: number of channels.
    """

    kind: ParametrizationKind
    size: tuple[int, ...]
    channels: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the coefficients of one picture."""
        return (self.channels, *self.counts)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of coefficients along each axis."""
        if self.kind == "pixels":
            return self.size
        return tuple(size if size < FINE else -(-size // 2) for size in self.size)

    @cached_property
    def bases(self) -> list[Array]:
        """A matrix (positions, coefficients) for each axis, float32."""
        if self.kind == "pixels":
            return [np.eye(size, dtype="float32") for size in self.size]
        return [_waves(size)[:, :count] for size, count in zip(self.size, self.counts, strict=True)]

    @cached_property
    def factors(self) -> Array:
        """The factor of each coefficient, (*size), float32."""
        if self.kind == "pixels":
            return np.ones(self.counts, "float32")
        # Cycles per pixel of each wave along each axis.
        pairs = zip(self.counts, self.size, strict=True)
        squares = [(np.arange(count) / (2 * size)) ** 2 for count, size in pairs]
        total = sum(np.ix_(*squares))
        frequency = np.sqrt(np.maximum(total, 1 / max(self.size) ** 2))
        return np.asarray(1 / (_GENTLE * frequency), "float32")

    @cached_property
    def colours(self) -> Array | None:
        """The matrix that correlates channels, or None."""
        if self.kind == "pixels" or self.channels != 3:
            return None
        return np.asarray(_COLOURS / np.linalg.norm(_COLOURS, axis=0).max(), "float32")

    def random(self, count: int, generator: np.random.Generator) -> Array:
        """Draw coefficients of pictures close to grey, (count, *shape)."""
        noise = generator.standard_normal((count, *self.shape)) * _NOISE[self.kind]
        return noise.astype("float32")

    def coefficients(self, pictures: Array) -> Array:
        """Return the coefficients of pictures (N, *size, C) in [0, 1]."""
        inside = np.clip(np.asarray(pictures, "float64"), _EDGE, 1 - _EDGE)
        values = np.log(inside) - np.log1p(-inside)
        if (colours := self.colours) is not None:
            values = values @ np.linalg.inv(colours.astype("float64")).T
        values = np.moveaxis(values, -1, 1)
        for axis, basis in enumerate(self.bases, start=2):
            values = np.moveaxis(np.tensordot(values, basis.astype("float64"), axes=(axis, 0)), -1, axis)
        return np.asarray(values / self.factors, "float32")

    def values(self, coefficients: Any, bases: list[Any]) -> Any:
        """Return the logits of the pixels, (N, C, *positions); each picture may have its own bases."""
        values = coefficients * ops.convert_to_tensor(self.factors)
        if (colours := self.colours) is not None:
            # Before the waves are summed, while there are few numbers.
            flat = ops.reshape(values, (values.shape[0], self.channels, -1))
            values = ops.reshape(ops.matmul(ops.convert_to_tensor(colours), flat), values.shape)
        for axis, basis in enumerate(bases, start=2):
            values = _multiply_axis(values, basis, axis)
        return values


def _waves(size: int) -> Array:
    """Return the orthonormal cosine waves of an axis: column k has k half waves."""
    position, wave = np.arange(size) + 0.5, np.arange(size)
    matrix = np.cos(np.pi / size * position[:, None] * wave[None]) * np.sqrt(2 / size)
    matrix[:, 0] /= np.sqrt(2)
    return np.asarray(matrix, "float32")


def _multiply_axis(values: Any, basis: Any, axis: int) -> Any:
    """Multiply `axis` of `values` (N, C, ...) by the rows of `basis`."""
    last = len(values.shape) - 1
    several = len(basis.shape) == 3
    if axis == last:
        across = ops.swapaxes(basis, -1, -2)
        rows = ops.reshape(values, (*values.shape[: 1 if several else 0], -1, values.shape[-1]))
        return ops.reshape(ops.matmul(rows, across), (*values.shape[:-1], across.shape[-1]))
    swapped = ops.swapaxes(values, axis, last - 1) if axis != last - 1 else values
    if several:
        basis = ops.reshape(basis, (basis.shape[0], *(1,) * (last - 2), *basis.shape[1:]))
    product = ops.matmul(basis, swapped)
    return ops.swapaxes(product, axis, last - 1) if axis != last - 1 else product
