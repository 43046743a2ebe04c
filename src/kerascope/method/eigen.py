"""Class activation maps that are a principal component: of the activations, or of what each contributes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from kerascope import errors
from kerascope.method.cam import ClassActivationMap, over_space

SILENT = 1e-5
"""A sum smaller than this part of the sum of absolute values is rounding, and has no sign."""
POLISHES = 4
"""Power steps behind an eigenvector, which undo the rounding of its decomposition."""


@dataclass(frozen=True)
class PrincipalMap(ClassActivationMap):
    """The family: a table with a row per position and a column per channel, seen along its first component.

    Args:
        relu: keep what is positive only. Default False, as in the paper: a component has two sides.
        centre: take each channel's mean over space off first, so that the component is that of the largest
            variance and the map has both signs. Default False: as it is.
    """

    relu: bool = False
    centre: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.centre, bool):
            raise errors.ParameterError(f"centre must be True or False; got {self.centre!r}.")

    @abstractmethod
    def table(self, activations: Any, gradients: Any) -> Any:
        """What is projected, (N, *spatial, C); the mean over its channels decides the sign of the map."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Each channel times its part of the first right singular vector."""
        table = self.table(activations, gradients)
        reference = ops.sum(table, axis=-1)
        if self.centre:
            table = table - ops.mean(table, axis=over_space(table), keepdims=True)
        channels = table * first_direction(table)
        return agreeing(ops.sum(channels, axis=-1), reference)[..., None] * channels


@dataclass(frozen=True)
class EigenCAM(PrincipalMap, name="eigen_cam"):
    r"""Eigen-CAM: activations along their first principal direction, whatever the target.

    $$L_{ij} = \pm \sum_c A_{ijc} V_c, \qquad A = U \Sigma V^\top$$

    with the activations $A$ of the layer as a table of positions and channels, and the first right singular
    vector $V$; the sign is such that the map agrees with the mean activation, $\sum_{ij} L_{ij} \sum_c
    A_{ijc} \ge 0$. A warning: it shows what the layer responds to most, and is the same
    whatever the target (target_free): it does not say what speaks for a class.

    Returns:
        values float32 (N, h, w) on the layer's grid, signed (at least 0 with `relu=True`), in units of the
        activations; not normalised. Behind a ReLU and without `centre`, it has no negative values.

    Raises:
        LayerError: the layer does not exist, cannot be read, or has no spatial extent.
        ParameterError: `gradients` or `backprop` is given: no gradient is taken.

    Cost:
        1 forward, no backward.

    Source:
        Muhammad and Yeasin, Eigen-CAM: Class Activation Map using Principal Components, IJCNN 2020, section
        III. The paper leaves the sign open. Deviations: the sign is fixed; implementations that centre and
        rectify are `centre=True, relu=True`.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.EigenCAM(relu=False)(model, images).values.shape
        (2, 6, 6)
    """

    tags: ClassVar[frozenset[str]] = frozenset({"layer", "target_free"})
    backwards: ClassVar[int] = 0

    def table(self, activations: Any, gradients: Any) -> Any:
        """The activations."""
        return activations


@dataclass(frozen=True)
class EigenGradCAM(PrincipalMap, name="eigen_grad_cam"):
    r"""Eigen-Grad-CAM: activation times gradient along its first principal direction.

    $$L_{ij} = \pm \sum_c X_{ijc} V_c, \qquad
      X_{ijc} = \frac{\partial s}{\partial A_{ijc}} A_{ijc} = U \Sigma V^\top$$

    with the activations $A$ of the layer, the pre-softmax score $s$, and the first right singular vector $V$;
    the sign is such that the map agrees with HiResCAM's, $\sum_{ij} L_{ij} \sum_c X_{ijc} \ge 0$.

    Returns:
        values float32 (N, h, w) on the layer's grid, signed (at least 0 with `relu=True`), in units of the
        score; not normalised.

    Raises:
        LayerError: the layer does not exist, cannot be read, has no spatial extent, or the score does not
            depend on it.
        RuleError: `backprop` is given, and no rectifier lies between the layer and the score.

    Cost:
        1 forward, and 1 backward per class from the score down to the layer only.

    Source:
        `EigenGradCAM` of Gildenblat et al., PyTorch library for CAM methods, 2021, after Muhammad and Yeasin
        2020; it has no paper of its own. Deviations: not centred, unless `centre=True`; the sign is fixed.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.EigenGradCAM(relu=False)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    def table(self, activations: Any, gradients: Any) -> Any:
        """What each place and channel contributes."""
        return gradients * activations


def agreeing(values: Any, reference: Any) -> Any:
    """The sign, 1 or -1 for each image, that a map needs to agree with another one.

    Args:
        values: (N, *spatial), a map of any sign.
        reference: (N, *spatial), the other one; where it says nothing, as behind a normalisation that makes
            the channels of each place sum to zero, the map itself is to have a positive sum.
    """
    axes = tuple(range(1, len(values.shape)))
    products = values * reference
    agreement = ops.sum(products, axis=axes, keepdims=True)
    size = ops.sum(ops.abs(products), axis=axes, keepdims=True)
    own = ops.sum(values, axis=axes, keepdims=True)
    return ops.where(ops.where(ops.abs(agreement) > SILENT * size, agreement, own) < 0, -1.0, 1.0)


def first_direction(table: Any) -> Any:
    """The first right singular vector of each image's table of positions and channels.

    Args:
        table: (N, *spatial, C).

    Returns:
        (N, 1, ..., 1, C) of length 1 and any sign.
    """
    count, *space, channels = table.shape
    rows = ops.reshape(table, (count, -1, channels))
    largest = ops.max(ops.abs(rows), axis=(1, 2), keepdims=True)
    rows = rows / ops.where(largest > 0, largest, 1.0)
    columns = ops.transpose(rows, (0, 2, 1))
    if rows.shape[1] < channels:
        products = ops.matmul(rows, columns)
        direction = polished(products, ops.eigh(products)[1][:, :, -1:])
        direction = _unit(ops.matmul(columns, direction))
    else:
        products = ops.matmul(columns, rows)
        direction = polished(products, ops.eigh(products)[1][:, :, -1:])
    return ops.reshape(direction, (count, *[1] * len(space), channels))


def polished(matrix: Any, vectors: Any) -> Any:
    """Eigenvectors (N, M, 1) of the largest eigenvalue, after some power steps.

    Args:
        matrix: (N, M, M), symmetric, without a negative eigenvalue as large.
        vectors: (N, M, 1), nearly the eigenvectors.
    """
    for _ in range(POLISHES):
        vectors = _unit(ops.matmul(matrix, vectors))
    return vectors


def _unit(vectors: Any) -> Any:
    """Vectors (N, C, 1) of length 1; zero where they are zero."""
    length = ops.sqrt(ops.sum(ops.square(vectors), axis=1, keepdims=True))
    return vectors / ops.where(length > 0, length, 1.0)
