"""The scales of a network: the layers in which the picture lies on ever finer grids, and the image itself."""

from __future__ import annotations

import operator
from dataclasses import dataclass

import keras

from kerascope.probe.graph.graph import INPUT, UNKNOWN, Run, Survey
from kerascope.probe.intercept.rectifier import is_rectifier, rectifies


@dataclass(frozen=True)
class Scales:
    """Where to look at a network at every scale.

    Args:
        layers: full paths, the deepest first, each on a finer grid than the one before; None stands for the
            automatic layer.
        image: the explained input is a scale, too: it holds floating-point numbers on a grid as fine.
    """

    layers: tuple[str | None, ...]
    image: bool


def rectified_grids(survey: Survey, deepest: Run) -> tuple[Run, ...]:
    """A run for each grid: `deepest`, and of every finer grid on the way to it the last that is rectified.

    Where a grid has a rectified run that every way passes through, it is the last such one, since the others
    see a part of what is there.
    """
    assert deepest.layout is not None
    reached = survey.upstream([deepest.number])
    grids: dict[tuple[int, ...], list[Run]] = {}
    for run in reversed(survey.runs[: deepest.number]):
        if reached is not None and run.number not in reached:
            continue
        if not survey.explainable(run) or not (run.sees_image or not deepest.sees_image):
            continue
        if _is_finer(run, deepest) and rectified(survey, run):
            assert run.layout is not None
            grids.setdefault(run.layout.spatial, []).append(run)
    found = [deepest]
    for runs in grids.values():
        chosen = next((run for run in runs if _on_every_way(survey, run, deepest)), runs[0])
        if _is_finer(chosen, found[-1]) and chosen.number < found[-1].number:
            found.append(chosen)
    return tuple(found)


def scales(survey: Survey, deepest: Run, differentiable: bool) -> Scales:
    """The scales of a network from a run on.

    Args:
        survey: of the model.
        deepest: the run with the coarsest grid.
        differentiable: a gradient can be taken at the explained input.
    """
    # A walk through the whole network, which every explanation would pay for.
    key = ("rectified grids", deepest.number)
    if key not in survey.known:
        survey.known[key] = rectified_grids(survey, deepest)
    runs: tuple[Run, ...] = survey.known[key]
    grid = runs[-1].layout.spatial  # type: ignore[union-attr]
    image = survey.image
    as_fine = image is not None and len(image) == len(grid) and all(map(operator.ge, image, grid))
    seen = deepest.sees_image and survey.image_layout is not None
    return Scales(tuple(survey.name(run) for run in runs), differentiable and as_fine and seen)


def _on_every_way(survey: Survey, run: Run, deepest: Run) -> bool:
    """Whether nothing of the explained input reaches `deepest` but through `run`."""
    others = survey.upstream([deepest.number], run.number)
    if others is None:
        return False
    return not any(
        INPUT in survey.runs[number].sources or UNKNOWN in survey.runs[number].sources for number in others
    )


def _is_finer(run: Run, other: Run) -> bool:
    assert run.layout is not None
    assert other.layout is not None
    own, others = run.layout.spatial, other.layout.spatial
    return (
        len(own) == len(others)
        and all(one >= two for one, two in zip(own, others, strict=True))
        and own != others
    )


def rectified(survey: Survey, run: Run) -> bool:
    """Whether what a run returns is near zero where nothing was found: it comes out of a rectifier.

    Pooling and merging keep that; what changes nothing at inference is no run of its own.
    """
    operation = run.place.operation
    if isinstance(operation, keras.layers.TimeDistributed):
        operation = operation.layer
    if is_rectifier(operation) or rectifies(operation):
        return True
    before = [survey.runs[source] for source in run.sources if source >= 0]
    if len(before) < len(run.sources):
        return False
    kind = type(operation).__name__.lower()
    if kind == "multiply":
        return any(rectified(survey, one) for one in before)
    if kind == "add":  # of a single tensor, and a constant, it is not
        return len(before) > 1 and all(rectified(survey, one) for one in before)
    if kind in ("concatenate", "maximum", "average") or "pool" in kind:
        return bool(before) and all(rectified(survey, one) for one in before)
    return False
