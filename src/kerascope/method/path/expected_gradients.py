"""Expected gradients: random points on the ways from many baselines, in place of steps along one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from kerascope.explanation import Reduction
from kerascope.method.base import Method
from kerascope.method.gradient.saliency import Saliency
from kerascope.method.path.base import add_class_axis
from kerascope.perturb.baseline import (
    BaselineLike,
    as_baseline,
    check_fits,
    describe_baselines,
    make_baseline,
    parts_of,
)
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.variants import run_variants
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_whole


@dataclass(frozen=True)
class ExpectedGradients(Method, name="expected_gradients"):
    r"""Expected gradients: integrated gradients averaged over random baselines, one point of each path.

    $$V_i = \frac{1}{m} \sum_{j=0}^{m-1} (x_i - x^{j}_i)\,
      \frac{\partial s}{\partial x_i}\big(x^{j} + \alpha_j (x - x^{j})\big), \qquad
      \alpha_j = \frac{j + u_j}{m}$$

    with the image $x$, $m$ samples, baselines $x^{j}$ and $u_j$ uniform in [0, 1): one alpha from each of $m$
    equal strata, so that the whole path is covered. Also known as GradientSHAP. The values sum to the score
    less the mean score of the baselines in expectation only, so no completeness gap is given.

    A warning (tag `rounded`): a model that computes in float16 rounds the points, and its map differs more
    from that in float32 than the gradient at the image does.

    Args:
        samples: number of points, at least 1; default 50.
        baseline: see `kerascope.IntegratedGradients`; default `"noise"`, drawn again for each sample. A tuple
            is a background set, such as `tuple(training_images[:100])`: its members are taken in turn, in a
            random order, each as often as another or once more. They are pictures, signals, volumes or rows
            of numbers, as the model takes them; of a model with several inputs, those of the explained one,
            while the others stay as they are.
        seed: of all that is drawn, a whole number of at least 0.

    Returns:
        values float32 (N, H, W, C), signed, in units of the score, channels last; not normalised. The heat
        map is the sum over the channels.

    Raises:
        DisconnectedError: the score does not depend on the input, or not differentiably.
        InputError: the model has several inputs and none was chosen, or the baseline does not fit the images.

    Cost:
        1 + samples forwards, and as many backwards per class as samples.

    Source:
        Erion et al., Improving performance of deep learning models with axiomatic attribution priors and
        expected gradients, 2021, equation 2; Lundberg and Lee, 2017, as GradientSHAP. Deviations: alphas are
        stratified, which has less variance; the default baseline is noise, since the training set is not
        known; no noise is added to the image.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> background = tuple(np.random.default_rng(1).random((5, 8, 8, 3)))
        >>> ks.ExpectedGradients(baseline=background)(model, images, target=1).values.shape
        (2, 8, 8, 3)
    """

    samples: int = 50
    baseline: BaselineLike = "noise"
    seed: int = 0

    tags: ClassVar[frozenset[str]] = frozenset({"input", "gradient", "signed", "stochastic", "rounded"})
    programs: ClassVar[int] = 2
    reduction: ClassVar[Reduction] = "sum"

    def __post_init__(self) -> None:
        check_whole(self.samples, "samples")
        check_whole(self.seed, "seed", 0)
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One to pin the target, and the samples."""
        return 1 + self.samples

    @property
    def backwards(self) -> int:  # type: ignore[override]
        return self.samples

    def draws(self) -> tuple[Array, Array]:
        """Alpha of each sample, and the number of its baseline.

        From `numpy.random.default_rng(seed)`: first `random(samples)` for the places within the strata, then
        the first `samples` of a permutation as long as there are samples or baselines, whichever are more,
        modulo the number of baselines.
        """
        random = np.random.default_rng(self.seed)
        alphas = (np.arange(self.samples) + random.random(self.samples)) / self.samples
        baselines = len(parts_of(self.baseline))
        return alphas, random.permutation(max(self.samples, baselines))[: self.samples] % baselines

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The score of the image, which pins the target; then the gradient at every sample."""
        first = probe.run(None, images, target)
        pictures = HostImages.of(probe, first)
        alphas, numbers = self.draws()
        parts = parts_of(self.baseline)
        check_fits(self.baseline, pictures)
        waiting: dict[int, Array] = {}
        notes: dict[int, str] = {}

        def variant(index: int) -> Array:
            which = int(numbers[index])
            start, notes[which] = make_baseline(parts[which], pictures, self.seed, index)
            waiting[index] = pictures.pixels - start
            return pictures.to_inputs(start + alphas[index] * waiting[index])

        values, alive, answer = np.zeros(1), False, first
        for index, answer, gradients in run_variants(
            probe, first, self.samples, variant, Saliency().attribute
        ):
            alive = alive or answer.alive
            values = values + gradients * add_class_axis(waiting.pop(index), first.scores)
        return replace(
            first,
            alive=alive,
            layers=answer.layers,
            values=(values / self.samples).astype("float32"),
            notes=(describe_baselines([notes[which] for which in sorted(notes)]),),
        )
