"""Cars and buses on snow, by day on a road, and at night: drawn by code, the same for the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kerascope.typing import Array

SIZE = 64
FINE = 4  # samples per pixel and axis, so that edges are smooth
CLASSES = ("bus", "car")
SCENES = ("snow", "road", "night")
# The share of each scene among the pictures of a class.
BIASED = {"bus": (0.94, 0.03, 0.03), "car": (0.03, 0.49, 0.48)}
BALANCED = {"bus": (1 / 3, 1 / 3, 1 / 3), "car": (1 / 3, 1 / 3, 1 / 3)}


def draw(label: str, scene: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """A picture, uint8 (64, 64, 3), and where its vehicle is, bool (64, 64)."""
    side = SIZE * FINE
    horizon = int(side * rng.uniform(0.38, 0.5))
    ground = int(side * rng.uniform(0.72, 0.82))  # where wheels stand
    picture = Image.new("RGB", (side, side))
    pen = ImageDraw.Draw(picture)
    _scene(scene, picture, pen, horizon, rng)
    mask = Image.new("L", (side, side))
    shapes = _bus if label == "bus" else _car
    shapes(pen, ImageDraw.Draw(mask), side, ground, scene == "night", rng)
    if scene == "snow":
        for _ in range(int(rng.integers(40, 90))):
            x, y, radius = *rng.uniform(0, side, 2), rng.uniform(1.0, 3.5)
            pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(250, 250, 255))
    small = picture.resize((SIZE, SIZE), Image.Resampling.BOX).filter(ImageFilter.GaussianBlur(0.4))
    noisy = np.asarray(small, "float32") + rng.normal(0, 5, (SIZE, SIZE, 3))
    inside = np.asarray(mask.resize((SIZE, SIZE), Image.Resampling.BOX)) > 127
    return np.clip(noisy, 0, 255).astype("uint8"), inside


def _scene(scene: str, picture: Image.Image, pen: Any, horizon: int, rng: np.random.Generator) -> None:
    side = picture.width
    sky, earth = {
        "snow": ((200, 208, 218), (238, 241, 247)),
        "road": ((130, 180, 230), (96, 98, 102)),
        "night": ((14, 16, 34), (28, 28, 36)),
    }[scene]
    shift = int(rng.integers(-14, 15))
    pen.rectangle([0, 0, side, horizon], fill=tuple(value + shift for value in sky))
    pen.rectangle([0, horizon, side, side], fill=tuple(value + shift for value in earth))
    if scene == "road":
        pen.rectangle([0, horizon, side, horizon + side // 12], fill=(84, 130 + shift, 70))
        for x in range(-int(rng.integers(0, 60)), side, 60):
            pen.rectangle([x, int(side * 0.9), x + 32, int(side * 0.92)], fill=(225, 225, 210))
    elif scene == "night":
        for _ in range(int(rng.integers(10, 25))):
            x, y = rng.uniform(0, side), rng.uniform(0, horizon)
            pen.ellipse([x - 1, y - 1, x + 2, y + 2], fill=(210, 210, 190))
        x = rng.uniform(0.05, 0.95) * side
        pen.line([x, horizon * 0.35, x, horizon + 30], fill=(70, 70, 74), width=5)
        pen.ellipse([x - 12, horizon * 0.35 - 12, x + 12, horizon * 0.35 + 12], fill=(255, 214, 130))
    else:
        for _ in range(3):
            x, y, width = rng.uniform(0, side), horizon, rng.uniform(0.2, 0.5) * side
            pen.ellipse([x - width, y - 16, x + width, y + 40], fill=(226 + shift // 2, 231, 240))


def _paint(rng: np.random.Generator) -> tuple[int, ...]:
    """Any colour of paint, for cars and buses alike."""
    return tuple(int(value) for value in rng.integers(40, 226, 3))


def _place(side: int, length: float, rng: np.random.Generator) -> tuple[int, int]:
    left = int(rng.uniform(0.16, 0.84 - length) * side)
    return left, left + int(length * side)


def _bus(pen: Any, mask: Any, side: int, ground: int, lit: bool, rng: np.random.Generator) -> None:
    left, right = _place(side, rng.uniform(0.46, 0.56), rng)
    top = ground - int(rng.uniform(0.22, 0.27) * side)
    body = _paint(rng)
    for one, colour in ((pen, body), (mask, 255)):
        one.rounded_rectangle([left, top, right, ground], radius=8, fill=colour)
    glass = (250, 230, 150) if lit else (60, 78, 92)
    panes = int(rng.integers(4, 7))
    width = (right - left - 12) / panes
    for pane in range(panes):
        x = left + 8 + pane * width
        pen.rectangle([x, top + 10, x + width - 5, top + 10 + (ground - top) * 0.34], fill=glass)
    _wheels(pen, mask, (left + 0.2 * (right - left), left + 0.8 * (right - left)), ground)


def _car(pen: Any, mask: Any, side: int, ground: int, lit: bool, rng: np.random.Generator) -> None:
    left, right = _place(side, rng.uniform(0.42, 0.52), rng)
    length = right - left
    waist = ground - int(rng.uniform(0.1, 0.12) * side)
    top = waist - int(rng.uniform(0.09, 0.11) * side)
    body = _paint(rng)
    roof = [(left + 0.2 * length, waist), (left + 0.33 * length, top), (left + 0.7 * length, top)]
    roof.append((left + 0.86 * length, waist))
    for one, colour in ((pen, body), (mask, 255)):
        one.rounded_rectangle([left, waist, right, ground], radius=9, fill=colour)
        one.polygon(roof, fill=colour)
    glass = (250, 230, 150) if lit else (60, 78, 92)
    for start, end in ((0.3, 0.5), (0.54, 0.74)):
        box = [left + start * length, top + 6, left + end * length, waist - 3]
        pen.rectangle(box, fill=glass)
    _wheels(pen, mask, (left + 0.22 * length, left + 0.78 * length), ground)


def _wheels(pen: Any, mask: Any, places: tuple[float, float], ground: int) -> None:
    for x in places:
        for one, colour in ((pen, (22, 22, 24)), (mask, 255)):
            one.ellipse([x - 15, ground - 15, x + 15, ground + 15], fill=colour)


def write(folder: Path, per_class: int, shares: dict[str, tuple[float, ...]], seed: int) -> None:
    """Write pictures into a folder, a subfolder for each class: `bus/0003-snow.png`; and where vehicles are.

    Masks have the same names, in a folder beside it: `held-out-masks` for `held-out`.
    """
    masks = folder.with_name(f"{folder.name}-masks")
    for number, label in enumerate(CLASSES):
        for one in (folder, masks):
            (one / label).mkdir(parents=True, exist_ok=True)
        for place in range(per_class):
            rng = np.random.default_rng([seed, number, place])
            scene = str(rng.choice(SCENES, p=shares[label]))
            picture, inside = draw(label, scene, rng)
            name = f"{label}/{place:04d}-{scene}.png"
            Image.fromarray(picture).save(folder / name)
            Image.fromarray(np.where(inside, 255, 0).astype("uint8")).save(masks / name)
