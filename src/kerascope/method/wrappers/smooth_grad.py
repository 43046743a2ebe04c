"""SmoothGrad, VarGrad and SquareGrad: a method on noisy copies of each image."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.method.base import Method
from kerascope.method.gradient.saliency import Saliency
from kerascope.method.wrappers.base import Wrapper
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.variants import run_variants
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_number, check_whole

_GRADIENT = Saliency()


@dataclass(frozen=True)
class NoisyMethod(Wrapper):
    """Base class: a method on noisy copies of each image. Subclasses implement `summarize`.

    Copy k of every image has the noise of `numpy.random.default_rng([seed, k]).standard_normal` in the shape
    of one image, channels last, wherever the image stands in a batch. The target is chosen on the image
    without noise.

    Args:
        method: explains the copies: any method with the tag `"gradient"`; default `Saliency()`.
        samples: number of noisy copies, at least 1; default 25.
        sigma: standard deviation of the noise, as a share of each image's own range, its highest value less
            its lowest; at least 0; default 0.15.
        seed: of the noise, a whole number of at least 0.

    Raises:
        InputError: the model has several inputs and none was chosen.
        LayerError, RuleError, DisconnectedError: as the method.

    Cost:
        1 forward, and samples times the cost of the method. Memory does not grow with the samples.
    """

    method: Method = _GRADIENT
    samples: int = 25
    sigma: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if "gradient" not in self.method.tags:
            raise errors.ParameterError(
                "method must be one that follows gradients, with the tag 'gradient', such as ks.Saliency(); "
                f"got {self.method!r}."
            )
        check_whole(self.samples, "samples")
        check_whole(self.seed, "seed", 0)
        check_number(self.sigma, "sigma")

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """The tags of the method, which is random now and sums to nothing."""
        return super().tags | {"stochastic"}

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One to pin the target, and the method on each copy."""
        return 1 + self.samples * self.method.forwards

    @property
    def backwards(self) -> int:  # type: ignore[override]
        return self.samples * self.method.backwards

    @property
    def programs(self) -> int:  # type: ignore[override]
        """One to pin the target, and those of the method."""
        return 1 + self.method.programs

    @abstractmethod
    def summarize(self, count: int, mean: Array, squares: Array) -> Array:
        """The values, from the number of copies, their mean, and their summed squared distances from it."""

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The score of the image, which pins the target; then the method on each copy."""
        first = probe.run(None, images, target)
        pictures = HostImages.of(probe, first)
        axes = tuple(range(1, pictures.pixels.ndim))
        width = self.sigma * np.ptp(pictures.pixels, axis=axes, keepdims=True)

        def variant(index: int) -> Array:
            noise = np.random.default_rng([self.seed, index]).standard_normal(pictures.pixels.shape[1:])
            return pictures.to_inputs(pictures.pixels + width * noise)

        # Welford's sums, which lose nothing where the variance is small compared with the mean.
        mean, squares = np.zeros(1), np.zeros(1)
        alive, answer = False, first
        for index, answer, values in run_variants(probe, first, self.samples, variant, self.method.attribute):
            alive = alive or answer.alive
            away = values.astype("float64") - mean
            mean = mean + away / (index + 1)
            squares = squares + away * (values - mean)
        return replace(
            first,
            values=self.summarize(self.samples, mean, squares).astype("float32"),
            alive=alive,
            layers=answer.layers,
            placement=answer.placement,
            notes=answer.notes,
            warnings=answer.warnings,
        )


@dataclass(frozen=True)
class SmoothGrad(NoisyMethod, name="smooth_grad"):
    r"""SmoothGrad: the mean of a method over noisy copies of the image.

    $$V = \frac{1}{m} \sum_{k=1}^{m} M(x + \epsilon_k), \qquad
      \epsilon_k \sim \mathcal{N}\big(0, \sigma^2 (\max x - \min x)^2\big)$$

    with the image $x$ and a method $M$, the gradient by default. With $\sigma = 0$ it is the method itself.

    Returns:
        values float32, in the shape, sign and unit of the method's: (N, H, W, C), signed, for saliency.

    Source:
        Smilkov et al., SmoothGrad: removing noise by adding noise, 2017, section 2.1. Deviation: none; the
        sign is kept, and sigma is a share of the range of each image.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.SmoothGrad(ks.GradCAM(relu=False), samples=5)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    def summarize(self, count: int, mean: Array, squares: Array) -> Array:
        return mean


@dataclass(frozen=True)
class VarGrad(NoisyMethod, name="var_grad"):
    r"""VarGrad: the variance of a method over noisy copies of the image.

    $$V = \frac{1}{m} \sum_{k=1}^{m} \big(M(x + \epsilon_k) - \bar{M}\big)^2, \qquad
      \epsilon_k \sim \mathcal{N}\big(0, \sigma^2 (\max x - \min x)^2\big)$$

    with the image $x$, a method $M$, the gradient by default, and its mean $\bar{M}$ over the copies. A
    warning: it shows where the method is unsteady; where a network is linear around the image it is zero, so
    it need not peak at the evidence (tag `unlocalised`). In a model that computes in float16 rounding adds to
    the variance (tag `rounded`).

    Returns:
        values float32, in the shape of the method's, at least 0, in its unit squared.

    Source:
        Adebayo et al., Local Explanation Methods for Deep Neural Networks Lack Sensitivity to Parameter
        Values, 2018, section 2; the variance over the copies, divided by their number.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> bool((ks.VarGrad(samples=5)(model, images, target=1).values >= 0).all())
        True
    """

    @property
    def signed(self) -> bool:
        """A sum of squares is not."""
        return False

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the method, without a sign."""
        return (super().tags - {"signed"}) | {"unlocalised", "rounded"}

    def summarize(self, count: int, mean: Array, squares: Array) -> Array:
        return np.asarray(squares / count)


@dataclass(frozen=True)
class SquareGrad(NoisyMethod, name="square_grad"):
    r"""SquareGrad: the mean square of a method over noisy copies of the image.

    $$V = \frac{1}{m} \sum_{k=1}^{m} M(x + \epsilon_k)^2, \qquad
      \epsilon_k \sim \mathcal{N}\big(0, \sigma^2 (\max x - \min x)^2\big)$$

    with the image $x$ and a method $M$, the gradient by default: the square of SmoothGrad, plus VarGrad.

    Returns:
        values float32, in the shape of the method's, at least 0, in its unit squared.

    Source:
        Hooker et al., A Benchmark for Interpretability Methods in Deep Neural Networks, NeurIPS 2019, section
        4.2, as SmoothGrad-Squared. No deviations.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> bool((ks.SquareGrad(samples=5)(model, images, target=1).values >= 0).all())
        True
    """

    @property
    def signed(self) -> bool:
        """A sum of squares is not."""
        return False

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the method, without a sign."""
        return super().tags - {"signed"}

    def summarize(self, count: int, mean: Array, squares: Array) -> Array:
        return np.asarray(mean**2 + squares / count)
