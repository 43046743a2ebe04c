"""The inputs of a metric: a batch of images that all metrics share, and an explanation of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation
from kerascope.method import Method
from kerascope.metric.probability import probability_of
from kerascope.metric.statistics import ranks
from kerascope.perturb import Masks, Stream
from kerascope.perturb.baseline import BaselineLike, as_baseline, make_baseline
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import on_pixels, pixels_of
from kerascope.perturb.variants import run_variants
from kerascope.probe import Answer, AnyProbe
from kerascope.target import TargetLike, as_target
from kerascope.typing import Array

T = TypeVar("T")


class EvalBatch:
    """Images, the model and the target: everything that is shared by the explanations under comparison.

    Values that several metrics or methods need (baselines, segments, a randomised model) are computed once;
    see `compute_once`.

    Args:
        probe: probe of the model.
        images: (N, ...) as the model takes them.
        target: the explained target.
        masks: bool (N, *spatial), True on the object, or None.
        labels: int (N,), the true classes, or None.
        memory: memory budget of a forward pass; see `kerascope.method.PerturbationMethod`.
        progress: draw progress bars.

    Raises:
        EvaluationError: masks or labels do not fit the images.
    """

    def __init__(
        self,
        probe: AnyProbe,
        images: Any,
        target: TargetLike,
        *,
        masks: Any = None,
        labels: Any = None,
        memory: int | str | None = None,
        progress: bool | None = None,
    ) -> None:
        self.probe, self.images, self.target = probe, images, as_target(target)
        self.memory, self.progress = memory, progress
        if self.target.class_axis:
            raise errors.EvaluationError(
                f"a target must be one number per image to be evaluated; {self.target.describe()} is several "
                "classes at once; evaluate one class at a time."
            )
        self._cache: dict[Hashable, Any] = {}
        self._dependencies: dict[Hashable, set[Hashable]] = {}
        self.costs: dict[Hashable, int] = {}
        """Forwards of each cached value by its key, without those of the cached values that it uses."""
        self.used_keys: set[Hashable] = set()
        """Keys of all cached values that were used."""
        self.masks = None if masks is None else self._check_shape("masks", masks, self.spatial).astype(bool)
        self.labels = None if labels is None else self._check_shape("labels", labels, ()).astype("int64")

    @cached_property
    def answer(self) -> Answer:
        """The scores of the images, with the target pinned; 1 forward."""
        return self.probe.run(None, self.images, self.target)

    @property
    def probability(self) -> Answer:
        """The probabilities of the target, where the model gives any; else the scores."""
        return self.compute_once("probability", lambda: probability_of(self.probe, self.images, self.answer))

    @cached_property
    def host_images(self) -> HostImages:
        """The images as NumPy arrays."""
        pixels_of(self.answer)  # raises where there are no pixels
        return HostImages.of(self.probe, self.answer, smooth=False)

    @property
    def spatial(self) -> tuple[int, ...]:
        """Size of the images in pixels."""
        return tuple(self.host_images.pixels.shape[1:-1])

    def __len__(self) -> int:
        return len(self.host_images.pixels)

    def compute_once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value cached under a key; compute it on first use, and record its cost."""
        if key not in self._cache:
            outside, self.used_keys = self.used_keys, set()
            forwards, shared = self.probe.forward_count, self.cache_cost
            try:
                self._cache[key] = compute()
            finally:
                inside, self.used_keys = self.used_keys, outside
            self._dependencies[key] = {key, *inside}
            self.costs[key] = self.probe.forward_count - forwards - (self.cache_cost - shared)
        self.used_keys |= self._dependencies[key]
        value: T = self._cache[key]
        return value

    @property
    def cache_cost(self) -> int:
        """Forwards of all cached values; see `compute_once`."""
        return sum(self.costs.values())

    def baseline(self, baseline: BaselineLike) -> Array:
        """A baseline for every image, (N, *spatial, C); see `kerascope.method.PerturbationMethod`."""
        return self.compute_once(
            ("baseline", baseline), lambda: make_baseline(as_baseline(baseline), self.host_images, 0, 0)[0]
        )

    def scores(
        self,
        masks: Masks,
        codes: Mapping[int, Array],
        baseline: BaselineLike,
        *,
        resident: Mapping[str, Array] | None = None,
        probability: bool = False,
        title: str = "",
    ) -> Array:
        """Return the scores of the images under masks.

        Args:
            masks: the kind of mask.
            codes: codes (m, d) of the masks of each image.
            baseline: replacement of the masked pixels.
            resident: further arguments of the masks.
            probability: return probabilities instead of scores.
            title: title of the progress bar.

        Returns:
            (N, m) float64, padded with NaN where images have different numbers of masks.

        Cost:
            m forwards per image.
        """
        counts = [len(codes[image]) for image in range(len(self))]
        with Stream(
            self.probe,
            self.probability if probability else self.answer,
            masks,
            self.host_images.pixels,
            [self.baseline(baseline)],
            resident=resident or {},
            memory=self.memory,
            progress=self.progress,
            expected=max(counts),
            title=title,
        ) as stream:
            found = stream.scores(codes)
        if stream.failure is not None:
            raise stream.failure
        if stream.stopped:
            raise KeyboardInterrupt
        scores = np.full((len(self), max(counts)), np.nan)
        for image, count in enumerate(counts):
            scores[image, :count] = found[image][:, 0]
        return scores

    def run_variants(
        self,
        method: Method | None,
        count: int,
        make_pixels: Callable[[int], Array],
        probability: bool = False,
    ) -> Iterator[Array]:
        """Yield the scores (N,) of variants of the images, or their maps (N, *spatial), in order.

        Args:
            method: explains the variants; None for scores alone.
            count: number of variants.
            make_pixels: returns variant k, (N, *spatial, C).
            probability: yield probabilities instead of scores.

        Cost:
            `count` forwards per image, or `count` explanations.
        """

        def run(probe: AnyProbe, images: Any, target: Any) -> Answer:
            return (
                probe.run(None, images, target) if method is None else method.attribute(probe, images, target)
            )

        def make_variant(index: int) -> Array:
            return self.host_images.to_inputs(make_pixels(index))

        answer = self.probability if probability else self.answer
        for _, variant, values in run_variants(self.probe, answer, count, make_variant, run):
            yield values if method is None else self._maps(method, variant)

    @staticmethod
    def _maps(method: Method, answer: Answer) -> Array:
        """Return a method's values as maps of the size of the images, float64 (N, *spatial)."""
        return np.asarray(on_pixels(answer, method.reduction), "float64")

    def explain(
        self, method: Method, *, probe: AnyProbe | None = None, images: Any = None, target: Any = None
    ) -> Array:
        """Return the maps of another explanation, float64 (N, *spatial); by default of the same question.

        Args:
            method: explains the images.
            probe: probe of another model.
            images: other images, as the model takes them.
            target: another target.
        """
        answer = method.attribute(
            self.probe if probe is None else probe,
            self.images if images is None else images,
            self.answer.pinned if target is None else target,
        )
        return self._maps(method, answer)

    def _check_shape(self, name: str, given: Any, shape: tuple[int, ...]) -> Array:
        array = np.asarray(given)
        expected = (len(self), *shape)
        if array.shape != expected:
            raise errors.EvaluationError(
                f"{name} must be of shape {expected}, one entry per image; got {array.shape}; "
                f"{'resize them to the images' if shape else 'give one class per image'}."
            )
        return array


