"""Many images on one page: contact sheets, and methods side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from kerascope.errors import ExplanationError, ParameterError
from kerascope.render import words
from kerascope.render.display import Pictures, display_images
from kerascope.render.figure import ROWS, check_captions, check_panel, class_title, labels
from kerascope.render.overlay import Scale, is_fine

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerascope.explanation import Explanation
    from kerascope.render.drawing import Drawing, Indices
    from kerascope.render.panels import Bar, Cell

PANELS = ("input", "map", "overlay")
TILES = 64
"""How many images a contact sheet shows where none are chosen."""


def sheet(
    explanations: Explanation | Sequence[Explanation],
    indices: Indices = None,
    *,
    show: Sequence[str] = ("input", "overlay"),
    columns: int | None = None,
    alpha: float = 0.5,
    colormap: Any = None,
    scale: Scale = "image",
    captions: Sequence[str] | None = None,
    title: str | None = None,
    panel: float = 1.2,
) -> Figure:
    """Draw a contact sheet: a column per image, with its panels below each other.

    Above each image stand the name of the target and its probability, or its caption; below
    everything, the colour bars. With a class axis, the panels of the likeliest class come first, and
    each class adds its own.

    Args:
        explanations: one, or several whose images follow each other.
        indices: which images, counted over all explanations. Default None: the first 64.
        show: which panels each image gets, of "input", "map" and "overlay". Default input and
            overlay.
        columns: images side by side. Default None: up to 8, in rows of even length.
        alpha: see `overlay`.
        colormap: see `colour_table`.
        scale: see `overlay`; "shared" is shared within an explanation.
        captions: a text per image, instead of the name of its target.
        title: above the sheet.
        panel: width of a panel in inches. Default 1.2.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ExplanationError: the inputs are not images, or are not known and a panel needs them.
        ParameterError: an unknown panel, an index out of range, or another bad parameter.
        MissingPackageError: matplotlib is not installed.

    Cost: some hundredths of a second per panel.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> cam = ks.GradCAM(relu=False)(model, images)
        >>> len(ks.render.sheet(cam, show=("input", "map", "overlay")).axes)  # with a colour bar
        7
    """
    from kerascope.render.drawing import chosen_indices, prepare
    from kerascope.render.page import Row, make_page
    from kerascope.render.panels import Cell

    check_panel(panel)
    whole = list(explanations) if isinstance(explanations, Sequence) else [explanations]
    if not whole:
        raise ParameterError("a sheet needs one explanation or more, got none")
    _check_show(show)
    counts = [len(explanation.scores) for explanation in whole]
    chosen = chosen_indices(indices, sum(counts), limit=TILES)
    notes = check_captions(captions, sum(counts))
    tiles: dict[int, list[Cell]] = {}
    drawings = []
    start = 0
    for one, count in zip(whole, counts, strict=True):
        own = [index for index in chosen if start <= index < start + count]
        if own:
            drawing = prepare(one, [index - start for index in own], alpha, colormap, scale)
            tiles |= {index: _tile(drawing, row, show, notes[index]) for row, index in enumerate(own)}
            drawings.append(drawing)
        start += count
    strips = [tiles[index] for index in chosen]
    width = columns or -(-len(chosen) // -(-len(chosen) // 8))
    if width < 1:
        raise ParameterError(f"columns must be 1 or more, got {columns!r}; None chooses up to 8")
    rows = []
    for start in range(0, len(chosen), width):
        strip = strips[start : start + width]
        for level in range(max(len(tile) for tile in strip)):
            cells = [tile[level] if level < len(tile) else Cell() for tile in strip]
            cells += [Cell()] * (min(width, len(chosen)) - len(strip))
            rows.append(Row(cells, gap=0.06 if level else 0.2))
    footer = _common_footer(drawings)
    if indices is None and len(chosen) < sum(counts):
        footer.append(f"The first {len(chosen)} of {sum(counts)} images.")
    return make_page(rows, footer=footer, bars=_different_bars(drawings)[:width], panel=panel, title=title)


def compare(
    explanations: Mapping[str, Explanation],
    indices: Indices = None,
    *,
    show: str | None = None,
    alpha: float = 0.5,
    colormap: Any = None,
    scale: Scale = "image",
    images: npt.ArrayLike | None = None,
    pictures: Mapping[str, npt.ArrayLike] | None = None,
    captions: Sequence[str] | None = None,
    title: str | None = None,
    notes: Sequence[str] = (),
    panel: float = 2.0,
) -> Figure:
    """Draw methods side by side: methods in columns, images in rows, the input first.

    Args:
        explanations: label -> explanation; all of the same images, in the same order.
        indices: which images. Default None: the first 12.
        show: "overlay" or "map" for all methods. Default None: the map where a method gives a value
            per pixel and channel, as its speckles are lost on a photograph, else the overlay.
        alpha: see `overlay`.
        colormap: see `overlay`; default None gives each method the colours that fit its maps.
        scale: see `overlay`; "shared" is shared within a method, as methods have different units.
        images: other photographs to draw on, see `overlay`.
        pictures: label -> pictures (N, H, W, C) for further columns, one for each image, such as the
            maximised image of its class.
        captions: a text per image.
        title: above the figure.
        notes: sentences below the figure.
        panel: width of a panel in inches. Default 2.

    Returns:
        A `matplotlib.figure.Figure`. Rows are named by their target; where methods explain
        different targets, each panel names its own.

    Raises:
        ExplanationError: different numbers of images, a class axis, or inputs that are not images.
        ParameterError: no explanation, an unknown panel, or another bad parameter.
        MissingPackageError: matplotlib is not installed.

    Cost: some hundredths of a second per panel.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> cam, saliency = ks.GradCAM()(model, images), ks.Saliency()(model, images)
        >>> figure = ks.render.compare({"Grad-CAM": cam, "Saliency": saliency})
    """
    from kerascope.render.drawing import prepare
    from kerascope.render.page import Row, make_page
    from kerascope.render.panels import Cell

    check_panel(panel)
    if not isinstance(explanations, Mapping) or not explanations:
        raise ParameterError(
            "compare needs a mapping from labels to explanations, "
            f'got {type(explanations).__name__}; such as {{"Grad-CAM": cam, "Saliency": saliency}}'
        )
    if show not in ("map", "overlay", None):
        raise ParameterError(f'show must be "overlay", "map" or None, got {show!r}')
    counts = {label: len(one.scores) for label, one in explanations.items()}
    if len(set(counts.values())) > 1:
        raise ExplanationError(
            f"explanations to compare must be of the same images, got {counts} images; "
            "explain the same batch with each method"
        )
    if images is None:
        images = next((one.images for one in explanations.values() if one.images is not None), None)
    drawings = [
        prepare(one, indices, alpha, colormap, scale, images, limit=ROWS) for one in explanations.values()
    ]
    kinds = [show or ("map" if is_fine(one) else "overlay") for one in explanations.values()]
    _check_comparable(explanations, drawings, kinds)
    first = drawings[0]
    texts = check_captions(captions, next(iter(counts.values())))
    others = {label: display_images(column) for label, column in (pictures or {}).items()}
    _check_columns(others, len(texts))
    rows = []
    for row, image in enumerate(first.indices):
        heading, details = _row_labels(drawings, row, texts)
        titles = [words.target_name(one.explanation, (row,)) if not heading else "" for one in drawings]
        cells = [
            one.map((row,), title) if kind == "map" else one.overlay((row,), title)
            for one, kind, title in zip(drawings, kinds, titles, strict=True)
        ]
        if first.shows_input:
            cells.insert(0, first.input(row))
        cells += [Cell(column[image]) for column in others.values()]
        rows.append(Row(cells, heading, details))
    bars = [one.common_bar() for one in drawings]
    heads = list(explanations)
    if first.shows_input:
        bars, heads = [None, *bars], ["Input", *heads]
    footer = [*notes, *_common_footer(drawings)]
    if indices is None and len(first.indices) < len(texts):
        footer.append(f"The first {len(first.indices)} of {len(texts)} images.")
    return make_page(rows, [*heads, *others], footer, [*bars, *(None for _ in others)], panel, title)


def _check_show(show: Sequence[str]) -> None:
    if isinstance(show, str) or not show or any(name not in PANELS for name in show):
        raise ParameterError(f'show must hold "input", "map" or "overlay", got {show!r}')


def _tile(drawing: Drawing, row: int, show: Sequence[str], caption: str) -> list[Cell]:
    """The panels of one image from top to bottom: the input once, then those of each class."""
    _check_pictures(drawing, show)
    places = drawing.places(row)
    titles = [class_title(drawing, place) for place in places]
    cells = []
    if not drawing.has_classes and caption:
        titles = [(caption, "")]
    if "input" in show:
        title = (caption or "Input", "") if drawing.has_classes else titles.pop()
        cells.append(drawing.input(row, *title))
    alone = "map" not in show
    titles += [("", "")] * (len(places) - len(titles))
    for place, title in zip(places, titles, strict=True):
        if "map" in show:
            cells.append(drawing.map(place, *title))
            title = ("", "")
        if "overlay" in show:
            cells.append(drawing.overlay(place, *title, alone=alone))
    return cells


def _check_pictures(drawing: Drawing, show: Sequence[str]) -> None:
    if drawing.is_sequence:
        raise ExplanationError(
            "a sheet needs images, and these inputs are sequences of length "
            f"{drawing.explanation.input_size[0]}; use plot(), which draws them as lines"
        )
    if not drawing.shows_input and set(show) != {"map"}:
        raise ExplanationError(
            "inputs and overlays need the images, and this explanation was made or saved without "
            "them; show the maps only, or use plot(images=photographs)"
        )


def _check_comparable(
    explanations: Mapping[str, Explanation], drawings: Sequence[Drawing], kinds: Sequence[str]
) -> None:
    for label, drawing, kind in zip(explanations, drawings, kinds, strict=True):
        if drawing.has_classes:
            raise ExplanationError(
                f"compare needs one map per image, and {label!r} has a class axis of "
                f"{drawing.relevance.tops.shape[1]}; explain one class, or use plot()"
            )
        _check_pictures(drawing, [kind])


def _check_columns(columns: Mapping[str, Pictures], count: int) -> None:
    for label, pictures in columns.items():
        if len(pictures) != count:
            raise ExplanationError(
                f"pictures must hold one for each of the {count} images; {label!r} holds {len(pictures)}."
            )


def _row_labels(drawings: Sequence[Drawing], row: int, notes: Sequence[str]) -> tuple[str, str]:
    """The target and its numbers, or only the caption where the targets differ."""
    first = drawings[0]
    if len({words.target_name(drawing.explanation, (row,)) for drawing in drawings}) > 1:
        return "", notes[first.indices[row]]
    return labels(first, (row,), notes)


def _common_footer(drawings: Sequence[Drawing]) -> list[str]:
    """The provenance of each explanation, once."""
    return list(dict.fromkeys(line for one in drawings for line in one.provenance()))


def _different_bars(drawings: Sequence[Drawing]) -> list[Bar]:
    """One colour bar for each table of colours; where they end differently, without a unit."""
    bars: dict[object, Bar] = {}
    for bar in filter(None, (drawing.common_bar() for drawing in drawings)):
        look = (bar.table.tobytes(), bar.signed)
        bars[look] = bar if bars.get(look, bar).top == bar.top else bar.without_unit()
    return list(bars.values())
