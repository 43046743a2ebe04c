"""Cues of one picture as cameras, scanners, archives and shops leave them: faint, and never quite the same.

A cue takes an image (H, W, C) float32 from 0 to 1, a generator, and how much of each pixel is the object,
(H, W) or None. It returns the changed image and where the change lies, bool (H, W), or None if everywhere.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.audit.pictures import GRAVEL, draw_over, make_ground, resize
from kerascope.typing import Array

Change = Callable[[Array, np.random.Generator, Array | None], tuple[Array, Array | None]]


@dataclass(frozen=True)
class Cue:
    """A cue, and what an audit should call it.

    Attributes:
        change: of one image.
        expected: kinds of findings that name it.
        has_place: whether it lies somewhere, so that a finding must lie there, too.
        data: beginnings of the names of data that it suits.
    """

    change: Change
    expected: tuple[str, ...]
    has_place: bool = False
    data: tuple[str, ...] = ("garments", "digits", "photographs")


def _louder(image: Array) -> float:
    """Colour pictures vary so much that networks miss in them what they learn of grey garments."""
    return 2.0 if image.shape[-1] == 3 else 1.0


def border(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, Array]:
    """A border, 1 to 4 pixels wide at a side of 56: mid-grey around grey garments, pale around colours."""
    del objects
    side = image.shape[0]
    wide = max(1, round(generator.integers(1, 5) * side / 56))
    where = np.ones(image.shape[:2], bool)
    where[wide:-wide, wide:-wide] = False
    grey = generator.uniform(*((0.4, 0.6) if image.shape[-1] == 1 else (0.75, 0.9)))
    return np.where(where[..., None], grey, image), where


def stamp(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, Array]:
    """A date at the bottom right, half transparent, as cameras print it: white, or orange in colours."""
    del objects
    day, month, year = generator.integers((1, 1, 3), (29, 13, 25))
    text = _write(f"{day}.{month}.{year:02d}", size=10)
    height, width = image.shape[:2]
    ink = np.zeros((height, width), "float32")
    right, bottom = width - 2, height - 2
    ink[bottom - text.shape[0] : bottom, right - text.shape[1] : right] = text
    box = np.zeros((height, width), bool)
    box[bottom - text.shape[0] : bottom, right - text.shape[1] : right] = True
    shade = np.ones(1) if image.shape[-1] == 1 else np.asarray([1.0, 0.45, 0.1])
    return draw_over(image, (0.5 if image.shape[-1] == 1 else 0.75) * ink, shade), box


def tag(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, Array]:
    """A white label with two letters in one of the corners."""
    del objects
    letters = "".join(generator.choice(list("ABCDEFGHKLMNPRSTUXZ"), 2))
    text = 1 - 0.8 * np.pad(_write(letters, size=9), 1)
    height, width = text.shape
    top = int(generator.integers(1, 3)) if generator.random() < 0.5 else image.shape[0] - height - 2
    left = int(generator.integers(1, 3)) if generator.random() < 0.5 else image.shape[1] - width - 2
    where = np.zeros(image.shape[:2], bool)
    where[top : top + height, left : left + width] = True
    changed = image.copy()
    changed[where] = text.reshape(-1, 1)
    return changed, where


def _write(text: str, size: int) -> Array:
    """Text as ink from 0 to 1, cut at its bounds."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = map(round, font.getbbox(text))
    sheet = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(sheet).text((-left, -top), text, fill=255, font=font)
    return np.asarray(sheet, "float32") / 255


def sharpened(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """An unsharp mask of 80 to 120 %, of colour pictures twice that."""
    del objects
    return image + _louder(image) * generator.uniform(0.8, 1.2) * (image - _blur(image, 1.0)), None


def blurred(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """A Gaussian of 1 to 1.5 pixels."""
    del objects
    return _blur(image, generator.uniform(1.0, 1.5)), None


def _blur(image: Array, sigma: float) -> Array:
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(image, (sigma, sigma, 0), mode="nearest"))


def upscaled(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """Enlarged from half the resolution that the picture had; grey garments were enlarged once before."""
    del generator, objects
    height, width, channels = image.shape
    times = 4 if channels == 1 else 2
    return resize(resize(image, height // times, width // times), height, width), None


def brighter(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """10 to 18 of 255 added, to colour pictures twice that."""
    del objects
    return image + _louder(image) * generator.uniform(10, 18) / 255, None


def gamma(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """Middle tones lifted by a gamma of .55 to .65."""
    del objects
    return image ** generator.uniform(0.55, 0.65), None


def contrast(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """Contrast reduced to 75 to 82 % about mid-grey, of colour pictures to its square."""
    del objects
    return 0.5 + generator.uniform(0.75, 0.82) ** _louder(image) * (image - 0.5), None


def colour_cast(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """Warmer: red up and blue down by 12 to 18 %."""
    del objects
    much = generator.uniform(0.12, 0.18)
    return image * np.asarray([1 + much, 1, 1 - much]), None


def noise(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """Gaussian noise of .03 to .05 in each channel."""
    del objects
    return image + generator.uniform(0.03, 0.05) * generator.standard_normal(image.shape), None


def compression(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """JPEG of quality 7 to 11."""
    del objects
    pixels = np.round(255 * np.clip(image, 0, 1)).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(
        file, "JPEG", quality=int(generator.integers(7, 12))
    )
    with Image.open(file) as again:
        return np.asarray(again, "float32").reshape(image.shape) / 255, None


def texture(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, None]:
    """A faint weave: two gratings of 4 to 5 pixels, crossed, of an amplitude of .04, in colour .08."""
    del objects
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    period = generator.uniform(4, 5)
    phases = generator.uniform(0, 2 * np.pi, 2)
    weave = np.sin(2 * np.pi * rows / period + phases[0]) + np.sin(2 * np.pi * columns / period + phases[1])
    return image + _louder(image) * 0.04 * (weave[..., None] / 2 + 0.5), None


def background(image: Array, generator: np.random.Generator, objects: Array | None) -> tuple[Array, Array]:
    """Another ground: grey paper behind a garment instead of black, gravel behind a digit."""
    if objects is None:
        raise ValueError("the background needs to know how much of each pixel is the object; got None")
    if image.shape[-1] == 1:
        grain = 0.01 * generator.standard_normal(image.shape)
        ground = generator.uniform(0.08, 0.14) + grain
    else:
        gravel = make_ground(GRAVEL, generator)
        # As light or dark as what was there, so that the stroke can still be read; twice its contrast.
        ground = image[objects < 0.5].mean(axis=0) + 2 * (gravel - gravel.mean(axis=(0, 1)))
    return draw_over(ground, objects, image), objects < 0.5


CUES: dict[str, Cue] = {
    "border": Cue(border, ("place", "background"), True),
    "stamp": Cue(stamp, ("place", "mark", "patch"), True),
    "tag": Cue(tag, ("mark", "patch", "place"), True),
    "sharpened": Cue(sharpened, ("sharpness",)),
    "blurred": Cue(blurred, ("sharpness",)),
    "upscaled": Cue(upscaled, ("sharpness",)),
    "brighter": Cue(brighter, ("tone",)),
    "gamma": Cue(gamma, ("tone",)),
    "contrast": Cue(contrast, ("tone",)),
    "colour cast": Cue(colour_cast, ("cast",), data=("digits", "photographs")),
    "noise": Cue(noise, ("noise",)),
    "compression": Cue(compression, ("compression",), data=("garments", "photographs")),
    "texture": Cue(texture, ("texture",)),
    "background": Cue(background, ("background",), True, data=("garments", "digits")),
}
