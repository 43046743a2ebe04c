"""Blur integrated gradients: a path that needs no baseline, from a blurred image into focus."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kerascope.method.path.base import Path, PathMethod, PathStep, integrate_paths
from kerascope.perturb.host_images import HostImages
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_positive


@dataclass(frozen=True)
class BlurIntegratedGradients(PathMethod, name="blur_integrated_gradients"):
    r"""Blur integrated gradients: the change of the score as the image comes into focus.

    $$V_i = \sum_{k=0}^{n-1} (x^{k+1}_i - x^{k}_i)\,
      \frac{\partial s}{\partial x_i}\Big(\frac{x^{k} + x^{k+1}}{2}\Big), \qquad
      x^{k} = G_{\sigma (1 - k/n)} * x$$

    with the image $x$ behind Gaussians $G$ whose sigma falls from $\sigma$ to 0. No baseline has to be
    chosen, and nothing is compared with black. Values sum to the score of the image less the score of the
    most blurred one.

    Args:
        steps: number of steps into focus, at least 1; default 50.
        max_sigma: the widest Gaussian, in pixels, above 0; None for a sixth of the longest side, as the
            paper's 50 pixels of 299.

    Returns:
        values float32 (N, H, W, C), signed, in units of the score, channels last; not normalised. The heat
        map is the sum over the channels.

    Raises:
        InputError: the input has no spatial axes.

    Cost:
        steps + 2 forwards, and steps + 1 backwards per class: the steps, and the blurred image for its score.
        Memory does not grow with the steps.

    Source:
        Xu, Venugopalan and Sundararajan, Attribution in Scale and Space, CVPR 2020, equation 3. Deviation:
        the gradient is taken half way between two blurs and multiplied with their difference, in place of a
        difference quotient in sigma, so that the sum closes.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.BlurIntegratedGradients(steps=8)(model, images, target=1).notes
        ('baseline: the image blurred by a Gaussian of sigma 1.33 pixels',)
    """

    max_sigma: float | None = None

    tags: ClassVar[frozenset[str]] = PathMethod.tags | {"rounded"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_sigma is not None:
            check_positive(self.max_sigma, "max_sigma")

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The score of the image, and the gradient at every step."""
        return integrate_paths(self.steps, probe, images, target, self.paths)

    def paths(self, pictures: HostImages) -> Sequence[Path]:
        """One path, into focus; each blur is the end of a step and the beginning of the next."""
        sigma = max(pictures.spatial) / 6 if self.max_sigma is None else float(self.max_sigma)

        @functools.lru_cache(maxsize=2)
        def blur(index: int) -> Array:
            return pictures.blur(sigma * (1 - index / self.steps))

        def step(index: int) -> PathStep:
            before, after = blur(index), blur(index + 1)
            return (before + after) / 2, after - before

        return [Path(blur(0), step, f"the image blurred by a Gaussian of sigma {sigma:.3g} pixels")]
