"""The base class of methods that remove parts of the image and need forward passes only."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from kerascope.method.base import Method
from kerascope.perturb import Masks, Stream, check_memory
from kerascope.perturb.baseline import (
    INPAINT,
    NAMES,
    BaselineLike,
    as_baseline,
    describe_baselines,
    make_baseline,
    parts_of,
)
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import pixels_of
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_choice


@dataclass(frozen=True)
class PerturbationMethod(Method):
    """Base class: scores of images with parts removed. Subclasses remove parts, and make a map of the scores.

    Args:
        baseline: replaces the removed parts: a number, in the model's own input units; an array
            (H, W, C) or (N, H, W, C), or (C,) for one colour; `"black"` or `"white"`, the lowest or highest
            value of the range that the model's own `Rescaling` or `Normalization` states, else of each
            image; `"mean"`, the mean colour of each image; `"blur"`, the image behind a Gaussian whose sigma
            is a tenth of its longest side; `"noise"`, uniform over that range; `"inpaint"`, diffusion from
            what was left (the mean colour where nothing was); or a tuple of several, under each of which
            every mask is scored, and whose scores are averaged. Default `"black"`. What was taken is in
            `Explanation.notes`.
        memory: the most that one explanation may hold at a time, such as `"1GB"` or a number of bytes; it
            decides how many masks go in a pass, up to the probe's `batch_size`. Default None, a quarter of
            what the machine has free.
        progress: draw a progress bar; default None, on a terminal where it takes longer than some seconds.

    Raises:
        InputError: the model has several inputs and none was chosen, or the input has no spatial axes.
        MemoryBudgetError: one image takes more than `memory`.

    Cost:
        1 forward, and 1 for each mask and baseline. Several targets share them.
    """

    baseline: BaselineLike = field(default="black", kw_only=True)
    memory: int | str | None = field(default=None, kw_only=True)
    progress: bool | None = field(default=None, kw_only=True)

    tags: ClassVar[frozenset[str]] = frozenset({"pixels", "signed", "masks", "rounded"})
    backwards: ClassVar[int] = 0
    programs: ClassVar[int] = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "baseline", as_baseline(self.baseline, (*NAMES, INPAINT)))
        check_memory(self.memory)
        check_choice(self.progress, "progress", (None, True, False))

    @property
    def baselines(self) -> int:
        """Number of baselines, under each of which every mask is scored."""
        return len(parts_of(self.baseline))

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The scores of the images, which pin the target; then the scores under masks."""
        first = probe.run(None, images, target)
        pixels_of(first)  # raises where there are no pixels
        return self.perturb(probe, first, HostImages.of(probe, first, smooth=False))

    @abstractmethod
    def perturb(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> Answer:
        """The values, from scores of the pictures under masks; `first` is the answer for the images."""

    def stream(
        self,
        probe: AnyProbe,
        first: Answer,
        pictures: HostImages,
        masks: Masks,
        resident: Mapping[str, Array] | None = None,
        expected: int | None = None,
    ) -> Stream:
        """The stream that scores the images under masks.

        `resident` is what the masks need of the images, (N, ...) each; `expected` about how many masks each
        image will have, where known.
        """
        baselines, note = self.make_baselines(pictures)
        return Stream(
            probe,
            first,
            masks,
            pictures.pixels,
            baselines,
            resident=resident or {},
            memory=self.memory,
            progress=self.progress,
            expected=expected,
            title=type(self).__name__,
            note=note,
        )

    def make_baselines(self, pictures: HostImages) -> tuple[list[Array | None], str]:
        """The baselines (N, *spatial, C), None for holes that are inpainted, and a note on them."""
        arrays: list[Array | None] = []
        notes: list[str] = []
        for index, part in enumerate(parts_of(self.baseline)):
            if part == INPAINT:
                array, note = None, "inpainted by diffusion from what a mask leaves"
            else:
                array, note = make_baseline(part, pictures, getattr(self, "seed", 0), index)
            arrays.append(array)
            notes.append(note)
        return arrays, describe_baselines(notes)

    def to_answer(self, stream: Stream, values: Array, notes: Sequence[str] = ()) -> Answer:
        """The answer with its values, notes and warnings."""
        return replace(
            stream.first,
            values=np.asarray(values, "float32"),
            notes=(*stream.first.notes, *filter(None, (stream.note, *notes))),
            masks=stream.used,
            warnings=stream.warnings(),
            failure=stream.failure,
        )
