"""One small convolutional network, wired in every way that Keras knows, with the same weights.

    images (3, 8, 16, 3) -> conv1: 4 filters 3x3, relu
        -> conv2: 6 filters 3x3, stride 2, relu: (4, 8, 6)
        -> mean over space -> head: 3 scores, linear

The map is at `conv2`, and is not square. Behind global average pooling and one Dense layer Grad-CAM
equals CAM: sum over channels of head kernel / 32 times activation.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from kerascope.testing.models.base import ZERO, Tiny, UnavailableError, pictures, sixteenths, tiny
from kerascope.typing import Array

INPUT = (8, 16, 3)
MAP = (4, 8)
CLASSES = 3


def network_weights() -> dict[str, list[Array]]:
    """Kernel and bias of conv1, conv2 and head, shared by all the twins and by the oracles."""
    return {
        "conv1": [sixteenths((3, 3, 3, 4), 1), sixteenths((4,), 2, 0, 8)],
        "conv2": [sixteenths((3, 3, 4, 6), 3), sixteenths((6,), 4, 0, 16)],
        "head": [sixteenths((6, CLASSES), 1599, -16, 16), sixteenths((CLASSES,), 6)],
    }


def network_images() -> Array:
    """Three noisy images (3, 8, 16, 3), classified as 0, 1 and 2.

    One is red, one green in its right half, one blue in its lower half.
    """
    images = pictures(3, *INPUT)
    images[0, :, :, 1:] /= 8
    images[1, :, :8] /= 8
    images[1, :, :, ::2] /= 8
    images[2, :4] /= 8
    images[2, :, :, :2] /= 8
    return images


def network_layers(**options: Any) -> tuple[keras.Layer, keras.Layer, keras.Layer]:
    """New layers conv1, conv2 and linear head, weights unset; `options` go to the convolutions."""
    conv1 = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1", **ZERO, **options)
    conv2 = layers.Conv2D(6, 3, 2, padding="same", activation="relu", name="conv2", **ZERO, **options)
    dtype = options.get("dtype")
    return conv1, conv2, layers.Dense(CLASSES, name="head", dtype=dtype, **ZERO)


def set_network_weights(*parts: keras.Layer) -> None:
    """Set the shared weights on those built layers that are named conv1, conv2 and head."""
    values = network_weights()
    for part in parts:
        part.set_weights(values[part.name])


def twin(model: keras.Model, parts: tuple[keras.Layer, ...], layer: str = "conv2") -> Tiny:
    """The record of one wiring of the network, with the shared weights set."""
    set_network_weights(*parts)
    images = network_images()
    return Tiny(model, images, layer, automatic=layer, spatial=MAP, targets=(0, 1, 2))


@tiny("topology")
def sequential() -> Tiny:
    """The network as a Sequential model."""
    parts = conv1, conv2, head = network_layers()
    pool = layers.GlobalAveragePooling2D()
    return twin(keras.Sequential([keras.Input(INPUT), conv1, conv2, pool, head]), parts)


@tiny("topology")
def functional() -> Tiny:
    """The network as a Functional model."""
    parts = conv1, conv2, head = network_layers()
    image = keras.Input(INPUT)
    pooled = layers.GlobalAveragePooling2D()(conv2(conv1(image)))
    return twin(keras.Model(image, head(pooled)), parts)


def backbone_of(conv1: keras.Layer, conv2: keras.Layer) -> keras.Model:
    """conv1 and conv2 as a Functional model named backbone."""
    image = keras.Input(INPUT)
    return keras.Model(image, conv2(conv1(image)), name="backbone")


@tiny("topology")
def nested_output() -> Tiny:
    """A backbone continued from its output: `Model(backbone.input, head(backbone.output))`."""
    parts = conv1, conv2, head = network_layers()
    backbone = backbone_of(conv1, conv2)
    pooled = layers.GlobalAveragePooling2D()(backbone.output)
    return twin(keras.Model(backbone.input, head(pooled)), parts)


@tiny("topology")
def nested_fresh() -> Tiny:
    """A backbone called on a new input, which makes a second node: `head(backbone(new_input))`."""
    parts = conv1, conv2, head = network_layers()
    backbone = backbone_of(conv1, conv2)
    image = keras.Input(INPUT)
    pooled = layers.GlobalAveragePooling2D()(backbone(image))
    return twin(keras.Model(image, head(pooled)), parts, layer="backbone/conv2")


@keras.saving.register_keras_serializable(package="kerascope_testing")
class HubClassifier(keras.Model):
    """A Functional model that builds its graph around `self.backbone`, as keras-hub does."""

    def __init__(self, backbone: keras.Model, head: keras.Layer, **options: Any) -> None:
        image = backbone.input
        pooled = layers.GlobalAveragePooling2D()(backbone(image))
        super().__init__(inputs=image, outputs=head(pooled), **options)
        self.backbone = backbone
        self.head = head


@tiny("topology")
def hub() -> Tiny:
    """A subclass of Functional whose __init__ calls its backbone on the backbone's own input."""
    parts = conv1, conv2, head = network_layers()
    model = HubClassifier(backbone_of(conv1, conv2), head)
    return twin(model, parts, layer="backbone/conv2")


