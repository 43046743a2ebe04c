"""How a layer's channels reach the score: pooled over space, or with weights for each place."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import keras

from kerascope.probe.execute.request import context_of, sources_of
from kerascope.probe.graph.graph import Run, Survey
from kerascope.probe.graph.pooled_head import over_space, pooling_kind
from kerascope.target import Target

HeadKind = Literal["pooled", "flattened", "other"]

_REDUCTIONS = frozenset({"Amax", "Max", "Mean"})
_POOLING = re.compile(r"(Adaptive)?(Average|Max)Pool(ing[123]D)?")


def head_kind(survey: Survey, run: Run, sources: Sequence[int]) -> HeadKind:
    """What the ways from a layer to the score meet first: a global pooling, or a Flatten.

    Whatever else lies in front of it, such as further convolutions, does not matter.

    Args:
        survey: of the model.
        run: of the layer.
        sources: numbers of the runs that the score is made from.

    Returns:
        `"pooled"` where every way meets a mean or a maximum over all places; `"flattened"` where one meets
        a Flatten, or whatever else makes a single vector of a picture's numbers; `"other"` where neither is
        seen, as with class tokens and recurrent layers, or where the ways cannot be followed.
    """
    flattening, pooled = _first_met(survey, run, sources)
    return "flattened" if flattening is not None else "pooled" if pooled else "other"


def flattening_layers(survey: Survey, layers: Iterable[str], target: Target) -> dict[str, str]:
    """Of some layers, those whose places are flattened on a way to the score.

    Args:
        survey: of the model.
        layers: full paths of the layers.
        target: what is explained.

    Returns:
        For each such layer the full path of what flattens.
    """
    sources = sources_of(survey, target, context_of(survey, survey.batch, None))
    met = {layer: _first_met(survey, survey.run(layer), sources)[0] for layer in layers}
    return {layer: survey.name(found) for layer, found in met.items() if found is not None}


def _first_met(survey: Survey, run: Run, sources: Sequence[int]) -> tuple[Run | None, bool]:
    """The first run that flattens what comes from `run`, or None; and whether all of it is pooled."""
    start = _made_by(survey, run.number)
    ends = {_made_by(survey, number) for number in sources}
    reached = survey.upstream(ends, start)
    if reached is None:
        return None, False
    readers: dict[int, list[int]] = {}
    for number in sorted(reached):
        for before in survey.origins(survey.runs[number]) or ():
            readers.setdefault(before, []).append(number)
    waiting, seen = [start], set[int]()
    flattening: list[int] = []
    pooled = ended = False
    while waiting:
        number = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        ended = ended or number in ends
        for reader in readers.get(number, ()):
            if _pools(survey, survey.runs[reader]):
                pooled = True
            elif _flattens(survey, survey.runs[reader]):
                flattening.append(reader)
            else:
                waiting.append(reader)
    return survey.runs[min(flattening)] if flattening else None, pooled and not ended


def _made_by(survey: Survey, number: int) -> int:
    """The number of the run that made what a run returned, where it is known."""
    return survey.runs[number].maker if number >= 0 and survey.runs[number].maker >= 0 else number


def _pools(survey: Survey, run: Run) -> bool:
    """Whether one number is left of each channel, from all places."""
    if run.maker != run.number or run.fault is not None:
        return False
    kind = type(run.place.operation).__name__
    if pooling_kind(survey, run) is not None or (kind in _REDUCTIONS and over_space(survey, run)):
        return True
    before = _given(survey, run)
    if before is None or before.layout is None or not _POOLING.fullmatch(kind):
        return False
    left = run.layout.positions if run.layout else 1
    window = getattr(run.place.operation, "pool_size", before.layout.spatial)
    window = (window,) * len(before.layout.spatial) if isinstance(window, int) else window
    wide = all(size >= side for size, side in zip(window, before.layout.spatial, strict=True))
    return wide and left == 1


def _flattens(survey: Survey, run: Run) -> bool:
    """Whether the last axis holds what lay at several places of a picture, or of each frame."""
    before = _given(survey, run)
    if before is None or getattr(run.place.operation, "weights", None):
        return False
    start = 2 if isinstance(run.place.operation, keras.layers.TimeDistributed) else 1
    given, made = math.prod(before.shape[start:]), math.prod(run.shape[start:])
    channels = before.layout.channels if before.layout else before.shape[-1]
    return channels < given == made == run.shape[-1]


def _given(survey: Survey, run: Run) -> Run | None:
    """The one run whose tensor a run was given and made something of."""
    if run.maker != run.number or run.fault is not None or len(run.sources) != 1 or run.sources[0] < 0:
        return None
    before = survey.runs[run.sources[0]]
    return None if before.fault is not None else before
