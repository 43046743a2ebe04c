"""Many variants of every image: with noise, on the way from a baseline, turned over.

As many variants at once as fill a pass, so that one image is as cheap as many, and never more, so that memory
does not grow with their number. The first question pins the target, so that every variant is asked about what
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
"""`ask(probe, images, target)`: what is asked about the variants, such as a method's own `ask`."""


def run_variants(
    probe: AnyProbe, first: Answer, count: int, variant: Callable[[int], Array], ask: Attribute
) -> Iterator[tuple[int, Answer, Array]]:
    """Ask about every variant of the images that `first` was about.

    Args:
        probe: of the model.
        first: an answer about the images themselves, which pins the target.
        count: number of variants.
        variant: from the number of a variant, 0 to `count - 1`, to its pixels, (N, ...), in the layout and
            type that the model takes.
        ask: what is asked.

    Yields:
        For each variant in turn its number, the answer about it, and its values (N, ...) or (N, K, ...). Of
        the answer, `batch` and `pinned` are those of the whole pass.
    """
    images = first.batch.count
    at_once = min(count, max(1, probe.pass_size(probe.batch_size) // images))
    padded = probe.with_padding(at_once * images)
    for start in range(0, count, at_once):
        numbers = range(start, min(start + at_once, count))
        pixels = np.concatenate([variant(number) for number in numbers])
        answer = ask(padded, first.batch.with_pixels(pixels), first.pinned.tile(len(numbers)))
        if answer.failure is not None:
            raise answer.failure
        if any(kind is errors.InterruptedWarning for kind, _ in answer.warnings):
            raise KeyboardInterrupt  # a map of some variants is not that of all
        values = answer.scores if answer.values is None else answer.values
        for place, number in enumerate(numbers):
            rows = slice(place * images, (place + 1) * images)
            yield number, _part(answer, rows), values[rows]


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
