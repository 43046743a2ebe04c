"""Networks that others trained: EfficientNet-Lite0, and DINOv2 with a linear head, on 24 photographs."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import keras
import numpy as np
from keras import layers
from PIL import Image

from benchmarks.one_pass.questions import Questions, textures
from examples.demo import photographs
from examples.efficientnet_lite.model import efficientnet_lite0
from examples.efficientnet_lite.preprocessing import preprocess
from kerascope.typing import Array

SIDE, OBJECT = 224, 96
"""Pixels along each side of a picture, and of a photograph that stands in it as an object."""
BOXES = ((40, 0, 392, 299), (168, 16, 426, 310), (304, 124, 339, 410), (92, 84, 686, 456))
"""Left, top, right and bottom of the head of the cat, the cup, the rocket and the motorcycle."""


def squares() -> list[Image.Image]:
    """The middle of 24 photographs: four of scikit-image and foolbox's twenty of ImageNet."""
    found = [Image.fromarray(photograph.pixels) for photograph in photographs.load_photographs()]
    for file in sorted(distribution("foolbox").files or (), key=str):
        if re.search(r"data/imagenet_\d+_\d+\.(jpg|png)$", str(file)):
            with Image.open(Path(str(file.locate()))) as picture:
                found.append(picture.convert("RGB"))
    return [_square(picture) for picture in found]


