"""KPCA-CAM: activations along the first principal component of a kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from keras import ops

from kerascope import errors
from kerascope.method.cam.base import ClassActivationMap
from kerascope.method.cam.principal import agreement_sign, refine_eigenvectors
from kerascope.validation import check_choice

LARGEST = 4096
"""Positions whose kernel, a table of all pairs, still fits: 64 MB an image."""


def _products(rows: Any) -> Any:
    return ops.matmul(rows, ops.transpose(rows, (0, 2, 1)))


def linear(rows: Any) -> Any:
    """x y: the component of `EigenCAM(centre=True)`."""
    return _products(rows)


def cosine(rows: Any) -> Any:
    """x y / (|x| |y|); 0 where one of them is zero."""
    length = ops.sqrt(ops.sum(ops.square(rows), axis=-1, keepdims=True))
    return _products(rows / ops.where(length > 0, length, 1.0))


def polynomial(rows: Any) -> Any:
    """(x y / C + 1)^3."""
    return (_products(rows) / rows.shape[-1] + 1) ** 3


def rbf(rows: Any) -> Any:
    """exp(-|x - y|^2 / C), less 1, which centring takes off, for precision."""
    products = _products(rows - ops.mean(rows, axis=1, keepdims=True))
    squares = ops.diagonal(products, axis1=1, axis2=2)
    apart = ops.maximum(squares[:, :, None] + squares[:, None] - 2 * products, 0)
    return ops.expm1(-apart / rows.shape[-1])


def sigmoid(rows: Any) -> Any:
    """tanh(x y / C + 1), less 1, which centring takes off, for precision where it saturates."""
    return -2 * ops.sigmoid(-2 * (_products(rows) / rows.shape[-1] + 1))


KERNELS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {kernel.__name__: kernel for kernel in (linear, cosine, polynomial, rbf, sigmoid)}
)
"""From rows (N, positions, C) to the kernel of all pairs (N, positions, positions), up to a constant."""


@dataclass(frozen=True)
class KPCACAM(ClassActivationMap, name="kpca_cam"):
    r"""KPCA-CAM: activations along the first component of kernel PCA, whatever the target.

    $$L_i = \pm \sqrt{\lambda}\, u_i, \qquad \tilde K u = \lambda u, \qquad
      \tilde K = H K H, \quad K_{ij} = k(A_i - \bar A, A_j - \bar A), \quad
      H = 1 - \tfrac{1}{hw} \mathbf 1 \mathbf 1^\top$$

    with the activations $A_i$ of all channels at position $i$, their mean $\bar A$ over space, and the
    largest eigenvalue $\lambda$; the sign is such that the map agrees with the mean activation, $\sum_i L_i
    \sum_c A_{ic} \ge 0$. A warning: it shows what the layer responds to most, and is the same whatever the
    target (target_free).

    Args:
        relu: keep positive values only. Default False: a component has two sides.
        kernel: `"sigmoid"` (default) tanh(x y / C + 1), `"rbf"` exp(-|x - y|^2 / C), `"polynomial"`
            (x y / C + 1)^3, `"linear"` x y, or `"cosine"`, with the number of channels C.

    Returns:
        values float32 (N, h, w) on the layer's grid, signed (at least 0 with `relu=True`), in the feature
        space's own units; not normalised. Zero where the largest eigenvalue is not positive.

    Raises:
        LayerError: the layer has more than 4096 positions, whose pairs would not fit.
        ParameterError: `gradients` or `backprop` is given: no gradient is taken.

    Cost:
        1 forward, no backward, and the eigenvectors of a matrix of positions by positions.

    Source:
        Karmani et al., KPCA-CAM: Visual Explainability of Deep Computer Vision Models using Kernel PCA, MMSP
        2024, with each channel's mean over space taken off before the kernel, as in the implementation in
        pytorch-grad-cam; kernels and their constants are as in scikit-learn's KernelPCA. Deviation: the
        sign is fixed.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.KPCACAM()(model, images).values.shape
        (2, 6, 6)
    """

    relu: bool = False
    kernel: str = "sigmoid"

    tags: ClassVar[frozenset[str]] = frozenset({"layer", "target_free"})
    backwards: ClassVar[int] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self.kernel, "kernel", KERNELS)

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """One channel only: the component, which is no weighted sum of channels."""
        count, *space, channels = activations.shape
        rows = ops.reshape(activations, (count, -1, channels))
        if rows.shape[1] > LARGEST:
            raise errors.LayerError(
                f"KPCA-CAM needs a layer of at most {LARGEST} positions; got a grid of {tuple(space)}, "
                f"{rows.shape[1]} positions; choose a later layer, or EigenCAM."
            )
        pairs = KERNELS[self.kernel](rows - ops.mean(rows, axis=1, keepdims=True))
        pairs = pairs - ops.mean(pairs, axis=1, keepdims=True)
        pairs = pairs - ops.mean(pairs, axis=2, keepdims=True)
        values, vectors = ops.eigh(pairs)
        # Shifted, so that the largest eigenvalue is the one of largest absolute value too.
        shifted = pairs - ops.minimum(values[:, :1, None], 0) * ops.eye(rows.shape[1])
        direction = refine_eigenvectors(shifted, vectors[:, :, -1:])
        largest = ops.sum(direction * ops.matmul(pairs, direction), axis=(1, 2))
        component = ops.sqrt(ops.relu(largest))[:, None] * direction[:, :, 0]
        component = agreement_sign(component, ops.sum(rows, axis=-1)) * component
        return ops.reshape(component, (count, *space, 1))
