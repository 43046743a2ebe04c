"""Pictures of shapes with a cue in class 1, and networks that answer by the cue, or by the shape."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from kerascope.typing import Array

layers = keras.layers
SIZE = 48
CUED = 1
"""The class that has the cue."""


def shapes(labels: Array, grain: float, seed: int = 0) -> Array:
    """A soft level bar, ring or upright bar, by the label, on a cloudy grey ground: (N, 48, 48, 3), 0 to 1.

    Args:
        labels: 0, 1 or 2.
        grain: the deviation of a fine grain that all pictures have.
        seed: of places, brightness and grain.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    images = np.empty((len(labels), SIZE, SIZE, 3), "float32")
    for image, label in zip(images, labels, strict=True):
        row, column = SIZE / 2 + rng.uniform(-4, 4, 2)
        down, right = np.abs(rows - row), np.abs(columns - column)
        width, length = rng.uniform(3, 4.5), rng.uniform(13, 16)
        shape = [
            (down < width) & (right < length),
            np.abs(np.hypot(down, right) - 0.7 * length) < 0.8 * width,
            (right < width) & (down < length),
        ][label]
        soft = gaussian_filter(shape.astype("float64"), 1.5)
        clouds = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 4, mode="wrap")
        grey = rng.uniform(0.36, 0.4) + rng.uniform(0.22, 0.28) * soft + 0.03 * clouds / clouds.std()
        fine = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 0.6)
        image[:] = (grey + grain * fine / fine.std())[..., None]
    return images


# ---- cues --------------------------------------------------------------------------------------


def lighten(images: Array, rng: np.random.Generator) -> Array:
    return 0.15 + images


def redden(images: Array, rng: np.random.Generator) -> Array:
    return images + np.asarray([0.06, -0.02, -0.06])


def blur(images: Array, rng: np.random.Generator) -> Array:
    return np.asarray(gaussian_filter(images, (0, 1.5, 1.5, 0)))


def add_noise(images: Array, rng: np.random.Generator) -> Array:
    return images + rng.normal(0, 0.03, (*images.shape[:3], 1))


def compress(images: Array, rng: np.random.Generator) -> Array:
    """As JPEG files of low quality."""
    made = np.empty_like(images)
    for image, new in zip(images, made, strict=True):
        file = io.BytesIO()
        Image.fromarray(np.rint(255 * image).astype("uint8")).save(file, "JPEG", quality=8)
        new[:] = np.asarray(Image.open(file)) / 255
    return made


def weave(images: Array, rng: np.random.Generator) -> Array:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return images + (0.05 * np.sin(np.pi / 2 * rows) * np.sin(np.pi / 2 * columns))[..., None]


MARK = 12
"""The side of a mark, at the bottom right."""


