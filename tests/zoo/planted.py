"""Networks that pass their pixels on, so that where each cell lies is known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascope.typing import Tensor
from tests.zoo.axis_truth import AxisTruth, pixels
from tests.zoo.heads import classifier

Truth = tuple[AxisTruth, AxisTruth]
Planted = tuple[Callable[[Tensor], Tensor], tuple[int, int], Callable[[AxisTruth, AxisTruth], Truth]]
"""What is planted between image and head, the size of the image, and the axes behind it from those before."""


class MiddleOfWindow(keras.initializers.Initializer):
    """A kernel that is 1 at the middle of its window, between a channel and itself, and 0 elsewhere.

    The sides of a window are odd.
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        kernel = np.zeros(shape, "float32")
        for channel in range(min(shape[-2:])):
            kernel[(*[side // 2 for side in shape[:-2]], channel, channel)] = 1
        return ops.convert_to_tensor(kernel, dtype)


def window(size: int, strides: int = 1, padding: str = "valid", dilation: int = 1) -> keras.Layer:
    """A convolution that passes on the middle of its window."""
    return layers.Conv2D(
        3,
        size,
        strides=strides,
        padding=padding,
        dilation_rate=dilation,
        kernel_initializer=MiddleOfWindow(),
    )


def patches(size: int) -> keras.Layer:
    """Windows that do not overlap, of which the mean is passed on."""
    return layers.AveragePooling2D(size)


def chain(*between: Any) -> Callable[[Tensor], Tensor]:
    """Layers, or functions of a tensor, one behind the other."""

    def run(tensor: Tensor) -> Tensor:
        for layer in between:
            tensor = layer(tensor)
        return tensor

    return run


def each(change: Callable[[AxisTruth], AxisTruth]) -> Callable[[AxisTruth, AxisTruth], Truth]:
    """The same for both axes."""
    return lambda rows, columns: (change(rows), change(columns))


def as_tokens(front: int, behind: int, grid: tuple[int, int]) -> Callable[[Tensor], Tensor]:
    """Places as a sequence, with other tokens in front and behind."""

    def run(tensor: Tensor) -> Tensor:
        sequence = layers.Reshape((grid[0] * grid[1], 3))(tensor)
        mean = ops.mean(sequence, axis=1, keepdims=True)
        tokens = ops.concatenate([*[mean] * front, sequence, *[mean] * behind], axis=1)
        return layers.Dense(3, kernel_initializer="identity", name="tokens")(tokens)

    return run


PLANTED: dict[str, Planted] = {
    "one pixel": (chain(window(1)), (24, 32), each(lambda axis: axis)),
    "unpadded": (
        chain(*(window(3) for _ in range(4))),
        (24, 32),
        each(lambda axis: axis.slide(3).slide(3).slide(3).slide(3)),
    ),
    "unpadded, wide and dilated": (
        chain(window(5), window(3, dilation=2)),
        (24, 32),
        each(lambda axis: axis.slide(5).slide(5)),
    ),
    "strides": (chain(window(3, 2), window(3, 2)), (31, 39), each(lambda axis: axis.slide(3, 2).slide(3, 2))),
    "strides with padding, even sides": (
        chain(*(window(3, 2, "same") for _ in range(3))),
        (32, 48),
        each(lambda axis: axis.same(3, 2).same(3, 2).same(3, 2)),
    ),
    "strides with padding, odd sides": (
        chain(window(3, 2, "same"), window(3, 2, "same")),
        (33, 49),
        each(lambda axis: axis.same(3, 2).same(3, 2)),
    ),
    "padding of one pixel, as in torch": (
        chain(*(layer for _ in range(3) for layer in (layers.ZeroPadding2D(1), window(3, 2)))),
        (32, 48),
        each(lambda axis: axis.slide(3, 2, 1, 1).slide(3, 2, 1, 1).slide(3, 2, 1, 1)),
    ),
    "pooling": (
        chain(layers.AveragePooling2D(2), layers.AveragePooling2D(3, 2, padding="same")),
        (32, 48),
        each(lambda axis: axis.slide(2, 2).same(3, 2)),
    ),
    "enlarged": (
        chain(patches(4), layers.UpSampling2D(2)),
        (32, 48),
        each(lambda axis: axis.resize(axis.cells // 2)),
    ),
    "crop of the middle": (
        chain(layers.CenterCrop(24, 20), patches(2)),
        (40, 32),
        lambda rows, columns: (rows.crop(8, 8).slide(2, 2), columns.crop(6, 6).slide(2, 2)),
    ),
    "crop of a corner": (
        chain(layers.Cropping2D(((2, 10), (9, 3))), patches(2)),
        (40, 32),
        lambda rows, columns: (rows.crop(2, 10).slide(2, 2), columns.crop(9, 3).slide(2, 2)),
    ),
    "padding with zeros": (
        chain(layers.ZeroPadding2D(((2, 6), (8, 4))), patches(2)),
        (24, 32),
        lambda rows, columns: (rows.crop(-2, -6).slide(2, 2), columns.crop(-8, -4).slide(2, 2)),
    ),
    "resizing": (
        chain(layers.Resizing(24, 24), patches(2)),
        (36, 48),
        each(lambda axis: axis.resize(24).slide(2, 2)),
    ),
    "resizing that crops": (
        chain(layers.Resizing(24, 24, crop_to_aspect_ratio=True), patches(2)),
        (24, 48),
        lambda rows, columns: (rows.slide(2, 2), columns.crop(12, 12).slide(2, 2)),
    ),
    "resizing that pads": (
        chain(layers.Resizing(24, 24, pad_to_aspect_ratio=True), patches(2)),
        (24, 48),
        lambda rows, columns: (rows.crop(-12, -12).resize(24).slide(2, 2), columns.resize(24).slide(2, 2)),
    ),
    "rows and columns changed places": (
        chain(patches(4), layers.Permute((2, 1, 3)), window(1)),
        (32, 48),
        each(lambda axis: axis.slide(4, 4)),
    ),
    "changed places twice": (
        chain(layers.Permute((2, 1, 3)), patches(4), layers.Permute((2, 1, 3)), window(3)),
        (32, 48),
        each(lambda axis: axis.slide(4, 4).slide(3)),
    ),
    "tokens": (chain(patches(8), as_tokens(0, 0, (4, 6))), (32, 48), each(lambda axis: axis.slide(8, 8))),
    "a token in front": (
        chain(patches(8), as_tokens(1, 0, (4, 6))),
        (32, 48),
        each(lambda axis: axis.slide(8, 8)),
    ),
    "a token behind": (
        chain(patches(8), as_tokens(0, 1, (4, 6))),
        (32, 48),
        each(lambda axis: axis.slide(8, 8)),
    ),
    "tokens of a crop": (
        chain(layers.CenterCrop(32, 32), patches(8), as_tokens(1, 0, (4, 4))),
        (40, 56),
        lambda rows, columns: (rows.crop(4, 4).slide(8, 8), columns.crop(12, 12).slide(8, 8)),
    ),
}


def truth(name: str) -> Truth:
    """Where the cells of a planted network lie along the rows and columns of the image."""
    _, (height, width), change = PLANTED[name]
    return change(pixels(height), pixels(width))


def network(name: str) -> keras.Model:
    """A planted network with a head for three classes."""
    between, sides, _ = PLANTED[name]
    image = keras.Input((*sides, 3))
    return classifier(image, between(image))
