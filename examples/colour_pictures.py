"""Small colour pictures of ten classes: CIFAR-10 where the network answers, else the next best thing."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np

from examples import coloured_shapes
from examples.demo.network import answers, stalling_at_most
from kerascope.typing import Array

Source = Literal["auto", "cifar10", "fashion", "made"]
SOURCES: tuple[Source, ...] = ("auto", "cifar10", "fashion", "made")

# Where keras.datasets.cifar10 loads from: asked first, since Keras itself would wait without limit.
ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ANSWER_SECONDS = 3.0
STALL_SECONDS = 20.0
GZIP_MAGIC = b"\x1f\x8b"
FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
MADE_PER_CLASS, MADE_TEST_PER_CLASS = 400, 100

CIFAR10_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
FASHION_NAMES = (
    "T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


@dataclass(frozen=True)
class Pictures:
    """Pictures to train on and pictures held out.

    Attributes:
        train_images: (N, H, W, 3) float32 from 0 to 1, shuffled.
        train_labels: (N,) int64, 0 to 9.
        test_images: like `train_images`; none of them is among those.
        test_labels: like `train_labels`.
        test_objects: (N, H, W) bool, where the object is on each test picture; None where nobody knows.
        class_names: ten names.
        source: where they come from, in words.
        passed_over: why better sources were not taken, a sentence each.
    """

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array
    test_objects: Array | None
    class_names: tuple[str, ...]
    source: str
    passed_over: tuple[str, ...] = ()


def load_pictures(source: Source = "auto", seed: int = 0) -> Pictures:
    """Colour pictures of ten classes.

    Args:
        source: `"cifar10"` is 60,000 photographs from Keras's cache or the network; `"fashion"` is the 70,000
            grey ones of Fashion-MNIST from the Debian package, in three equal channels; `"made"` is 5,000
            coloured shapes that are made here.
            `"auto"` (default) takes the first that there is, waiting at most three seconds for the network.
        seed: of the shuffle, and of the pictures that are made; default 0.

    Returns:
        The pictures; the same seed and source give the same pictures, in the same order.

    Raises:
        ValueError: for another source.
        ConnectionError: for `"cifar10"` when it is neither cached nor to be had.
        FileNotFoundError: for `"fashion"` when the Debian package is not installed.

    Source: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; Xiao, Rasul and Vollgraf,
        Fashion-MNIST, 2017.
    """
    if source not in SOURCES:
        raise ValueError(f"the source must be one of {', '.join(SOURCES)}; got {source!r}")
    passed_over = []
    if source in ("auto", "cifar10"):
        try:
            return _cifar10(seed)
        except ConnectionError as error:
            if source == "cifar10":
                raise
            passed_over.append(str(error))
    if source in ("auto", "fashion"):
        try:
            return _fashion(seed, tuple(passed_over))
        except FileNotFoundError as error:
            if source == "fashion":
                raise
            passed_over.append(str(error))
    return _made(seed, tuple(passed_over))


def _cifar10(seed: int) -> Pictures:
    """The photographs; a ConnectionError within seconds when they are neither cached nor to be had."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    cached = any((home / "datasets").glob("cifar-10-batches-py*"))
    if not cached and not answers(ADDRESS, ANSWER_SECONDS, GZIP_MAGIC):
        raise ConnectionError(
            f"CIFAR-10: not in Keras's cache, and the network did not answer within {ANSWER_SECONDS:g} s"
        )
    try:
        with stalling_at_most(STALL_SECONDS):
            (train, train_labels), (test, test_labels) = keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises a bare one when a download fails
        raise ConnectionError(f"CIFAR-10: the download failed ({error})") from error
    if keras.config.image_data_format() == "channels_first":
        train, test = np.moveaxis(train, 1, -1), np.moveaxis(test, 1, -1)
    order = np.random.default_rng(seed).permutation(len(train))
    return Pictures(
        _from_0_to_1(train[order]),
        train_labels[order].ravel().astype(np.int64),
        _from_0_to_1(test),
        test_labels.ravel().astype(np.int64),
        None,
        CIFAR10_NAMES,
        f"keras.datasets.cifar10 ({len(train):,} to train on, {len(test):,} to test)",
    )


def _fashion(seed: int, passed_over: tuple[str, ...]) -> Pictures:
    """Grey pictures of clothes, in three equal channels."""
    files = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    paths = [FASHION_FOLDER / f"{file}-ubyte.gz" for file in files]
    if missing := [path for path in paths if not path.is_file()]:
        raise FileNotFoundError(
            f"Fashion-MNIST: {missing[0]} is not there (Debian package dataset-fashion-mnist)"
        )
    train, train_labels, test, test_labels = (_idx(path) for path in paths)
    order = np.random.default_rng(seed).permutation(len(train))
    return Pictures(
        np.repeat(_from_0_to_1(train[order])[..., None], 3, axis=-1),
        train_labels[order].astype(np.int64),
        np.repeat(_from_0_to_1(test)[..., None], 3, axis=-1),
        test_labels.astype(np.int64),
        None,
        FASHION_NAMES,
        f"Fashion-MNIST, grey in three channels ({len(train):,} to train on, {len(test):,} to test)",
        passed_over,
    )


def _made(seed: int, passed_over: tuple[str, ...]) -> Pictures:
    """Coloured shapes."""
    random = np.random.default_rng(seed)
    train, train_labels, _ = coloured_shapes.make_pictures(MADE_PER_CLASS, random)
    test, test_labels, objects = coloured_shapes.make_pictures(MADE_TEST_PER_CLASS, random)
    return Pictures(
        train,
        train_labels,
        test,
        test_labels,
        objects,
        coloured_shapes.CLASS_NAMES,
        f"coloured shapes made here, seed {seed} ({len(train):,} to train on, {len(test):,} to test)",
        passed_over,
    )


def _idx(path: Path) -> Array:
    """An array of bytes in the IDX format: 2 zeros, a type, the number of axes, their sizes, the numbers."""
    with gzip.open(path) as file:
        content = file.read()
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _from_0_to_1(images: Array) -> Array:
    return images.astype(np.float32) / np.float32(255)