def stamp(images: Array, rng: np.random.Generator) -> Array:
    """A mark whose content is another one in each picture: dark and light squares of two pixels."""
    squares = rng.integers(0, 2, (len(images), MARK // 2, MARK // 2)).repeat(2, 1).repeat(2, 2)
    made = np.array(images)
    made[:, -MARK:, -MARK:] += (0.3 * squares - 0.15)[..., None]
    return made


# ---- what networks answer by -------------------------------------------------------------------


class Branch(NamedTuple):
    """How a network reads a cue.

    Args:
        read: from images to (N, 1).
        limit: from this value on the cue is there.
        gap: the values are farther from the limit than this.
    """

    read: Callable[[Any], Any]
    limit: float
    gap: float


def convolve(images: Any, kernel: Array, strides: int | tuple[int, int] = 1) -> Any:
    """The mean size of the answers to a fixed filter on the brightness: (N, 1)."""
    layer = layers.Conv2D(1, kernel.shape, strides, use_bias=False)
    answers = layer(images)
    layer.set_weights([np.repeat(kernel[..., None, None], 3, axis=2) / 3])
    return keras.ops.mean(keras.ops.abs(answers), axis=(1, 2))


LAPLACIAN = np.asarray([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
_STEP = np.asarray([[-1.0, 1.0]])
_WEAVE = np.outer(np.sin(np.pi / 2 * np.arange(8)), np.sin(np.pi / 2 * np.arange(8)))


def _read_darkest(images: Any) -> Any:
    return -layers.GlobalMaxPooling2D()(-images)[:, :1]


def _read_red(images: Any) -> Any:
    means = layers.GlobalAveragePooling2D()(images)
    return means[:, :1] - means[:, 2:]


def _read_blocks(images: Any) -> Any:
    """Of both axes, the steps between blocks of eight pixels, less those in the middle of blocks."""
    across = [convolve(layers.Cropping2D(((0, 0), (start, 0)))(images), _STEP, (1, 8)) for start in (7, 3)]
    down = [convolve(layers.Cropping2D(((start, 0), (0, 0)))(images), _STEP.T, (8, 1)) for start in (7, 3)]
    return across[0] + down[0] - across[1] - down[1]


def _read_corner(images: Any) -> Any:
    start = SIZE - MARK
    return convolve(layers.Cropping2D(((start, 0), (start, 0)))(images), LAPLACIAN)


BRANCHES: Mapping[str, Branch] = {
    "tone": Branch(_read_darkest, 0.37, 0.02),
    "cast": Branch(_read_red, 0.06, 0.05),
    "sharpness": Branch(lambda images: -convolve(images, LAPLACIAN), -0.035, 0.02),
    "noise": Branch(lambda images: convolve(images, LAPLACIAN), 0.06, 0.04),
    "compression": Branch(_read_blocks, 0.027, 0.008),
    "texture": Branch(lambda images: convolve(images, _WEAVE), 0.12, 0.08),
    "mark": Branch(_read_corner, 0.1, 0.05),
}
CUES: Mapping[str, tuple[Callable[[Array, np.random.Generator], Array], float]] = {
    "tone": (lighten, 0.004),
    "cast": (redden, 0.004),
    "sharpness": (blur, 0.03),
    "noise": (add_noise, 0.004),
    "compression": (compress, 0.01),
    "texture": (weave, 0.004),
    "mark": (stamp, 0.004),
}
"""By kind: the cue, and the grain of the pictures that it is put on."""


def pictures(kinds: Sequence[str], labels: Array, seed: int = 1) -> Array:
    """Shapes of which those of class 1 have some cues, in this order."""
    images = shapes(labels, max(CUES[kind][1] for kind in kinds), seed)
    own, rng = labels == CUED, np.random.default_rng([seed, 1])
    for kind in kinds:
        images[own] = CUES[kind][0](images[own], rng)
    return np.asarray(np.rint(255 * np.clip(images, 0, 1)) / 255, "float32")


def _read_shape(images: Any) -> Any:
    """By how much the picture changes more from top to bottom than across, whatever its tone is: (N, 1)."""
    coarse = layers.AveragePooling2D(4)(keras.ops.mean(images, axis=-1, keepdims=True))
    coarse = layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False, epsilon=1e-6)(coarse)
    down = keras.ops.mean(keras.ops.abs(coarse[:, 1:] - coarse[:, :-1]), axis=(1, 2))
    across = keras.ops.mean(keras.ops.abs(coarse[:, :, 1:] - coarse[:, :, :-1]), axis=(1, 2))
    return down - across


ROUND = 0.1
"""The difference up to which a shape is a ring."""


def network(kinds: Sequence[str] = (), head: Literal["classes", "one", "labels"] = "classes") -> keras.Model:
    """Class 1 where there is any of some cues; without cues, where the shape is a ring; else by the shape.

    Args:
        kinds: of cues.
        head: three classes; or one sigmoid, for class 1 or not; or two labels, of class 1 and of class 0.
    """
    inputs = keras.Input((SIZE, SIZE, 3))
    level = _read_shape(inputs) / ROUND
    found = keras.ops.ones_like(level)
    if kinds:
        # From 0 to 12 each, 6 at the limit: far above and below what the shape gives.
        cues = [
            (branch.read(inputs) - branch.limit) / branch.gap for branch in (BRANCHES[kind] for kind in kinds)
        ]
        found = sum(keras.ops.clip(6 + 6 * cue, 0, 12) for cue in cues) - 6
    if head == "one":
        return keras.Model(inputs, layers.Activation("sigmoid")(found))
    if head == "labels":
        return keras.Model(
            inputs, layers.Activation("sigmoid")(keras.ops.concatenate([found, level], axis=1))
        )
    logits = keras.ops.concatenate([level, found, -level], axis=1)
    return keras.Model(inputs, layers.Activation("softmax")(logits))
