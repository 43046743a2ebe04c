"""The labels of all images, for a model of several labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kerascope.dataset.running.job import Job
from kerascope.probe import Probe
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class LabelMatrix:
    """The labels of all images, while one of them is audited.

    Args:
        values: int8 (images, labels): 1 where an image has a label, 0 where not, -1 where unknown.
    """

    label: int
    names: tuple[str, ...]
    values: Array
    probe: Probe

    @property
    def others(self) -> list[int]:
        """Indices of the other labels."""
        return [label for label in range(len(self.names)) if label != self.label]


def read_label_values(job: Job, count: int) -> Array:
    """The labels of all images of a run: see `LabelMatrix.values`."""
    rows = []
    for item in job.source:
        found = job.class_names.label_indices(item)
        row = np.full(count, -1 if found is None else 0, "int8")
        row[list(found or ())] = 1
        rows.append(row)
    return np.stack(rows)
