"""The panels of an explanation, as pictures, before they are placed on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from kerascope.errors import ExplanationError, MissingPackageError, ParameterError
from kerascope.explanation import check_has_input
from kerascope.render import text
from kerascope.render.colour import Table, apply
from kerascope.render.display import RGBImages, as_batch, choose_display
from kerascope.render.hatching import INFORMATIVE, WORDS, mark
from kerascope.render.overlay import (
    PERCENTILE,
    Relevance,
    Scale,
    blend,
    heatmaps,
    paint,
    relevance_of,
    smoothing,
    table_of,
)
from kerascope.render.smooth import DEVIATION
from kerascope.render.text import MapIndex
from kerascope.validation import check_fraction

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
    """Some images of an explanation, ready to draw any of their panels.

    Attributes:
        explanation: of the selected images only.
        indices: of these images in the whole explanation.
        pictures: uint8 (n, H, W, 3), or None if the images are unknown or are sequences.
        series: (n, T, C) if the inputs are sequences, else None.
        relevance: of the selected images, at the size to draw.
        table: the colours.
        alpha: the greatest opacity.
        scale: see `overlay`.
    """

    explanation: Explanation
    indices: tuple[int, ...]
    pictures: RGBImages | None
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

    def map_indices(self, row: int) -> list[MapIndex]:
        """Return the indices of the maps of one image: one, or one per class."""
        if self.has_classes:
            return [(row, k) for k in range(self.relevance.tops.shape[1])]
        return [(row,)]

    def input(self, row: int, title: str = "", number: str = "") -> Cell:
        """Return the image alone."""
        assert self.pictures is not None
        return Cell(self.pictures[row], title=title, number=number)

    def map(self, index: MapIndex, title: str = "", number: str = "") -> Cell:
        """Return the map alone, in full colour."""
        picture = paint(self._select(index), self.table)[0]
        return Cell(picture, title=title, number=number, words=self._words(index))

    def overlay(self, index: MapIndex, title: str = "", number: str = "", alone: bool = True) -> Cell:
        """Return the image with the map on it; `alone`, also the reason why a map is not drawn."""
        assert self.pictures is not None
        relevance = self._select(index)
        below = self.pictures[index[0]]
        factor = relevance.maps.shape[1] // below.shape[0]
        if factor > 1:
            below = below.repeat(factor, axis=0).repeat(factor, axis=1)
        picture = blend(below, relevance.maps[0], self.table, self.alpha, relevance.signed)
        if relevance.states[0] != INFORMATIVE:
            mark(picture, int(relevance.states[0]))
        return Cell(picture, title=title, number=number, words=self._words(index) if alone else "")

    def line(self, index: MapIndex, title: str = "") -> Cell:
        """Return a sequence as lines, with relevance behind them."""
        relevance = self._select(index)
        background = apply(self.sequence_table(), relevance.maps[0], relevance.signed)[None]
        if relevance.states[0] != INFORMATIVE:
            background = np.full_like(background, 235)
        series = None if self.series is None else self.series[index[0]]
        return Cell(background, True, series, title=title, words=self._words(index))

    def sequence_table(self) -> Table:
        """Return the colours on white, with an opacity that follows relevance."""
        signed = self.relevance.signed
        ramp = (np.arange(256) - 128) / 127 if signed else np.arange(256) / 255
        white = np.full((256, 3), 255, np.uint8)
        return blend(white, ramp.astype(np.float32), self.table, self.alpha, signed)

    def bar(self, index: MapIndex) -> Bar | None:
        """Return the colour bar of one map, in its own unit; None if the map is hatched."""
        if self.relevance.states[index] != INFORMATIVE:
            return None
        table = self.sequence_table() if self.is_sequence else self.table
        top = text.number(float(self.relevance.tops[index]))
        return Bar(table, self.relevance.signed, top, bool(self.relevance.clipped[index]))

    def common_bar(self) -> Bar | None:
        """Return a colour bar for all maps, in their unit if they share it, else up to "max" or "p99"."""
        informative = self.relevance.states == INFORMATIVE
        if not informative.any():
            return None
        tops, clipped = self.relevance.tops[informative], bool(self.relevance.clipped[informative].any())
        bar = Bar(self.table, self.relevance.signed, text.number(float(tops[0])), clipped)
        return bar if self.scale != "image" or tops.size == 1 else bar.without_unit()

    def provenance(self) -> list[str]:
        """Return lines with the method, the layer, how maps are drawn, and warnings."""
        lines = text.provenance(self.explanation)
        if smoothing(self.explanation):
            lines[0] += f" · drawn smooth, over {DEVIATION:.0%} of the side"
        if self.relevance.clipped.any() and self.scale in ("image", "shared"):
            subject = "each map" if self.scale == "image" else "the maps, the greatest"
            lines[0] += f" · colours end at the {PERCENTILE}th percentile (p{PERCENTILE}) of {subject}"
        return lines

    def _select(self, index: MapIndex) -> Relevance:
        return self.relevance[index][None]

    def _words(self, index: MapIndex) -> str:
        return WORDS.get(int(self.relevance.states[index]), "")


def prepare(
    explanation: Explanation,
    indices: Indices = None,
    alpha: float = 0.5,
    colormap: Any = None,
    scale: Scale = "image",
    images: npt.ArrayLike | None = None,
    limit: int | None = None,
) -> Drawing:
    """Select images of an explanation and prepare their maps for drawing.

    Args:
        explanation: what to draw.
        indices: which images, negative ones from the end. Default None: all, or the first `limit`.
        alpha: see `overlay`.
        colormap: see `colour_table`.
        scale: see `overlay`; "shared" covers the whole explanation, even if only some images are drawn.
        images: see `overlay`.
        limit: the most images if `indices` is None.

    Returns:
        `Drawing`. Images of less than 64 pixels get maps of at least 480 pixels, so that
        pixels stay crisp and maps smooth.

    Raises:
        ExplanationError: inputs of three dimensions, several inputs, or images that do not fit the maps.
        ParameterError: an index out of range, or a bad alpha, scale or colormap.
    """
    check_fraction(alpha, "alpha")
    check_has_input(explanation)
    rank = len(explanation.input_size)
    if rank not in (1, 2):
        raise ExplanationError(
            f"a figure needs inputs of one or two dimensions, and these have {rank}: "
            f"{tuple(explanation.input_size)}; draw slices: heatmaps()[:, depth], images[:, depth]"
        )
    table = table_of(explanation, colormap)
    whole = relevance_of(explanation, scale)
    selection = select_indices(indices, len(whole.maps), limit)
    rows = list(selection)
    part, relevance = explanation[rows], whole[rows]
    inputs = explanation.images if images is None else images
    pictures = series = None
    if inputs is not None:
        inputs = np.asarray(inputs) if rank == 1 else as_batch(inputs)
        if len(inputs) != len(whole.maps):
            raise ExplanationError(
                f"there must be one image per map, got {len(inputs)} images for {len(whole.maps)} "
                "maps; give the explained images, in the same order"
            )
        if rank == 1:
            series = inputs.reshape(*inputs.shape[:2], -1)[rows].astype(np.float64)
        else:
            pictures = choose_display(inputs)(inputs[rows])
    if rank == 2:
        size = tuple(explanation.input_size) if pictures is None else pictures.shape[1:3]
        factor = -(-_FINE // min(size)) if max(size) < CRISP_BELOW else 1
        size = (size[0] * factor, size[1] * factor)
        if size != tuple(explanation.input_size):
            relevance = _on_scale(heatmaps(part, size), relevance)
    return Drawing(part, selection, pictures, series, relevance, table, alpha, scale)


def _on_scale(maps: npt.NDArray[np.float32], coarse: Relevance) -> Relevance:
    """Scale finer maps like the coarse ones."""
    maps[coarse.states != INFORMATIVE] = 0
    with np.errstate(over="ignore"):
        maps /= np.where(coarse.tops > 0, coarse.tops, 1)[..., None, None]
    return replace(coarse, maps=np.clip(maps, -1 if coarse.signed else 0, 1))


def select_indices(indices: Indices, count: int, limit: int | None = None) -> tuple[int, ...]:
    """Return indices as non-negative ints; None for the first `limit`."""
    if indices is None:
        return tuple(range(count if limit is None else min(count, limit)))
    array = np.atleast_1d(np.asarray(indices))
    if array.ndim != 1 or not array.size or array.dtype.kind not in "iu":
        raise ParameterError(
            f"indices must be an int or a sequence of ints, got {indices!r}; None draws the first images"
        )
    for index in array:
        if not -count <= index < count:
            raise ParameterError(
                f"indices must be from 0 to {count - 1}, as there are {count} images, got {index}; "
                "negative ones count from the end"
            )
    return tuple(int(index) % count for index in array)
