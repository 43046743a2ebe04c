"""A sheet of the cues: one picture of each kind of data, and what each cue makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.audit.cues import CUES
from benchmarks.audit.pictures import load
from kerascope.typing import Array

_SIDE, _GAP, _LEFT, _TEXT = 168, 6, 84, 12


def draw(path: Path, data: Sequence[str] = ("garments 0", "digits", "photographs"), seed: int = 0) -> None:
    """Write the sheet as a PNG: a row for each cue, for each data set the picture without it and with it.

    Pictures are enlarged to 168 pixels without smoothing; a cue that does not suit the data is left blank.
    """
    height = _GAP + (_SIDE + _GAP) * len(CUES)
    sheet = Image.new("RGB", (_LEFT + 2 * len(data) * (_SIDE + _GAP), height), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    sets = [load(name, seed).held_out for name in data]
    generator = np.random.default_rng(seed)
    for row, (name, cue) in enumerate(CUES.items()):
        top = _GAP + row * (_SIDE + _GAP)
        pen.text((_GAP, top + _SIDE // 2), name, fill="black", font=font)
        for column, (kind, held_out) in enumerate(zip(data, sets, strict=True)):
            if not kind.startswith(cue.data):
                continue
            which = int(generator.integers(len(held_out.images)))
            objects = None if held_out.objects is None else held_out.objects[which]
            changed, _ = cue.change(held_out.images[which], generator, objects)
            for place, image in enumerate((held_out.images[which], changed)):
                left = _LEFT + (2 * column + place) * (_SIDE + _GAP)
                sheet.paste(_enlarge(image), (left, top))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def _enlarge(image: Array) -> Image.Image:
    pixels = np.round(255 * np.clip(image, 0, 1)).astype("uint8")
    colours = np.repeat(pixels, 3 // pixels.shape[-1], axis=-1)
    return Image.fromarray(colours).resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
