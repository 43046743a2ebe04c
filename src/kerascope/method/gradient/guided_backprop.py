"""Guided backpropagation and deconvnet: the gradient at the image, with a rule at every rectifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kerascope.explanation import Reduction
from kerascope.method.gradient.base import InputGradient
from kerascope.rule import RULES, Rule


@dataclass(frozen=True)
class RuledGradient(InputGradient):
    """Base class: the gradient at the image, with a rule at every rectifier.

    Raises:
        RuleError: no rectifier lies between the input and the score; see
            `kerascope.probe.intercept.rectifier`.
    """

    backprop: ClassVar[str]

    tags: ClassVar[frozenset[str]] = InputGradient.tags | {"rectifier"}
    reduction: ClassVar[Reduction] = "max_abs"

    @property
    def rule(self) -> Rule | None:
        return RULES[self.backprop]

    def combine(self, image: Any, gradient: Any) -> Any:
        """The gradient itself."""
        return gradient


@dataclass(frozen=True)
class GuidedBackprop(RuledGradient, name="guided_backprop"):
    r"""Guided backpropagation: the gradient at the image that only positive gradients have reached.

    $$G_{ijc} = \frac{\partial s}{\partial x_{ijc}} \quad\text{with}\quad
      R^{l} = \max(R^{l+1}, 0)\, f'(z^{l}) \text{ at each rectifier } f$$

    with the gradient $R$ and the rectifier's input $z$; for a ReLU, $f'(z) = [z > 0]$. Sharp, and a warning:
    it shows edges that the network can see, and hardly changes with the class or with the weights of later
    layers (Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018). It is the same as
    `Saliency(backprop="guided")`.

    Returns:
        values float32 (N, H, W, C), signed, score per unit of the model's input, channels last; not
        normalised. The heat map is the largest absolute value over the channels.

    Source:
        Springenberg et al., Striving for Simplicity: The All Convolutional Net, ICLR workshop 2015, section
        3.4. Deviation: other rectifiers than ReLU take part, by their own derivative.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)),
        ...     keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer="ones", name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(),
        ...     keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.GuidedBackprop()(model, images, target=1).values.shape
        (2, 8, 8, 3)
    """

    backprop: ClassVar[str] = "guided"


@dataclass(frozen=True)
class Deconvnet(RuledGradient, name="deconvnet"):
    r"""Deconvnet: the score projected back to the image through rectified gradients.

    $$D_{ijc} = \frac{\partial s}{\partial x_{ijc}} \quad\text{with}\quad
      R^{l} = \max(R^{l+1}, 0) \text{ at each rectifier}$$

    with the gradient $R$, whatever the rectifier let through on the way forward. A warning: it hardly changes
    with the class, and need not peak at the evidence, since it lights up where rectifiers were closed. It is
    the same as `Saliency(backprop="deconvnet")`.

    Returns:
        values float32 (N, H, W, C), signed, score per unit of the model's input, channels last; not
        normalised. The heat map is the largest absolute value over the channels.

    Source:
        Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 2.1.
        Max-pooling returns the gradient to its maximum, as the paper's switches do. No deviations.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)),
        ...     keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer="ones", name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(),
        ...     keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.Deconvnet()(model, images, target=1).values.shape
        (2, 8, 8, 3)
    """

    tags: ClassVar[frozenset[str]] = RuledGradient.tags | {"unlocalised"}
    backprop: ClassVar[str] = "deconvnet"
