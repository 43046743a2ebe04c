"""The labels of all images of a model of several labels: what goes along with the one that is asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.dataset.running.job import Job
from kerascope.probe import Probe
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Companions:
    """The labels of all images, where one of them is asked about.

    Args:
        place: of the label that is asked about.
        names: of all labels.
        given: int8 (images, labels): 1 where an image has a label, 0 where not, -1 where that is not known.
        probe: that may be asked about the other labels.
    """

    place: int
    names: tuple[str, ...]
    given: Array
    probe: Probe

    @property
    def others(self) -> list[int]:
        """Places of the other labels."""
        return [place for place in range(len(self.names)) if place != self.place]


def labels_given(job: Job, count: int) -> Array:
    """The labels of all images of a run: see `Companions`.

    Args:
        job: of a model of so many labels.
        count: of the labels.
    """
    rows = []
    for item in job.source:
        found = job.class_names.label_indices(item)
        row = np.full(count, -1 if found is None else 0, "int8")
        row[list(found or ())] = 1
        rows.append(row)
    return np.stack(rows)
