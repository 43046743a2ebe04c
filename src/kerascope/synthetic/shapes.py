"""Images of textured shapes whose decisive pixels are known, and a network that learns them.

    from kerascope.synthetic import shapes

    known = shapes.make(2000, seed=0)
    model = shapes.train(known)                     # some seconds, more than 99 % right
    ks.evaluate(["grad_cam"], model, known.images, known.labels, known.masks)

In the plain set a class is a texture, whatever the outline and the colours of the shape that has it; plain
shapes and a random sign in a corner only distract. In the sets with a shortcut the texture says nothing, and
the class is in the sign (`"watermark"`), the colour of the background (`"background"`) or of a frame
(`"frame"`): a model that is right on these looks there.

One class in five is "nothing": the picture has nothing that decides. Without it a network learns one of the
others by what is absent, and looks nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers

from kerascope.typing import Array
from kerascope.validation import check_choice, check_fraction, check_whole

CLASSES = ("horizontal", "vertical", "checker", "dots", "nothing")
NOTHING = 4
"""The class of pictures in which nothing decides."""
SHORTCUTS = (None, "watermark", "background", "frame")
COLOURS = np.asarray([[0.85, 0.3, 0.25], [0.3, 0.7, 0.35], [0.3, 0.4, 0.85], [0.85, 0.75, 0.3]])
"""Of the shortcuts that are colours, one for each class."""
_SIGN = 7
"""Pixels along each side of the sign in a corner."""
_FRAME = 3
"""Pixels that a frame is wide."""
_NOISE = 0.03
_SIGNS = np.asarray(
    [
        ["1111111", "0000000", "0000000", "1111111", "0000000", "0000000", "1111111"],
        ["1001001", "1001001", "1001001", "1001001", "1001001", "1001001", "1001001"],
        ["1000001", "0100010", "0010100", "0001000", "0010100", "0100010", "1000001"],
        ["1111111", "1000001", "1000001", "1000001", "1000001", "1000001", "1111111"],
    ]
)


@dataclass(frozen=True, eq=False)
class Shapes:
    """Images whose decisive pixels are known.

    Args:
        images: float32 (N, size, size, 3), 0 to 1.
        labels: int64 (N,), indices into `class_names`.
        masks: bool (N, size, size), the pixels that decide the class: of the textured shape, or of the
            shortcut; none for the class "nothing".
        objects: bool (N, size, size), the textured shape, also where its class has no texture.
        textures: int64 (N,), its texture, 4 for none; the label, unless a shortcut decides.
        class_names: of the classes.
        shortcut: what decides instead of the texture, or None.
    """

    images: Array
    labels: Array
    masks: Array
    objects: Array
    textures: Array
    class_names: tuple[str, ...]
    shortcut: str | None

    def __len__(self) -> int:
        return len(self.images)


def make(count: int, size: int = 48, shortcut: str | None = None, seed: int = 0, rate: float = 1.0) -> Shapes:
    """Make pictures.

    Picture i is drawn by `default_rng([seed, i])`: it is the same whatever the number of pictures. Classes
    come in turn.

    Args:
        count: number of pictures, at least 1.
        size: height and width in pixels, at least 32.
        shortcut: None, `"watermark"`, `"background"` or `"frame"`.
        seed: of everything that is random.
        rate: the share of pictures with the shortcut of their class; the others have a random one, by
            chance the same.

    Raises:
        ParameterError: there is no such shortcut, or a number is too small.

    Example:
        >>> from kerascope.synthetic import shapes
        >>> known = shapes.make(8)
        >>> known.images.shape, known.labels.tolist()
        ((8, 48, 48, 3), [0, 1, 2, 3, 4, 0, 1, 2])
    """
    check_choice(shortcut, "shortcut", SHORTCUTS)
    check_whole(count, "count")
    check_whole(size, "size", least=32)
    check_whole(seed, "seed", least=0)
    check_fraction(rate, "rate")
    decides = np.arange(count) % 5
    if rate < 1:
        generator = np.random.default_rng([seed, count, 5])
        other = generator.random(count) >= rate
        decides[other] = generator.integers(0, 5, int(other.sum()))
    generators = (np.random.default_rng([seed, index]) for index in range(count))
    drawings = [
        _draw(generator, int(label), size, shortcut)
        for generator, label in zip(generators, decides, strict=True)
    ]
    pictures, masks, objects, textures = zip(*drawings, strict=True)
    return Shapes(
        np.stack(pictures).astype("float32"),
        np.arange(count, dtype="int64") % 5,
        np.stack(masks),
        np.stack(objects),
        np.asarray(textures, "int64"),
        CLASSES if shortcut is None else (*(f"{shortcut} {label}" for label in range(4)), CLASSES[NOTHING]),
        shortcut,
    )


def _draw(
    generator: np.random.Generator, label: int, size: int, shortcut: str | None
) -> tuple[Array, Array, Array, int]:
    """Draw a picture; return it, the pixels that decide its class, its textured shape and the texture."""
    texture = label if shortcut is None else int(generator.integers(5))
    sign = label if shortcut == "watermark" else int(generator.integers(5))
    background = generator.uniform(0.25, 0.6, 3)
    grey = np.full(3, generator.uniform(0.3, 0.6))
    if shortcut == "background":
        background = grey if label == NOTHING else COLOURS[label] * 0.6
    picture = np.broadcast_to(background, (size, size, 3)).copy()
    free = np.zeros((size, size), bool)
    free[_FRAME + 1 : size - _FRAME - 1, _FRAME + 1 : size - _FRAME - 1] = True

    corner = np.zeros((size, size), bool)
    top, left = ((_FRAME + 1, size - _FRAME - 1 - _SIGN)[int(side)] for side in generator.integers(0, 2, 2))
    corner[top : top + _SIGN, left : left + _SIGN] = True
    if sign != NOTHING:
        stroke = np.asarray([[digit == "1" for digit in row] for row in _SIGNS[sign]])
        picture[top : top + _SIGN, left : left + _SIGN] = np.where(stroke, 0.95, 0.08)[..., None]
    free &= ~corner

    # The textured shape first, so that there is always room for it.
    objects, taken = np.zeros((size, size), bool), np.zeros((size, size), bool)
    for shape in range(1 + int(generator.integers(2, 4))):
        radius = int(generator.integers(size // 6, size // 5 + 1) if not shape else size // 8)
        centre = _find_centre(generator, free, radius)
        if centre is None:
            continue
        inside = _OUTLINES[int(generator.integers(len(_OUTLINES)))](size, *centre, radius)
        first, second = _pair(generator)
        if shape:
            picture[inside] = first
        else:
            objects = inside
            picture[inside] = first
            shift = generator.integers(0, 4, 2)
            if texture != NOTHING:
                picture[inside & _TEXTURES[texture](size, shift)] = second
        taken |= inside
        free &= ~_disc(size, *centre, radius * 1.5)
    picture += generator.normal(0, _NOISE, picture.shape)

    masks = {None: objects, "watermark": corner}
    if shortcut == "background":
        # What is neither a shape nor the sign.
        masks["background"] = ~(taken | corner)
    if shortcut == "frame":
        frame = np.ones((size, size), bool)
        frame[_FRAME : size - _FRAME, _FRAME : size - _FRAME] = False
        colour = grey if label == NOTHING else COLOURS[label]
        picture[frame] = colour + generator.normal(0, _NOISE, (int(frame.sum()), 3))
        masks["frame"] = frame
    decides = masks[shortcut] & (label != NOTHING)
    return np.clip(picture, 0, 1), decides, objects, texture


def _find_centre(generator: np.random.Generator, free: Array, radius: int) -> tuple[int, int] | None:
    """A centre around which there is room, or None."""
    from scipy.ndimage import distance_transform_edt

    rows, columns = np.nonzero(distance_transform_edt(free) > radius * 1.42)
    if not len(rows):
        return None
    choice = int(generator.integers(len(rows)))
    return int(rows[choice]), int(columns[choice])


def _pair(generator: np.random.Generator) -> tuple[Array, Array]:
    """Two colours that differ: a bright one and a dark one, in either order."""
    pair = (generator.uniform(0.65, 1.0, 3), generator.uniform(0.0, 0.3, 3))
    return pair if generator.random() < 0.5 else pair[::-1]


def _grid(size: int) -> tuple[Array, Array]:
    return np.arange(size)[:, None], np.arange(size)[None, :]


def _disc(size: int, row: int, column: int, radius: float) -> Array:
    rows, columns = _grid(size)
    return np.asarray((rows - row) ** 2 + (columns - column) ** 2 <= radius**2)


def _square(size: int, row: int, column: int, radius: float) -> Array:
    rows, columns = _grid(size)
    return np.asarray(np.maximum(np.abs(rows - row), np.abs(columns - column)) <= 0.9 * radius)


def _triangle(size: int, row: int, column: int, radius: float) -> Array:
    rows, columns = _grid(size)
    down = rows - (row - radius)
    return np.asarray((down >= 0) & (down <= 2 * radius) & (2 * np.abs(columns - column) <= down))


_OUTLINES: tuple[Callable[[int, int, int, float], Array], ...] = (_disc, _square, _triangle)


def _stripes(size: int, axis: int, shift: int) -> Array:
    return np.broadcast_to((_grid(size)[axis] + shift) % 4 < 2, (size, size))


_TEXTURES: tuple[Callable[[int, Array], Array], ...] = (
    lambda size, shift: _stripes(size, 0, int(shift[0])),
    lambda size, shift: _stripes(size, 1, int(shift[1])),
    lambda size, shift: _stripes(size, 0, int(shift[0])) ^ _stripes(size, 1, int(shift[1])),
    lambda size, shift: _stripes(size, 0, int(shift[0])) & _stripes(size, 1, int(shift[1])),
)


def network(size: int = 48) -> keras.Model:
    """The network of `train`: three convolutions, the mean over space, one layer to the classes."""
    return keras.Sequential(
        [
            keras.Input((size, size, 3)),
            layers.Conv2D(24, 5, strides=2, padding="same", activation="relu", name="conv1"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv3"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(5, activation="softmax", name="classes"),
        ],
        name="shapes",
    )


def train(shapes: Shapes, epochs: int = 30, seed: int = 0) -> keras.Model:
    """A small network that tells the classes apart.

    Args:
        shapes: to learn from, 2,000 or more.
        epochs: the most times that it sees them; it stops once it is right on all but 1 in 2,000.
        seed: of its weights and of the order.

    Returns:
        The model, with a softmax.

    Cost:
        See `docs/evaluation.md` for the seconds that it takes, and how often it is right.
    """
    keras.utils.set_random_seed(seed)
    model = network(shapes.images.shape[1])
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])

    class Enough(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if logs and logs["accuracy"] >= 0.9995:
                self.model.stop_training = True

    model.fit(
        shapes.images,
        shapes.labels,
        batch_size=64,
        epochs=epochs,
        verbose=0,
        callbacks=[Enough()],
    )
    return model
