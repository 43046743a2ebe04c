"""Evaluation of methods by metrics: `ks.evaluate`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.dataset.options import RunOptions
from kerascope.dataset.running.cluster import Cluster, open_workers
from kerascope.evaluation.inputs import resolve_inputs
from kerascope.evaluation.measurement_table import MeasurementTable
from kerascope.evaluation.report import Report
from kerascope.method import Method, as_method
from kerascope.method.controls import CentreGaussian, EdgeMap, RandomMap
from kerascope.metric import EvalBatch, Metric
from kerascope.metric import metrics as known_metrics
from kerascope.probe import AnyProbe, Probe, as_probe, require_probe
from kerascope.progress import Progress
from kerascope.target import TargetLike
from kerascope.validation import check_choice

Level = Literal["quick", "full"]

CONTROLS: tuple[Method, ...] = (RandomMap(), RandomMap(grid=None), CentreGaussian(), EdgeMap())
"""The default controls: random maps, smooth and rough (their difference is the effect of smoothness alone),
the middle of the image, and its edges."""
_QUICK_BUDGET = 60
"""Forwards per image that the metrics of the quick level may use for a method."""


def evaluate(
    methods: Method | str | Sequence[Method | str],
    probe: AnyProbe | keras.Model,
    images: Any,
    labels: Any = None,
    masks: Any = None,
    metrics: Sequence[Metric | str] | None = None,
    *,
    target: TargetLike = None,
    level: Level = "quick",
    controls: Sequence[Method] = CONTROLS,
    seed: int = 0,
    memory: int | str | None = None,
    progress: bool | None = None,
    workers: int | Cluster | None = None,
    imports: Sequence[str] = (),
    safe_mode: bool = True,
) -> Report:
    """Measure methods and controls on the same images, and report which differences are significant.

    Every method explains every image; every metric gives one number for each of these maps. Values that
    metrics and methods share are computed once: scores of the images and of random subsets, a randomised
    model, segments.

    Args:
        methods: methods, or names of methods.
        probe: a `Probe`, a Keras model, or a `BlackBox`.
        images: (N, ...) as the model takes them. Statements need about 20 or more.
        labels: indices or names (N,) of the true classes, explained unless `target` is given; with four
            classes or more, mosaics are made of them for `kerascope.metric.Focus`. For a multi-label model, a
            list for each image, or columns (N, K) of 0 and 1: an image is explained once for each of its
            labels, and there are no mosaics. Images without a label are left out.
        masks: bool (N, *spatial), True on the object, for the localisation metrics.
        metrics: metrics, or names; default None: the metrics of the level whose required arguments are given.
        target: the explained target; None for the labels, or without them for the predicted class.
        level: `"quick"`, under 60 forwards per image besides the explanations themselves, with fewer steps;
            `"full"`, every metric with its own defaults. Parameters of metric instances are not changed.
        controls: methods that ignore the model; see `CONTROLS`.
        seed: seed of every metric that draws random numbers.
        memory: memory budget of a forward pass; see `kerascope.method.PerturbationMethod`.
        progress: draw a progress bar; None to draw one on a terminal if it takes more than a few seconds.
        workers: number of processes of a Ray cluster, each measuring one method at a time; see
            `kerascope.explain_dataset`.
        imports: see `kerascope.explain_dataset`.
        safe_mode: see `kerascope.explain_dataset`.

    Returns:
        A `Report`: table, ranks with intervals, statements, plots, Markdown, HTML, files. If a method fails
        on this model, a metric does not apply, or the run is interrupted, the report is partial, with a
        warning; `Report.complete` is False after an interruption.

    Raises:
        UnknownMethodError, UnknownMetricError: a name is unknown.
        EvaluationError: no value can be measured, or a label is not a class of the model.

    Cost:
        1 forward; the cost of each method; and the forwards and explanations that the metrics declare, less
        what they share. `Report.forwards` has the counted numbers.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((4, 8, 8, 1))
        >>> report = ks.evaluate(["saliency"], model, images, metrics=["deletion", "insertion"])
        >>> report.values.shape
        (5, 2, 4)
    """
    check_choice(level, "level", ("quick", "full"))
    known = as_probe(probe)  # which holds its model weakly: the argument keeps it
    inputs = resolve_inputs(known, images, labels, target, masks)
    batch = EvalBatch(
        known,
        inputs.images,
        inputs.target,
        masks=inputs.masks,
        labels=inputs.labels,
        memory=memory,
        progress=False,
    )
    given = [methods] if isinstance(methods, Method | str) else methods
    candidates = [as_method(method).choose(known, batch.images, batch.target)[0] for method in given]
    if not candidates:
        raise errors.EvaluationError("at least one method must be given; got none.")
    explicit = metrics is not None
    table = MeasurementTable(
        batch,
        list(dict.fromkeys([*candidates, *controls])),
        _select_metrics(metrics, level, seed),
        _QUICK_BUDGET if level == "quick" and not explicit else np.inf,
        explicit,
    )
    table.warnings += inputs.warnings
    if workers is not None and not isinstance(known, Probe):
        raise errors.ParameterError(
            "workers must have a Keras model, which is sent to them; got a black box; do without workers."
        )
    with Progress(len(table.methods) * (1 + len(table.metrics)), progress, "evaluate") as bar:
        try:
            if workers is None:
                for row in range(len(table.methods)):
                    table.measure_method(row, advance=bar.advance)
            else:
                run = RunOptions(workers=workers, imports=imports, safe_mode=safe_mode)
                with open_workers(run, require_probe(known).model) as cluster:
                    assert cluster is not None
                    table.measure_on_workers(cluster, bar.advance)
        except KeyboardInterrupt:
            if not np.isfinite(table.values).any():
                raise
            table.warn(
                "every method should be measured; the run was interrupted, and the missing values are NaN.",
                errors.InterruptedWarning,
            )
    table.warn_of_failures()
    return table.to_report(level, seed, controls)


def _select_metrics(metrics: Sequence[Metric | str] | None, level: Level, seed: int) -> list[Metric]:
    """Return the metrics, with the parameters of the level and the seed."""
    known = known_metrics()
    given = [metrics] if isinstance(metrics, Metric | str) else metrics
    selected: list[Metric] = []
    for metric in known if given is None else given:
        if isinstance(metric, Metric):
            selected.append(metric)
            continue
        if metric not in known:
            raise errors.UnknownMetricError(
                f"a metric must be one of {sorted(known)}; got {metric!r}; {errors.nearest(metric, known)}"
            )
        kind = known[metric]
        changes = kind.quick if level == "quick" else {}
        if changes is None and given is None:
            continue
        seeds = {"seed": seed} if "seed" in {field.name for field in dataclasses.fields(kind)} else {}
        selected.append(kind(**(changes or {}), **seeds))
    return selected