@dataclass(frozen=True, eq=False)
class EvalItem:
    """An explanation of a batch.

    Args:
        batch: the images, the model and the target.
        explanation: the explanation of these images.
        method: the method that computed it, or None where it is unknown.

    Raises:
        EvaluationError: the explanation belongs to other images.
    """

    batch: EvalBatch
    explanation: Explanation
    method: Method | None = None

    def __post_init__(self) -> None:
        explanation, batch = self.explanation, self.batch
        if len(explanation) != len(batch) or explanation.input_size != batch.spatial:
            raise errors.EvaluationError(
                f"an explanation must belong to the images on which it is measured; it has "
                f"{len(explanation)} images of size {explanation.input_size}, and there are "
                f"{len(batch)} of size {batch.spatial}; explain these images."
            )

    @cached_property
    def maps(self) -> Array:
        """The heat maps, float64 (N, *spatial), signed where the method is, not normalised."""
        return np.asarray(self.explanation.heatmaps(), "float64")

    @cached_property
    def is_informative(self) -> Array:
        """bool (N,): the map is finite and varies; see `Explanation.flat`."""
        return ~self.explanation.flat

    @cached_property
    def relevance(self) -> Array:
        """The maps as rows, (N, pixels); zeros where a map is not informative."""
        return np.where(self.is_informative[:, None], self.maps.reshape(len(self.maps), -1), 0.0)

    @cached_property
    def positive(self) -> Array:
        """The positive relevance, max(0, a), (N, pixels)."""
        return np.maximum(self.relevance, 0.0)

    @cached_property
    def unit_maps(self) -> Array:
        """The positive relevance of each image scaled to 0 to 1, (N, *spatial); zeros if constant."""
        low = self.positive.min(axis=1, keepdims=True)
        span = self.positive.max(axis=1, keepdims=True) - low
        unit = (self.positive - low) / np.where(span > 0, span, 1.0)
        return np.asarray(unit.reshape(len(unit), *self.batch.spatial))

    def ranks(self, seed: int) -> Array:
        """Return the rank of each pixel, the most relevant first, int64 (N, pixels)."""
        return self.compute_once(("ranks", seed), lambda: ranks(self.relevance, seed))

    @cached_property
    def _cache(self) -> dict[Hashable, Any]:
        return {}

    def compute_once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value cached under a key for this explanation; compute it on first use."""
        if key not in self._cache:
            self._cache[key] = compute()
        value: T = self._cache[key]
        return value
