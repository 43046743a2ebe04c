"""A patch that recurs: the same few pixels in many images of a class, a watermark or a tag, wherever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascope.auditing.data import Gallery, Material
from kerascope.auditing.shortcuts.finding import FEWEST, Measured, Outcome, Suspect
from kerascope.auditing.shortcuts.interventions import Cause, Laboratory
from kerascope.auditing.shortcuts.regions import enlarged
from kerascope.typing import Array

ALIKE = 0.85
"""How much of its variance a patch must explain of what it is laid on, to be looked at more closely."""
SAME = 0.95
"""How much it must explain within its bounds, to be the same pixels: objects are alike, copies the same."""
OFTEN = 0.3
"""The share of a class's images that must have it."""
_CUT = 16
"""Patches that are cut out of the images of a class and looked for in the others."""
_SEARCHED = 64
"""Images of a class, and of others, in which they are looked for."""
_LEAST_CONTRAST = 0.08
"""The least standard deviation of a patch: a plain one is everywhere."""


def find(material: Material, found: Sequence[Suspect]) -> list[Suspect]:
    """Patches that are cut out where most relevance is, and found again in many images of the class only.

    A patch is alike where 1 - (mean squared difference) / (variance of the patch) is at least 0.85, and the
    same where that is 0.95 within its own bounds, which are found by laying the images over each other: a
    texture or a stroke is alike in many images, a watermark is the same. Small pictures are searched, and
    patches of an eighth and a fifth of them. Where one is a stroke after all, as the rim of a mark may be,
    the next is looked at. A mark that lets the picture shine through is not found by it.

    Cost:
        No forwards; at most 64 pictures of a class and 64 of others are searched for 16 patches.
    """
    gallery = material.gallery
    targets = material.targets[gallery.places]
    suspects = []
    for label in material.classes:
        every = gallery.chosen(targets == label)
        own = every.chosen(material.sampled(np.arange(len(every)), _SEARCHED, label))
        rest = gallery.chosen(material.sampled(np.flatnonzero(targets != label), _SEARCHED, label))
        if len(own) < FEWEST:
            continue
        recurring = [
            one for side in _sides(gallery.size) for one in _recurring(own, rest, side, material.seed)
        ]
        for one in sorted(recurring, key=lambda one: -one[0]):
            suspect = _suspect(label, own, every, rest, one)
            if suspect is not None:
                suspects.append(suspect)
                break
    return suspects


def _sides(size: tuple[int, int]) -> tuple[int, ...]:
    return tuple(sorted({max(5, round(min(size) / part)) for part in (8, 5)}))


def _plain(patch: Array) -> bool:
    """Whether there is nothing in a patch to know it by."""
    return bool(patch.std(axis=(0, 1)).max() < _LEAST_CONTRAST)


_Recurring = tuple[float, Array, Array, Array, int]
"""Score; what the patch explains in the own images; where, (n, 2); what it explains in others; its side."""


def _recurring(own: Gallery, rest: Gallery, side: int, seed: int) -> list[_Recurring]:
    """The patches of a size that are in many images of the class, beyond those of others."""
    templates, cut_from = _cut(own, side, seed)
    if not len(templates):
        return []
    inside, places = _explained(own.pictures, templates)
    outside, _ = _explained(rest.pictures, templates)
    alike = inside >= ALIKE
    # The image that it was cut from has it, and does not count.
    alike[cut_from, np.arange(len(templates))] = False
    inside[cut_from, np.arange(len(templates))] = 1.0
    elsewhere = (outside >= ALIKE).mean(axis=0) if len(rest) else np.zeros(len(templates))
    scores = alike.sum(axis=0) / max(len(own) - 1, 1) - elsewhere
    return [
        (float(scores[one]), inside[:, one], places[:, one], outside[:, one], side)
        for one in np.flatnonzero((scores >= OFTEN) & (alike.sum(axis=0) >= FEWEST - 1))
    ]


def _cut(own: Gallery, side: int, seed: int) -> tuple[Array, Array]:
    """Patches with the most relevance, none plain: (T, side, side, 3), and of which image.

    The highest point of a fine map may be at the rim of a mark: what is about it holds half of the mark.
    """
    order = np.random.default_rng([seed, side]).permutation(len(own))
    templates, cut_from = [], []
    for place in order.tolist():
        windows = np.lib.stride_tricks.sliding_window_view(own.maps[place], (side, side)).sum(axis=(2, 3))
        top, left = np.unravel_index(int(np.argmax(windows)), windows.shape)
        patch = own.pictures[place, top : top + side, left : left + side].astype("float32") / 255
        if not _plain(patch):
            templates.append(patch)
            cut_from.append(place)
        if len(templates) == _CUT:
            break
    return np.asarray(templates), np.asarray(cut_from, int)


def _explained(pictures: Array, templates: Array) -> tuple[Array, Array]:
    """How well each patch is found again in each picture, (n, T), and where best, (n, T, 2)."""
    rows_columns = templates.shape[1:3]
    flat = templates.reshape(len(templates), -1)
    variance = ((templates - templates.mean(axis=(1, 2), keepdims=True)) ** 2).mean(axis=(1, 2, 3))
    squares = (flat**2).sum(axis=1)
    best = np.empty((len(pictures), len(templates)))
    places = np.empty((len(pictures), len(templates), 2), int)
    for number, pixels in enumerate(pictures):
        picture = pixels.astype("float32") / 255
        windows = np.lib.stride_tricks.sliding_window_view(picture, rows_columns, axis=(0, 1))
        rows = np.moveaxis(windows, 2, -1).reshape(-1, flat.shape[1])
        distance = (rows**2).sum(axis=1)[:, None] - 2 * rows @ flat.T + squares
        nearest = np.argmin(distance, axis=0)
        least = distance[nearest, np.arange(len(flat))] / flat.shape[1]
        best[number] = 1 - least / variance
        places[number] = np.stack(np.unravel_index(nearest, windows.shape[:2]), axis=-1)
    return best, places


