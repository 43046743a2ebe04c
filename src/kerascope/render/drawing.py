"""The panels of an explanation, as pictures, before they are put on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kerascope.errors import ExplanationError, MissingPackageError, ParameterError
from kerascope.explanation import check_has_input
from kerascope.render import words
from kerascope.render.colour import Table, apply
from kerascope.render.display import Pictures, as_batch, choose_display
from kerascope.render.marks import SAYS_SOMETHING, WORDS, mark
from kerascope.render.overlay import (
    PERCENTILE,
    Relevance,
    Scale,
    blend,
    check_alpha,
    heatmaps,
    paint,
    relevance_of,
    smoothing,
    table_of,
)
from kerascope.render.smooth import SMOOTHED
from kerascope.render.words import Place

try:
    from kerascope.render.panels import CRISP_BELOW, Bar, Cell
except ImportError as error:
    raise MissingPackageError("matplotlib", extra="plot") from error

if TYPE_CHECKING:
    from kerascope.explanation import Explanation

Indices = int | Sequence[int] | None

_FINE = 480  # pixels: maps over small images are drawn at least this large


@dataclass(frozen=True)
class Drawing:
    """Some images of an explanation, with what is needed to draw any of their panels.

    Attributes:
        explanation: of the chosen images only.
        indices: where they stood in the whole explanation.
        pictures: uint8 (n, H, W, 3), or None where the images are unknown or are sequences.
        series: (n, T, C) where the inputs are sequences, else None.
        relevance: of the chosen images, at the size to draw.
        table: the colours.
        alpha: the greatest opacity.
        scale: as asked for.
    """

    explanation: Explanation
    indices: tuple[int, ...]
    pictures: Pictures | None
    series: npt.NDArray[Any] | None
    relevance: Relevance
    table: Table
    alpha: float
    scale: Scale

    @property
    def has_classes(self) -> bool:
        """Whether there is a class axis."""
        return self.relevance.tops.ndim == 2

    @property
    def is_sequence(self) -> bool:
        """Whether the inputs have one dimension, and are drawn as lines."""
        return len(self.explanation.input_size) == 1

    @property
    def shows_input(self) -> bool:
        """Whether there are pictures to draw on."""
        return self.pictures is not None

    def places(self, row: int) -> list[Place]:
        """The maps of one image: one, or one per class."""
        if self.has_classes:
            return [(row, k) for k in range(self.relevance.tops.shape[1])]
        return [(row,)]

    def input(self, row: int, title: str = "", number: str = "") -> Cell:
        """The image alone."""
        assert self.pictures is not None
        return Cell(self.pictures[row], title=title, number=number)

    def map(self, place: Place, title: str = "", number: str = "") -> Cell:
        """The map alone, in full colour."""
        picture = paint(self._one(place), self.table)[0]
        return Cell(picture, title=title, number=number, words=self._words(place))

    def overlay(self, place: Place, title: str = "", number: str = "", alone: bool = True) -> Cell:
        """The image with the map on it; alone, it also says in words why a map is not drawn."""
        assert self.pictures is not None
        one = self._one(place)
        below = self.pictures[place[0]]
        factor = one.maps.shape[1] // below.shape[0]
        if factor > 1:
            below = below.repeat(factor, axis=0).repeat(factor, axis=1)
        picture = blend(below, one.maps[0], self.table, self.alpha, one.signed)
        if one.states[0] != SAYS_SOMETHING:
            mark(picture, int(one.states[0]))
        says = self._words(place) if alone else ""
        return Cell(picture, title=title, number=number, words=says)

    def line(self, place: Place, title: str = "") -> Cell:
        """A sequence as lines, with relevance behind them."""
        one = self._one(place)
        background = apply(self.sequence_table(), one.maps[0], one.signed)[None]
        if one.states[0] != SAYS_SOMETHING:
            background = np.full_like(background, 235)
        series = None if self.series is None else self.series[place[0]]
        return Cell(background, True, series, title=title, words=self._words(place))

    def sequence_table(self) -> Table:
        """The colours as they look on white paper with opacity following relevance."""
        signed = self.relevance.signed
        ramp = (np.arange(256) - 128) / 127 if signed else np.arange(256) / 255
        white = np.full((256, 3), 255, np.uint8)
        return blend(white, ramp.astype(np.float32), self.table, self.alpha, signed)

    def bar(self, place: Place) -> Bar | None:
        """The colour bar of one map, in its own unit; none where the map says nothing."""
        if self.relevance.states[place] != SAYS_SOMETHING:
            return None
        table = self.sequence_table() if self.is_sequence else self.table
        top = words.number(float(self.relevance.tops[place]))
        return Bar(table, self.relevance.signed, top, bool(self.relevance.clipped[place]))

    def common_bar(self) -> Bar | None:
        """One colour bar for all maps, in their unit where they share it, else up to "max" or "p99"."""
        speaking = self.relevance.states == SAYS_SOMETHING
        if not speaking.any():
            return None
        tops, clipped = self.relevance.tops[speaking], bool(self.relevance.clipped[speaking].any())
        bar = Bar(self.table, self.relevance.signed, words.number(float(tops[0])), clipped)
        return bar if self.scale != "image" or tops.size == 1 else bar.without_unit()

    def provenance(self) -> list[str]:
        """The method and the layer, how it is drawn, and the warnings that came with the maps."""
        lines = words.provenance(self.explanation)
        if smoothing(self.explanation):
            lines[0] += f" · drawn smooth, over {SMOOTHED:.0%} of the side"
        if self.relevance.clipped.any() and self.scale in ("image", "shared"):
            each = "each map" if self.scale == "image" else "the maps, the greatest"
            lines[0] += f" · colours end at the {PERCENTILE}th percentile (p{PERCENTILE}) of {each}"
        return lines

    def _one(self, place: Place) -> Relevance:
        return self.relevance[place][None]

    def _words(self, place: Place) -> str:
        return WORDS.get(int(self.relevance.states[place]), "")


def prepare(
    explanation: Explanation,
    indices: Indices = None,
    alpha: float = 0.5,
    colormap: Any = None,
    scale: Scale = "image",
    images: npt.ArrayLike | None = None,
    limit: int | None = None,
) -> Drawing:
    """Choose images of an explanation and make their maps ready to draw.

    Args:
        explanation: what to draw.
        indices: which images, negative ones from the end. Default None: all, or the first `limit`.
        alpha: see `overlay`.
        colormap: see `colour_table`.
        scale: see `overlay`; "shared" is shared by the whole explanation, also where only some
            images are drawn.
        images: see `overlay`.
        limit: the most images to take where `indices` is None.

    Returns:
        `Drawing`. Images of less than 64 pixels get maps of at least 480 pixels, so that pixels
        stay crisp and maps smooth.

    Raises:
        ExplanationError: inputs of three dimensions, none chosen of several, or images that do not fit the
            maps.
        ParameterError: an index out of range, or a bad alpha, scale or colormap.
    """
    check_alpha(alpha)
    check_has_input(explanation)
    rank = len(explanation.input_size)
    if rank not in (1, 2):
        raise ExplanationError(
            f"a figure needs inputs of one or two dimensions, and these have {rank}: "
            f"{tuple(explanation.input_size)}; draw slices: heatmaps()[:, depth], images[:, depth]"
        )
    table = table_of(explanation, colormap)
    whole = relevance_of(explanation, scale)
    chosen = chosen_indices(indices, len(whole.maps), limit)
    rows = list(chosen)
    part, relevance = explanation[rows], whole[rows]
    given = explanation.images if images is None else images
    pictures = series = None
    if given is not None:
        given = np.asarray(given) if rank == 1 else as_batch(given)
        if len(given) != len(whole.maps):
            raise ExplanationError(
                f"there must be one image per map, got {len(given)} images for {len(whole.maps)} "
                "maps; give the images that were explained, in the same order"
            )
        if rank == 1:
            series = given.reshape(*given.shape[:2], -1)[rows].astype(np.float64)
        else:
            pictures = choose_display(given)(given[rows])
    if rank == 2:
        size = tuple(explanation.input_size) if pictures is None else pictures.shape[1:3]
        factor = -(-_FINE // min(size)) if max(size) < CRISP_BELOW else 1
        size = (size[0] * factor, size[1] * factor)
        if size != tuple(explanation.input_size):
            relevance = _on_scale(heatmaps(part, size), relevance)
    return Drawing(part, chosen, pictures, series, relevance, table, alpha, scale)


def _on_scale(maps: npt.NDArray[np.float32], coarse: Relevance) -> Relevance:
    """Finer maps on the scale of the coarse ones."""
    maps[coarse.states != SAYS_SOMETHING] = 0
    with np.errstate(over="ignore"):
        maps /= np.where(coarse.tops > 0, coarse.tops, 1)[..., None, None]
    return replace(coarse, maps=np.clip(maps, -1 if coarse.signed else 0, 1))


def chosen_indices(indices: Indices, count: int, limit: int | None = None) -> tuple[int, ...]:
    """Indices as non-negative ints: those asked for, or the first `limit`."""
    if indices is None:
        return tuple(range(count if limit is None else min(count, limit)))
    chosen = np.atleast_1d(np.asarray(indices))
    if chosen.ndim != 1 or not chosen.size or chosen.dtype.kind not in "iu":
        raise ParameterError(
            f"indices must be an int or a sequence of ints, got {indices!r}; "
            "None draws the images from the first on"
        )
    for index in chosen:
        if not -count <= index < count:
            raise ParameterError(
                f"indices must be from 0 to {count - 1}, as there are {count} images, got {index}; "
                "negative ones count from the end"
            )
    return tuple(int(index) % count for index in chosen)
