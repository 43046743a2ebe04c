"""Networks that are trained here: digits, shapes, and scenes of four pieces."""

from __future__ import annotations

import gzip
from pathlib import Path

import keras
import numpy as np
from keras import layers

from benchmarks.one_pass.questions import Questions, right, textures
from examples.demo.digits import load_digits
from kerascope.synthetic import shapes
from kerascope.typing import Array

FASHION = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist lies; elsewhere Keras loads it."""
_INK = 0.5
_SIDE, _QUARTER, _PIECE = 72, 36, 28


def of_digits(seed: int, head: str, padding: str) -> Questions:
    """Digits, and a network of two convolutions and poolings with a head that flattens or pools."""
    known = load_digits("package", seed=seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu", padding=padding),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu", padding=padding),
            layers.MaxPooling2D(2),
            *(
                [layers.Flatten(), layers.Dropout(0.5)]
                if head == "flatten"
                else [
                    layers.Conv2D(64, 3, activation="relu", padding=padding),
                    layers.GlobalAveragePooling2D(),
                ]
            ),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    epochs = 4 if head == "flatten" else 10
    model.fit(known.train_images, known.train_labels, batch_size=64, epochs=epochs, verbose=0)
    rows = right(model, known.test_images, known.test_labels, 100)
    images = known.test_images[rows]
    return Questions(model, images, known.test_labels[rows], images[..., 0] > _INK, curves=48, ground=0.0)


def of_shapes(seed: int, head: str, padding: str) -> Questions:
    """Shapes whose texture decides, and the network of `kerascope.synthetic.shapes`, with either head."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            layers.Conv2D(24, 5, strides=2, padding=padding, activation="relu"),
            layers.Conv2D(32, 3, padding=padding, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(32, 3, padding=padding, activation="relu"),
            *(
                [layers.MaxPooling2D(2), layers.Flatten()]
                if head == "flatten"
                else [layers.GlobalAveragePooling2D()]
            ),
            layers.Dense(5, activation="softmax"),
        ]
    )
    return _on_shapes(model, seed)


def of_colours(seed: int) -> Questions:
    """The same pictures, and a network of the kind that CIFAR-10 is taught with."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((48, 48, 3)),
            *_block(32),
            *_block(32),
            layers.MaxPooling2D(2),
            *_block(64),
            *_block(64),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ]
    )
    return _on_shapes(model, seed, epochs=8)


def _on_shapes(model: keras.Model, seed: int, epochs: int = 14) -> Questions:
    known = shapes.make(2400, seed=seed)
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(known.images, known.labels, batch_size=64, epochs=epochs, verbose=0)
    others = shapes.make(300, seed=seed + 1000)
    shown = others.labels != shapes.NOTHING
    images, labels, masks = others.images[shown], others.labels[shown], others.masks[shown]
    rows = right(model, images, labels, 100)
    return Questions(model, images[rows], labels[rows], masks[rows], curves=32)


def _block(filters: int) -> list[keras.Layer]:
    return [
        layers.Conv2D(filters, 3, padding="same"),
        layers.BatchNormalization(),
        layers.Activation("relu"),
    ]


def of_scenes(seed: int) -> Questions:
    """Scenes of four digits and garments of four classes on a textured ground, and what is in them."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((_SIDE, _SIDE, 1)),
            *_block(24),
            layers.MaxPooling2D(2),
            *_block(48),
            layers.MaxPooling2D(2),
            *_block(96),
            layers.MaxPooling2D(2),
            *_block(128),
            layers.GlobalAveragePooling2D(),
            layers.Dense(20, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy")
    images, classes, _, _ = _scenes(seed, 4000, held_out=False)
    present = np.zeros((len(images), 20), "float32")
    np.put_along_axis(present, classes, 1, axis=1)
    model.fit(images, present, batch_size=64, epochs=12, verbose=0)
    images, classes, masks, tiles = _scenes(seed, 50, held_out=True)
    scores = np.take_along_axis(model.predict(images, verbose=0), classes, axis=1)
    found = np.flatnonzero(scores.ravel() > 0.5)
    print(f"scenes: {len(found)} of {scores.size} pieces are seen", flush=True)
    every = np.repeat(np.arange(len(images)), 4)
    return Questions(
        model,
        images[every[found]],
        classes.ravel()[found],
        masks.reshape(-1, _SIDE, _SIDE)[found],
        tiles.reshape(-1, _SIDE, _SIDE)[found],
        curves=48,
    )


def _scenes(seed: int, count: int, held_out: bool) -> tuple[Array, Array, Array, Array]:
    """Scenes, their four classes, and for each the mask of its piece and the quarter that it is in."""
    generator = np.random.default_rng([seed, int(held_out)])
    pieces, labels = _pieces(held_out)
    of_class = [np.flatnonzero(labels == one) for one in range(20)]
    grounds = textures(generator, _SIDE, 1, 60)
    images = np.empty((count, _SIDE, _SIDE, 1), "float32")
    masks = np.zeros((count, 4, _SIDE, _SIDE), bool)
    tiles = np.zeros((count, 4, _SIDE, _SIDE), bool)
    classes = np.stack([generator.permutation(20)[:4] for _ in range(count)])
    for scene in range(count):
        ground = grounds[generator.integers(len(grounds))]
        images[scene] = 0.55 * np.roll(ground, generator.integers(0, _SIDE, 2), axis=(0, 1))
        for place, one in enumerate(classes[scene]):
            corner = np.array(divmod(place, 2)) * _QUARTER
            tiles[scene, place][tuple(slice(start, start + _QUARTER) for start in corner)] = True
            where = tuple(slice(start, start + _PIECE) for start in corner + generator.integers(0, 9, 2))
            piece = pieces[generator.choice(of_class[one])]
            ink = piece > 0.15
            images[scene, ..., 0][where][ink] = 0.3 + 0.7 * piece[ink]
            masks[scene, place][where] = ink
    return images, classes, masks, tiles


def _pieces(held_out: bool) -> tuple[Array, Array]:
    """Digits, classes 0 to 9, and twice as many garments, classes 10 to 19."""
    known = load_digits("package")
    digits = known.test_images if held_out else known.train_images
    labels = known.test_labels if held_out else known.train_labels
    garments, kinds = fashion()
    half = slice(50_000, None) if held_out else slice(0, 50_000)
    garments, kinds = garments[half][: 2 * len(digits)], kinds[half][: 2 * len(digits)]
    return np.concatenate([digits[..., 0], garments / 255]), np.concatenate([labels, kinds + 10])


def fashion() -> tuple[Array, Array]:
    """60,000 garments, uint8 (N, 28, 28), and their classes."""
    if not FASHION.exists():
        (images, labels), _ = keras.datasets.fashion_mnist.load_data()
        return images, labels.astype("int64")
    with gzip.open(FASHION / "train-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(), "uint8", offset=16).reshape(-1, 28, 28)
    with gzip.open(FASHION / "train-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), "uint8", offset=8).astype("int64")
    return images, labels
