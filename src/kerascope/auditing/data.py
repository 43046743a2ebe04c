"""What an audit has noted of a data set, as arrays; pictures and images are read when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.auditing.describe import CELLS, fitted, speaking_for
from kerascope.auditing.duplicates.base import Duplicates
from kerascope.auditing.objects import Objects
from kerascope.auditing.responses import NON_FINITE
from kerascope.auditing.shortcuts.companions import Companions
from kerascope.auditing.strategies import Clustering, Clusters, clusters
from kerascope.auditing.traits import PLACES, TRAITS
from kerascope.dataset.results import Results
from kerascope.dataset.running.explainer import Explainer
from kerascope.dataset.running.images import PreparedImage
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.store import Store
from kerascope.typing import Array

_NUMBERS = (
    "index",
    "target",
    "label_index",
    "prediction",
    "probability",
    "score",
    "saturated",
    "outside",
    "beside",
)
_LISTS = ("position", "content", "traits", "agreement")
PICTURES = 200
"""The most small pictures of a class that are looked at together."""
_ALL_PICTURES = 6000
"""The most of all classes together: some 70 MB."""


@dataclass(frozen=True, eq=False)
class Material:
    """Explained images of a data set, M of them, some 5 kB each.

    Args:
        job: that explained them.
        results: of the job.
        columns: the numbers of each image: (M,) or (M, n) by the name of the column.
        paths: what each is called.
        flat: bool (M,), maps that show nothing.
        broken: bool (M,), maps that hold NaN or infinity.
        clustering: see `kerascope.auditing.strategies.clusters`.
        seed: of every choice.
        different: how many of the images differ.
        non_finite: images beside these of which the scores are NaN or infinite.
        companions: of a label that is asked about, the labels of all images; else None.
        again: bool (M,), copies of others among them, which are in no trial: those would count twice.
    """

    job: Job
    results: Results
    columns: dict[str, Array]
    paths: tuple[str, ...]
    flat: Array
    broken: Array
    clustering: Clustering = "spectral"
    seed: int = 0
    different: int = 0
    non_finite: int = 0
    companions: Companions | None = None
    again: Array | None = None

    @classmethod
    def of(
        cls,
        job: Job,
        results: Results,
        clustering: Clustering = "spectral",
        seed: int = 0,
        companions: Companions | None = None,
    ) -> Material:
        """What a job has noted.

        Raises:
            EvaluationError: no image could be explained, or no score is finite.
        """
        numbers: dict[str, list[Any]] = {name: [] for name in _NUMBERS}
        lists: dict[str, list[Array]] = {name: [] for name in _LISTS}
        paths: list[str] = []
        warnings: list[Sequence[str]] = []
        digests: set[str] = set()
        non_finite = sum(error.startswith("NonFiniteScoreError") for _, error in results.failures())
        for row in results.image_rows([*_NUMBERS, *_LISTS, "path", "digest", "warnings"]):
            if row["prediction"] is None:
                non_finite += 1
                continue
            digests.add(row["digest"])
            for name in _NUMBERS:
                value = row[name]
                numbers[name].append(np.nan if value is None else value)
            for name in _LISTS:
                lists[name].append(np.asarray(row[name], "float32"))
            paths.append(row["path"])
            warnings.append(row["warnings"] or ())
        if not paths and non_finite:
            raise errors.EvaluationError(
                f"scores must be finite to be audited; the scores of {non_finite:,} of "
                f"{results.counts['images']:,} images are not finite (NaN or infinity); {NON_FINITE}."
            )
        if not paths:
            raise errors.EvaluationError(
                f"there must be images that can be explained; all {results.counts['images']} failed; see "
                "the column error of the table."
            )
        columns: dict[str, Array] = {name: np.asarray(values) for name, values in numbers.items()}
        whole = {
            name: np.nan_to_num(column, nan=-1).astype("int64") if name in _NUMBERS[:4] else column
            for name, column in columns.items()
        }
        return cls(
            job,
            results,
            whole | {name: np.stack(values) for name, values in lists.items()},
            tuple(paths),
            _warned(warnings, "FlatMapWarning"),
            _warned(warnings, "NonFiniteMapWarning"),
            clustering,
            seed,
            len(digests),
            non_finite,
            companions,
        )

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shows(self) -> Array:
        """bool (M,), maps that show something."""
        return ~(self.flat | self.broken)

    @property
    def targets(self) -> Array:
        """(M,) the explained class of each image."""
        return self.columns["target"]

    @property
    def labels(self) -> Array:
        """(M,) the true class of each image, -1 where it is not known."""
        return self.columns["label_index"]

    @property
    def positions(self) -> Array:
        """(M, 8, 8), the share of relevance in each cell."""
        return self.columns["position"].reshape(-1, CELLS, CELLS)

    @property
    def traits(self) -> Array:
        """(M, 3, 9), see `kerascope.auditing.traits`."""
        return self.columns["traits"].reshape(-1, len(PLACES), len(TRAITS))

    @cached_property
    def classes(self) -> tuple[int, ...]:
        """The classes that were explained."""
        return tuple(np.unique(self.targets).tolist())

    def name(self, label: int) -> str:
        """The name of a class, or its number."""
        names = self.job.names
        return str(label) if names is None or not 0 <= label < len(names) else names[label]

    def members(self, label: int, most: int | None = None, salt: int = 0) -> Array:
        """Places of the images of which the class was explained, or a sample of them, in order."""
        found = np.flatnonzero(self.targets == label)
        return self.sampled(found, most, salt)

    def sampled(self, places: Array, most: int | None, salt: int = 0) -> Array:
        """At most so many of some places, drawn with the seed, in order."""
        if most is None or len(places) <= most:
            return places
        drawn = np.random.default_rng([self.seed, salt]).choice(len(places), most, replace=False)
        return places[np.sort(drawn)]

    @property
    def objects(self) -> Objects | None:
        """Where the objects are, where that is known."""
        return getattr(self.job.description, "objects", None)

    @cached_property
    def strategies(self) -> dict[int, Clusters]:
        """Clusters of the images of each class, in the order of `members`; -1 where a map shows nothing."""
        found = {}
        for label in self.classes:
            members = self.members(label)
            shows = self.shows[members]
            content = self.columns["content"][members]
            found[label] = clusters(self.positions[members], content, shows, self.clustering, self.seed)
        return found

    @cached_property
    def gallery(self) -> Gallery:
        """A sample of small pictures of every class, with the maps of the same images."""
        most = max(8, min(PICTURES, _ALL_PICTURES // max(len(self.classes), 1)))
        places = [self.sampled(self._different(label), most) for label in self.classes]
        return self.pictures(np.sort(np.concatenate(places)))

    def _different(self, label: int) -> Array:
        """The members of a class but for copies of others, unless all are."""
        members = self.members(label)
        different = members if self.again is None else members[~self.again[members]]
        return different if len(different) else members

    def without_copies(self, found: Duplicates | None) -> Material:
        """The same, whose trials take each picture once."""
        if found is None or not found.again:
            return self
        return replace(self, again=np.isin(self.columns["index"], list(found.again)))

    def moments(self, label: int) -> tuple[Moments, Moments]:
        """Of the small pictures of a class, and of those of all others."""
        sums, whole = self._sums
        return Moments.of(sums[label]), Moments.of(whole - sums[label])

    @cached_property
    def _sums(self) -> tuple[dict[int, Array], Array]:
        """Number, sum and sum of squares of the pixels of the gallery, by class and of all: (3, h, w, 3)."""
        gallery = self.gallery
        targets = self.targets[gallery.places]
        found = {}
        for label in self.classes:
            pixels = gallery.pictures[targets == label].astype("float64") / 255
            count = np.full(pixels.shape[1:], float(len(pixels)))
            found[label] = np.stack([count, pixels.sum(axis=0), (pixels**2).sum(axis=0)])
        return found, np.sum(list(found.values()), axis=0)

    def pictures(self, places: Array) -> Gallery:
        """Small pictures and maps of some images; a map that shows nothing is zero."""
        from PIL import Image

        wanted = dict(zip(self.columns["index"][places].tolist(), range(len(places)), strict=True))
        pictures: list[Any] = [None] * len(places)
        maps: list[Any] = [None] * len(places)
        for row in self.results.image_rows(["index", "picture", "map"]):
            if row["index"] in wanted:
                pixels = np.asarray(Image.open(io.BytesIO(row["picture"])).convert("RGB"))
                place = wanted[row["index"]]
                pictures[place] = pixels
                said = speaking_for(row["map"]) * self.shows[places[place]]
                maps[place] = fitted(said, pixels.shape[:2])
        return Gallery(places, np.stack(pictures), np.stack(maps))

    @cached_property
    def explainer(self) -> Explainer:
        """What reads images of the job."""
        job = self.job
        return Explainer(job.probe, job.options, job.names, Store(self.results.folder))

    def prepared(self, places: Array) -> Iterator[tuple[int, PreparedImage]]:
        """Some images, read anew, each with its place; those that are gone are left out."""
        wanted = dict(zip(self.columns["index"][places].tolist(), places.tolist(), strict=True))
        for index, item in enumerate(self.job.source):
            if index in wanted:
                one = self.explainer.prepare(index, item)
                if one.image is not None:
                    yield wanted.pop(index), one
                if not wanted:
                    return

    def images(self, places: Array) -> tuple[Array, Array]:
        """Some images as the model takes them, channels last, and their places, in their order."""
        found = [(one.image, place) for place, one in self.prepared(places) if one.image is not None]
        if not found:
            raise errors.DatasetError(
                "images of an audit must still be there; none of those that are needed can be read any more."
            )
        return np.stack([image for image, _ in found]), np.asarray([place for _, place in found])


@dataclass(frozen=True, eq=False)
class Moments:
    """Mean and variance of each pixel of some pictures.

    Args:
        count: of the pictures.
        mean: (h, w, 3), 0 to 1.
        variance: (h, w, 3).
    """

    count: int
    mean: Array
    variance: Array

    @classmethod
    def of(cls, sums: Array) -> Moments:
        """From number, sum and sum of squares."""
        count, total, squares = sums
        least = np.maximum(count, 1)
        return cls(int(count.max()), total / least, np.maximum(squares / least - (total / least) ** 2, 0))


@dataclass(frozen=True, eq=False)
class Gallery:
    """Small pictures of some images.

    Args:
        places: (P,) of the images in the material.
        pictures: uint8 (P, h, w, 3).
        maps: float32 (P, h, w), what speaks for the target, not negative.
    """

    places: Array
    pictures: Array
    maps: Array

    def __len__(self) -> int:
        return len(self.places)

    def chosen(self, mask: Array) -> Gallery:
        """Some of them: by a mask or by positions."""
        return Gallery(self.places[mask], self.pictures[mask], self.maps[mask])

    @property
    def size(self) -> tuple[int, int]:
        """(h, w)."""
        height, width = self.pictures.shape[1:3]
        return height, width


def _warned(warnings: Sequence[Sequence[str]], kind: str) -> Array:
    return np.asarray([any(one.startswith(kind) for one in found) for found in warnings], bool)
