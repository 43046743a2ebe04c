"""Which method, layer and settings to use for a model, by quick metrics on a sample."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kerascope import errors
from kerascope.evaluation.evaluate import evaluate
from kerascope.evaluation.questions import questions
from kerascope.evaluation.report import Report
from kerascope.method import Method
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.cam.hires_cam import HiResCAM
from kerascope.method.cam.layer_cam import LayerCAM
from kerascope.method.cam.multi_scale_cam import MultiScaleCAM
from kerascope.method.gradient.saliency import InputXGradient, Saliency
from kerascope.method.masks.occlusion import Occlusion
from kerascope.method.path.integrated_gradients import IntegratedGradients
from kerascope.method.wrappers.smooth_grad import SmoothGrad
from kerascope.probe import LayerTable, Probe, as_probe
from kerascope.target import TargetLike
from kerascope.validation import check_whole

JUDGES = ("deletion", "insertion", "faithfulness_correlation", "average_drop")
"""Metrics that decide: they ask the model, need nothing else, and no map wins all of them by being large,
small or smooth."""
_AT_LAYERS: tuple[Method, ...] = (GradCAM(), LayerCAM(), HiResCAM())
_ELSEWHERE: tuple[Method, ...] = (
    Saliency(),
    InputXGradient(),
    IntegratedGradients(steps=16),
    SmoothGrad(samples=8),
    Occlusion(),
)
_DEEPEST = 3
"""Layers that are tried: the last of each of the finest grids on the way."""


@dataclass(frozen=True, eq=False)
class Recommendation:
    """Advice, with the table behind it.

    Args:
        method: to use, with its layer and settings.
        equals: methods that were not shown to be worse on any metric that decides, cheapest first.
        report: everything that was measured.
        reasons: of the advice, in sentences.
    """

    method: Method
    equals: tuple[str, ...]
    report: Report
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"use {self.method.describe()}", *(f"  {reason}" for reason in self.reasons)]
        return "\n".join([*lines, "", str(self.report)])

    def __repr__(self) -> str:
        return f"<Recommendation: {self.method.describe()}, of {len(self.report.methods)} tried>"


def recommend(
    probe: Probe | keras.Model,
    images: Any,
    *,
    target: TargetLike = None,
    labels: Any = None,
    methods: Sequence[Method] | None = None,
    sample: int = 16,
    seed: int = 0,
    memory: int | str | None = None,
    progress: bool | None = None,
) -> Recommendation:
    """Say which method, layer and settings to use for a model.

    Candidates are measured on a sample by deletion, insertion, faithfulness correlation and average drop, at
    the quick level, beside controls. The one with the best mean rank is advised; where others are not shown
    to be worse on any of these, the cheapest of them.

    Args:
        probe: a `Probe`, a Keras model, or a `BlackBox`.
        images: (N, ...) as the model takes them, such as the users' own; 16 or more say something.
        target: what is explained; None for the labels, or without them for the predicted class.
        labels: of the images, see `kerascope.evaluate`: of several labels each is asked about by itself.
        methods: the candidates; None for class activation maps at the automatic layer and at the last layers
            of finer grids (not those that average what the head flattens), that of all scales, gradient
            methods, and occlusion.
        sample: the most images that are looked at, drawn at random.
        seed: of the sample, and of the metrics.
        memory: see `kerascope.method.PerturbationMethod`.
        progress: draw a progress bar; None on a terminal where it takes longer than some seconds.

    Returns:
        The advice, which prints itself with the table behind it. `method` is ready to be called.

    Raises:
        EvaluationError: no candidate works on this model, or a label is no class of it.

    Cost:
        At most `sample` images by about 45 forwards for each candidate and control, beside what the
        candidates take themselves; and 1 forward of all images where a target is given.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((6, 12, 12, 1))
        >>> advice = ks.recommend(model, images, methods=[ks.GradCAM(), ks.Saliency()])
        >>> advice.report.methods[:2]
        ('GradCAM()', 'Saliency()')
    """
    check_whole(sample, "sample", 2)
    check_whole(seed, "seed", 0)
    asked = as_probe(probe)  # which holds its model weakly: the argument keeps it
    wanted = questions(asked, images, labels, target)
    chosen, target = _sampled(asked, wanted.images, wanted.target, sample, seed)
    given = list(methods) if methods is not None else _candidates(asked, chosen)
    tried = [method.choose(asked, chosen, target)[0] for method in given]
    report = evaluate(
        tried,
        asked,
        chosen,
        metrics=JUDGES,
        target=target,
        level="quick",
        seed=seed,
        memory=memory,
        progress=progress,
    )
    if not report.complete:
        raise KeyboardInterrupt  # of some candidates no advice can be given
    return _advice(replace(report, warnings=(*wanted.doubts, *report.warnings)), tried)


def _candidates(probe: Any, images: Any) -> list[Method]:
    if not isinstance(probe, Probe):
        return [Occlusion()]
    table = probe.layers(images)
    layers = _layers(table)
    flattened = table.automatic is not None and table.automatic.head == "flattened"
    at_layers = [
        method if place is None else method.at(place)
        for place, method in itertools.product(layers, _AT_LAYERS)
        if not (flattened and "averaged" in method.tags)
    ]
    at_all_scales = [MultiScaleCAM()] if layers else []
    return [*at_layers, *at_all_scales, *_ELSEWHERE]


def _layers(table: LayerTable) -> list[str | None]:
    """None for the automatic layer, and the last layer of each of the next finer grids."""
    automatic = table.automatic
    if automatic is None:
        return []
    finer: dict[Any, str] = {}
    for row in table:
        if row.explainable and row.grid and np.prod(row.grid) > np.prod(automatic.grid or (1,)):
            finer[row.grid] = row.path
    # Of each grid the last layer; the coarsest of them come last on the way.
    return [None, *list(finer.values())[::-1][: _DEEPEST - 1]]


def _advice(report: Report, tried: Sequence[Method]) -> Recommendation:
    own = {method.describe(): method for method in tried}
    ranks = report.mean_ranks
    order = [row for row in np.argsort(ranks).tolist() if report.methods[row] in own and ranks[row] > 0]
    if not order:
        raise errors.EvaluationError(
            "a candidate must work on this model; none did: " + "; ".join(report.warnings)
        )
    best = order[0]
    worse: set[int] = set()
    beaten: dict[str, int] = {}
    for column in report.columns:
        signs = 1 if column.direction == "higher" else -1
        for one in report.comparisons(column.name):
            if not one.separate or best not in (one.first, one.second):
                continue
            other = one.second if one.first == best else one.first
            ahead = signs * one.difference * (1 if one.first == best else -1) > 0
            if ahead:
                worse.add(other)
                if report.methods[other] in report.controls:
                    beaten[report.methods[other]] = beaten.get(report.methods[other], 0) + 1
    equals = [row for row in order if row not in worse]
    cheapest = min(equals, key=lambda row: (report.forwards[row], ranks[row]))
    first = (
        f"{report.methods[best]} has the best mean rank, {ranks[best]:.1f} of {len(report.methods)}, on "
        f"{', '.join(column.title for column in report.columns)}, with {len(report)} images"
    )
    reasons = [first]
    if cheapest != best:
        reasons.append(
            f"{report.methods[cheapest]} is not shown to be worse on any of them, and takes "
            f"{report.forwards[cheapest]:.0f} forwards instead of {report.forwards[best]:.0f}"
        )
    others = [report.methods[row] for row in equals if row != cheapest]
    if others:
        reasons.append(f"not shown to be worse either: {', '.join(others)}")
    missed = [name for name in report.methods if name in report.controls and not beaten.get(name)]
    if missed:
        reasons.append(
            f"with care: {report.methods[best]} is not shown to be better than {', '.join(missed)} on any of "
            "them; take more images, or do not rely on these maps"
        )
    return Recommendation(
        own[report.methods[cheapest]],
        tuple(report.methods[row] for row in sorted(equals, key=lambda row: report.forwards[row])),
        report,
        tuple(reasons),
    )


def _sampled(probe: Any, images: Any, target: TargetLike, sample: int, seed: int) -> tuple[Any, TargetLike]:
    """Some of the images, in their order and in the structure that they came in, and what is explained."""
    from keras import tree

    count = len(tree.flatten(images)[0])
    if count <= sample:
        return images, target
    rows = np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))
    if target is not None:
        # It may be another one for each image.
        target = probe.run(None, images, target).pinned.take(rows)
    return tree.map_structure(lambda array: np.asarray(array)[rows], images), target
