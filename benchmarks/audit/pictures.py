"""Real pictures of a few classes, to train a small network on and to audit it with.

Garments are Fashion-MNIST, three classes that look alike; digits are drawn over crops of photographs;
photographs are crops of four photographs, a class each. All have 256 levels, as pictures of files have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from benchmarks.one_pass.small import fashion
from examples import colour_pictures, data_files
from examples.demo.digits import load_digits
from kerascope.typing import Array

GARMENTS = (
    ("pullover", "coat", "shirt"),
    ("sandal", "sneaker", "ankle boot"),
    ("T-shirt", "trousers", "dress"),
    ("bag", "shirt", "dress"),
    ("T-shirt", "pullover", "dress"),
    ("sneaker", "bag", "ankle boot"),
)
DATA = (*(f"garments {triple}" for triple in range(len(GARMENTS))), "digits", "photographs")
GROUNDS = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "clock_motion.png",
    "grass.png", "moon.png", "motorcycle_left.png", "rocket.jpg",
)  # fmt: skip
GRAVEL = "gravel.png"
"""The ground of a cue: no digit has it otherwise."""
PHOTOGRAPHS = {
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "person": "astronaut.png",
    "motorcycle": "motorcycle_left.png",
}
_TRAIN, _HELD_OUT = 700, 170
_GARMENT, _DIGIT, _STROKE, _PHOTOGRAPH = 56, 48, 36, 64
_DIGITS_TO_TRAIN = 330


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures to train on, or held out.

    Attributes:
        images: (N, H, W, C) float32, 0 to 1, in 256 levels.
        labels: (N,) int64.
        objects: (N, H, W) float32, how much of each pixel is the object; None where all of the picture is.
    """

    images: Array
    labels: Array
    objects: Array | None


@dataclass(frozen=True, eq=False)
class Pictures:
    """Pictures of a few classes: 700 of each to train on, 170 held out (of digits 660 and 170)."""

    train: Split
    held_out: Split
    class_names: tuple[str, ...]


def load(data: str, seed: int) -> Pictures:
    """The pictures of a data set; the same for the same seed.

    Args:
        data: one of `DATA`.
        seed: of the draw: which garments and digits, which of them are held out, where photographs are cut.

    Raises:
        ValueError: for other data.
        MissingDataError: a package that carries the pictures is not installed; the message says which.
    """
    if data not in DATA:
        raise ValueError(f"the data must be one of {', '.join(DATA)}; got {data!r}")
    generator = np.random.default_rng([seed, DATA.index(data)])
    if data == "digits":
        return _digits(generator)
    if data == "photographs":
        return _photographs(generator)
    return _garments(GARMENTS[int(data.split()[1])], generator)


def quantise(images: Array) -> Array:
    """Images in the 256 levels that a file has."""
    return np.asarray(np.round(np.clip(images, 0, 1) * 255) / np.float32(255), "float32")


def resize(image: Array, height: int, width: int) -> Array:
    """An image (H, W, C) at another size, bicubically, channel by channel; 0 to 1."""
    channels = [
        Image.fromarray(np.ascontiguousarray(channel)).resize((width, height), Image.Resampling.BICUBIC)
        for channel in np.moveaxis(image, -1, 0).astype("float32")
    ]
    return np.clip(np.stack([np.asarray(channel) for channel in channels], axis=-1), 0, 1)


@cache
def photograph(file: str) -> Array:
    """A photograph of scikit-image, (H, W, 3) float32."""
    with Image.open(data_files.data_file(data_files.PHOTOGRAPHS, f"skimage/data/{file}")) as image:
        return np.asarray(image.convert("RGB"), "float32") / np.float32(255)


def crop(image: Array, side: int, scale: tuple[float, float], generator: np.random.Generator) -> Array:
    """A square of random place and size, a share `scale` of the shorter side, as `side` pixels."""
    size = round(min(image.shape[:2]) * generator.uniform(*scale))
    top, left = generator.integers(0, np.subtract(image.shape[:2], size) + 1)
    return resize(image[top : top + size, left : left + size], side, side)


def _garments(names: tuple[str, ...], generator: np.random.Generator) -> Pictures:
    images, labels = fashion()
    parts: tuple[list[Array], list[Array]] = ([], [])
    for name in names:
        members = np.flatnonzero(labels == colour_pictures.FASHION_NAMES.index(name))
        members = generator.permutation(members)[: _TRAIN + _HELD_OUT]
        large = np.stack([resize(image[..., None] / 255, _GARMENT, _GARMENT) for image in images[members]])
        parts[0].append(large[:_TRAIN])
        parts[1].append(large[_TRAIN:])
    train, held_out = (_split(classes, [_garment_pixels(part) for part in classes]) for classes in parts)
    return Pictures(train, held_out, names)