class Subclassed(keras.Model):
    """The network with a `call` of its own; the pooling is a bare op."""

    def __init__(self, parts: tuple[keras.Layer, ...]) -> None:
        super().__init__(name="subclassed")
        self.conv1, self.conv2, self.head = parts

    def call(self, images: Any) -> Any:
        """Scores of a batch of images."""
        return self.head(ops.mean(self.conv2(self.conv1(images)), axis=(1, 2)))


@tiny("topology")
def subclassed() -> Tiny:
    """A subclassed model, its spatial mean a bare op inside `call`."""
    parts = network_layers()
    model = Subclassed(parts)
    model(pictures(1, *INPUT))
    return twin(model, parts)


def flatten_weights() -> list[Array]:
    """Kernel and bias of the head of `flattened`: (4 * 8 * 6, 3) and (3,)."""
    size = MAP[0] * MAP[1] * 6
    return [sixteenths((size, CLASSES), 7), sixteenths((CLASSES,), 8)]


@tiny("flattened")
def flattened() -> Tiny:
    """The two convolutions of the network, then Flatten -> head.

    The gradient at `conv2` differs from place to place, so pooling it in a wrong way shows.
    """
    conv1, conv2, head = network_layers()
    parts = [keras.Input(INPUT), conv1, conv2, layers.Flatten(), head]
    model = keras.Sequential(parts)
    set_network_weights(conv1, conv2)
    head.set_weights(flatten_weights())
    return Tiny(model, network_images(), "conv2", automatic="conv2", spatial=MAP)


@tiny("layout")
def channels_first() -> Tiny:
    """The network with its channels first: images (3, 3, 8, 16)."""
    if keras.backend.backend() == "tensorflow":
        raise UnavailableError("TensorFlow on a CPU cannot run channels_first convolutions")
    parts = conv1, conv2, head = network_layers(data_format="channels_first")
    pool = layers.GlobalAveragePooling2D(data_format="channels_first")
    images = network_images().transpose(0, 3, 1, 2)
    model = keras.Sequential([keras.Input(images.shape[1:]), conv1, conv2, pool, head])
    set_network_weights(*parts)
    return Tiny(model, images, "conv2", automatic="conv2", spatial=MAP, targets=(0, 1, 2))


@tiny("sizes")
def fixed_batch() -> Tiny:
    """The network with a batch size of 3 built into its input."""
    parts = conv1, conv2, head = network_layers()
    image = keras.Input(batch_shape=(3, *INPUT))
    pooled = layers.GlobalAveragePooling2D()(conv2(conv1(image)))
    return twin(keras.Model(image, head(pooled)), parts)


@tiny("sizes")
def dynamic_size() -> Tiny:
    """The network with images of any size: input (None, None, 3)."""
    parts = conv1, conv2, head = network_layers()
    image = keras.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(conv2(conv1(image)))
    return twin(keras.Model(image, head(pooled)), parts)
