"""Recommendation of a method, layer and settings for a model, from quick metrics on a sample."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from kerascope import errors
from kerascope.evaluation.evaluate import evaluate
from kerascope.evaluation.inputs import resolve_inputs
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
from kerascope.probe import AnyProbe, LayerTable, Probe, as_probe
from kerascope.target import TargetLike
from kerascope.validation import check_whole

JUDGES = ("deletion", "insertion", "faithfulness_correlation", "average_drop")
"""The decisive metrics: they need only the model, and no map scores best on all by being large, small or
smooth."""
_AT_LAYERS: tuple[Method, ...] = (GradCAM(), LayerCAM(), HiResCAM())
_ELSEWHERE: tuple[Method, ...] = (
    Saliency(),
    InputXGradient(),
    IntegratedGradients(steps=16),
    SmoothGrad(samples=8),
    Occlusion(),
)
_DEEPEST = 3
"""Number of candidate layers: the last layer of each of the deepest grids."""


@dataclass(frozen=True, eq=False)
class Recommendation:
    """A recommended method, with the report behind it.

    Args:
        method: the method, with its layer and settings.
        equals: methods not shown to be worse on any decisive metric, cheapest first.
        report: the report on all candidates.
        reasons: reasons for the recommendation, in sentences.
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
    probe: AnyProbe | keras.Model,
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
    """Recommend a method, layer and settings for a model.

    Candidates are measured on a sample by deletion, insertion, faithfulness correlation and average drop, at
    the quick level, together with controls. The method with the best mean rank is recommended, or the
    cheapest of those not shown to be worse on any of these.

    Args:
        probe: a `Probe`, a Keras model, or a `BlackBox`.
        images: (N, ...) as the model takes them, preferably your own; at least 16 are useful.
        target: the explained target; None for the labels, or without them for the predicted class.
        labels: labels of the images, see `kerascope.evaluate`; each of several labels is explained by itself.
        methods: the candidates; None for class activation maps at the automatic layer and at the last layers
            of finer grids (without those that average what the head flattens), at all scales, gradient
            methods, and occlusion.
        sample: the largest number of images, drawn at random.
        seed: seed of the sample, and of the metrics.
        memory: see `kerascope.method.PerturbationMethod`.
        progress: draw a progress bar; None to draw one on a terminal if it takes more than a few seconds.

    Returns:
        The recommendation, which prints itself with the table behind it. `method` is ready to be called.

    Raises:
        EvaluationError: no candidate works on this model, or a label is not a class of the model.

    Cost:
        At most `sample` images times about 45 forwards for each candidate and control, besides the cost of
        the candidates themselves; and 1 forward of all images if a target is given.

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
    known = as_probe(probe)  # which holds its model weakly: the argument keeps it
    inputs = resolve_inputs(known, images, labels, target)
    images, target = _draw_sample(known, inputs.images, inputs.target, sample, seed)
    given = list(methods) if methods is not None else _candidates(known, images)
    candidates = [method.choose(known, images, target)[0] for method in given]
    report = evaluate(
        candidates,
        known,
        images,
        metrics=JUDGES,
        target=target,
        level="quick",
        seed=seed,
        memory=memory,
        progress=progress,
    )
    if not report.complete:
        raise KeyboardInterrupt  # some candidates are not enough for a recommendation
    return _recommendation(replace(report, warnings=(*inputs.warnings, *report.warnings)), candidates)


def _candidates(probe: Any, images: Any) -> list[Method]:
    if not isinstance(probe, Probe):
        return [Occlusion()]
    table = probe.layers(images)
    layers = _candidate_layers(table)
    flattened = table.automatic is not None and table.automatic.head == "flattened"
    at_layers = [
        method if layer is None else method.at(layer)
        for layer, method in itertools.product(layers, _AT_LAYERS)
        if not (flattened and "averaged" in method.tags)
    ]
    at_all_scales = [MultiScaleCAM()] if layers else []
    return [*at_layers, *at_all_scales, *_ELSEWHERE]


def _candidate_layers(table: LayerTable) -> list[str | None]:
    """Return None for the automatic layer, and the last layer of each of the next finer grids."""
    automatic = table.automatic
    if automatic is None:
        return []
    finer: dict[Any, str] = {}
    for row in table:
        if row.explainable and row.grid and np.prod(row.grid) > np.prod(automatic.grid or (1,)):
            finer[row.grid] = row.path
    # The coarsest grids come last.
    return [None, *list(finer.values())[::-1][: _DEEPEST - 1]]


def _recommendation(report: Report, candidates: Sequence[Method]) -> Recommendation:
    known = {method.describe(): method for method in candidates}
    ranks = report.mean_ranks
    order = [row for row in np.argsort(ranks).tolist() if report.methods[row] in known and ranks[row] > 0]
    if not order:
        raise errors.EvaluationError(
            "a candidate must work on this model; none did: " + "; ".join(report.warnings)
        )
    best = order[0]
    worse = _find_worse(report, best)
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
    names = [report.methods[row] for row in worse]
    unbeaten = [name for name in report.methods if name in report.controls and name not in names]
    if unbeaten:
        reasons.append(
            f"with care: {report.methods[best]} is not shown to be better than {', '.join(unbeaten)} on any "
            "of them; take more images, or do not rely on these maps"
        )
    return Recommendation(
        known[report.methods[cheapest]],
        tuple(report.methods[row] for row in sorted(equals, key=lambda row: report.forwards[row])),
        report,
        tuple(reasons),
    )


def _find_worse(report: Report, best: int) -> set[int]:
    """Return the methods and controls shown to be worse than the best method on any metric."""
    worse = set()
    for column in report.columns:
        sign = 1 if column.direction == "higher" else -1
        for pair in report.comparisons(column.name):
            if pair.separate and pair.first == best and sign * pair.difference > 0:
                worse.add(pair.second)
            elif pair.separate and pair.second == best and sign * pair.difference < 0:
                worse.add(pair.first)
    return worse


def _draw_sample(
    probe: Any, images: Any, target: TargetLike, sample: int, seed: int
) -> tuple[Any, TargetLike]:
    """Return some of the images, in their order and structure, with their targets."""
    from keras import tree

    count = len(tree.flatten(images)[0])
    if count <= sample:
        return images, target
    rows = np.sort(np.random.default_rng(seed).choice(count, sample, replace=False))
    if target is not None:
        # The target may differ between images.
        target = probe.run(None, images, target).pinned.take(rows)
    return tree.map_structure(lambda array: np.asarray(array)[rows], images), target
