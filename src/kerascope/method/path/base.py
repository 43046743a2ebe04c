"""The base class of methods that integrate gradients along a path from a baseline to the image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from kerascope.explanation import Reduction
from kerascope.method.base import Method
from kerascope.method.gradient.saliency import Saliency
from kerascope.perturb.baseline import BaselineLike, as_baseline, describe_baselines, make_baseline, parts_of
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.variants import run_variants
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_whole

PathStep = tuple[Array, Array]
"""Where the gradient is taken, and the step that multiplies it; each (N, *spatial, C)."""


@dataclass(frozen=True)
class Path:
    """A way from a start (N, *spatial, C), which `note` names, to the image.

    `step` takes the number of a step to the place of the gradient and the step there.
    """

    start: Array
    step: Callable[[int], PathStep]
    note: str


@dataclass(frozen=True)
class PathMethod(Method):
    """Base class: gradients along paths, times steps, added up.

    Values sum to the score of the image less the score of the start, up to the error of a finite number of
    steps, which `Explanation.completeness_gap` gives. Several paths are averaged.

    Args:
        steps: number of points on the path, at least 1; default 50.

    Raises:
        DisconnectedError: the score does not depend on the input, or not differentiably.
        InputError: the model has several inputs and none was chosen.
    """

    steps: int = 50

    tags: ClassVar[frozenset[str]] = frozenset({"input", "gradient", "signed", "complete"})
    programs: ClassVar[int] = 2
    reduction: ClassVar[Reduction] = "sum"

    def __post_init__(self) -> None:
        check_whole(self.steps, "steps")

    @property
    def starts(self) -> int:
        """How many paths there are."""
        return 1

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for the image, and for each path its steps and its start."""
        return 1 + self.backwards

    @property
    def backwards(self) -> int:  # type: ignore[override]
        """For each path its steps and its start, whose score comes out of the same program."""
        return self.starts * (self.steps + 1)


def integrate_paths(
    steps: int, probe: AnyProbe, images: Any, target: Target, paths: Callable[[HostImages], Sequence[Path]]
) -> Answer:
    """The score of the images, which pins the target; then the gradient at every step of known paths."""
    first = probe.run(None, images, target)
    pictures = HostImages.of(probe, first)
    ways = paths(pictures)
    each = steps + 1
    waiting: dict[int, Array] = {}

    def variant(index: int) -> Array:
        path, step = ways[index // each], index % each
        if step == steps:
            return pictures.to_inputs(path.start)
        point, waiting[index] = path.step(step)
        return pictures.to_inputs(point)

    values: Array | None = None
    starts = np.zeros(first.scores.shape)
    alive, answer = False, first
    for index, answer, gradients in run_variants(
        probe, first, len(ways) * each, variant, Saliency().attribute
    ):
        if index % each == steps:
            starts += answer.scores
            continue
        alive = alive or answer.alive
        shares = gradients * add_class_axis(waiting.pop(index), first.scores)
        values = shares if values is None else np.add(values, shares, out=values)
    assert values is not None
    return to_complete_answer(
        replace(first, alive=alive, layers=answer.layers, placement=answer.placement),
        values / len(ways),
        starts / len(ways),
        describe_baselines([path.note for path in ways]),
    )


def add_class_axis(step: Array, scores: Array) -> Array:
    """(N, ...) with an axis for the classes, where the scores have one."""
    return step if scores.ndim == 1 else step[:, None]


def to_complete_answer(answer: Answer, values: Array, start: Array, note: str) -> Answer:
    """The answer with values that should sum to the change of the score, and by how much they do not."""
    scores = answer.scores.astype("float64")
    change = scores - start
    total = values.reshape(*scores.shape, -1).sum(axis=-1)
    # A change that is the rounding of float32 alone is no measure.
    floor = np.maximum(1e-6 * np.maximum(np.abs(scores), np.abs(start)), np.finfo("float32").tiny)
    gap = (total - change) / np.maximum(np.abs(change), floor)
    return replace(
        answer,
        values=values.astype("float32"),
        completeness_gap=gap.astype("float32"),
        notes=(*answer.notes, note),
    )


@dataclass(frozen=True)
class BaselinePath(PathMethod):
    """Those members whose paths begin at baselines.

    Args:
        baseline: what the image is compared with: a number, in the model's own input units (0 is usual for
            signals and rows of numbers); an array, (H, W, C) for all or (N, H, W, C) for each of them, or in
            the model's own layout, or (C,) for one colour; `"black"` or `"white"`, the lowest or highest
            value of the range that the model's own `Rescaling` or `Normalization` states, else of each
            image; `"mean"`, the mean colour of each image; `"blur"`, the image behind a Gaussian whose sigma
            is a tenth of its longest side; `"noise"`, uniform over that range; or a tuple of several, which
            are averaged. Default `"black"`. What was taken is in `Explanation.notes`. Pixels that equal their
            baseline get 0.
        seed: of the noise, a whole number of at least 0.

    Raises:
        InputError: the baseline does not fit the images.
    """

    baseline: BaselineLike = "black"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.seed, "seed", 0)
        object.__setattr__(self, "baseline", as_baseline(self.baseline))

    @property
    def starts(self) -> int:
        return len(parts_of(self.baseline))

    def baselines(self, pictures: HostImages) -> list[tuple[Array, str]]:
        """Each baseline for every image, and its note."""
        return [
            make_baseline(part, pictures, self.seed, index)
            for index, part in enumerate(parts_of(self.baseline))
        ]
