"""Variants of images: with noise, on the way from a baseline, mirrored.

As many variants at once as fill a pass, so that one image is as cheap as many, and never more, so that memory
does not grow with their number. The first question pins the target, so that every variant has the target that
was chosen on the images themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Pinned
from kerascope.typing import Array

Attribute = Callable[[AnyProbe, Any, Pinned], Answer]
"""Computes the values of variants, such as `Method.attribute`."""


def run_variants(
    probe: AnyProbe, first: Answer, count: int, variant: Callable[[int], Array], attribute: Attribute
) -> Iterator[tuple[int, Answer, Array]]:
    """Explain every variant of some images; yield its number, the answer, and its values.

    `variant` returns the pixels (N, ...) of a number, in the layout and type that the model takes; `first`,
    the answer for the images themselves, pins the target. The `batch` and `pinned` of an answer belong to the
    whole pass.
    """
    images = first.batch.count
    at_once = min(count, max(1, probe.pass_size(probe.batch_size) // images))
    padded = probe.with_padding(at_once * images)
    for start in range(0, count, at_once):
        numbers = range(start, min(start + at_once, count))
        pixels = np.concatenate([variant(index) for index in numbers])
        answer = attribute(padded, first.batch.with_pixels(pixels), first.pinned.tile(len(numbers)))
        if answer.failure is not None:
            raise answer.failure
        if any(kind is errors.InterruptedWarning for kind, _ in answer.warnings):
            raise KeyboardInterrupt  # a map of some variants is not the map of all
        values = answer.scores if answer.values is None else answer.values
        for row, index in enumerate(numbers):
            rows = slice(row * images, (row + 1) * images)
            yield index, _part(answer, rows), values[rows]


def _part(answer: Answer, rows: slice) -> Answer:
    """What an answer says about some of its images."""
    return replace(
        answer,
        values=None if answer.values is None else answer.values[rows],
        scores=answer.scores[rows],
        labels=answer.labels[rows],
        predictions=None if answer.predictions is None else answer.predictions[rows],
        probabilities=answer.probabilities[rows],
        masks=None if answer.masks is None else answer.masks[rows],
    )
