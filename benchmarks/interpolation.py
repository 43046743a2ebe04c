"""How far the filter that shrinks photographs changes predictions: `python -m benchmarks.interpolation`.

EfficientNet-Lite0 sees photographs of scikit-image and scikit-learn, and windows of them, squeezed to its
size by each filter, and is compared with itself behind Pillow's antialiased bilinear one.
"""

from __future__ import annotations

from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import kerascope as ks
from examples.efficientnet_lite.model import efficientnet_lite0
from examples.efficientnet_lite.preprocessing import SIDE
from kerascope.dataset.preparing.frame import Frame

FILES = {
    "scikit-image": (
        *("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "ihc.png"),
        *("motorcycle_left.png", "retina.jpg", "rocket.jpg"),
    ),
    "scikit-learn": ("china.jpg", "flower.jpg"),
}
FOLDERS = {"scikit-image": "skimage/data", "scikit-learn": "sklearn/datasets/images"}
WINDOWS = 12
"""Of each photograph, beside its whole."""
FACTORS = (1.0, 1.5, 2.0, 3.0, 7.0)
"""Borders of the groups that are told: how many pixels become one, along a side."""


def photographs() -> list[Image.Image]:
    """Ten photographs that come with packages."""
    found = []
    for package, names in FILES.items():
        for name in names:
            path = Path(str(distribution(package).locate_file(f"{FOLDERS[package]}/{name}")))
            with Image.open(path) as picture:
                found.append(picture.convert("RGB"))
    return found


def windows(picture: Image.Image, generator: np.random.Generator) -> list[Image.Image]:
    """A photograph, and windows of it that are no smaller than the network's image."""
    found = [picture]
    for _ in range(WINDOWS):
        side = int(generator.integers(SIDE, min(picture.size) + 1))
        left, top = (int(generator.integers(0, length - side + 1)) for length in picture.size)
        found.append(picture.crop((left, top, left + side, top + side)))
    return found


FILTERS = {
    "bilinear, antialiased": lambda one: _cut(one, "bilinear"),
    "bicubic, antialiased": lambda one: _cut(one, "bicubic"),
    "bilinear, not antialiased (Keras' loaders of folders)": lambda one: _cut(one, "bilinear-aliased"),
    "nearest (load_img, flow_from_directory)": lambda one: _cut(one, "nearest"),
}


def _cut(picture: Image.Image, interpolation: Any) -> Any:
    frame = Frame.for_size(picture.height, picture.width, (SIDE, SIDE), "stretch")
    return frame.cut(picture, (SIDE, SIDE), interpolation).astype("float32")


def main() -> None:
    generator = np.random.default_rng(0)
    pictures = [one for picture in photographs() for one in windows(picture, generator)]
    factors = np.array([np.sqrt(one.width * one.height) / SIDE for one in pictures])
    model = efficientnet_lite0()
    answers = {}
    for name, scaled in FILTERS.items():
        images = np.stack([scaled(one) for one in pictures])
        answers[name] = model.predict((images - 127) / 128, verbose=0)
    first, *others = answers
    rows = np.arange(len(pictures))
    top = answers[first].argmax(axis=1)
    print(f"{len(pictures)} pictures; kerascope {ks.__version__}; against {first}:")
    for name in others:
        changed = answers[name].argmax(axis=1) != top
        moved = np.abs(answers[name][rows, top] - answers[first][rows, top])
        print(f"{name}: {changed.mean():.0%} other classes, probability moves by {moved.mean():.3f}")
        for low, high in pairwise(FACTORS):
            group = (factors >= low) & (factors < high)
            often, most = changed[group].mean(), np.percentile(moved[group], 95)
            print(
                f"  shrunk {low:g} to {high:g} times ({group.sum()}): {often:.0%} other classes, mean "
                f"{moved[group].mean():.3f}, 95th percentile {most:.3f}"
            )


if __name__ == "__main__":
    main()
