"""Contact sheets of many images, and methods side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from kerascope.errors import ExplanationError, ParameterError
from kerascope.render import text
from kerascope.render.display import RGBImages, display_images
from kerascope.render.figure import ROWS, check_captions, check_panel, class_title, labels
from kerascope.render.overlay import Scale, is_fine
from kerascope.validation import check_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerascope.explanation import Explanation
    from kerascope.render.drawing import Drawing, Indices
    from kerascope.render.page import PanelRow
    from kerascope.render.panels import Bar, Cell

PANELS = ("input", "map", "overlay")
TILES = 64
"""The number of images in a contact sheet by default."""


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

    The name of the target and its probability, or the caption, are above each image; the colour bars are at
    the bottom. With a class axis, each class adds its panels, the likeliest class first.

    Args:
        explanations: one, or several whose images are concatenated.
        indices: of the images to draw, over all explanations. Default None: the first 64.
        show: panels of each image, of "input", "map" and "overlay". Default input and overlay.
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
        ExplanationError: the inputs are not images, or are unknown and a panel needs them.
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
    from kerascope.render.drawing import prepare, select_indices
    from kerascope.render.page import PanelRow, make_page
    from kerascope.render.panels import Cell

    check_panel(panel)
    whole = list(explanations) if isinstance(explanations, Sequence) else [explanations]
    if not whole:
        raise ParameterError("a sheet needs one explanation or more, got none")
    _check_show(show)
    counts = [len(explanation.scores) for explanation in whole]
    selection = select_indices(indices, sum(counts), limit=TILES)
    notes = check_captions(captions, sum(counts))
    tiles: dict[int, list[Cell]] = {}
    drawings = []
    start = 0
    for explanation, count in zip(whole, counts, strict=True):
        own = [index for index in selection if start <= index < start + count]
        if own:
            drawing = prepare(explanation, [index - start for index in own], alpha, colormap, scale)
            tiles |= {index: _tile(drawing, row, show, notes[index]) for row, index in enumerate(own)}
            drawings.append(drawing)
        start += count
    strips = [tiles[index] for index in selection]
    if columns is not None:
        check_whole(columns, "columns")
    width = columns or -(-len(selection) // -(-len(selection) // 8))
    rows = []
    for start in range(0, len(selection), width):
        strip = strips[start : start + width]
        for level in range(max(len(tile) for tile in strip)):
            cells = [tile[level] if level < len(tile) else Cell() for tile in strip]
            cells += [Cell()] * (min(width, len(selection)) - len(strip))
            rows.append(PanelRow(cells, gap=0.06 if level else 0.2))
    footer = _common_footer(drawings)
    if indices is None and len(selection) < sum(counts):
        footer.append(f"The first {len(selection)} of {sum(counts)} images.")
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
        indices: of the images to draw. Default None: the first 12.
        show: "overlay" or "map" for all methods. Default None: the map for methods with a value per
            pixel and channel, whose speckles are lost on a photograph, else the overlay.
        alpha: see `overlay`.
        colormap: see `overlay`; default None: colours that fit the maps of each method.
        scale: see `overlay`; "shared" is shared within a method, as methods have different units.
        images: other photographs to draw on, see `overlay`.
        pictures: label -> pictures (N, H, W, C) for further columns, one for each image, such as the
            maximised image of its class.
        captions: a text per image.
        title: above the figure.
        notes: sentences below the figure.
        panel: width of a panel in inches. Default 2.

    Returns:
        A `matplotlib.figure.Figure`. Rows are titled by their target; panels are, if methods
        explain different targets.

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
    from kerascope.render.page import make_page
    from kerascope.render.panels import Cell

    check_panel(panel)
    count = _check_explanations(explanations, show)
    if images is None:
        stored = (explanation.images for explanation in explanations.values())
        images = next((batch for batch in stored if batch is not None), None)
    drawings = [
        prepare(explanation, indices, alpha, colormap, scale, images, limit=ROWS)
        for explanation in explanations.values()
    ]
    kinds = [show or ("map" if is_fine(drawing.explanation) else "overlay") for drawing in drawings]
    _check_comparable(explanations, drawings, kinds)
    first = drawings[0]
    texts = check_captions(captions, count)
    others = {label: display_images(column) for label, column in (pictures or {}).items()}
    _check_columns(others, len(texts))
    rows = []
    for row, image in enumerate(first.indices):
        extra = [Cell(column[image]) for column in others.values()]
        rows.append(_compare_row(drawings, kinds, row, texts, extra))
    bars = [drawing.common_bar() for drawing in drawings]
    heads = list(explanations)
    if first.shows_input:
        bars, heads = [None, *bars], ["Input", *heads]
    footer = [*notes, *_common_footer(drawings)]
    if indices is None and len(first.indices) < len(texts):
        footer.append(f"The first {len(first.indices)} of {len(texts)} images.")
    return make_page(rows, [*heads, *others], footer, [*bars, *(None for _ in others)], panel, title)


def _check_explanations(explanations: Mapping[str, Explanation], show: str | None) -> int:
    """Check explanations to compare; return their number of images."""
    if not isinstance(explanations, Mapping) or not explanations:
        raise ParameterError(
            "compare needs a mapping from labels to explanations, "
            f'got {type(explanations).__name__}; such as {{"Grad-CAM": cam, "Saliency": saliency}}'
        )
    if show not in ("map", "overlay", None):
        raise ParameterError(f'show must be "overlay", "map" or None, got {show!r}')
    counts = {label: len(explanation.scores) for label, explanation in explanations.items()}
    if len(set(counts.values())) > 1:
        raise ExplanationError(
            f"explanations to compare must have the same images, got {counts} images; "
            "explain the same batch with each method"
        )
    return next(iter(counts.values()))


def _compare_row(
    drawings: Sequence[Drawing], kinds: Sequence[str], row: int, texts: Sequence[str], extra: Sequence[Cell]
) -> PanelRow:
    """Return the input of one image, the panel of each method, and extra panels."""
    from kerascope.render.page import PanelRow

    heading, details = _row_labels(drawings, row, texts)
    cells = [drawings[0].input(row)] if drawings[0].shows_input else []
    for drawing, kind in zip(drawings, kinds, strict=True):
        title = "" if heading else text.target_name(drawing.explanation, (row,))
        draw = drawing.map if kind == "map" else drawing.overlay
        cells.append(draw((row,), title))
    return PanelRow([*cells, *extra], heading, details)


def _check_show(show: Sequence[str]) -> None:
    if isinstance(show, str) or not show or any(name not in PANELS for name in show):
        raise ParameterError(f'show must hold "input", "map" or "overlay", got {show!r}')


def _tile(drawing: Drawing, row: int, show: Sequence[str], caption: str) -> list[Cell]:
    """Return the panels of one image from top to bottom: the input, then the panels of each class."""
    _check_pictures(drawing, show)
    indices = drawing.map_indices(row)
    titles = [class_title(drawing, index) for index in indices]
    cells = []
    if not drawing.has_classes and caption:
        titles = [(caption, "")]
    if "input" in show:
        title = (caption or "Input", "") if drawing.has_classes else titles.pop()
        cells.append(drawing.input(row, *title))
    alone = "map" not in show
    titles += [("", "")] * (len(indices) - len(titles))
    for index, title in zip(indices, titles, strict=True):
        if "map" in show:
            cells.append(drawing.map(index, *title))
            title = ("", "")
        if "overlay" in show:
            cells.append(drawing.overlay(index, *title, alone=alone))
    return cells


def _check_pictures(drawing: Drawing, show: Sequence[str]) -> None:
    if drawing.is_sequence:
        raise ExplanationError(
            "a sheet needs images, and these inputs are sequences of length "
            f"{drawing.explanation.input_size[0]}; use plot(), which draws lines"
        )
    if not drawing.shows_input and set(show) != {"map"}:
        raise ExplanationError(
            "inputs and overlays need the images, and this explanation does not hold them; "
            "show the maps only, or use plot(images=photographs)"
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


def _check_columns(columns: Mapping[str, RGBImages], count: int) -> None:
    for label, pictures in columns.items():
        if len(pictures) != count:
            raise ExplanationError(
                f"pictures must have one entry for each of the {count} images; {label!r} has {len(pictures)}."
            )


def _row_labels(drawings: Sequence[Drawing], row: int, notes: Sequence[str]) -> tuple[str, str]:
    """Return the target and its numbers, or only the caption if the targets differ."""
    first = drawings[0]
    if len({text.target_name(drawing.explanation, (row,)) for drawing in drawings}) > 1:
        return "", notes[first.indices[row]]
    return labels(first, (row,), notes)


def _common_footer(drawings: Sequence[Drawing]) -> list[str]:
    """Return the provenance of the explanations, without repeated lines."""
    return list(dict.fromkeys(line for drawing in drawings for line in drawing.provenance()))


def _different_bars(drawings: Sequence[Drawing]) -> list[Bar]:
    """Return one colour bar per colour table; without a unit if their ends differ."""
    bars: dict[object, Bar] = {}
    for bar in filter(None, (drawing.common_bar() for drawing in drawings)):
        look = (bar.table.tobytes(), bar.signed)
        bars[look] = bar if bars.get(look, bar).top == bar.top else bar.without_unit()
    return list(bars.values())
