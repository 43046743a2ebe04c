"""The HTML page of an audit: one file that needs no other file and no network."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerascope.auditing.description.relevance import CELLS, positive_part, resize_maps
from kerascope.auditing.report.duplicates_section import render_duplicates
from kerascope.auditing.result.audit_result import Audit
from kerascope.auditing.result.summary import describe_rest, suspicions
from kerascope.auditing.shortcuts.trial import INSERT
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.writing.removal import audit_pictures
from kerascope.typing import Array

if TYPE_CHECKING:
    from kerascope.auditing.shortcuts.finding import Finding


MOST = 10_000
"""The most images whose pictures are in a page."""
_SIDES = ((300, 160), (1500, 96), (MOST, 64))
"""Up to a number of pictures, pixels along the longer side of each."""
_GRID = 14
"""Cells along the sides of a map in a page; 8 where there are many."""
_FEW = 2000
_QUALITY = 72
_INDEX, _TARGET = 0, 4
"""Positions in a row; page.js has all of them."""
_ROWS_PER_PAGE = 50


def render_audit(audit: Audit) -> str:
    """Render the page: a summary, findings with pictures, classes with their strategies, all images, notes.

    Pictures of more than 10,000 images would make it too large to open: then as many of each class are shown
    as possible, and the page says so.
    """
    from kerascope.render.html import load_template

    here = Path(__file__)
    functions = {
        "describe_rest": describe_rest,
        "suspicions": suspicions,
        "draw_picture": draw_picture,
        "draw_patch": draw_patch,
        "percent": percent,
        "draw_outline": draw_outline,
        "draw_mean_map": draw_mean_map,
        "bars": bars,
    }
    template = load_template(here.with_name("page.html"), "audit", **functions)
    shown, rows = _select_images(audit)
    pictures = dict(_pictures(audit, shown))
    text: str = template.render(
        audit=audit,
        style=here.with_name("page.css").read_text(encoding="utf-8"),
        script=here.with_name("page.js").read_text(encoding="utf-8"),
        data=_to_script(
            {
                "pictures": {str(index): list(pair) for index, pair in pictures.items()},
                "rows": rows,
                "classes": {str(entry.label): entry.name for entry in audit.classes},
                "findings": [
                    {
                        "what": f"{finding.name}: {finding.what}",
                        "images": sorted({*finding.examples, *finding.contrasts, *finding.places}),
                    }
                    for finding in audit.confirmed
                ],
                "perPage": _ROWS_PER_PAGE,
            }
        ),
        pictures=pictures,
        copies=render_duplicates(audit.duplicates, audit.results),
        shown=len(shown),
        others=[finding for finding in audit.findings if not finding.confirmed],
    )
    return text


def _select_images(audit: Audit) -> tuple[set[int], list[list[Any]]]:
    """The images of the table: indices, and the cells of their rows.

    Each row has: index, path, label, prediction, explained class, probability, whether it is right (null
    if unknown), whether the map shows nothing.
    """
    needed = {
        index for entry in audit.classes for strategy in entry.strategies for index in strategy.prototypes
    }
    needed |= {index for finding in audit.findings for index in (*finding.examples, *finding.contrasts)}
    rows = list(_rows(audit))
    if len(rows) > MOST:
        # As many of each class as possible: in turn, those that are needed first.
        turns: dict[int, int] = {}
        order = []
        for row in sorted(rows, key=lambda row: row[_INDEX] not in needed):
            target = row[_TARGET]
            turns[target] = turns.get(target, 0) + 1
            order.append((row[_INDEX] not in needed, turns[target], row[_INDEX]))
        chosen = {index for _, _, index in sorted(order)[:MOST]}
        rows = [row for row in rows if row[_INDEX] in chosen]
    return {row[_INDEX] for row in rows}, rows


def _rows(audit: Audit) -> Iterator[list[Any]]:
    columns = ["index", "path", "label", "label_index", "prediction", "target", "probability", "warnings"]
    for row in audit.results.image_rows(columns):
        if row["prediction"] is None:
            continue  # its scores are not finite: it is not part of the audit
        right = None if row["label_index"] is None else int(row["label_index"] == row["prediction"])
        probability = None if row["probability"] is None else round(row["probability"], 4)
        cells = [row[name] for name in ("index", "path", "label", "prediction", "target")]
        yield [*cells, probability, right, int(_is_uninformative(row))]


def _pictures(audit: Audit, shown: set[int]) -> Iterator[tuple[int, tuple[str, str]]]:
    """Photograph and map of each image, as addresses; the map is empty where it shows nothing."""
    from PIL import Image

    from kerascope.render.colour import colour_table

    side = next((pixels for most, pixels in _SIDES if len(shown) <= most), _SIDES[-1][1])
    grid = _GRID if len(shown) <= _FEW else CELLS
    large = audit_pictures(audit.folder)
    table = colour_table()
    for row in audit.results.image_rows(["index", "picture", "map", "warnings"]):
        if row["index"] not in shown:
            continue
        path = large.get(row["index"])
        source: Any = io.BytesIO(row["picture"]) if path is None else path
        with Image.open(source) as opened:
            photograph = opened.convert("RGB")
        if max(photograph.size) > side:
            photograph.thumbnail((side, side), Image.Resampling.BOX)
        # A small picture has crisp pixels, which JPEG would smear.
        small = max(photograph.size) <= 64 and max(opened.size) == max(photograph.size)
        kind: Literal["PNG", "JPEG"] = "PNG" if small and side > 64 else "JPEG"
        overlay = "" if _is_uninformative(row) else _draw_overlay(np.asarray(row["map"]), table, grid)
        yield row["index"], (_to_address(photograph, kind), overlay)


def _is_uninformative(row: Mapping[str, Any]) -> bool:
    return any(text.startswith(("FlatMap", "NonFinite")) for text in row["warnings"] or ())


def _draw_overlay(values: Array, table: Array, grid: int) -> str:
    """A map as a small picture whose opacity follows the positive relevance."""
    weights = resize_maps(positive_part(values), (grid, grid))
    top = weights.max()
    if top <= 0:
        return ""
    strength = weights / top
    pixels = np.empty((*strength.shape, 4), "uint8")
    pixels[..., :3] = table[np.rint(strength * 255).astype(int)]
    pixels[..., 3] = np.rint(255 * np.minimum(1, 2 * strength))
    return _to_address(pixels, "PNG")


def _to_address(picture: Any, kind: Literal["PNG", "JPEG"]) -> str:
    """A picture as an address."""
    from kerascope.render.html import data_uri

    options: dict[str, Any] = {"quality": _QUALITY} if kind == "JPEG" else {"optimize": True}
    return data_uri(encode(picture, kind, **options), kind.lower())


def draw_picture(pixels: Array) -> str:
    """A picture of an exchange, no larger than the largest photographs of a page, as an address."""
    from PIL import Image

    picture = Image.fromarray(pixels)
    side = _SIDES[0][1]
    if max(picture.size) <= side:
        return _to_address(picture, "PNG")
    picture.thumbnail((side, side), Image.Resampling.BOX)
    return _to_address(picture, "JPEG")


def draw_patch(pixels: Array) -> str:
    """A small picture, enlarged to crisp pixels, as an address."""
    factor = max(1, 96 // max(pixels.shape[:2]))
    return _to_address(pixels.repeat(factor, 0).repeat(factor, 1), "PNG")


def draw_outline(region: Array) -> str:
    """A region as a picture of its edge, 4 pixels for each of the region's."""
    from scipy.ndimage import binary_erosion

    large = region.repeat(4, 0).repeat(4, 1)
    edge = large & ~binary_erosion(large, iterations=2, border_value=0)
    pixels = np.zeros((*large.shape, 4), "uint8")
    pixels[large] = (255, 255, 255, 36)
    pixels[edge] = (255, 0, 170, 255)
    return _to_address(pixels, "PNG")


def draw_mean_map(position: Array) -> str:
    """The mean of maps as a small picture in full colour."""
    from kerascope.render.colour import colour_table

    top = position.max()
    strength = position / top if top > 0 else position
    pixels = colour_table()[np.rint(np.clip(strength, 0, 1) * 255).astype(int)]
    return _to_address(pixels, "PNG")


def bars(finding: Finding) -> list[dict[str, Any]]:
    """The bars of the trials: shares in percent."""
    return [
        {
            "name": "Put into images of other classes"
            if trial.name == INSERT
            else "Taken from its own images",
            "trial": trial,
            "changed": 100 * trial.changed,
            "control": 100 * trial.control,
        }
        for trial in finding.trials
    ]


def percent(value: float | None) -> str:
    """A share in percent, or a dash."""
    return "-" if value is None or not np.isfinite(value) else f"{value:.0%}"


def _to_script(data: Mapping[str, Any]) -> str:
    """JSON that is safe within a script element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
