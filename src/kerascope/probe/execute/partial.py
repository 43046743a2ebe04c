"""A cut through a model behind one layer, so that the part behind it can be run alone."""

from __future__ import annotations

from dataclasses import dataclass

from kerascope.probe.execute.request import Question
from kerascope.probe.graph.graph import Run
from kerascope.probe.graph.pooled_head import pooling_behind


@dataclass(frozen=True)
class Cut:
    """A place where what a layer returns can be replaced.

    Args:
        layer: full path of the layer that was asked for.
        path: full path of the place: the layer, or the global pooling behind it.
        pooling: `"mean"` or `"max"` where it is behind a global pooling, else None.
        run: the run there.
        spared: the runs that need not run where its output is given. None of them are where the layer lies
            within a skip connection, is followed by nothing that can be traced, or has tokens in front of its
            grid: then the whole model runs, and the scores are the same.
    """

    layer: str
    path: str
    pooling: str | None
    run: Run
    spared: tuple[Run, ...]


def cut_at(question: Question, pooled: bool = False) -> Cut:
    """The cut behind the one layer of a question.

    Args:
        question: about a score and a layer.
        pooled: where nothing but a global pooling reads the layer, cut behind that.
    """
    survey, layer = question.survey, question.layers[0]
    named = survey.run(layer)
    run, pooling = survey.tapped(named), None
    prefix = run.layout.prefix if run.layout else 0
    if pooled and not prefix and (found := pooling_behind(survey, run, question.sources)) is not None:
        named = run = found[0]
        pooling = found[1]
    spared: tuple[Run, ...] = ()
    if not prefix:
        spared = tuple(survey.runs[number] for number in sorted(survey.spared(run, question.sources)))
    return Cut(layer, survey.name(named), pooling, run, spared)
