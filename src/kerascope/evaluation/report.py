"""The report of an evaluation: values, ranks, statements, tables, files."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope import errors
from kerascope.evaluation import statistics
from kerascope.evaluation.output import text
from kerascope.evaluation.statistics import Comparison
from kerascope.metric.statistics import finite_mean
from kerascope.persistence import atomic_write, load_arrays, save_arrays
from kerascope.typing import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


_FORMAT = 1
"""Version of the file format; a file with a later one is refused."""


@dataclass(frozen=True)
class ReportColumn:
    """A metric in a report.

    Args:
        name: name of the metric.
        title: the name in words.
        group: group of the metric.
        direction: `"higher"` or `"lower"` is better; None if neither is.
        bounds: the lowest and highest possible value; None where there is none.
    """

    name: str
    title: str
    group: str
    direction: str | None
    bounds: tuple[float | None, float | None]


@dataclass(frozen=True, eq=False)
class Report:
    """The result of `kerascope.evaluate`: methods and controls by metrics by images.

    Means come with 95 % bootstrap intervals over the images, ranks with theirs, and statements are made only
    about significant differences: see `kerascope.evaluation.statistics`.

    Args:
        methods: the expressions that create the M methods, controls last.
        controls: the methods that ignore the model.
        columns: the Q metrics.
        values: float64 (M, Q, N), one for each image; NaN where there is none.
        shown: bool (M, N): the map varies and is finite.
        curves: by the name of a metric, positions (S,) and mean curves (M, S).
        example_pictures: uint8 (E, H, W, 3), some of the images; none if the inputs are not images.
        example_maps: float32 (M, E, H, W), their heat maps, not normalised.
        example_titles: the explained targets of these images.
        forwards: (M,) counted forward passes per image of a method.
        measuring: (M, Q) counted forward passes per image of a metric, without values shared before.
        target: the explained target, in words.
        level: `"quick"` or `"full"`.
        seed: seed of the metrics.
        model: name of the model.
        notes: the metrics with their parameters.
        warnings: texts of the warnings.
        versions: versions of kerascope, Keras and the backend.
        unmeasured: by methods that an interruption prevented, the names of the missing metrics.
    """

    methods: tuple[str, ...]
    controls: frozenset[str]
    columns: tuple[ReportColumn, ...]
    values: Array
    shown: Array
    curves: Mapping[str, tuple[Array, Array]]
    example_pictures: Array
    example_maps: Array
    example_titles: tuple[str, ...]
    forwards: Array
    measuring: Array
    target: str
    level: str
    seed: int
    model: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    unmeasured: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.values.shape[2])

    @property
    def complete(self) -> bool:
        """Whether every method was measured by every applicable metric: the run was not interrupted."""
        return not self.unmeasured

    @functools.cached_property
    def means(self) -> Array:
        """(M, Q), over the images with a value."""
        return finite_mean(self.values)

    @functools.cached_property
    def intervals(self) -> tuple[Array, Array]:
        """The lower and upper ends of the 95 % bootstrap intervals of the means, (M, Q) each."""
        return statistics.interval(self.values, self.seed)

    @functools.cached_property
    def counts(self) -> Array:
        """(M, Q), the number of images with a value."""
        return np.asarray(np.isfinite(self.values).sum(axis=2))

    @functools.cached_property
    def ranks(self) -> tuple[Array, Array, Array]:
        """Ranks on each metric, 1 the best, and the ends of their 95 % intervals, (M, Q) each.

        NaN for metrics without a direction, and for metrics that an interruption left incomplete.
        """
        rank, low, high = (np.full(self.means.shape, np.nan) for _ in range(3))
        partial = {name for names in self.unmeasured.values() for name in names}
        for index, column in enumerate(self.columns):
            if column.direction is not None and column.name not in partial:
                rank[:, index], low[:, index], high[:, index] = statistics.ranks(
                    self.values[:, index], column.direction, self.seed
                )
        return rank, low, high

    @functools.cached_property
    def mean_ranks(self) -> Array:
        """(M,) the mean rank over the metrics with a direction: a reading order, not a measurement."""
        return finite_mean(self.ranks[0])

    def column(self, metric: str) -> int:
        """Return the column of a metric.

        Raises:
            UnknownMetricError: the report has no metric of this name.
        """
        names = [column.name for column in self.columns]
        if metric not in names:
            raise errors.UnknownMetricError(
                f"a metric must be one of the report's, {names}; got {metric!r}; "
                f"{errors.nearest(metric, names)}"
            )
        return names.index(metric)

    def comparisons(self, metric: str) -> list[Comparison]:
        """Return the comparison of every pair of methods on a metric."""
        return self._comparisons[self.column(metric)]

    @functools.cached_property
    def _comparisons(self) -> list[list[Comparison]]:
        return [
            statistics.comparisons(self.values[:, column], self.seed) for column in range(len(self.columns))
        ]

    def statements(self) -> list[str]:
        """Return the significant and insignificant differences in sentences, metric by metric."""
        return text.statements(self)

    def to_dataframe(self, per_image: bool = False) -> DataFrame:
        """Return a tidy pandas table: a row for each method and metric, or for each image too.

        Args:
            per_image: one row per image, with its value.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise errors.MissingPackageError("pandas", "evaluate") from None
        rows = text.rows(self)
        if per_image:
            rows = [
                {"method": row["method"], "metric": row["metric"], "image": image, "value": value}
                for row in rows
                for image, value in enumerate(
                    self.values[self.methods.index(row["method"]), self.column(row["metric"])].tolist()
                )
            ]
        return pd.DataFrame(rows)

    def markdown(self) -> str:
        """Return statements and tables as Markdown."""
        return text.markdown(self)

    def html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return a self-contained HTML page: statements, tables, curves, maps.

        Args:
            path: the file to write; None to return the text only.

        Raises:
            MissingPackageError: Jinja2 or matplotlib is not installed.
        """
        from kerascope.evaluation.output.html import page

        content = page(self)
        if path is not None:
            with atomic_write(Path(path)) as partial:
                partial.write_text(content, encoding="utf-8")
        return content

    def plot(self) -> Figure:
        """Return a matplotlib figure: means with their intervals, a panel for each metric."""
        from kerascope.evaluation.output.plot import plot_means

        return plot_means(self)

    def __str__(self) -> str:
        return text.table(self)

    def __repr__(self) -> str:
        return (
            f"<Report on {len(self.methods)} methods, {len(self.columns)} metrics and {len(self)} images of "
            f"{self.model!r}, {len(self.warnings)} warnings{'' if self.complete else ', incomplete'}>"
        )

    def _repr_html_(self) -> str:
        return text.table_html(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write an `.npz` file that `kerascope.load_report` reads.

        Args:
            path: the file; `.npz` is added where it is missing.

        Returns:
            The path that was written.
        """
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        for name, (positions, means) in self.curves.items():
            arrays |= {f"places:{name}": positions, f"curves:{name}": means}
        metadata = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in (*_ARRAYS, "curves", "columns", "controls")
        }
        columns = [asdict(column) for column in self.columns]
        metadata |= {"controls": sorted(self.controls), "columns": columns}
        return save_arrays(path, metadata, arrays, _FORMAT)


_ARRAYS = ("values", "shown", "example_pictures", "example_maps", "forwards", "measuring")


def load_report(path: str | os.PathLike[str]) -> Report:
    """Read a report that `Report.save` wrote. No code in the file is run.

    Args:
        path: the `.npz` file.

    Raises:
        EvaluationError: the file is no report, is damaged, or was written by a later version.
        FileNotFoundError: there is no such file.
    """
    return load_arrays(
        path,
        _from_arrays,
        kind="a report written by Report.save",
        version=_FORMAT,
        error=errors.EvaluationError,
    )


def _from_arrays(metadata: dict[str, Any], arrays: dict[str, Array]) -> Report:
    columns = tuple(
        ReportColumn(**{**column, "bounds": tuple(column["bounds"])}) for column in metadata.pop("columns")
    )
    names = [name.removeprefix("curves:") for name in arrays if name.startswith("curves:")]
    curves = {name: (arrays[f"places:{name}"], arrays[f"curves:{name}"]) for name in names}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in metadata.items()
    }
    values |= {name: arrays[name] for name in _ARRAYS} | {"controls": frozenset(metadata["controls"])}
    return Report(columns=columns, curves=curves, **values)
