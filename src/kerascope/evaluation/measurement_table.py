"""The table of measurements that an evaluation fills, method by method."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.running.cluster import Workers
from kerascope.dataset.running.worker import SharedProbe
from kerascope.evaluation.report import Report, ReportColumn
from kerascope.explanation import Explanation
from kerascope.method import Method
from kerascope.metric import EvalBatch, EvalItem, Measurement, Metric
from kerascope.metric.statistics import finite_mean
from kerascope.probe import AnyProbe, require_probe
from kerascope.provenance import display_name, versions, warn
from kerascope.typing import Array

_EXAMPLES = 6
"""Number of images whose maps are stored in a report."""
_ROW_ARRAYS = ("values", "shown", "forwards", "own_costs", "explained", "reached", "maps")


class MeasurementTable:
    """Values of methods (rows) by metrics (columns), with their costs.

    Args:
        batch: the images, the model and the target.
        methods: methods and controls.
        metrics: the metrics.
        budget: the most forwards per image that metrics may use for a method.
        explicit: the user chose the metrics: a missing argument is an error.
    """

    def __init__(
        self,
        batch: EvalBatch,
        methods: Sequence[Method],
        metrics: Sequence[Metric],
        budget: float = np.inf,
        explicit: bool = False,
    ) -> None:
        self.batch, self.methods, self.metrics = batch, methods, metrics
        self.budget, self.explicit = budget, explicit
        rows, columns, images = len(methods), len(metrics), len(batch)
        self.values = np.full((rows, columns, images), np.nan)
        self.shown = np.zeros((rows, images), bool)
        self.forwards = np.zeros(rows)
        self.costs = np.zeros((rows, columns))
        self.own_costs = np.zeros((rows, columns))
        self.shared_keys: dict[tuple[int, int], set[Hashable]] = {}
        self.shared_costs: dict[Hashable, float] = {}
        self.explained = np.zeros(rows, bool)
        self.reached = np.zeros((rows, columns), bool)
        self.curves: dict[str, tuple[Array, Array]] = {}
        self.warnings: list[str] = []
        self.failures: dict[tuple[str, str], list[str]] = {}
        self.examples: tuple[Array, tuple[str, ...]] | None = None
        self.maps = np.full((rows, min(_EXAMPLES, images), *batch.spatial), np.nan, "float32")

    def measure_on_workers(self, workers: Workers, advance: Callable[[int], None]) -> None:
        """Measure all methods on the workers of a cluster."""
        tables: dict[int, MeasurementTable] = {}
        try:
            for row, table in workers.map(MeasurementWork.of(self), range(len(self.methods))):
                tables[row] = table
                advance(1 + len(self.metrics))
        finally:
            for row in sorted(tables):
                self._merge_row(row, tables[row])

    def _merge_row(self, row: int, table: MeasurementTable) -> None:
        """Copy the row of a method from a table of this method alone."""
        for name in _ROW_ARRAYS:
            getattr(self, name)[row] = getattr(table, name)[0]
        self.shared_costs |= table.shared_costs
        for (_, column), keys in table.shared_keys.items():
            self._charge(row, column, keys)
        for name, (positions, means) in table.curves.items():
            self._store_curve(row, name, positions, means[0])
        self.warnings += table.warnings
        for failure, methods in table.failures.items():
            self.failures.setdefault(failure, []).extend(methods)
        self.examples = self.examples or table.examples

    def measure_method(self, row: int, advance: Callable[[int], None]) -> None:
        """Explain the images by one method, and measure the maps by every metric."""
        method, batch = self.methods[row], self.batch
        before = batch.probe.forward_count
        try:
            explanation = method(batch.probe, batch.images, batch.answer.pinned)
        except errors.KerascopeError as error:
            self.warn(f"{method.describe()} has no values: {type(error).__name__}: {error}")
            self.reached[row] = True
            advance(1 + len(self.metrics))
            return
        if any(text.startswith(errors.InterruptedWarning.__name__) for text in explanation.warnings):
            raise KeyboardInterrupt  # a map from some of the masks is not the method's map
        self.forwards[row] = (batch.probe.forward_count - before) / len(batch)
        self.examples = self.examples or _display_examples(explanation, self.maps.shape[1])
        self.warnings += [f"{method.describe()}: {text}" for text in explanation.warnings]
        item = EvalItem(batch, explanation, method)
        self.explained[row] = True
        self.shown[row] = item.is_informative
        self.maps[row] = item.maps[: self.maps.shape[1]]
        advance(1)
        expensive = []
        order = sorted(range(len(self.metrics)), key=lambda column: self.metrics[column].explanations > 0)
        for column in order:
            metric = self.metrics[column]
            if metric.missing_inputs(item):
                if self.explicit:
                    metric.apply(item)  # raises, and names the missing argument
            elif metric.explanations and metric.explanations * self.forwards[row] > self._remaining(row):
                expensive.append(metric.name)
            else:
                self._measure(row, column, item)
            self.reached[row, column] = True
            advance(1)
        if expensive:
            self.warn(
                f"{', '.join(expensive)} have no values of {method.describe()}: they explain again, at "
                f"{self.forwards[row]:.0f} forwards each; ask for them by name, or take level='full'."
            )

    def _measure(self, row: int, column: int, item: EvalItem) -> None:
        batch, metric = self.batch, self.metrics[column]
        before, shared = batch.probe.forward_count, batch.cache_cost
        batch.used_keys = set()
        try:
            measurement = metric.apply(item)
        except errors.KerascopeError as error:
            failure = metric.name, f"{type(error).__name__}: {error}"
            self.failures.setdefault(failure, []).append(item.explanation.method)
            return
        self.values[row, column] = measurement.values
        own = batch.probe.forward_count - before - (batch.cache_cost - shared)
        self.own_costs[row, column] = own / len(batch)
        self.shared_costs |= {key: batch.costs[key] / len(batch) for key in batch.used_keys}
        self._charge(row, column, batch.used_keys)
        self._add_curve(row, metric.name, measurement)

    def _charge(self, row: int, column: int, keys: set[Hashable]) -> None:
        """Set the cost of a measurement; shared values are charged to their first user."""
        known = set().union(*(used for cell, used in self.shared_keys.items() if cell != (row, column)))
        self.shared_keys[row, column] = keys
        self.costs[row, column] = self.own_costs[row, column] + self._sum_costs(keys - known)

    def _remaining(self, row: int) -> float:
        """Return the rest of a method's budget; shared values count in full for every method."""
        columns = range(len(self.metrics))
        keys = set().union(*(self.shared_keys.get((row, column), set()) for column in columns))
        return float(self.budget - self.own_costs[row].sum() - self._sum_costs(keys))

    def _sum_costs(self, keys: Iterable[Hashable]) -> float:
        return float(sum(self.shared_costs[key] for key in keys))

    def _add_curve(self, row: int, name: str, measurement: Measurement) -> None:
        if measurement.curves is not None and measurement.places is not None:
            self._store_curve(row, name, measurement.places, finite_mean(measurement.curves, axis=0))

    def _store_curve(self, row: int, name: str, positions: Array, mean: Array) -> None:
        empty = np.full((len(self.methods), len(positions)), np.nan)
        _, means = self.curves.setdefault(name, (positions, empty))
        if len(mean) == means.shape[1]:
            means[row] = mean

    def warn(self, text: str, category: type[errors.KerascopeWarning] = errors.EvaluationWarning) -> None:
        """Warn, and store the warning."""
        self.warnings.append(warn(category, text))

    def warn_of_failures(self) -> None:
        """Warn about metrics without values, once for all methods with the same reason."""
        for (metric, reason), methods in self.failures.items():
            names = "any method" if len(methods) == len(self.methods) else ", ".join(methods)
            self.warn(f"{metric} has no values of {names}: {reason}")

    def to_report(self, level: str, seed: int, controls: Collection[Method]) -> Report:
        """Return the report on the metrics with any value."""
        columns = np.flatnonzero(np.isfinite(self.values).any(axis=(0, 2))).tolist()
        if not columns:
            raise errors.EvaluationError(
                "a report must have at least one value; nothing could be measured: "
                + ("; ".join(self.warnings) or "no metric applies to what was given")
                + "; give other methods or metrics, masks or labels."
            )
        shown = self.shown[self.explained]
        if flat := int((~shown).sum()):
            self.warnings.append(
                f"{flat} of {shown.size} maps are constant, nearly so or not finite, and have no value."
            )
        assert self.examples is not None
        pictures, titles = self.examples
        metrics = [self.metrics[column] for column in columns]
        names = {metric.name for metric in metrics}
        return Report(
            methods=tuple(method.describe() for method in self.methods),
            controls=frozenset(control.describe() for control in controls),
            columns=tuple(
                ReportColumn(metric.name, metric.title, metric.group, metric.direction, metric.bounds)
                for metric in metrics
            ),
            values=self.values[:, columns],
            shown=self.shown,
            curves={name: curve for name, curve in self.curves.items() if name in names},
            example_pictures=pictures,
            example_maps=self.maps,
            example_titles=titles,
            forwards=self.forwards,
            measuring=self.costs[:, columns],
            target=self.batch.target.describe(),
            level=level,
            seed=seed,
            model=display_name(getattr(getattr(self.batch.probe, "model", None), "name", "a black box")),
            notes=tuple(metric.describe() for metric in metrics),
            warnings=tuple(dict.fromkeys(self.warnings)),
            unmeasured={
                method.describe(): [self.metrics[column].name for column in np.flatnonzero(~reached).tolist()]
                for method, reached in zip(self.methods, self.reached, strict=True)
                if not reached.all()
            },
            versions=dict(versions()),
        )


