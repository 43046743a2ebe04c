"""The described images of a data set as arrays; thumbnails and images are read on demand."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.auditing.data.clustering import Clustering, Clusters, find_clusters
from kerascope.auditing.data.label_matrix import LabelMatrix
from kerascope.auditing.data.thumbnails import Moments, Thumbnails
from kerascope.auditing.description.object_masks import Objects
from kerascope.auditing.description.relevance import CELLS, positive_part, resize_maps
from kerascope.auditing.duplicates.duplicates import Duplicates
from kerascope.dataset.results import Results
from kerascope.dataset.running.explainer import Explainer
from kerascope.dataset.running.images import PreparedImage
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.store import Store
from kerascope.typing import Array

_INDICES = ("index", "target", "label_index", "prediction")
_NUMBERS = (*_INDICES, "probability", "score", "saturated", "outside", "beside")
_LISTS = ("position", "content", "traits", "qualities", "agreement")
PICTURES = 200
"""The most thumbnails of a class that are loaded together."""
_ALL_PICTURES = 6000
"""The most of all classes together: about 70 MB."""
NON_FINITE = "usually weights are broken, numbers overflow, as in float16, or preprocessing divides by zero"


@dataclass(frozen=True, eq=False)
class AuditData:
    """M explained images of a data set, about 5 kB each.

    Args:
        job: that explained them.
        results: of the job.
        columns: the numbers of each image: (M,) or (M, n) by the name of the column.
        paths: of the images.
        flat: bool (M,), maps that show nothing.
        broken: bool (M,), maps that hold NaN or infinity.
        clustering: see `kerascope.auditing.data.clustering.find_clusters`.
        seed: of every choice.
        distinct: how many of the images differ.
        non_finite: number of further images with scores that are NaN or infinite.
        label_matrix: while one of several labels is audited, the labels of all images; else None.
        copies: bool (M,), copies of others among them, which are in no trial: they would count twice.
    """

    job: Job
    results: Results
    columns: dict[str, Array]
    paths: tuple[str, ...]
    flat: Array
    broken: Array
    clustering: Clustering = "spectral"
    seed: int = 0
    distinct: int = 0
    non_finite: int = 0
    label_matrix: LabelMatrix | None = None
    copies: Array | None = None

    @classmethod
    def of(
        cls,
        job: Job,
        results: Results,
        clustering: Clustering = "spectral",
        seed: int = 0,
        label_matrix: LabelMatrix | None = None,
    ) -> AuditData:
        """Read the results of a job.

        Raises:
            EvaluationError: no image could be explained, or no score is finite.
        """
        values: dict[str, list[Any]] = {
            name: [] for name in (*_NUMBERS, *_LISTS, "path", "digest", "warnings")
        }
        non_finite = sum(error.startswith("NonFiniteScoreError") for _, error in results.failures())
        for row in results.image_rows(list(values)):
            if row["prediction"] is None:
                non_finite += 1
                continue
            for name in values:
                values[name].append(np.asarray(row[name], "float32") if name in _LISTS else row[name])
        if not values["path"] and non_finite:
            raise errors.EvaluationError(
                f"scores must be finite to be audited; the scores of {non_finite:,} of "
                f"{results.counts['images']:,} images are not finite (NaN or infinity); {NON_FINITE}."
            )
        if not values["path"]:
            raise errors.EvaluationError(
                f"there must be images that can be explained; all {results.counts['images']} failed; see "
                "the column error of the table."
            )
        columns = {name: np.stack(values[name]) for name in _LISTS}
        for name in _NUMBERS:
            index = name in _INDICES
            missing = -1 if index else np.nan
            numbers = [missing if value is None else value for value in values[name]]
            columns[name] = np.asarray(numbers, "int64" if index else None)
        return cls(
            job,
            results,
            columns,
            tuple(values["path"]),
            _has_warning(values["warnings"], "FlatMapWarning"),
            _has_warning(values["warnings"], "NonFiniteMapWarning"),
            clustering,
            seed,
            len(set(values["digest"])),
            non_finite,
            label_matrix,
        )

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def informative(self) -> Array:
        """bool (M,), maps that show something."""
        return ~(self.flat | self.broken)

    @property
    def targets(self) -> Array:
        """(M,) the explained class of each image."""
        return self.columns["target"]

    @property
    def labels(self) -> Array:
        """(M,) the true class of each image, -1 where unknown."""
        return self.columns["label_index"]

    @property
    def positions(self) -> Array:
        """(M, 8, 8), the share of relevance in each cell."""
        return self.columns["position"].reshape(-1, CELLS, CELLS)

    @property
    def traits(self) -> Array:
        """(M, 9) of the background, see `kerascope.auditing.description.traits`."""
        return self.columns["traits"].reshape(len(self), 2, -1)[:, 0]

    @property
    def middle_traits(self) -> Array:
        """(M, 9) of the middle of the picture."""
        return self.columns["traits"].reshape(len(self), 2, -1)[:, 1]

    @property
    def qualities(self) -> Array:
        """(M, 24) of the whole picture, see `kerascope.auditing.description.qualities`."""
        return self.columns["qualities"].reshape(len(self), 2, -1)[:, 0]

    @property
    def middle_qualities(self) -> Array:
        """(M, 24) of the middle of the picture."""
        return self.columns["qualities"].reshape(len(self), 2, -1)[:, 1]

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """The classes that were explained."""
        return tuple(np.unique(self.targets).tolist())

    def name(self, label: int) -> str:
        """The name of a class, or its number."""
        names = self.job.names
        return str(label) if names is None or not 0 <= label < len(names) else names[label]

    def members(self, label: int) -> Array:
        """Rows of the images that were explained for a class."""
        return np.flatnonzero(self.targets == label)

    def sample(self, rows: Array, most: int, salt: int = 0) -> Array:
        """A random sample of at most this many rows, in order."""
        if len(rows) <= most:
            return rows
        positions = np.random.default_rng([self.seed, salt]).choice(len(rows), most, replace=False)
        return rows[np.sort(positions)]

    @property
    def objects(self) -> Objects | None:
        """Masks of the objects, if known."""
        return getattr(self.job.description, "objects", None)

    @cached_property
    def clusters(self) -> dict[int, Clusters]:
        """Clusters of the images of each class, in the order of `members`; -1 where a map shows nothing."""
        clusters = {}
        for label in self.classes:
            members = self.members(label)
            content, informative = self.columns["content"][members], self.informative[members]
            clusters[label] = find_clusters(
                self.positions[members], content, informative, self.clustering, self.seed
            )
        return clusters

    @property
    def pictures_per_class(self) -> int:
        """The most thumbnails of a class that are loaded; only images with one are in trials."""
        return max(8, min(PICTURES, _ALL_PICTURES // max(len(self.classes), 1)))

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """A sample of thumbnails of every class."""
        rows = [self.sample(self._distinct_members(label), self.pictures_per_class) for label in self.classes]
        return self.load_thumbnails(np.sort(np.concatenate(rows)))

    def _distinct_members(self, label: int) -> Array:
        """The members of a class without copies of others, unless all are."""
        members = self.members(label)
        distinct = members if self.copies is None else members[~self.copies[members]]
        return distinct if len(distinct) else members

    def without_copies(self, duplicates: Duplicates | None) -> AuditData:
        """The same data, whose trials use each picture once."""
        if duplicates is None or not duplicates.copies:
            return self
        return replace(self, copies=np.isin(self.columns["index"], list(duplicates.copies)))

    def moments(self, label: int) -> tuple[Moments, Moments]:
        """Of the thumbnails of a class, and of those of all others."""
        by_class, total = self._sums
        return Moments.of(by_class[label]), Moments.of(total - by_class[label])

    @cached_property
    def _sums(self) -> tuple[dict[int, Array], Array]:
        """`Thumbnails.sums` by class, and of all."""
        targets = self.targets[self.thumbnails.rows]
        by_class = {label: self.thumbnails.take(targets == label).sums() for label in self.classes}
        return by_class, np.sum(list(by_class.values()), axis=0)

    def load_thumbnails(self, rows: Array) -> Thumbnails:
        """Thumbnails and maps of some images; a map that shows nothing is zero."""
        from PIL import Image

        positions = dict(zip(self.columns["index"][rows].tolist(), range(len(rows)), strict=True))
        pictures: list[Any] = [None] * len(rows)
        maps: list[Any] = [None] * len(rows)
        for row in self.results.image_rows(["index", "picture", "map"]):
            if row["index"] in positions:
                position = positions[row["index"]]
                pixels = np.asarray(Image.open(io.BytesIO(row["picture"])).convert("RGB"))
                relevance = positive_part(row["map"]) * self.informative[rows[position]]
                pictures[position], maps[position] = pixels, resize_maps(relevance, pixels.shape[:2])
        return Thumbnails(rows, np.stack(pictures), np.stack(maps))

    @cached_property
    def explainer(self) -> Explainer:
        """Prepares images as the job did."""
        job = self.job
        return Explainer(job.probe, job.options, job.names, Store(self.results.folder))

    def prepare_images(self, rows: Array) -> Iterator[tuple[int, PreparedImage]]:
        """Read some images again, each with its row; those that are gone are left out."""
        wanted = dict(zip(self.columns["index"][rows].tolist(), rows.tolist(), strict=True))
        for index, item in enumerate(self.job.source):
            if index in wanted:
                prepared = self.explainer.prepare(index, item)
                if prepared.image is not None:
                    yield wanted.pop(index), prepared
                if not wanted:
                    return

    def load_images(self, rows: Array) -> tuple[Array, Array]:
        """Some images as the model takes them, channels last, and their rows."""
        found = [
            (prepared.image, row) for row, prepared in self.prepare_images(rows) if prepared.image is not None
        ]
        if not found:
            raise errors.DatasetError(
                "images of an audit must still be there; none of those that are needed can be read any more."
            )
        return np.stack([image for image, _ in found]), np.asarray([row for _, row in found])


def _has_warning(warnings: Sequence[Sequence[str] | None], kind: str) -> Array:
    return np.asarray([any(text.startswith(kind) for text in texts or ()) for texts in warnings], bool)