def _suspect(
    label: int, own: Gallery, every: Gallery, rest: Gallery, recurring: _Recurring
) -> Suspect | None:
    """The patch within its own bounds, where it is the same in enough images; then in all of the class."""
    score, inside, corners, outside, side = recurring
    alike = inside >= ALIKE
    patch, explains = _extent(own.chosen(alike), corners[alike], side)
    same = int((explains >= SAME).sum())
    if same < FEWEST or same < OFTEN * len(own) or _plain(patch.astype("float32") / 255):
        return None
    wide, (rows, columns) = every.pictures, patch.shape[:2]
    inside, found = _explained(wide, patch[None].astype("float32") / 255)
    has = inside[:, 0] >= SAME
    if has.sum() < FEWEST:  # at an edge it reached beyond the pictures
        return None
    places = np.zeros((int(has.sum()), *every.size), bool)
    for mask, (row, column) in zip(places, found[has, 0].tolist(), strict=True):
        mask[row : row + rows, column : column + columns] = True
    often = Measured.mean(has.astype(float), float((outside >= ALIKE).mean()) if len(rest) else 0.0)
    always = places.mean(axis=0) > 0.5
    return Suspect(
        "patch",
        label,
        f"a patch of pixels that recurs, {'always at the same place' if always.any() else 'in any place'}",
        {"share of the class's images that have it, and of others": often},
        10 * score,
        region=always if always.any() else None,
        places=places,
        images=every.places[has],
        patch=patch,
    )


def _extent(own: Gallery, corners: Array, side: int) -> tuple[Array, Array]:
    """What the patch looks like within its bounds, uint8, and how well it fits in each picture, (n,).

    Windows of three times the side are laid over each other. Where their mean differs from that of windows
    taken anywhere, the patch is: the box about what has at least 0.4 of the greatest difference, around the
    middle.
    """
    from scipy import ndimage

    padded = np.pad(
        own.pictures.astype("float32") / 255, ((0, 0), (side, side), (side, side), (0, 0)), "edge"
    )
    aligned = np.stack(
        [
            one[row : row + 3 * side, column : column + 3 * side]
            for one, (row, column) in zip(padded, corners, strict=True)
        ]
    )
    usual = np.median(own.pictures.reshape(-1, 3), axis=0) / 255
    steady = aligned.std(axis=0).mean(axis=-1) < 0.15
    difference = np.abs(np.median(aligned, axis=0) - usual).max(axis=-1) * steady
    middle = difference[side : 2 * side, side : 2 * side]
    marked = ndimage.binary_closing(difference >= 0.4 * middle.max(), np.ones((3, 3)), border_value=0)
    parts, _ = ndimage.label(marked, np.ones((3, 3)))
    kept = np.unique(parts[side : 2 * side, side : 2 * side])
    rows, columns = np.nonzero(np.isin(parts, kept[kept > 0]))
    if not len(rows):
        rows, columns = np.asarray([side, 2 * side - 1]), np.asarray([side, 2 * side - 1])
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    cut = aligned[:, top:bottom, left:right]
    patch = np.median(cut, axis=0)
    variance = ((patch - patch.mean(axis=(0, 1))) ** 2).mean()
    explains = 1 - ((cut - patch) ** 2).mean(axis=(1, 2, 3)) / max(variance, 1e-6)
    return np.rint(255 * patch).astype("uint8"), explains


def trials(suspect: Suspect, laboratory: Laboratory) -> list[Outcome]:
    """The patch is exchanged with other classes where it is; the control is a patch of another place."""
    assert suspect.places is not None
    assert suspect.images is not None
    own = laboratory.own(suspect.label)
    if not len(own):
        return []
    known = dict(zip(suspect.images.tolist(), suspect.places, strict=True))
    chosen = np.asarray([number for number, place in enumerate(own.places.tolist()) if place in known], int)
    if not len(chosen):
        return []
    size = own.images.shape[1:3]
    small = np.stack([known[place] for place in own.places[chosen].tolist()])
    generator = np.random.default_rng(laboratory.material.seed)
    controls = np.stack([_moved(mask, generator) for mask in small])
    return laboratory.swapped(
        suspect.label, own.taken(chosen), enlarged(small, size), enlarged(controls, size)
    )


def _moved(mask: Array, generator: np.random.Generator) -> Array:
    """The box somewhere else, at random; as far away as may be where there is no room."""
    rows, columns = np.nonzero(mask)
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    moved = np.zeros_like(mask)
    for _ in range(50):
        moved[:] = False
        top = int(generator.integers(0, mask.shape[0] - height + 1))
        left = int(generator.integers(0, mask.shape[1] - width + 1))
        moved[top : top + height, left : left + width] = True
        if not (moved & mask).any():
            break
    return moved


def cause(suspect: Suspect, material: Material) -> Cause | None:
    """The patch: in the images in which it was found, and where it always is in all."""
    assert suspect.places is not None
    assert suspect.images is not None
    known = dict(zip(suspect.images.tolist(), suspect.places, strict=True))
    size = material.explainer.size
    usual = np.zeros(suspect.places.shape[1:], bool) if suspect.region is None else suspect.region

    def where(places: Array) -> Array:
        return enlarged(np.stack([known.get(place, usual) | usual for place in places.tolist()]), size)

    return where
