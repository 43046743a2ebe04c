"""Rendering of explanations: overlays by lookup tables, figures by matplotlib.

    colour.py    colour maps as tables of 256 colours
    display.py   model inputs converted to photographs
    hatching.py  hatching of maps that are flat or not finite
    smooth.py    Gaussian smoothing of maps
    overlay.py   relevance over photographs
    text.py      names, numbers, line breaking
    html.py      HTML templates and data URIs
    panels.py    one panel of a page: picture, lines, colour bar (imports matplotlib)
    page.py      rows of panels on a matplotlib figure           (imports matplotlib)
    drawing.py   the panels of an explanation                    (imports matplotlib)
    figure.py    input, map and overlay of each image
    sheet.py     contact sheets, and methods side by side
    gallery.py   sheets of other pictures, and animations

Matplotlib is imported when something is drawn, and pyplot never.
"""

from __future__ import annotations

from kerascope.render.colour import apply, colour_table
from kerascope.render.display import display_images
from kerascope.render.figure import figure, png
from kerascope.render.gallery import gallery, save_gif
from kerascope.render.overlay import blend, overlay
from kerascope.render.sheet import compare, sheet

__all__ = [
    "apply",
    "blend",
    "colour_table",
    "compare",
    "display_images",
    "figure",
    "gallery",
    "overlay",
    "png",
    "save_gif",
    "sheet",
]
