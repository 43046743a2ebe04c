"""Integrated gradients: the gradient along the straight way from a baseline to the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kerascope.method.path.base import BaselinePath, Path, PathStep, integrate_paths
from kerascope.perturb.host_images import HostImages
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array


@dataclass(frozen=True)
class IntegratedGradients(BaselinePath, name="integrated_gradients"):
    r"""Integrated gradients: the change of the score from a baseline to the image, shared out among pixels.

    $$V_i = (x_i - x'_i) \frac{1}{n} \sum_{k=0}^{n-1}
      \frac{\partial s}{\partial x_i}\Big(x' + \frac{k + 1/2}{n} (x - x')\Big)$$

    with the image $x$, the baseline $x'$ and $n$ steps. Values sum to $s(x) - s(x')$ up to the error of the
    midpoint rule: `Explanation.completeness_gap`. Deep networks bend much on the way from black: where the
    gap is wide, take more steps.

    Returns:
        values float32 (N, H, W, C), signed, in units of the score, channels last; not normalised. The heat
        map is the sum over the channels.

    Cost:
        1 + B (steps + 1) forwards, and B (steps + 1) backwards per class, with B baselines: the steps, and
        the baseline for its score. Memory does not grow with the steps.

    Source:
        Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017, equations 1 and 3.
        Deviation: the midpoint rule, whose error is much smaller than the right sum's of the paper.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> result = ks.IntegratedGradients(baseline=0.5)(model, images, target=1)
        >>> result.notes, bool((abs(result.completeness_gap) < 0.01).all())
        (('baseline: 0.5 everywhere',), True)
    """

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The score of the image, and the gradient at every step."""
        return integrate_paths(self.steps, probe, images, target, self.paths)

    def paths(self, pictures: HostImages) -> Sequence[Path]:
        """Straight lines."""
        return [
            Path(start, self._line(start, pictures.pixels), note) for start, note in self.baselines(pictures)
        ]

    def _line(self, start: Array, image: Array) -> Callable[[int], PathStep]:
        step = (image - start) / self.steps
        return lambda index: (start + (index + 0.5) * step, step)
