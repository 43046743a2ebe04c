"""HiResCAM, and element-wise Grad-CAM: gradient times activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

from kerascope.method.cam.base import ClassActivationMap


@dataclass(frozen=True)
class HiResCAM(ClassActivationMap, name="hires_cam"):
    r"""HiResCAM: gradient times activation, place by place.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c \frac{\partial s}{\partial A_{ijc}} A_{ijc}\Big)$$

    with the activations $A$ of the layer and the pre-softmax score $s$. Where the score is linear in the
    layer, the signed map sums to the score less its bias, which Grad-CAM's need not.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`), in units of the
        score; not normalised.

    Source:
        Draelos and Carin, Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
        networks, 2020, equation 4. Deviation: a ReLU, as the field uses it; the paper's map is `relu=False`.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.HiResCAM(relu=False)(model, images, target=1)
        >>> np.allclose(found.values.sum(axis=(1, 2)), found.scores, atol=1e-5)
        True
    """

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Equation 4, before the sum."""
        return gradients * activations


@dataclass(frozen=True)
class ElementWiseCAM(HiResCAM, name="element_wise_cam"):
    r"""Element-wise Grad-CAM: gradient times activation, rectified before channels are summed.

    $$L_{ij} = \sum_c \mathrm{ReLU}\Big(\frac{\partial s}{\partial A_{ijc}} A_{ijc}\Big)$$

    with the activations $A$ of the layer and the pre-softmax score $s$. Behind a ReLU it is LayerCAM. Unlike
    HiResCAM, evidence against the class in one channel does not outweigh evidence for it in another.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0, in units of the score; not normalised. With
        `relu=False` nothing is dropped, which is HiResCAM's signed map.

    Source:
        `GradCAMElementWise` of Gildenblat et al., PyTorch library for CAM methods, 2021; it has no paper of
        its own. Deviation: none by default.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.ElementWiseCAM(relu=False)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Gradient times activation, rectified channel by channel."""
        channels = super().weigh(activations, gradients)
        return ops.relu(channels) if self.relu else channels
