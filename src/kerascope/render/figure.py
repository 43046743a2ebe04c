"""Figures of one explanation: input, map and overlay of each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from kerascope.errors import ExplanationError, MissingPackageError, ParameterError
from kerascope.render import text
from kerascope.render.overlay import Scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerascope.explanation import Explanation
    from kerascope.placement import PlacementChoice
    from kerascope.render.drawing import Drawing, Indices
    from kerascope.render.page import PanelRow

ROWS = 12
"""The number of images in a figure by default."""


def figure(
    explanation: Explanation,
    indices: Indices = None,
    *,
    alpha: float = 0.5,
    colormap: Any = None,
    scale: Scale = "image",
    images: npt.ArrayLike | None = None,
    placement: PlacementChoice = "auto",
    captions: Sequence[str] | None = None,
    name: str | None = None,
    title: str | None = None,
    panel: float = 2.0,
) -> Figure:
    """Draw the input, the map and the overlay of each image, a row per image.

    Each row shows the target, its probability and score, the prediction if it is another class, and a colour
    bar in the unit of the map. With a class axis, the classes are columns: overlays above, maps below.
    Without images, only maps are drawn. A sequence is drawn as lines with relevance behind them.

    Args:
        explanation: what to draw.
        indices: of the images to draw. Default None: the first 12.
        alpha: opacity of the greatest relevance, 0 to 1. Default 0.5.
        colormap: see `overlay`. Default None: colours that fit the maps.
        scale: see `overlay`. "image" (default): each map has its own scale. "shared": one for all. A
            number: the relevance of the last colour.
        images: other photographs to draw on, see `overlay`.
        placement: see `Explanation.heatmaps`.
        captions: a text per image of the explanation, such as its true class or file name.
        name: title of the maps. Default None: the method, such as "GradCAM".
        title: above the figure.
        panel: width of a panel in inches. Default 2.

    Returns:
        A `matplotlib.figure.Figure`, which notebooks display; `savefig` writes it to a file.

    Raises:
        ExplanationError: inputs of three dimensions, or images that do not fit the maps.
        ParameterError: an index out of range, or a bad alpha, scale, colormap, captions or panel.
        MissingPackageError: matplotlib is not installed.

    Cost: about a tenth of a second per row; use `overlay` for thousands of pictures.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> len(ks.render.figure(ks.GradCAM(relu=False)(model, images)).axes)  # with colour bars
        8
    """
    from kerascope.render.drawing import prepare
    from kerascope.render.page import make_page

    check_panel(panel)
    drawing = prepare(explanation.place(placement), indices, alpha, colormap, scale, images, limit=ROWS)
    notes = check_captions(captions, len(explanation.scores))
    heads: list[str] = []
    if drawing.is_sequence:
        rows, panel = _sequence_rows(drawing, notes), 3.2 * panel
    elif drawing.has_classes:
        rows = _class_rows(drawing, notes, name or text.method_name(explanation))
    else:
        rows, heads = _rows(drawing, notes), [name or text.method_name(explanation)]
        if drawing.shows_input:
            heads = ["Input", *heads, "Overlay"]
    footer = drawing.provenance()
    if indices is None and len(drawing.indices) < len(explanation.scores):
        footer.append(f"The first {len(drawing.indices)} of {len(explanation.scores)} images.")
    return make_page(rows, heads=heads, footer=footer, panel=panel, title=title)


def png(explanation: Explanation) -> bytes | None:
    """Return the figure of an explanation as PNG, for notebooks.

    Args:
        explanation: what to draw.

    Returns:
        The bytes of a PNG file, or None if nothing can be drawn: without matplotlib, or for inputs of three
        dimensions. A notebook then shows the text instead.
    """
    from io import BytesIO

    try:
        page = figure(explanation)
    except (MissingPackageError, ExplanationError):
        return None
    stream = BytesIO()
    page.savefig(stream, format="png")
    return stream.getvalue()


def _rows(drawing: Drawing, notes: Sequence[str]) -> list[PanelRow]:
    from kerascope.render.page import PanelRow

    rows = []
    for row in range(len(drawing.indices)):
        index = (row,)
        cells = [drawing.map(index)]
        if drawing.shows_input:
            cells = [drawing.input(row), *cells, drawing.overlay(index, alone=False)]
        heading, details = labels(drawing, index, notes)
        rows.append(PanelRow(cells, heading, details, drawing.bar(index)))
    return rows


def _class_rows(drawing: Drawing, notes: Sequence[str], name: str) -> list[PanelRow]:
    from kerascope.render.page import PanelRow
    from kerascope.render.panels import Cell

    rows = []
    bar = drawing.common_bar()
    for row in range(len(drawing.indices)):
        indices = drawing.map_indices(row)
        titles = [class_title(drawing, index) for index in indices]
        note = notes[drawing.indices[row]]
        if drawing.shows_input:
            cells = [
                drawing.overlay(index, *title, alone=False)
                for index, title in zip(indices, titles, strict=True)
            ]
            rows.append(PanelRow([drawing.input(row, "Input"), *cells], details=note, gap=0.3))
            maps = [drawing.map(index) for index in indices]
            rows.append(PanelRow([Cell(words=name), *maps], bar=bar))
        else:
            cells = [drawing.map(index, *title) for index, title in zip(indices, titles, strict=True)]
            rows.append(PanelRow(cells, details=note, bar=bar, gap=0.3))
    return rows


def _sequence_rows(drawing: Drawing, notes: Sequence[str]) -> list[PanelRow]:
    from kerascope.render.page import PanelRow

    rows = []
    for row in range(len(drawing.indices)):
        for index in drawing.map_indices(row):
            heading, details = labels(drawing, index, notes)
            rows.append(PanelRow([drawing.line(index)], heading, details, drawing.bar(index)))
    return rows


def labels(drawing: Drawing, index: text.MapIndex, notes: Sequence[str]) -> tuple[str, str]:
    """Return the texts above one image: the name of the target, and its numbers."""
    explanation = drawing.explanation
    details = [
        notes[drawing.indices[index[0]]],
        text.probability(explanation, index),
        text.score(explanation, index),
        text.prediction(explanation, index),
    ]
    return text.target_name(explanation, index), " · ".join(filter(None, details))


def class_title(drawing: Drawing, index: text.MapIndex) -> tuple[str, str]:
    """Return the name of a class, and its probability, or its score if that is unknown."""
    explanation = drawing.explanation
    value = text.probability(explanation, index) or text.score(explanation, index)
    return text.target_name(explanation, index), value


def check_captions(captions: Sequence[str] | None, count: int) -> list[str]:
    """Return one text per image, empty without captions."""
    if captions is None:
        return [""] * count
    if isinstance(captions, str) or len(captions) != count:
        received = repr(captions) if isinstance(captions, str) else len(captions)
        raise ParameterError(
            f"captions must be one text for each of the {count} images, got {received}; "
            "give a list of that length, even if only some images are drawn"
        )
    return [text.one_line(str(caption)) for caption in captions]


def check_panel(panel: float) -> None:
    """Check the width of a panel in inches; raise `ParameterError` if it cannot be drawn."""
    if not 0.3 <= panel <= 20:
        raise ParameterError(
            f"panel must be a width in inches, from 0.3 to 20, got {panel!r}; 2 is the default"
        )
