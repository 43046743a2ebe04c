"""A patch that recurs: the same few pixels in many images of a class, a watermark or a tag, anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.data.thumbnails import Thumbnails
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.controls import move_box
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.interventions.masks import enlarge
from kerascope.auditing.shortcuts.interventions.samples import KnownRegion
from kerascope.auditing.shortcuts.trial import FEWEST, TrialData
from kerascope.typing import Array

ALIKE = 0.85
"""How much of its variance a patch must explain of a window of another picture, to be examined further."""
SAME = 0.95
"""How much it must explain within its bounds, to be the same pixels: objects are alike, copies the same."""
OFTEN = 0.3
"""The share of a class's images that must have it."""
_TEMPLATES = 16
"""Patches that are cut out of the images of a class and searched for in the others."""
_SEARCHED = 64
"""Images of a class, and of others, in which they are searched for."""
_LEAST_CONTRAST = 0.08
"""The least standard deviation of a patch: a plain one is everywhere."""


class RecurringPatch(NamedTuple):
    """A template that is found in many images of a class."""

    score: float  # how much more often than in other classes
    inside: Array  # (n,) the variance that it explains in each image of the class
    corners: Array  # (n, 2) where
    outside: Array  # (m,) the variance that it explains in each image of other classes
    side: int


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Patches cut out where relevance is highest, and found again in many images of the class only.

    A patch is alike where 1 - (mean squared difference) / (variance of the patch) is at least 0.85, and the
    same where that is 0.95 within its own bounds, which are found by laying the images over each other: a
    texture or a stroke is alike in many images, a watermark is the same. Thumbnails are searched, for patches
    of an eighth and a fifth of their side. Where one is a stroke after all, as the edge of a mark may be, the
    next is tried. A mark that lets the picture shine through is not found.

    Cost:
        No forwards; at most 64 pictures of a class and 64 of others are searched for 16 patches.
    """
    thumbnails = data.thumbnails
    targets = data.targets[thumbnails.rows]
    found = []
    for label in data.classes:
        every = thumbnails.take(targets == label)
        own = every.take(data.sample(np.arange(len(every)), _SEARCHED, label))
        rest = thumbnails.take(data.sample(np.flatnonzero(targets != label), _SEARCHED, label))
        if len(own) < FEWEST:
            continue
        recurring = [
            patch for side in _sides(thumbnails.size) for patch in _find_recurring(own, rest, side, data.seed)
        ]
        for patch in sorted(recurring, key=lambda patch: -patch.score):
            suspect = _to_suspect(label, own, every, rest, patch)
            if suspect is not None:
                found.append(suspect)
                break
    return found


def _sides(size: tuple[int, int]) -> tuple[int, ...]:
    return tuple(sorted({max(5, round(min(size) / part)) for part in (8, 5)}))


def _is_plain(patch: Array) -> bool:
    """Whether a patch has too little contrast to be recognised."""
    return bool(patch.std(axis=(0, 1)).max() < _LEAST_CONTRAST)


def _find_recurring(own: Thumbnails, rest: Thumbnails, side: int, seed: int) -> list[RecurringPatch]:
    """The patches of a size that are in many images of the class, beyond those of others."""
    templates, sources = _cut_templates(own, side, seed)
    if not len(templates):
        return []
    inside, corners = _match_templates(own.pictures, templates)
    outside, _ = _match_templates(rest.pictures, templates)
    alike = inside >= ALIKE
    # The image that it was cut from has it, and does not count.
    alike[sources, np.arange(len(templates))] = False
    inside[sources, np.arange(len(templates))] = 1.0
    in_others = (outside >= ALIKE).mean(axis=0) if len(rest) else np.zeros(len(templates))
    scores = alike.sum(axis=0) / max(len(own) - 1, 1) - in_others
    return [
        RecurringPatch(float(scores[i]), inside[:, i], corners[:, i], outside[:, i], side)
        for i in np.flatnonzero((scores >= OFTEN) & (alike.sum(axis=0) >= FEWEST - 1))
    ]


def _cut_templates(own: Thumbnails, side: int, seed: int) -> tuple[Array, Array]:
    """Patches with the most relevance, none plain: (T, side, side, 3), and the position of their image.

    Windows are compared by their sum: the highest point of a fine map may be at the edge of a mark, so that a
    patch around it would hold only half of the mark.
    """
    order = np.random.default_rng([seed, side]).permutation(len(own))
    templates, sources = [], []
    for position in order.tolist():
        windows = np.lib.stride_tricks.sliding_window_view(own.maps[position], (side, side)).sum(axis=(2, 3))
        top, left = np.unravel_index(int(np.argmax(windows)), windows.shape)
        patch = own.pictures[position, top : top + side, left : left + side].astype("float32") / 255
        if not _is_plain(patch):
            templates.append(patch)
            sources.append(position)
        if len(templates) == _TEMPLATES:
            break
    return np.asarray(templates), np.asarray(sources, int)


def _match_templates(pictures: Array, templates: Array) -> tuple[Array, Array]:
    """How well each template matches each picture, (n, T), and where best, (n, T, 2)."""
    rows_columns = templates.shape[1:3]
    flat = templates.reshape(len(templates), -1)
    variance = ((templates - templates.mean(axis=(1, 2), keepdims=True)) ** 2).mean(axis=(1, 2, 3))
    squares = (flat**2).sum(axis=1)
    best = np.empty((len(pictures), len(templates)))
    corners = np.empty((len(pictures), len(templates), 2), int)
    for index, pixels in enumerate(pictures):
        picture = pixels.astype("float32") / 255
        windows = np.lib.stride_tricks.sliding_window_view(picture, rows_columns, axis=(0, 1))
        rows = np.moveaxis(windows, 2, -1).reshape(-1, flat.shape[1])
        distance = (rows**2).sum(axis=1)[:, None] - 2 * rows @ flat.T + squares
        nearest = np.argmin(distance, axis=0)
        least = distance[nearest, np.arange(len(flat))] / flat.shape[1]
        best[index] = 1 - least / variance
        corners[index] = np.stack(np.unravel_index(nearest, windows.shape[:2]), axis=-1)
    return best, corners


def _to_suspect(
    label: int, own: Thumbnails, every: Thumbnails, rest: Thumbnails, recurring: RecurringPatch
) -> Suspect | None:
    """The patch within its own bounds, where it is the same in enough images; then in all of the class."""
    alike = recurring.inside >= ALIKE
    patch, explains = _find_extent(own.take(alike), recurring.corners[alike], recurring.side)
    same = int((explains >= SAME).sum())
    if same < FEWEST or same < OFTEN * len(own) or _is_plain(patch.astype("float32") / 255):
        return None
    height, width = patch.shape[:2]
    inside, corners = _match_templates(every.pictures, patch[None].astype("float32") / 255)
    outside, _ = _match_templates(rest.pictures, patch[None].astype("float32") / 255)
    has = inside[:, 0] >= SAME
    usual = float((outside >= SAME).mean()) if len(rest) else 0.0
    # It was cut anew, at an edge perhaps beyond the pictures: is it still often there, and here alone?
    if has.sum() < FEWEST or has.mean() - usual < OFTEN:
        return None
    masks = np.zeros((int(has.sum()), *every.size), bool)
    for mask, (row, column) in zip(masks, corners[has, 0].tolist(), strict=True):
        mask[row : row + height, column : column + width] = True
    always = masks.mean(axis=0) > 0.5
    amount = np.concatenate([inside[:, 0], outside[:, 0]])
    return Suspect(
        "patch",
        label,
        f"a patch of pixels that recurs, {'always at the same place' if always.any() else 'in any place'}",
        {"share of the class's images that have it, and of others": Estimate.mean(has.astype(float), usual)},
        10 * recurring.score,
        region=always if always.any() else None,
        masks=masks,
        rows=every.rows[has],
        patch=patch,
        details={"presence": (np.concatenate([every.rows, rest.rows]), amount)},
    )


def _find_extent(own: Thumbnails, corners: Array, side: int) -> tuple[Array, Array]:
    """The patch within its bounds, uint8, and the variance that it explains in each picture, (n,).

    Windows of three times the side are laid over each other. The patch is where their median differs from the
    usual pixel and hardly varies: the box around the pixels with at least 0.4 of the greatest difference,
    connected to the middle.
    """
    from scipy import ndimage

    padded = np.pad(
        own.pictures.astype("float32") / 255, ((0, 0), (side, side), (side, side), (0, 0)), "edge"
    )
    aligned = np.stack(
        [
            picture[row : row + 3 * side, column : column + 3 * side]
            for picture, (row, column) in zip(padded, corners, strict=True)
        ]
    )
    usual = np.median(own.pictures.reshape(-1, 3), axis=0) / 255
    steady = aligned.std(axis=0).mean(axis=-1) < 0.15
    difference = np.abs(np.median(aligned, axis=0) - usual).max(axis=-1) * steady
    middle = difference[side : 2 * side, side : 2 * side]
    mask = ndimage.binary_closing(difference >= 0.4 * middle.max(), np.ones((3, 3)), border_value=0)
    parts, _ = ndimage.label(mask, np.ones((3, 3)))
    central = np.unique(parts[side : 2 * side, side : 2 * side])
    rows, columns = np.nonzero(np.isin(parts, central[central > 0]))
    if not len(rows):
        rows, columns = np.asarray([side, 2 * side - 1]), np.asarray([side, 2 * side - 1])
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    windows = aligned[:, top:bottom, left:right]
    patch = np.median(windows, axis=0)
    variance = ((patch - patch.mean(axis=(0, 1))) ** 2).mean()
    explains = 1 - ((windows - patch) ** 2).mean(axis=(1, 2, 3)) / max(variance, 1e-6)
    return np.rint(255 * patch).astype("uint8"), explains


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Exchange the patch with other classes where it lies; the control is a patch of another place."""
    own = interventions.samples.of_class(suspect.label)
    masks = _masks_by_row(suspect)
    positions = np.asarray([position for position, row in enumerate(own.rows.tolist()) if row in masks], int)
    if not len(positions):
        return []
    own = own.take(positions)
    size = own.images.shape[1:3]
    small = np.stack([masks[row] for row in own.rows.tolist()])
    generator = np.random.default_rng(interventions.data.seed)
    controls = np.stack([move_box(mask, generator) for mask in small])
    return interventions.exchange_region(suspect.label, own, enlarge(small, size), enlarge(controls, size))


def known_region(suspect: Suspect, data: AuditData) -> KnownRegion:
    """The patch: in the images in which it was found, and its usual place, if any, in all."""
    masks = _masks_by_row(suspect)
    usual = np.zeros(data.thumbnails.size, bool) if suspect.region is None else suspect.region

    def locate(rows: Array) -> Array:
        return enlarge(
            np.stack([masks.get(row, usual) | usual for row in rows.tolist()]), data.explainer.size
        )

    return locate


def _masks_by_row(suspect: Suspect) -> dict[int, Array]:
    assert suspect.masks is not None
    assert suspect.rows is not None
    return dict(zip(suspect.rows.tolist(), suspect.masks, strict=True))
