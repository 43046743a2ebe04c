"""CAM, Grad-CAM, Grad-CAM++ and XGrad-CAM: one weight for each channel."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from kerascope.method.cam.base import ClassActivationMap, mean_over_space, spatial_axes
from kerascope.probe import Answer, AnyProbe, Internals, require_probe
from kerascope.probe.graph.pooled_head import check_pooled_head
from kerascope.target import Target

CANCELLED = 1e-6
"""Sums smaller than this part of the sum of absolute values are rounding, not numbers to divide by."""


@dataclass(frozen=True)
class CAM(ClassActivationMap, name="cam"):
    r"""CAM: channels weighted by the class's row of the last layer, exact where the head is linear.

    $$M_{ij} = \sum_k w_k A_{ijk}, \qquad w_k = \sum_{ij} \frac{\partial s}{\partial A_{ijk}}$$

    with the activations $A$ of the layer and the pre-softmax score $s$. The layer must be followed by a mean
    over space and one linear layer alone; there $w_k$ is that layer's weight from channel k to the class, and
    the mean of $M$ over space, plus the bias, is the score: the map leaves nothing out. That holds for
    targets that are linear in the scores: a class, a contrast. A warning: other heads are refused, not
    approximated.

    Args:
        relu: see `ClassActivationMap`; here False by default, as in the paper.

    Returns:
        values float32 (N, h, w) on the layer's grid, signed (at least 0 with `relu=True`), in units of the
        score; not normalised.

    Raises:
        HeadError: between the layer and the score there is something else than global average pooling,
            layers that change nothing (Dropout, Flatten, Reshape, Identity) and one linear Dense or 1x1
            convolution, or something that cannot be followed, as in the `call` of a subclassed model.

    Source:
        Zhou et al., Learning Deep Features for Discriminative Localization, CVPR 2016, equation 2.
        Deviations: the weights are read from the gradient, which is the same; the paper sums over space where
        networks average, so that its map of such a network is this one.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(),
        ...     keras.layers.Dense(3, activation="softmax", bias_initializer="ones")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.CAM()(model, images, target=1)
        >>> np.allclose(found.values.mean(axis=(1, 2)) + 1, found.scores, atol=1e-5)
        True
    """

    relu: bool = False

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"pooled_head"}

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Equation 2, before the sum."""
        return ops.sum(gradients, axis=spatial_axes(gradients), keepdims=True) * activations

    def attribute_with(
        self, compute: Callable[[Internals], Any], key: Hashable, probe: AnyProbe, images: Any, target: Target
    ) -> Answer:
        """As every class activation map, where the head is one that it is exact for."""
        answer = super().attribute_with(compute, key, probe, images, target)
        check_pooled_head(require_probe(probe).graph(images), answer.layers, target)
        return answer


@dataclass(frozen=True)
class GradCAM(ClassActivationMap, name="grad_cam"):
    r"""Grad-CAM: channels weighted by their mean gradient.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c w_c A_{ijc}\Big), \qquad
      w_c = \frac{1}{hw} \sum_{ij} \frac{\partial s}{\partial A_{ijc}}$$

    with the activations $A$ of the layer and the pre-softmax score $s$. A warning (averaged): behind a
    Flatten each place has weights of its own, and the mean gradient, one number per channel, loses where
    things are. `HiResCAM` does not average.

    Args:
        gradients: see `ClassActivationMap`; `"negative"` shows what speaks against the class.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`), in units of the
        score; not normalised.

    Source:
        Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization,
        ICCV 2017, equations 1 and 2. No deviations by default; the map stays on the layer's grid until
        `heatmaps()`.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.GradCAM(relu=False)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"averaged"}

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Equations 1 and 2 of the paper, before the sum."""
        return mean_over_space(gradients) * activations


@dataclass(frozen=True)
class GradCAMPlusPlus(ClassActivationMap, name="grad_cam_plus_plus"):
    r"""Grad-CAM++: positive gradients, weighted so that each occurrence of an object counts.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c w_c A_{ijc}\Big), \qquad
      w_c = \sum_{ij} \alpha_{ijc} \, \mathrm{ReLU}(g_{ijc}), \qquad
      \alpha_{ijc} = \frac{g_{ijc}^2}{2 g_{ijc}^2 + g_{ijc}^3 \sum_{ab} A_{abc}}$$

    with the activations $A$ of the layer and the gradient $g$ of the pre-softmax score at them; $\alpha$ is 0
    where $g$ is, or where the denominator is. A warning (averaged): as `GradCAM`, it loses where things are
    behind a Flatten.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`: only where
        activations are negative, since weights never are); not normalised.

    Source:
        Chattopadhay et al., Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep Convolutional
        Networks, WACV 2018, equations 5, 10 and 19. The paper explains exp(s), so that powers of the gradient
        of s replace higher derivatives. Deviation: the weights use the gradient of s, not of exp(s);
        the factor exp(s) is the same for all channels of an image, and overflows.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(),
        ...     keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.GradCAMPlusPlus(relu=False)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"averaged"}

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Equation 19 with the weights of equation 5, before the sum."""
        space = spatial_axes(gradients)
        # Divided through by the square of g, whose cube would vanish in float32.
        denominator = 2 + gradients * ops.sum(activations, axis=space, keepdims=True)
        alpha = ops.where(denominator != 0, 1 / ops.where(denominator != 0, denominator, 1.0), 0.0)
        return ops.sum(alpha * ops.relu(gradients), axis=space, keepdims=True) * activations


@dataclass(frozen=True)
class XGradCAM(ClassActivationMap, name="xgrad_cam"):
    r"""XGrad-CAM: gradients averaged with the activations as weights.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c w_c A_{ijc}\Big), \qquad
      w_c = \sum_{ij} \frac{A_{ijc}}{\sum_{ab} A_{abc}} \frac{\partial s}{\partial A_{ijc}}$$

    with the activations $A$ of the layer and the pre-softmax score $s$. So the map sums to the same as
    activation times gradient does. A channel whose activations sum to zero gets no weight. A warning
    (averaged): as `GradCAM`, it loses where things are behind a Flatten.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`), in units of the
        score; not normalised.

    Source:
        Fu et al., Axiom-based Grad-CAM: Towards Accurate Visualization and Explanation of CNNs, BMVC 2020,
        equation 8. Made for layers behind a ReLU: where activations have both signs, their sum can be small
        and the weight large. Deviation: a sum below a millionth of the sum of absolute values counts as zero.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.XGradCAM(relu=False)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"averaged"}

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Equation 8, before the sum."""
        space = spatial_axes(gradients)
        total = ops.sum(activations, axis=space, keepdims=True)
        size = ops.sum(ops.abs(activations), axis=space, keepdims=True)
        usable = ops.abs(total) > CANCELLED * size
        weighted = ops.sum(activations * gradients, axis=space, keepdims=True)
        weights = ops.where(usable, weighted / ops.where(usable, total, 1.0), 0.0)
        return weights * activations
