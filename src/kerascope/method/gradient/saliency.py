"""Saliency and input times gradient: the gradient at the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kerascope.explanation import Reduction
from kerascope.method.gradient.base import InputGradient
from kerascope.method.gradient.modifier import UNSIGNED, Modifier, apply_modifier, check_modifier
from kerascope.rule import Rule, get_rule


@dataclass(frozen=True)
class Saliency(InputGradient, name="saliency"):
    r"""Saliency: how fast the score changes with each pixel.

    $$S_{ijc} = \frac{\partial s}{\partial x_{ijc}}$$

    with the image $x$ and the pre-softmax score $s$. The heat map is $\max_c |S_{ijc}|$.

    Args:
        gradients: what to look at of the gradient: None for all of it, `"positive"`, `"negative"` (what
            speaks against the class), `"negate"`, `"absolute"`, `"invert"`, `"small_values"`, or a function;
            see `kerascope.method.gradient.modifier`.
        backprop: the gradient rule of rectifiers: None for their own gradient, `"guided"` or `"deconvnet"`;
            see `kerascope.rule`.

    Returns:
        values float32 (N, H, W, C), signed, score per unit of the model's input, channels last; not
        normalised.

    Raises:
        RuleError: `backprop` is given, and no rectifier lies on the way from the input to the score.

    Source:
        Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, 2013, section 3. Deviation:
        values keep sign and channels; the paper's max over channels of the absolute value is taken in
        `heatmaps()`.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> result = ks.Saliency()(model, images, target=1)
        >>> result.values.shape, result.heatmaps().shape
        ((2, 8, 8, 3), (2, 8, 8))
    """

    gradients: Modifier = None
    backprop: str | None = None

    reduction: ClassVar[Reduction] = "max_abs"

    def __post_init__(self) -> None:
        check_modifier(self.gradients)
        get_rule(self.backprop)

    @property
    def signed(self) -> bool:
        """Some modifiers leave no sign."""
        return self.gradients not in UNSIGNED

    @property
    def rule(self) -> Rule | None:
        return get_rule(self.backprop)

    def combine(self, image: Any, gradient: Any) -> Any:
        """The gradient itself."""
        return apply_modifier(gradient, self.gradients)


@dataclass(frozen=True)
class InputXGradient(InputGradient, name="input_x_gradient"):
    r"""Input times gradient: what each pixel adds to the score, were the model a plane through the origin.

    $$V_{ijc} = x_{ijc} \frac{\partial s}{\partial x_{ijc}}$$

    with the image $x$ and the pre-softmax score $s$. Where the model is made of ReLUs and has no biases, the
    values sum to the score. A pixel that is 0 in the model's own units gets nothing, whatever it shows.

    Returns:
        values float32 (N, H, W, C), signed, in units of the score, channels last; not normalised. The heat
        map is the sum over the channels.

    Source:
        Shrikumar et al., Not Just a Black Box: Learning Important Features Through Propagating Activation
        Differences, 2016, section 2. No deviations.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.InputXGradient()(model, images, target=1).values.shape
        (2, 8, 8, 3)
    """

    reduction: ClassVar[Reduction] = "sum"

    def combine(self, image: Any, gradient: Any) -> Any:
        """Pixel by pixel."""
        return image * gradient
