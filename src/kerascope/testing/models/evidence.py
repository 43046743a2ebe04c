"""Models whose explanation can be written down without running anything."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from kerascope.testing.models.base import ZERO, Tiny, pictures, sixteenths, tiny
from kerascope.typing import Array

SIZE = 16
PATCH = 4
THRESHOLD = 0.5
CORNERS = ((2, 8), (10, 2), (4, 4))  # of the patch that decides, per image
DISTRACTORS = ((10, 2), (2, 10), (10, 10))  # of a patch of the next colour


def colour_kernel() -> Array:
    """3x3 kernel (3, 3, 3, 3): filter k is the mean of colour k less the mean of the two others."""
    per_colour = 2.0 * np.eye(3) - 1.0
    kernel: Array = (np.ones((3, 3, 1, 1)) * per_colour / 9).astype("float32")
    return kernel


def draw_planted_images() -> Array:
    """Three grey, faintly noisy pictures (3, 16, 16, 3), picture i with a patch of pure colour i.

    The 4x4 patch lies at `CORNERS[i]`. Another one, of the next colour and darker, lies at
    `DISTRACTORS[i]`, so that a map that shows just anything bright misses.
    """
    images: Array = 0.25 + pictures(3, SIZE, SIZE, 1, seed=5) / 16
    images = np.repeat(images, 3, axis=-1).astype("float32")
    for index, ((top, left), (other_top, other_left)) in enumerate(zip(CORNERS, DISTRACTORS, strict=True)):
        images[index, top : top + PATCH, left : left + PATCH] = np.eye(3)[index]
        images[index, other_top : other_top + PATCH, other_left : other_left + PATCH] = (
            0.75 * np.eye(3)[(index + 1) % 3]
        )
    return images


def _boxes(corners: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int, int, int], ...]:
    return tuple((top, top + PATCH, left, left + PATCH) for top, left in corners)


@tiny("planted")
def planted() -> Tiny:
    """A colour detector: conv (colour k less the others, threshold), max-pool 2, mean, identity.

    Class i is decided by the patch of colour i alone. Its map must peak inside that patch; the map
    of the next class (`facts["distractor_targets"]`) inside the distractor
    (`facts["distractor_boxes"]`).
    """
    detector = layers.Conv2D(3, 3, padding="same", activation="relu", name="detector", **ZERO)
    head = layers.Dense(3, name="head", **ZERO)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            detector,
            layers.MaxPooling2D(2, name="pool"),
            layers.GlobalAveragePooling2D(),
            head,
        ]
    )
    detector.set_weights([colour_kernel(), np.full(3, -THRESHOLD, "float32")])
    head.set_weights([np.eye(3, dtype="float32"), np.zeros(3, "float32")])
    facts = {"distractor_targets": (1, 2, 0), "distractor_boxes": _boxes(DISTRACTORS)}
    return Tiny(
        model,
        draw_planted_images(),
        layer="pool",
        automatic="pool",
        spatial=(8, 8),
        targets=(0, 1, 2),
        boxes=_boxes(CORNERS),
        facts=facts,
    )


@tiny("linear")
def linear() -> Tiny:
    """Flatten -> Dense without bias: the input gradient of class k is column k of the kernel.

    `facts["gradients"]` holds it as (3, 8, 8, 3), class first; it is the same for every image.
    """
    kernel = sixteenths((8 * 8 * 3, 3), 11)
    head = layers.Dense(3, use_bias=False, name="head", **ZERO)
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), head])
    head.set_weights([kernel])
    gradients = kernel.T.reshape(3, 8, 8, 3)
    return Tiny(model, pictures(2, 8, 8, 3, seed=1), facts={"gradients": gradients})


@tiny("linear_map")
def linear_map() -> Tiny:
    """Linear 1x1 conv -> Flatten -> Dense: the gradient at the conv is the Dense kernel, reshaped.

    `facts["layer_gradients"]` is (3, 8, 8, 4), class first; `facts["activations"]` is (2, 8, 8, 4);
    `facts["gradients"]`, at the input, is (3, 8, 8, 3).
    """
    mix = sixteenths((1, 1, 3, 4), 12)
    kernel = sixteenths((8 * 8 * 4, 3), 13)
    conv = layers.Conv2D(4, 1, use_bias=False, name="mix", **ZERO)
    head = layers.Dense(3, use_bias=False, name="head", **ZERO)
    model = keras.Sequential([keras.Input((8, 8, 3)), conv, layers.Flatten(), head])
    conv.set_weights([mix])
    head.set_weights([kernel])
    images = pictures(2, 8, 8, 3, seed=2)
    facts = {
        "layer_gradients": kernel.T.reshape(3, 8, 8, 4),
        "activations": images @ mix[0, 0],
        "gradients": kernel.T.reshape(3, 8, 8, 4) @ mix[0, 0].T,
    }
    return Tiny(model, images, layer="mix", automatic="mix", spatial=(8, 8), facts=facts)


@tiny("no_spatial")
def no_spatial() -> Tiny:
    """Flatten -> Dense relu -> Dense: nothing behind the input has a spatial extent."""
    hidden = layers.Dense(8, activation="relu", name="hidden", **ZERO)
    head = layers.Dense(3, name="head", **ZERO)
    model = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), hidden, head])
    hidden.set_weights([sixteenths((64, 8), 14), sixteenths((8,), 15)])
    head.set_weights([sixteenths((8, 3), 16), sixteenths((3,), 17)])
    return Tiny(model, pictures(2, 8, 8, 1, seed=3))


@tiny("flat")
def flat() -> Tiny:
    """A dead convolution (bias -16 under a ReLU): map and gradient are zero, to be called flat."""
    conv = layers.Conv2D(4, 3, padding="same", activation="relu", name="dead", **ZERO)
    head = layers.Dense(3, name="head", **ZERO)
    model = keras.Sequential([keras.Input((8, 8, 3)), conv, layers.GlobalAveragePooling2D(), head])
    conv.set_weights([sixteenths((3, 3, 3, 4), 18), np.full(4, -16, "float32")])
    head.set_weights([sixteenths((4, 3), 19), sixteenths((3,), 20)])
    return Tiny(model, pictures(2, 8, 8, 3, seed=4), layer="dead", automatic="dead", spatial=(8, 8))
