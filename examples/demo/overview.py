"""One small picture of everything that was explained, for those who look before they read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from examples.demo.explain_digits import ALPHA, AUTO
from kerascope.render.drawing import prepare
from kerascope.render.overlay import PERCENTILE
from kerascope.render.page import PanelRow, make_page
from kerascope.render.panels import Bar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from examples.demo.explain_digits import DigitResult
    from examples.demo.explain_photographs import PhotographResult

DIGITS = 3
PANEL = 0.72  # inches, so that seven columns are 900 pixels wide
COLOURS = 192
FOOTER = (
    "Four photographs by EfficientNet-Lite 0, three digits by a network trained on digits. Grad-CAM has "
    "7 x 7 cells of a photograph, and of a digit loses where things are, since that network flattens what "
    "Grad-CAM averages. Each map has its own scale, that of Auto ends at the "
    f"{PERCENTILE}th percentile (p{PERCENTILE})."
)


def save_overview(photographs: Sequence[PhotographResult], digits: Sequence[DigitResult], path: Path) -> None:
    """Photographs and the first three digits side by side: input, the automatic map over it, Grad-CAM.

    Args:
        photographs: explained photographs.
        digits: explained digits.
        path: of the PNG file: 900 pixels wide, and of few colours, so that it is small.

    Cost: 21 panels, a second.
    """
    from PIL import Image

    pairs = [(result.names[0], 0.5, result.explanations) for result in photographs]
    pairs += [(f"digit {result.prediction}", ALPHA, result.explanations) for result in digits[:DIGITS]]
    columns = []
    for name, alpha, explanations in pairs:
        auto, cam = (prepare(explanations[one], alpha=alpha) for one in (AUTO, "Grad-CAM"))
        probability = f"{float(auto.explanation.probabilities[0]):.0%}"
        columns.append((auto.input(0, name, probability), auto.overlay((0,)), cam.overlay((0,))))
    inputs, autos, cams = (list(cells) for cells in zip(*columns, strict=True))
    rows = [PanelRow(inputs), PanelRow(autos, details=AUTO), PanelRow(cams, details="Grad-CAM")]
    bars = [Bar(auto.table, False, f"p{PERCENTILE}", clipped=True), Bar(cam.table, False, "max")]
    picture = io.BytesIO()
    make_page(rows, footer=[FOOTER], bars=bars, panel=PANEL).savefig(picture, format="png")
    with Image.open(picture) as image:
        whole = image.convert("RGB")
    small = whole.quantize(palette=whole.quantize(COLOURS))
    palette, paper = small.getpalette(), 3 * small.getpixel((0, 0))
    palette[paper : paper + 3] = 255, 255, 255  # it was a light grey
    small.putpalette(palette)
    small.save(path, optimize=True)