def _square(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def _ground(generator: np.random.Generator) -> Array:
    return np.asarray(60 + 128 * textures(generator, SIDE, 3, 1)[0], "uint8")


def cut_outs(pictures: list[Image.Image], seed: int) -> tuple[Array, Array]:
    """Each photograph as an object somewhere on a textured ground, and where it is."""
    generator = np.random.default_rng([seed, 0])
    images, masks = [], np.zeros((len(pictures), SIDE, SIDE), bool)
    for mask, picture in zip(masks, pictures, strict=True):
        image = _ground(generator)
        where = tuple(slice(start, start + OBJECT) for start in generator.integers(0, SIDE - OBJECT, 2))
        image[where] = np.asarray(picture.resize((OBJECT, OBJECT), Image.Resampling.BICUBIC))
        mask[where] = True
        images.append(image)
    return np.stack(images), masks


def scenes(pictures: list[Image.Image], labels: Array, seed: int, count: int) -> tuple[Array, ...]:
    """Scenes of four objects of four classes: images, labels, masks and quarters, four questions each."""
    generator = np.random.default_rng([seed, 1])
    images, targets = [], []
    masks, tiles = np.zeros((2, 4 * count, SIDE, SIDE), bool)
    half = SIDE // 2
    for scene in range(count):
        image = _ground(generator)
        _, firsts = np.unique(labels, return_index=True)
        for place, one in enumerate(generator.permutation(firsts)[:4]):
            corner = np.array(divmod(place, 2)) * half
            tiles[4 * scene + place][tuple(slice(start, start + half) for start in corner)] = True
            starts = corner + generator.integers(0, half - OBJECT, 2)
            where = tuple(slice(start, start + OBJECT) for start in starts)
            image[where] = np.asarray(pictures[one].resize((OBJECT, OBJECT), Image.Resampling.BICUBIC))
            masks[4 * scene + place][where] = True
            targets.append(labels[one])
        images += [image] * 4
    return np.stack(images), np.asarray(targets), masks, tiles


def lite_on_photographs(seed: int) -> Questions:
    """EfficientNet-Lite0 on the four photographs with boxes; the seed is of sanity checks and chance."""
    found = photographs.load_photographs()
    images = preprocess(one.pixels for one in found)
    masks = []
    for one, (left, top, right, bottom) in zip(found, BOXES, strict=True):
        mask = np.zeros((*one.pixels.shape[:2], 3), "uint8")
        mask[top:bottom, left:right] = 255
        masks.append(photographs.centre_square(mask, SIDE)[..., 0] > 127)
    model = efficientnet_lite0()
    targets = model.predict(images, verbose=0).argmax(axis=1)
    return Questions(model, images, targets, np.stack(masks), steps=20, sane=False)


def lite_on_objects(seed: int) -> Questions:
    """EfficientNet-Lite0 on single objects that it knows, among the first five."""
    model = efficientnet_lite0()
    pictures = squares()
    labels = _labels(model, pictures)
    pixels, masks = cut_outs(pictures, seed)
    images = _lite(pixels)
    first = np.argsort(-model.predict(images, verbose=0), axis=1)[:, :5]
    rows = np.flatnonzero((first == labels[:, None]).any(axis=1))
    print(f"objects: {len(rows)} of {len(images)} are known", flush=True)
    return Questions(model, images[rows], labels[rows], masks[rows], curves=12, steps=10)


def lite_on_scenes(seed: int) -> Questions:
    """EfficientNet-Lite0 on scenes of four objects, each asked about; without insertion and deletion."""
    model = efficientnet_lite0()
    pictures = squares()
    pixels, targets, masks, tiles = scenes(pictures, _labels(model, pictures), seed, 8)
    return Questions(model, _lite(pixels), targets, masks, tiles, curves=0, sane=False)


def _lite(pixels: Array) -> Array:
    return np.asarray((pixels.astype("float32") - 127) / 128)


def _labels(model: keras.Model, pictures: list[Image.Image]) -> Array:
    whole = np.stack([np.asarray(one.resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for one in pictures])
    return np.asarray(model.predict(_lite(whole), verbose=0).argmax(axis=1))


def dino_on_objects(seed: int) -> Questions:
    """DINOv2 with a linear head of 24 classes, on single objects that it gets right."""
    model, pictures = _dino(seed)
    pixels, masks = cut_outs(pictures, seed)
    images = _dino_pixels(pixels)
    rows = np.flatnonzero(model.predict(images, batch_size=8, verbose=0).argmax(axis=1) == np.arange(24))
    print(f"objects: {len(rows)} of 24 are known", flush=True)
    return Questions(model, images[rows], rows, masks[rows], curves=6, steps=8, sane=False)


def dino_on_scenes(seed: int) -> Questions:
    """The same on scenes of four objects; without insertion and deletion."""
    model, pictures = _dino(seed)
    pixels, targets, masks, tiles = scenes(pictures, np.arange(24), seed, 5)
    return Questions(model, _dino_pixels(pixels), targets, masks, tiles, curves=0, sane=False)


def _dino_pixels(pixels: Array) -> Array:
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return np.asarray((pixels / 255 - mean) / deviation, "float32")


def _dino(seed: int) -> tuple[keras.Model, list[Image.Image]]:
    """The backbone with a head that was fitted to views of the photographs on grounds."""
    from sklearn.linear_model import LogisticRegression

    from benchmarks.one_pass.dinov2 import backbone

    pictures = squares()
    generator = np.random.default_rng([seed, 2])
    views, labels = [], np.repeat(np.arange(24), 6)
    for label in labels:
        image, side = _ground(generator), int(generator.integers(80, 200))
        where = tuple(slice(start, start + side) for start in generator.integers(0, SIDE - side, 2))
        view = np.asarray(pictures[label].resize((side, side), Image.Resampling.BICUBIC))
        image[where] = view[:, ::-1] if generator.random() < 0.5 else view
        views.append(image)
    network = backbone()
    tokens = network.output
    read = keras.ops.concatenate([tokens[:, 0], keras.ops.mean(tokens[:, 1:], axis=1)], axis=-1)
    features = keras.Model(network.input, read).predict(
        _dino_pixels(np.stack(views)), batch_size=16, verbose=0
    )
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    fitted = LogisticRegression(C=0.05, max_iter=500).fit((features - mean) / deviation, labels)
    head = layers.Dense(24, activation="softmax", name="head")
    model = keras.Model(network.input, head(read))
    kernel = (fitted.coef_ / deviation).T
    head.set_weights([kernel, fitted.intercept_ - mean @ kernel])
    return model, pictures