@dataclass(frozen=True, eq=False)
class MeasurementWork:
    """Measures a method by its index: a `kerascope.dataset.running.worker.Work`.

    A worker measures one method on all images: metrics need all of them, and the batches of one process.
    """

    probe: SharedProbe
    images: Any
    target: Any
    options: dict[str, Any]
    methods: tuple[Method, ...]
    metrics: tuple[Metric, ...]
    budget: float
    explicit: bool

    @classmethod
    def of(cls, table: MeasurementTable) -> MeasurementWork:
        """Return the work of filling a table."""
        batch = table.batch
        return cls(
            SharedProbe.of(require_probe(batch.probe), batch.images),
            batch.images,
            batch.target,
            {"masks": batch.masks, "labels": batch.labels, "memory": batch.memory, "progress": False},
            tuple(table.methods),
            tuple(table.metrics),
            table.budget,
            table.explicit,
        )

    def start(self, probe: AnyProbe) -> Callable[[int], MeasurementTable]:
        """Return a function from the index of a method to a table of this method alone."""
        batch = EvalBatch(probe, self.images, self.target, **self.options)

        def measure(row: int) -> MeasurementTable:
            table = MeasurementTable(batch, [self.methods[row]], self.metrics, self.budget, self.explicit)
            table.measure_method(0, lambda count: None)
            del table.batch
            return table

        return measure


def _display_examples(explanation: Explanation, count: int) -> tuple[Array, tuple[str, ...]]:
    """Return the first images for display, uint8 (E, H, W, 3), or none; and their titles."""
    from kerascope.render import display_images

    titles = tuple(explanation.title(image) for image in range(count))
    if explanation.images is None or explanation.images.ndim != 4:
        return np.zeros((0, 1, 1, 3), "uint8"), titles
    return np.asarray(display_images(explanation.images[:count])), titles
