"""The images that interventions exchange pixels between."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.data.thumbnails import Thumbnails
from kerascope.auditing.shortcuts.sample import Sample
from kerascope.auditing.shortcuts.trial import FEWEST
from kerascope.resize import resize
from kerascope.typing import Array

KnownRegion = Callable[[Array], Array]
"""From rows of images to bool (n, H, W): where a confirmed shortcut lies in them."""

IMAGES_PER_TRIAL = 96
"""The most images of a trial."""
_MEMORY = 128 << 20
"""Bytes of the images of a trial; a running trial takes about five times as much."""
_CACHE = 256 << 20
"""Bytes of the images of classes that are cached for later trials."""


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Images as objects before backgrounds.

    Args:
        sample: the images.
        objects: float32 (n, H, W), 1 where their objects are, 0 where they are not, soft at their edges.
        backgrounds: float32 (n, H, W, C), the images without their objects.
    """

    sample: Sample
    objects: Array
    backgrounds: Array


class Samples:
    """Chooses and loads images for interventions.

    Args:
        data: of the audit.
        most: the most images of a trial; fewer where images are so large that they take too much memory.
    """

    def __init__(self, data: AuditData, most: int = IMAGES_PER_TRIAL) -> None:
        self.data = data
        height, width = data.explainer.size
        fit = _MEMORY // (4 * height * width * data.explainer.layout.channels)
        self.limit = max(fit, 2 * FEWEST)
        """The most images of a trial that fit into memory."""
        self.most = min(most, self.limit)
        self.confirmed: dict[int, list[KnownRegion]] = {}
        """By class, where its confirmed shortcuts lie."""
        self.unsteady: set[int] = set()
        """Classes that rely on something that is everywhere in their pictures: see `of_others`."""
        self._by_class: dict[int, Sample] = {}

    def with_own(self, label: int, own: Sample) -> Samples:
        """The same samples, with other images of a class, in which no shortcut of it is known."""
        samples = copy(self)
        samples.confirmed = {other: known for other, known in self.confirmed.items() if other != label}
        samples.unsteady = self.unsteady - {label}
        samples._by_class = {label: own}
        return samples

    @cached_property
    def _of_all(self) -> Sample:
        """A sample of all classes, in turn, of images that are predicted as they were explained."""
        turns = []
        for label in self.data.classes:
            generator = np.random.default_rng([self.data.seed, 1, label])
            turns += list(enumerate(generator.permutation(self.candidates(label)).tolist()))
        rows = [row for _, row in sorted(turns)[: 2 * self.most]]
        return self.load(np.sort(np.asarray(rows, "int64")))

    def load(self, rows: Array) -> Sample:
        """These images, which may be none."""
        if not len(rows):
            explainer = self.data.explainer
            return Sample(rows, np.zeros((0, *explainer.size, explainer.layout.channels), "float32"))
        images, readable = self.data.load_images(rows)
        return Sample(readable, images)

    def candidates(self, label: int) -> Array:
        """Rows with a thumbnail whose explained class is also predicted."""
        rows = self.data.thumbnails.rows
        rows = rows[self.data.targets[rows] == label]
        return np.asarray(rows[self.data.columns["prediction"][rows] == label])

    def other_candidates(self, label: int) -> Array:
        """The candidates of all other classes."""
        others = [self.candidates(other) for other in self.data.classes if other != label]
        return np.concatenate(others) if others else np.zeros(0, "int64")

    def of_class(self, label: int) -> Sample:
        """Images of a class, by the model's predictions."""
        if label not in self._by_class:
            rows = self.data.sample(self.candidates(label), self.most, salt=label + 2)
            loaded = self.load(rows)
            # A class is tested in several turns, so some classes are cached; the oldest go first.
            while self._by_class and sum(own.images.nbytes for own in self._by_class.values()) > _CACHE:
                self._by_class.pop(next(iter(self._by_class)))
            self._by_class[label] = loaded
        return self._by_class[label]

    def of_others(self, label: int, partner: int | None = None, steady: bool = False) -> Sample:
        """Images that are predicted as other classes.

        Args:
            label: of the class.
            partner: the only other class to take images of, or None.
            steady: leave out classes that are known to rely on their background or colours, if enough images
                are left: without these their prediction is arbitrary.
        """
        if partner is not None:
            return self.of_class(partner)
        predicted = self.data.columns["prediction"][self._of_all.rows]
        others = predicted != label
        if steady:
            sure = others & ~np.isin(predicted, sorted(self.unsteady))
            others = sure if sure.sum() >= 2 * FEWEST else others
        return self._of_all.take(np.flatnonzero(others)[: self.most])

    def thumbnails(self, sample: Sample) -> Thumbnails:
        """Thumbnails and maps of a sample, all of which has a thumbnail."""
        thumbnails = self.data.thumbnails
        return thumbnails.take(np.searchsorted(thumbnails.rows, sample.rows))

    def maps(self, sample: Sample) -> Array:
        """Maps over the model's images, float32 (n, H, W), each up to 1."""
        maps = resize(self.thumbnails(sample).maps, sample.images.shape[1:3])
        top = maps.max(axis=(1, 2), keepdims=True)
        return np.asarray(maps / np.where(top > 0, top, 1))

    def known_region(self, label: int, sample: Sample) -> Array:
        """bool (n, H, W): where confirmed shortcuts of a class lie in some of its images."""
        region = np.zeros(sample.images.shape[:3], bool)
        for locate in self.confirmed.get(label, ()):
            region |= locate(sample.rows)
        return region

    def known_regions(self, sample: Sample) -> Array:
        """bool (n, H, W): where confirmed shortcuts of the class of each image lie."""
        regions = np.zeros(sample.images.shape[:3], bool)
        targets = self.data.targets[sample.rows]
        for label in np.unique(targets).tolist():
            own = np.flatnonzero(targets == label)
            regions[own] = self.known_region(label, sample.take(own))
        return regions
