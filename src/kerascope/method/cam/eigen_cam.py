"""Eigen-CAM and Eigen-Grad-CAM: the first principal component of a layer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from kerascope.method.cam.base import ClassActivationMap
from kerascope.method.cam.principal import principal_component
from kerascope.validation import check_flag


@dataclass(frozen=True)
class PrincipalMap(ClassActivationMap):
    """Base class: a table with a row per position and a column per channel, seen along its first component.

    Args:
        relu: keep positive values only. Default False, as in the paper: a component has two sides.
        centre: take each channel's mean over space off first, so that the component has the largest
            variance and the map both signs. Default False: as it is.
    """

    relu: bool = False
    centre: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag(self.centre, "centre")

    @abstractmethod
    def table(self, activations: Any, gradients: Any) -> Any:
        """The table to project, (N, *spatial, C); the mean over its channels decides the sign of the map."""

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Each channel times its part of the first right singular vector."""
        return principal_component(self.table(activations, gradients), self.centre)


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
