"""Methods against metrics: what `ks.evaluate` does."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.dataset.options import RunOptions
from kerascope.dataset.running.cluster import Cluster, Workers, open_workers
from kerascope.dataset.running.worker import SharedProbe
from kerascope.evaluation.questions import questions
from kerascope.evaluation.report import Column, Report
from kerascope.explanation import Explanation
from kerascope.method import Method, as_method
from kerascope.method.controls import CentreGaussian, EdgeMap, RandomMap
from kerascope.metric import EvalBatch, EvalItem, Measurement, Metric
from kerascope.metric import metrics as known_metrics
from kerascope.probe import Probe, as_probe
from kerascope.progress import Progress
from kerascope.provenance import display_name, versions, warn
from kerascope.target import TargetLike
from kerascope.typing import Array

Level = Literal["quick", "full"]

CONTROLS: tuple[Method, ...] = (RandomMap(), RandomMap(grid=None), CentreGaussian(), EdgeMap())
"""What every method is held against: chance, smooth and rough (the difference is what a metric gives for
smoothness alone), the middle of the image, and its edges."""
_MOST = 60
"""Forwards per image that the metrics of the quick level may take for a method."""
_EXAMPLES = 6
"""Images of which a report keeps the maps."""


def evaluate(
    methods: Method | str | Sequence[Method | str],
    probe: Probe | keras.Model,
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
    """Measure methods on the same images, beside controls, and say what the numbers show.

    Every method explains every image; every metric gives one number for each of these maps. What metrics and
    methods have in common is asked once: the scores of the images, scores under random subsets, a randomised
    model, segments.

    Args:
        methods: methods, or names of methods.
        probe: a `Probe`, a Keras model, or a `BlackBox`.
        images: (N, ...) as the model takes them. Statements need about 20 or more.
        labels: places or names (N,) of the true classes: what is explained unless `target` says otherwise;
            and of four classes or more mosaics are made, for `kerascope.metric.Focus`. Of a model of several
            labels, a list of them for each image, or columns (N, K) of 0 and 1: an image is asked about once
            for each of its labels, and there are no mosaics. Images without a label are left out.
        masks: bool (N, *spatial), where the object is, for the metrics of localisation.
        metrics: metrics, or names; default None: those of the level that what is given is enough for.
        target: what is explained; None for the labels, or without them for the predicted class.
        level: `"quick"`, under 60 forwards per image beside the explanations themselves, with fewer steps;
            `"full"`, every metric with its own defaults. Of metrics that are handed over the parameters are
            not touched.
        controls: methods that know nothing of the model; see `CONTROLS`.
        seed: of every metric that draws random numbers.
        memory: the most that a pass may hold; see `kerascope.method.PerturbationMethod`.
        progress: draw a progress bar; None on a terminal where it takes longer than some seconds.
        workers: measure by so many processes of a Ray cluster, a method at a time; see
            `kerascope.explain_dataset`.
        imports: see there.
        safe_mode: see there.

    Returns:
        A `Report`: table, ranks with intervals, statements, plots, Markdown, HTML, files. A method that fails
        on this model, a metric that does not apply, an interruption: what there is, with a warning;
        `Report.complete` tells of an interruption.

    Raises:
        UnknownMethodError, UnknownMetricError: there is none of that name.
        EvaluationError: nothing can be measured with what was given, or a label is no class of the model.

    Cost:
        1 forward; for each method its own cost, and the forwards and explanations that the metrics declare,
        less what they share. `Report.forwards` has what was counted.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((4, 8, 8, 1))
        >>> report = ks.evaluate(["saliency"], model, images, metrics=["deletion", "insertion"])
        >>> report.values.shape
        (5, 2, 4)
    """
    if level not in ("quick", "full"):
        raise errors.ParameterError(f"level must be 'quick' or 'full'; got {level!r}.")
    given: Iterable[Method | str] = [methods] if isinstance(methods, Method | str) else methods
    known = as_probe(probe)  # which holds its model weakly: the argument keeps it
    asked = questions(known, images, labels, target, masks)
    batch = EvalBatch(
        known,
        asked.images,
        asked.target,
        masks=asked.masks,
        labels=asked.labels,
        memory=memory,
        progress=False,
    )
    tried = [as_method(one).choose(known, batch.images, batch.target)[0] for one in given]
    chosen = _unique(tried, list(controls))
    measured = _metrics(metrics, level, seed)
    quick = level == "quick" and metrics is None
    most = _MOST if quick else np.inf
    table = _Table(batch, chosen, measured, most)
    table.warnings += asked.doubts
    work = _work(workers, batch, table, explicit=metrics is not None)
    with Progress(len(chosen) * (1 + len(measured)), progress, "evaluate") as bar:
        try:
            if work is None:
                for row in range(len(chosen)):
                    table.fill(row, explicit=metrics is not None, advance=bar.advance)
            else:
                run = RunOptions(workers=workers, imports=imports, safe_mode=safe_mode)
                with open_workers(run, known.model) as others:
                    assert others is not None
                    table.filled_by(others, work, bar.advance)
        except KeyboardInterrupt:
            if not np.isfinite(table.values).any():
                raise
            table.told(
                "every method should be measured; the run was interrupted, and what is missing has no value.",
                errors.InterruptedWarning,
            )
    table.tell_missing()
    return table.report(level, seed, frozenset(controls))


def _work(workers: int | Cluster | None, batch: EvalBatch, table: _Table, explicit: bool) -> _RowWork | None:
    """What workers do; None where there are none."""
    if workers is None:
        return None
    if not isinstance(batch.probe, Probe):
        raise errors.ParameterError(
            "workers must have a Keras model, which is sent to them; got a black box; do without workers."
        )
    return _RowWork(
        SharedProbe.of(batch.probe, batch.images),
        (batch.images, batch.target),
        {"masks": batch.masks, "labels": batch.labels, "memory": batch.memory, "progress": False},
        tuple(table.methods),
        tuple(table.metrics),
        table.most,
        explicit,
    )


@dataclass(frozen=True, eq=False)
class _RowWork:
    """The number of a method to a table of it alone: a `kerascope.dataset.running.worker.Work`.

    A method at a time, on all images: metrics look at all of them, and batches are those of one process.

    Args:
        probe: that is asked.
        asked: images and target.
        known: what else there is to a `EvalBatch`.
        methods, metrics, most, explicit: see `_Table`.
    """

    probe: SharedProbe
    asked: tuple[Any, Any]
    known: dict[str, Any]
    methods: tuple[Method, ...]
    metrics: tuple[Metric, ...]
    most: float
    explicit: bool

    def start(self, probe: Probe) -> Callable[[int], _Table]:
        batch = EvalBatch(probe, *self.asked, **self.known)

        def measured(row: int) -> _Table:
            table = _Table(batch, [self.methods[row]], self.metrics, self.most)
            table.fill(0, self.explicit, lambda count: None)
            del table.batch
            return table

        return measured


class _Table:
    """What was measured so far."""

    def __init__(
        self, batch: EvalBatch, methods: Sequence[Method], metrics: Sequence[Metric], most: float
    ) -> None:
        self.batch, self.methods, self.metrics, self.most = batch, methods, metrics, most
        shape = (len(methods), len(metrics), len(batch))
        self.values = np.full(shape, np.nan)
        self.shown = np.zeros((shape[0], shape[2]), bool)
        self.forwards = np.zeros(shape[0])
        self.measuring = np.zeros(shape[:2])
        self.own = np.zeros(shape[:2])
        self.needs: dict[tuple[int, int], set[Hashable]] = {}
        self.costs: dict[Hashable, float] = {}
        self.explained = np.zeros(shape[0], bool)
        self.reached = np.zeros(shape[:2], bool)
        self.curves: dict[str, tuple[Array, Array]] = {}
        self.warnings: list[str] = []
        self.missing: dict[tuple[str, str], list[str]] = {}
        self.example: tuple[Array, tuple[str, ...]] | None = None
        self.maps = np.full((shape[0], min(_EXAMPLES, shape[2]), *batch.spatial), np.nan, "float32")

    def filled_by(self, workers: Workers, work: _RowWork, advance: Any) -> None:
        """Have all methods measured by workers."""
        found: dict[int, _Table] = {}
        try:
            for row, one in workers.map(work, range(len(self.methods))):
                found[row] = one
                advance(1 + len(self.metrics))
        finally:
            for row in sorted(found):
                self._join(row, found[row])

    def _join(self, row: int, one: _Table) -> None:
        """Take over what was measured of a method elsewhere."""
        for name, found in vars(one).items():
            if isinstance(found, np.ndarray) and name != "measuring":  # which is charged below
                getattr(self, name)[row] = found[0]
        self.costs |= one.costs
        for (_, column), needs in one.needs.items():
            self.needs[row, column] = needs
            self._charge(row, column)
        for name, (places, means) in one.curves.items():
            self._keep_curve(row, name, places, means[0])
        self.warnings += one.warnings
        for reason, methods in one.missing.items():
            self.missing.setdefault(reason, []).extend(methods)
        self.example = self.example or one.example

    def fill(self, row: int, explicit: bool, advance: Any) -> None:
        """Explain the images by one method, and measure it."""
        method, batch = self.methods[row], self.batch
        before = self._counted()
        try:
            explanation = method(batch.probe, batch.images, batch.answer.pinned)
        except errors.KerascopeError as error:
            self.told(f"{method.describe()} has no values: {type(error).__name__}: {error}")
            self.reached[row] = True
            advance(1 + len(self.metrics))
            return
        if any(one.startswith(errors.InterruptedWarning.__name__) for one in explanation.warnings):
            raise KeyboardInterrupt  # a map by some of its masks is not that by all
        self.forwards[row] = (self._counted() - before) / len(batch)
        self.example = self.example or _example(explanation, self.maps.shape[1])
        self.warnings += [f"{method.describe()}: {text}" for text in explanation.warnings]
        item = EvalItem(batch, explanation, method)
        self.explained[row] = True
        self.shown[row] = item.is_informative
        self.maps[row] = item.maps[: self.maps.shape[1]]
        advance(1)
        dear = []
        order = sorted(range(len(self.metrics)), key=lambda column: self.metrics[column].explanations > 0)
        for column in order:
            metric = self.metrics[column]
            if metric.missing_inputs(item):
                if explicit:
                    metric.apply(item)  # raises, and says what is missing
            elif metric.explanations and metric.explanations * self.forwards[row] > self._room(row):
                dear.append(metric.name)
            else:
                self._measure(row, column, metric, item)
            self.reached[row, column] = True
            advance(1)
        if dear:
            self.told(
                f"{', '.join(dear)} have no values of {method.describe()}: they explain again, at "
                f"{self.forwards[row]:.0f} forwards each; ask for them by name, or take level='full'."
            )

    def _room(self, row: int) -> float:
        """Forwards that are left for metrics that explain again, as many for each method.

        What the methods share is held against all, whoever was the first to ask for it.
        """
        shared = set().union(*(self.needs.get((row, column), set()) for column in range(len(self.metrics))))
        return float(self.most - self.own[row].sum() - self._cost(shared))

    def _measure(self, row: int, column: int, metric: Metric, item: EvalItem) -> None:
        batch = self.batch
        before, charged = self._counted(), batch.shared_forwards
        batch.used_keys = set()
        try:
            found = metric.apply(item)
        except errors.KerascopeError as error:
            reason = f"{type(error).__name__}: {error}"
            self.missing.setdefault((metric.name, reason), []).append(item.explanation.method)
            return
        self.values[row, column] = found.values
        own = self._counted() - before - (batch.shared_forwards - charged)
        self.own[row, column] = own / len(batch)
        self.needs[row, column] = batch.used_keys
        self.costs |= {key: batch.costs[key] / len(batch) for key in batch.used_keys}
        self._charge(row, column)
        self._keep(row, metric.name, found)

    def _charge(self, row: int, column: int) -> None:
        """What is shared is charged to the first who needs it."""
        known = set().union(*(needs for place, needs in self.needs.items() if place != (row, column)))
        self.measuring[row, column] = self.own[row, column] + self._cost(self.needs[row, column] - known)

    def _cost(self, keys: Iterable[Hashable]) -> float:
        return float(sum(self.costs[key] for key in keys))

    def _keep(self, row: int, name: str, found: Measurement) -> None:
        if found.curves is None or found.places is None:
            return
        known = np.isfinite(found.curves)
        total = np.where(known, found.curves, 0.0).sum(axis=0)
        mean = np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
        self._keep_curve(row, name, found.places, mean)

    def _keep_curve(self, row: int, name: str, places: Array, mean: Array) -> None:
        places, means = self.curves.setdefault(
            name, (places, np.full((len(self.methods), len(places)), np.nan))
        )
        if len(mean) == len(places):
            means[row] = mean

    def tell_missing(self) -> None:
        """Warn of the metrics that have no values, once for all methods where the reason is the same."""
        for (metric, reason), methods in self.missing.items():
            whose = "any method" if len(methods) == len(self.methods) else ", ".join(methods)
            self.told(f"{metric} has no values of {whose}: {reason}")

    def told(self, text: str, kind: type[errors.KerascopeWarning] = errors.EvaluationWarning) -> None:
        """Warn, and keep the warning."""
        self.warnings.append(warn(kind, text))

    def _counted(self) -> int:
        return int(self.batch.probe.forward_count)

    def report(self, level: str, seed: int, controls: frozenset[Method]) -> Report:
        """The report, of metrics that have any value."""
        used = [column for column in range(len(self.metrics)) if np.isfinite(self.values[:, column]).any()]
        if not used:
            raise errors.EvaluationError(
                "a report must have at least one value; nothing could be measured: "
                + ("; ".join(self.warnings) or "no metric applies to what was given")
                + "; give other methods or metrics, masks or labels."
            )
        shown = self.shown[self.explained]
        flat = int((~shown).sum())
        if flat:
            self.warnings.append(
                f"{flat} of {shown.size} maps are constant, nearly so or not finite, and have no value."
            )
        assert self.example is not None
        pictures, titles = self.example
        return Report(
            methods=tuple(method.describe() for method in self.methods),
            controls=frozenset(one.describe() for one in controls),
            columns=tuple(
                Column(one.name, one.title, one.group, one.direction, one.bounds)
                for one in (self.metrics[column] for column in used)
            ),
            values=self.values[:, used],
            shown=self.shown,
            curves={
                name: curve
                for name, curve in self.curves.items()
                if any(self.metrics[column].name == name for column in used)
            },
            example_pictures=pictures,
            example_maps=self.maps,
            example_titles=titles,
            forwards=self.forwards,
            measuring=self.measuring[:, used],
            target=self.batch.target.describe(),
            level=level,
            seed=seed,
            model=display_name(getattr(getattr(self.batch.probe, "model", None), "name", "a black box")),
            notes=tuple(self.metrics[column].describe() for column in used),
            warnings=tuple(dict.fromkeys(self.warnings)),
            unmeasured={
                method.describe(): [self.metrics[column].name for column in np.flatnonzero(~reached).tolist()]
                for method, reached in zip(self.methods, self.reached, strict=True)
                if not reached.all()
            },
            versions=dict(versions()),
        )


def _example(explanation: Explanation, count: int) -> tuple[Array, tuple[str, ...]]:
    """The first images as photographs, uint8 (E, H, W, 3), or none; and their titles."""
    from kerascope.render import display_images

    titles = tuple(explanation.title(image) for image in range(count))
    if explanation.images is None or explanation.images.ndim != 4:
        return np.zeros((0, 1, 1, 3), "uint8"), titles
    return np.asarray(display_images(explanation.images[:count])), titles


def _unique(chosen: list[Method], controls: list[Method]) -> list[Method]:
    """The methods, then the controls that are not among them, each once."""
    found = list(dict.fromkeys([*chosen, *controls]))
    if not chosen:
        raise errors.EvaluationError("at least one method must be given; got none.")
    return found


def _metrics(given: Sequence[Metric | str] | None, level: Level, seed: int) -> list[Metric]:
    """The metrics, with the parameters of the level and the seed."""
    known = known_metrics()
    if isinstance(given, Metric | str):
        given = [given]
    found: list[Metric] = []
    for one in known if given is None else given:
        if isinstance(one, Metric):
            found.append(one)
            continue
        if one not in known:
            raise errors.UnknownMetricError(
                f"a metric must be one of {sorted(known)}; got {one!r}; {errors.nearest(one, known)}"
            )
        kind = known[one]
        changed = kind.quick if level == "quick" else {}
        if changed is None:
            if given is None:
                continue
            changed = {}
        names = {field.name for field in dataclasses.fields(kind)}
        found.append(kind(**changed, **({"seed": seed} if "seed" in names else {})))
    return found
