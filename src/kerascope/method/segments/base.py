"""The base class of methods that switch segments of an image on and off."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from kerascope.method.masks.base import PerturbationMethod
from kerascope.perturb import SegmentMasks
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import pixels_of
from kerascope.perturb.segmentation import SegmentsLike, as_segments, segment_images
from kerascope.probe import Answer, AnyProbe
from kerascope.typing import Array

Valuation = Generator[Array, Array, Array]
"""Yields coalitions (m, S), is sent their scores (m, K), returns the value of each segment (K, S)."""


@dataclass(frozen=True)
class SegmentMethod(PerturbationMethod):
    """Base class: a value for each segment, from scores of the image with some segments on and others off.

    Subclasses implement `value_segments`. All images go through it together, so that passes are full.

    Args:
        segments: parts to switch on and off. A number: about that many segments of similar colour, by SLIC
            (`skimage.segmentation.slic`, of the image scaled to 0 to 1), or for signals a grid of about
            that many cells; a tuple such as `(8, 8)`: the cells of a grid on each axis; an array (H, W) or
            (N, H, W) of whole numbers from 0: the segment of each pixel.

    Raises:
        InputError: the segments do not fit the images.
    """

    segments: SegmentsLike = field(default=50, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "segments", as_segments(self.segments))

    @abstractmethod
    def value_segments(self, count: int, whole: Array, labels: Array) -> Valuation:
        """The generator that values the S = `count` segments of one image, and returns (K, S).

        It yields coalitions, float (m, S), 1 for a segment that is left as it is, 0 for one that is removed,
        and anything between for one that is faded; it is sent their scores, float64 (m, K). Rows of unknown
        scores are NaN, and are left out. `whole` (K,) is the score of the image, `labels` its segments.
        """

    def perturb(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> Answer:
        """Value the segments of all images in step, and paint each segment with its value."""
        labels, note = segment_images(self.segments, pixels_of(first))
        counts = labels.reshape(len(labels), -1).max(axis=1) + 1
        whole = first.scores.astype("float64").reshape(len(labels), -1)
        explorations = [self.value_segments(*own) for own in zip(counts.tolist(), whole, labels, strict=True)]
        values = np.zeros((*whole.shape, *labels.shape[1:]))
        answers: dict[int, Array | None] = dict.fromkeys(range(len(labels)))
        masks = SegmentMasks(labels.shape[1:])
        resident = {"labels": labels.reshape(len(labels), -1)}
        most_masks = getattr(self, "masks", None)
        # Images with about as many segments share a program.
        width = 1 << (int(counts.max()) - 1).bit_length()
        with self.stream(probe, first, pictures, masks, resident, most_masks) as stream:
            while answers:
                requests: dict[int, Array] = {}
                for image, scores in answers.items():
                    try:
                        requests[image] = explorations[image].send(scores)  # type: ignore[arg-type]
                    except StopIteration as finished:
                        values[image] = np.asarray(finished.value)[:, labels[image]]
                answers = dict(stream.scores(requests, width))
        return self.to_answer(stream, values.reshape(*first.scores.shape, *labels.shape[1:]), (note,))
