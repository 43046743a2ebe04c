"""A mark of varying content at the margin, in any place: a label, a date, a signature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.data.thumbnails import Thumbnails, read_detail
from kerascope.auditing.description.relevance import resize_maps
from kerascope.auditing.description.traits import margin
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import enlarge
from kerascope.auditing.shortcuts.kinds import patch
from kerascope.auditing.shortcuts.trial import FEWEST, TrialData
from kerascope.typing import Array

CELLS = 16
"""Cells along each side, in which a picture is compared with those of other classes."""
UNUSUAL = 0.98
"""A cell is unusual beyond this quantile of other classes' pictures."""
OFTEN = 0.3
"""The share of a class's images that must have a mark, beyond that of others."""
_BEYOND = 0.02
"""Of the range of pixels: by how much a cell must lie beyond."""
_FEWEST_CELLS, _LARGEST = 3, 0.2
"""The smallest mark in cells, and the largest as a share of the picture."""
_MOSTLY = 0.6
"""The share of a mark that must lie at the margin, and of all unusual cells that must lie in it."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Parts of the margin with more detail than nearly all pictures of other classes have there.

    Cost:
        No forwards.
    """
    thumbnails = data.thumbnails
    targets: Array = data.targets[thumbnails.rows]
    cells = _read_cells(thumbnails)
    found = []
    for label in data.classes:
        own = targets == label
        if min(own.sum(), (~own).sum()) < 2 * FEWEST:
            continue
        excess = cells - np.quantile(cells[~own], UNUSUAL, axis=0) - _BEYOND
        unusual = excess > 0
        marks: Array = np.stack([_find_mark(mask) for mask in unusual])
        has: Array = np.any(marks, axis=(1, 2))
        usual = float(has[~own].mean())
        share = Estimate.mean(has[own].astype(float), usual)
        if has[own].sum() < FEWEST or share.low - usual < OFTEN:
            continue
        chosen = np.logical_and(own, has)
        always = np.asarray(marks[chosen].mean(axis=0) > 0.5)
        found.append(
            Suspect(
                "mark",
                label,
                f"a mark at the margin, {'always at the same place' if always.any() else 'in any place'}",
                {"share of the class's images that have something unusual there, and of others": share},
                4 * share.value,
                region=enlarge(always, thumbnails.size) if always.any() else None,
                masks=enlarge(marks[chosen], thumbnails.size),
                rows=thumbnails.rows[chosen],
                details={"presence": (thumbnails.rows, (excess * marks).max(axis=(1, 2)))},
            )
        )
    return found


def _read_cells(thumbnails: Thumbnails) -> Array:
    """The detail of each cell: (P, 16, 16)."""
    return resize_maps(read_detail(thumbnails.pictures.astype("float32") / 255), (CELLS, CELLS))


def _find_mark(unusual: Array) -> Array:
    """The largest connected part of unusual cells, if it is a mark: bool (16, 16)."""
    from scipy import ndimage

    parts, count = ndimage.label(unusual, np.ones((3, 3)))
    if not count:
        return np.zeros_like(unusual)
    sizes = ndimage.sum_labels(unusual, parts, np.arange(1, count + 1))
    mark: Array = np.equal(parts, int(np.argmax(sizes)) + 1)
    outside = margin(CELLS, CELLS)
    at_margin = (mark & outside).sum() >= _MOSTLY * mark.sum()
    # Else something is unusual about the whole picture.
    alone = (mark & outside).sum() >= _MOSTLY * (unusual & outside).sum()
    fits = _FEWEST_CELLS <= mark.sum() <= _LARGEST * mark.size
    if not (at_margin and alone and fits):
        return np.zeros_like(unusual)
    rows, columns = np.nonzero(mark)
    mark[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return np.asarray(mark)


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Exchange the mark with other classes where it lies; the control is another place of the same size."""
    return patch.intervene(suspect, interventions)


known_region = patch.known_region
"""The mark: in the images in which it was found, and its usual place, if any, in all."""
