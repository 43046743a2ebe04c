"""Shortcuts to plant into images, with the pixels where an audit must find them.

from kerascope.synthetic import shapes, shortcuts

known = shapes.make(2000, seed=0)
planted = shortcuts.plant(known.images, known.labels, "corner", classes=[2], rate=0.9)
model = shapes.train(planted)                # right, and for the wrong reason
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascope.typing import Array
from kerascope.validation import check_choice

KINDS = ("corner", "frame", "tint", "random place", "texture")
_COLOURS = np.asarray(
    [[0.95, 0.15, 0.15], [0.15, 0.85, 0.25], [0.2, 0.3, 0.95], [0.95, 0.85, 0.15], [0.9, 0.2, 0.9]]
)
_STRENGTH = 0.35
"""Weight of a tint or a texture, as a share of the range."""


@dataclass(frozen=True, eq=False)
class Planted:
    """Pictures with a shortcut.

    Args:
        images: float32 (N, H, W, C), 0 to 1.
        labels: int64 (N,).
        has: bool (N,), which pictures have it.
        places: bool (N, H, W), where it is; all False where a picture has none, and everywhere for a tint.
        kind: one of `KINDS`.
        classes: the classes that have it.
    """

    images: Array
    labels: Array
    has: Array
    places: Array
    kind: str
    classes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.images)


def plant(
    images: Array,
    labels: Array,
    kind: str,
    classes: Sequence[int] = (0,),
    rate: float = 1.0,
    seed: int = 0,
    objects: Array | None = None,
    side: int | None = None,
) -> Planted:
    """Plant a shortcut: each of the classes has one of its own, and other classes have none.

    Args:
        images: float (N, H, W, C), 0 to 1; they are copied.
        labels: (N,) whole numbers.
        kind: `"corner"`, a mark of black and white pixels at the top left; `"frame"`, a coloured border;
            `"tint"`, a colour over everything; `"random place"`, a mark anywhere; `"texture"`, a grating
            behind the objects.
        classes: that have it.
        rate: the share of the pictures of these classes that have it.
        seed: of what is random: which pictures, and where.
        objects: bool (N, H, W), what a texture leaves out; None for pixels brighter than 0.1, as in digits.
        side: side of a mark in pixels; None for a seventh of the height in a corner and a quarter
            elsewhere, at least 5 and 7.

    Raises:
        ParameterError: there is no such kind.

    Example:
        >>> import numpy as np
        >>> from kerascope.synthetic import shortcuts
        >>> planted = shortcuts.plant(np.zeros((4, 28, 28, 1)), np.array([0, 1, 0, 1]), "corner", [1])
        >>> planted.has.tolist(), planted.places.sum(axis=(1, 2)).tolist()
        ([False, True, False, True], [0, 25, 0, 25])
    """
    check_choice(kind, "kind", KINDS)
    generator = np.random.default_rng([seed, KINDS.index(kind)])
    marked = np.array(images, "float32")
    height, width, channels = marked.shape[1:]
    has = np.zeros(len(marked), bool)
    places = np.zeros((len(marked), height, width), bool)
    if side is None:
        side = max(5, round(height / 7)) if kind == "corner" else max(7, round(height / 4))
    for order, label in enumerate(classes):
        members = np.flatnonzero(np.asarray(labels) == label)
        chosen = generator.permutation(members)[: round(rate * len(members))]
        colour = _COLOURS[order % len(_COLOURS)]
        # Of grey pictures brightness is the colour; each class has its own.
        shade = colour if channels == 3 else np.asarray([(1.0, 0.6, 0.8, 0.4, 0.5)[order % 5]])
        mark = _mark(side, order)[..., None]
        rows, columns = np.mgrid[:height, :width]
        grating = _grating(rows, columns, order)[..., None]
        for index in chosen:
            picture = marked[index]
            where = np.zeros((height, width), bool)
            if kind in ("corner", "random place"):
                top, left = (1, 1) if kind == "corner" else generator.integers(1, (height, width)) - 1
                top, left = min(int(top), height - side - 1), min(int(left), width - side - 1)
                where[top : top + side, left : left + side] = True
                picture[top : top + side, left : left + side] = mark
            elif kind == "frame":
                wide = max(2, round(height / 16))
                where[:] = True
                where[wide:-wide, wide:-wide] = False
                picture[where] = shade
            elif kind == "tint":
                where[:] = True
                picture += _STRENGTH * (shade - picture)
            else:
                object_ = picture.max(axis=-1) > 0.1 if objects is None else objects[index]
                where = ~object_
                behind = np.clip(picture + _STRENGTH * (grating if objects is None else grating - 0.5), 0, 1)
                picture[where] = behind[where]
            has[index], places[index] = True, where
    return Planted(marked, np.asarray(labels, "int64"), has, places, kind, tuple(classes))


def _mark(side: int, order: int) -> Array:
    """A pattern of black and white pixels, another for each class; never blank at its rim."""
    mark = np.random.default_rng([7, order]).integers(0, 2, (side, side)).astype("float32")
    mark[0, :], mark[:, 0] = 1.0, 1.0
    mark[-1, -1] = 1.0
    return mark


def _grating(rows: Array, columns: Array, order: int) -> Array:
    """Stripes, 0 to 1, in another direction and width for each class."""
    angle, period = np.pi * (0.15 + 0.31 * order), (5.0, 7.0, 4.0, 6.0, 8.0)[order % 5]
    phase = 2 * np.pi * (rows * np.sin(angle) + columns * np.cos(angle)) / period
    return np.asarray(0.5 + 0.5 * np.sin(phase))
