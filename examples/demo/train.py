"""The small network that reads digits, and its training."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import keras
from keras import layers

if TYPE_CHECKING:
    from examples.demo.digits import Digits

CLASSES = 10
BATCH_SIZE = 250
VALIDATION_SHARE = 0.2
TRAINING_STEPS = 180
LEAST_EPOCHS = 2
LAST_CONVOLUTION = "last_convolution"


def digit_network() -> keras.Model:
    """The tutorial's network: two convolutions, two dense layers, 363,914 weights.

    Returns:
        A Sequential model, compiled for training: (N, 28, 28, 1) to probabilities (N, 10) of the
        layer `visualized_layer`.

    Example:
        >>> digit_network().layers[-1].name
        'visualized_layer'
    """
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Conv2D(64, 3, activation="relu", name=LAST_CONVOLUTION),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dense(CLASSES, activation="softmax", name="visualized_layer"),
        ],
        name="digits",
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def epochs_for(count: int) -> int:
    """As many passes over the digits as make about 180 training steps, and at least two.

    Args:
        count: how many digits there are to train on, those for validation included.

    Example:
        >>> epochs_for(4_000), epochs_for(60_000)
        (14, 2)
    """
    steps = math.ceil(count * (1 - VALIDATION_SHARE) / BATCH_SIZE)
    return max(LEAST_EPOCHS, round(TRAINING_STEPS / steps))


def train(digits: Digits, seed: int = 0, epochs: int | None = None) -> keras.Model:
    """Train the network, a fifth of the training digits kept for validation; shows progress.

    Args:
        digits: what to train on; the test digits are not looked at.
        seed: of the first weights, the dropout and the order of the digits; default 0. The same
            seed gives the same network on the same backend and machine.
        epochs: passes over the digits; default None: see `epochs_for`.

    Returns:
        The trained network.

    Cost: with 4,000 digits and two cores, 10 to 30 seconds.
    """
    keras.utils.set_random_seed(seed)
    model = digit_network()
    model.fit(
        digits.train_images,
        keras.utils.to_categorical(digits.train_labels, CLASSES),
        batch_size=BATCH_SIZE,
        epochs=epochs_for(len(digits.train_labels)) if epochs is None else epochs,
        validation_split=VALIDATION_SHARE,
    )
    return model


def test(model: keras.Model, digits: Digits) -> tuple[float, float]:
    """Loss and accuracy on the held-out digits.

    Args:
        model: the trained network.
        digits: whose test digits are read.

    Returns:
        Mean categorical cross-entropy in nats, and the share of digits that are read right.
    """
    labels = keras.utils.to_categorical(digits.test_labels, CLASSES)
    loss, accuracy = model.evaluate(digits.test_images, labels, batch_size=BATCH_SIZE, verbose=0)
    return float(loss), float(accuracy)
