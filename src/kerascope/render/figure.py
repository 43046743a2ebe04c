"""Figures of one explanation: input, map and overlay of each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from kerascope.errors import ExplanationError, MissingPackageError, ParameterError
from kerascope.render import words
from kerascope.render.overlay import Scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerascope.explanation import Explanation
    from kerascope.render.drawing import Drawing, Indices
    from kerascope.render.page import Row

ROWS = 12
"""How many images a figure shows where none are chosen."""


def figure(
    explanation: Explanation,
    indices: Indices = None,
    *,
    alpha: float = 0.5,
    colormap: Any = None,
    scale: Scale = "image",
    images: npt.ArrayLike | None = None,
    captions: Sequence[str] | None = None,
    name: str | None = None,
    title: str | None = None,
    panel: float = 2.0,
) -> Figure:
    """Draw the input, the map and the overlay of each image, a row per image.

    Each row says what is explained, its probability and score, the prediction where it is another
    class, and has a colour bar in the unit of the map. With a class axis, the classes are columns:
    overlays above, maps below. Of images that are not known, only the map is drawn. A sequence is
    drawn as lines with relevance behind them.

    Args:
        explanation: what to draw.
        indices: which images. Default None: the first 12, and the figure says how many there are.
        alpha: opacity of the greatest relevance, 0 to 1. Default 0.5.
        colormap: see `overlay`. Default None: colours that fit the maps.
        scale: see `overlay`. "image" (default): each map has its own scale. "shared": one for all. A
            number: that relevance gets the last colour.
        images: other photographs to draw on, see `overlay`.
        captions: a text per image of the explanation, such as its true class or file name.
        name: of the maps, above them. Default None: the method, such as "GradCAM".
        title: above the figure.
        panel: width of a panel in inches. Default 2.

    Returns:
        A `matplotlib.figure.Figure`, which shows itself in a notebook; `savefig` writes it to a
        file.

    Raises:
        ExplanationError: inputs of three dimensions, or images that do not fit the maps.
        ParameterError: an index out of range, or a bad alpha, scale, colormap, captions or panel.
        MissingPackageError: matplotlib is not installed.

    Cost: about a tenth of a second per row; for thousands of pictures use `overlay`.

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
    drawing = prepare(explanation, indices, alpha, colormap, scale, images, limit=ROWS)
    notes = check_captions(captions, len(explanation.scores))
    heads: list[str] = []
    if drawing.is_sequence:
        rows, panel = _sequence_rows(drawing, notes), 3.2 * panel
    elif drawing.has_classes:
        rows = _class_rows(drawing, notes, name or words.method_name(explanation))
    else:
        rows, heads = _rows(drawing, notes), [name or words.method_name(explanation)]
        if drawing.shows_input:
            heads = ["Input", *heads, "Overlay"]
    footer = drawing.provenance()
    if indices is None and len(drawing.indices) < len(explanation.scores):
        footer.append(f"The first {len(drawing.indices)} of {len(explanation.scores)} images.")
    return make_page(rows, heads=heads, footer=footer, panel=panel, title=title)


def png(explanation: Explanation) -> bytes | None:
    """The figure of an explanation as PNG, for notebooks.

    Args:
        explanation: what to draw.

    Returns:
        The bytes of a PNG file, or None where nothing can be drawn: without matplotlib, or of
        inputs of three dimensions. A notebook then shows the text instead.
    """
    from io import BytesIO

    try:
        page = figure(explanation)
    except (MissingPackageError, ExplanationError):
        return None
    stream = BytesIO()
    page.savefig(stream, format="png")
    return stream.getvalue()


def _rows(drawing: Drawing, notes: Sequence[str]) -> list[Row]:
    from kerascope.render.page import Row

    rows = []
    for row in range(len(drawing.indices)):
        place = (row,)
        cells = [drawing.map(place)]
        if drawing.shows_input:
            cells = [drawing.input(row), *cells, drawing.overlay(place, alone=False)]
        heading, details = labels(drawing, place, notes)
        rows.append(Row(cells, heading, details, drawing.bar(place)))
    return rows


def _class_rows(drawing: Drawing, notes: Sequence[str], name: str) -> list[Row]:
    from kerascope.render.page import Row
    from kerascope.render.panels import Cell

    rows = []
    bar = drawing.common_bar()
    for row in range(len(drawing.indices)):
        places = drawing.places(row)
        titles = [class_title(drawing, place) for place in places]
        note = notes[drawing.indices[row]]
        if drawing.shows_input:
            cells = [
                drawing.overlay(place, *title, alone=False)
                for place, title in zip(places, titles, strict=True)
            ]
            rows.append(Row([drawing.input(row, "Input"), *cells], details=note, gap=0.3))
            maps = [drawing.map(place) for place in places]
            rows.append(Row([Cell(words=name), *maps], bar=bar))
        else:
            cells = [drawing.map(place, *title) for place, title in zip(places, titles, strict=True)]
            rows.append(Row(cells, details=note, bar=bar, gap=0.3))
    return rows


def _sequence_rows(drawing: Drawing, notes: Sequence[str]) -> list[Row]:
    from kerascope.render.page import Row

    rows = []
    for row in range(len(drawing.indices)):
        for place in drawing.places(row):
            heading, details = labels(drawing, place, notes)
            rows.append(Row([drawing.line(place)], heading, details, drawing.bar(place)))
    return rows


def labels(drawing: Drawing, place: words.Place, notes: Sequence[str]) -> tuple[str, str]:
    """What is written above one image: the name of the target, and the numbers."""
    explanation = drawing.explanation
    details = [
        notes[drawing.indices[place[0]]],
        words.probability(explanation, place),
        words.score(explanation, place),
        words.prediction(explanation, place),
    ]
    return words.target_name(explanation, place), " · ".join(filter(None, details))


def class_title(drawing: Drawing, place: words.Place) -> tuple[str, str]:
    """The name of a class, and its probability, or its score where that is unknown."""
    explanation = drawing.explanation
    value = words.probability(explanation, place) or words.score(explanation, place)
    return words.target_name(explanation, place), value


def check_captions(captions: Sequence[str] | None, count: int) -> list[str]:
    """One text per image, empty where none are given."""
    if captions is None:
        return [""] * count
    if isinstance(captions, str) or len(captions) != count:
        given = repr(captions) if isinstance(captions, str) else f"{len(captions)}"
        raise ParameterError(
            f"captions must be one text per image of the explanation, {count}, got {given}; "
            "give a list of that length, also where only some images are drawn"
        )
    return [words.one_line(str(caption)) for caption in captions]


def check_panel(panel: float) -> None:
    """An error unless panel is a width in inches that can be drawn."""
    if not 0.3 <= panel <= 20:
        raise ParameterError(
            f"panel must be a width in inches, from 0.3 to 20, got {panel!r}; 2 is the default"
        )
