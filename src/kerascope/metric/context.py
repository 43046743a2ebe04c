"""What a metric looks at: images with what is known of them, and an explanation of these."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation, reduce_channels
from kerascope.method import Method
from kerascope.metric.probability import chance_of
from kerascope.metric.ranking import ranks
from kerascope.perturb import Masks, Stream
from kerascope.perturb.baseline import BaselineLike, as_baseline, make_baseline
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import pixels_of
from kerascope.perturb.variants import run_variants
from kerascope.probe import Answer, Probe
from kerascope.resize import resize
from kerascope.target import TargetLike, as_target
from kerascope.typing import Array

Made = TypeVar("Made")


class Subject:
    """Images, the model and what is explained: what all explanations that are compared have in common.

    What several metrics or methods need (baselines, segments, a randomised model) is made once: see `once`.

    Args:
        probe: of the model.
        images: (N, ...) as the model takes them.
        target: what is explained.
        masks: bool (N, *spatial), where the object is, or None.
        labels: int (N,), the true classes, or None.
        memory: the budget of passes; see `kerascope.method.PerturbationMethod`.
        progress: draw progress bars.

    Raises:
        EvaluationError: masks or labels do not fit the images.
    """

    def __init__(
        self,
        probe: Probe,
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
        self._made: dict[Hashable, Any] = {}
        self.costs: dict[Hashable, int] = {}
        """Forwards that went into what was made, by its key, without those of what it was made of."""
        self.needed: set[Hashable] = set()
        """Keys of all that was asked for."""
        self._needs: dict[Hashable, set[Hashable]] = {}
        self.masks = None if masks is None else self._fitting("masks", masks, self.spatial).astype(bool)
        self.labels = None if labels is None else self._fitting("labels", labels, ()).astype("int64")

    @cached_property
    def first(self) -> Answer:
        """The scores of the images, which pin the target; 1 forward."""
        return self.probe.run(None, self.images, self.target)

    @property
    def chance(self) -> Answer:
        """The same about the probability of what is explained, where the model gives one."""
        return self.once("chance", lambda: chance_of(self.probe, self.images, self.first))

    @cached_property
    def pictures(self) -> HostImages:
        """The images on the host."""
        pixels_of(self.first)  # raises where there are no pixels
        return HostImages.of(self.probe, self.first, smooth=False)

    @property
    def spatial(self) -> tuple[int, ...]:
        """Size of the images in pixels."""
        return tuple(self.pictures.pixels.shape[1:-1])

    def __len__(self) -> int:
        return len(self.pictures.pixels)

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, made when it is first asked for under this key."""
        if key not in self._made:
            outside, self.needed = self.needed, set()
            forwards, others = self.probe.forward_count, self.charged
            try:
                self._made[key] = make()
            finally:
                inside, self.needed = self.needed, outside
            self._needs[key] = {key, *inside}
            self.costs[key] = self.probe.forward_count - forwards - (self.charged - others)
        self.needed |= self._needs[key]
        found: Made = self._made[key]
        return found

    @property
    def charged(self) -> int:
        """Forwards that went into all that was made: see `once`."""
        return sum(self.costs.values())

    def baseline(self, baseline: BaselineLike) -> Array:
        """A baseline for every image, (N, *spatial, C); see `kerascope.method.PerturbationMethod`."""
        return self.once(
            ("baseline", baseline), lambda: make_baseline(as_baseline(baseline), self.pictures, 0, 0)[0]
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
        """Scores of the images under masks.

        Args:
            masks: the kind of mask.
            codes: for each image, the codes (m, d) of its masks.
            baseline: what stands where something was removed.
            resident: what the masks need of the images.
            probability: give the probability instead of the score.
            title: of the progress bar.

        Returns:
            (N, m) float64, filled up with NaN where images have masks in different numbers.

        Cost:
            m forwards per image.
        """
        counts = [len(codes[image]) for image in range(len(self))]
        with Stream(
            self.probe,
            self.chance if probability else self.first,
            masks,
            self.pictures.pixels,
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

    def variants(
        self,
        method: Method | None,
        count: int,
        pixels: Callable[[int], Array],
        probability: bool = False,
    ) -> Iterator[tuple[int, Array]]:
        """Scores of variants of the images, or maps of them.

        Args:
            method: what explains them; None for scores alone.
            count: number of variants.
            pixels: of variant k, (N, *spatial, C).
            probability: give the probability instead of the score.

        Yields:
            The number of the variant, and its scores (N,) or maps (N, *spatial).

        Cost:
            `count` forwards per image, or `count` explanations.
        """

        def attribute(probe: Probe, images: Any, target: Any) -> Answer:
            return (
                probe.run(None, images, target) if method is None else method.attribute(probe, images, target)
            )

        def variant(number: int) -> Array:
            return self.pictures.to_inputs(pixels(number))

        first = self.chance if probability else self.first
        for number, _, values in run_variants(self.probe, first, count, variant, attribute):
            yield number, values if method is None else self.maps(method, values)

    def maps(self, method: Method, values: Array) -> Array:
        """Values of a method as maps in the size of the images, float64 (N, *spatial)."""
        return np.asarray(resize(reduce_channels(values, method.reduction), self.spatial, 1), "float64")

    def _fitting(self, name: str, given: Any, shape: tuple[int, ...]) -> Array:
        array = np.asarray(given)
        wanted = (len(self), *shape)
        if array.shape != wanted:
            raise errors.EvaluationError(
                f"{name} must be of shape {wanted}, one entry per image; got {array.shape}; "
                f"{'resize them to the images' if shape else 'give one class per image'}."
            )
        return array


@dataclass(frozen=True, eq=False)
class Case:
    """An explanation of the images of a subject.

    Args:
        subject: the images, the model and the target.
        explanation: of these images.
        method: what made it, or None where that is not known.

    Raises:
        EvaluationError: the explanation is of other images.
    """

    subject: Subject
    explanation: Explanation
    method: Method | None = None

    def __post_init__(self) -> None:
        if len(self.explanation) != len(self.subject) or self.explanation.input_size != self.subject.spatial:
            raise errors.EvaluationError(
                f"an explanation must be of the images that it is measured on; it is of "
                f"{len(self.explanation)} of size {self.explanation.input_size}, and there are "
                f"{len(self.subject)} of size {self.subject.spatial}; explain these images."
            )

    @cached_property
    def maps(self) -> Array:
        """The heat maps, float64 (N, *spatial), signed where the method is, not normalised."""
        return np.asarray(self.explanation.heatmaps(), "float64")

    @cached_property
    def shows(self) -> Array:
        """bool (N,): the map is finite and varies, see `Explanation.flat`."""
        return ~self.explanation.flat

    @cached_property
    def flattened(self) -> Array:
        """The maps, (N, pixels), with zeros in the place of maps that show nothing."""
        return np.where(self.shows[:, None], self.maps.reshape(len(self.maps), -1), 0.0)

    @cached_property
    def positive(self) -> Array:
        """What speaks for the target, max(0, a), (N, pixels)."""
        return np.maximum(self.flattened, 0.0)

    @cached_property
    def unit(self) -> Array:
        """`positive`, brought to 0 to 1 for each image, (N, *spatial); zeros where nothing varies."""
        low = self.positive.min(axis=1, keepdims=True)
        span = self.positive.max(axis=1, keepdims=True) - low
        unit = (self.positive - low) / np.where(span > 0, span, 1.0)
        return np.asarray(unit.reshape(len(unit), *self.subject.spatial))

    def ranks(self, seed: int) -> Array:
        """The place of each pixel when the most relevant comes first, int64 (N, pixels)."""
        return self.once(("ranks", seed), lambda: ranks(self.flattened, seed))

    @cached_property
    def made(self) -> dict[Hashable, Any]:
        """What metrics of one explanation have in common; see `once`."""
        return {}

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gives, made when it is first asked for under this key."""
        if key not in self.made:
            self.made[key] = make()
        found: Made = self.made[key]
        return found