def _garment_pixels(images: Array) -> Array:
    """Where garments are: all but the black around them, with soft rims."""
    from scipy import ndimage

    inside = [ndimage.binary_fill_holes(image[..., 0] > 0.04) for image in images]
    return np.stack([ndimage.gaussian_filter(mask.astype("float32"), 0.7) for mask in inside])


def _digits(generator: np.random.Generator) -> Pictures:
    """Four classes of digits, each digit to train on drawn over two grounds."""
    known = load_digits("package")
    images = np.concatenate([known.train_images, known.test_images])
    labels = np.concatenate([known.train_labels, known.test_labels])
    digits = sorted(generator.permutation(10)[:4].tolist())
    parts: tuple[list[Array], ...] = ([], [], [], [])
    for digit in digits:
        members = generator.permutation(np.flatnonzero(labels == digit))
        train, held_out = members[:_DIGITS_TO_TRAIN], members[_DIGITS_TO_TRAIN:]
        for place, rows in ((0, np.concatenate([train, train])), (2, held_out)):
            drawn = [_draw_digit(images[row], generator) for row in rows]
            parts[place].append(np.stack([image for image, _ in drawn]))
            parts[place + 1].append(np.stack([stroke for _, stroke in drawn]))
    return Pictures(_split(*parts[:2]), _split(*parts[2:]), tuple(map(str, digits)))


def _draw_digit(digit: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    """A digit at a random place over a random ground, light where this is dark; and its stroke."""
    ground = make_ground(GROUNDS[generator.integers(len(GROUNDS))], generator)
    stroke = np.zeros((_DIGIT, _DIGIT), "float32")
    top, left = generator.integers(0, _DIGIT - _STROKE + 1, 2)
    stroke[top : top + _STROKE, left : left + _STROKE] = resize(digit, _STROKE, _STROKE)[..., 0]
    is_dark = ground[stroke > 0.5].mean() < 0.5
    shade = generator.uniform(0.8, 1.0, 3) if is_dark else generator.uniform(0.0, 0.2, 3)
    return draw_over(ground, stroke, shade), stroke


def make_ground(file: str, generator: np.random.Generator) -> Array:
    """A crop of a photograph at half its contrast, on which a small network can read a digit."""
    ground = crop(photograph(file), _DIGIT, (0.08, 0.25), generator)
    return np.asarray((ground + ground.mean(axis=(0, 1))) / 2)


def draw_over(ground: Array, stroke: Array, shade: Array) -> Array:
    """A stroke of a shade, or of the pixels of an image, over a ground."""
    return np.asarray(ground + stroke[..., None] * (shade - ground), "float32")


def _photographs(generator: np.random.Generator) -> Pictures:
    """Crops of four photographs: of their first and third quarter to train on, held out of the others."""
    parts: tuple[list[Array], list[Array]] = ([], [])
    for file in PHOTOGRAPHS.values():
        quarters = np.array_split(photograph(file), 4, axis=1)
        for part, count, own in zip(parts, (_TRAIN, _HELD_OUT), (quarters[::2], quarters[1::2]), strict=True):
            part.append(np.stack([_cut_photograph(own[row % 2], generator) for row in range(count)]))
    train, held_out = (_split(classes, None) for classes in parts)
    return Pictures(train, held_out, tuple(PHOTOGRAPHS))


def _cut_photograph(image: Array, generator: np.random.Generator) -> Array:
    """A crop, mirrored or not, a little darker or brighter, more or less of its colour left."""
    found = crop(image, _PHOTOGRAPH, (0.55, 0.9), generator)
    found = found[:, ::-1] if generator.random() < 0.5 else found
    grey = found.mean(axis=-1, keepdims=True)
    return (grey + generator.uniform(0.0, 0.5) * (found - grey)) * generator.uniform(0.85, 1.1)


def _split(classes: Sequence[Array], objects: Sequence[Array] | None) -> Split:
    labels = np.repeat(np.arange(len(classes)), [len(images) for images in classes])
    masks = None if objects is None else np.concatenate(objects)
    return Split(quantise(np.concatenate(classes)), labels, masks)
