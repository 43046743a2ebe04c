"""EfficientNet-Lite 0, an ImageNet classifier, as a Keras 3 functional model on any backend."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
from keras import layers

from examples.efficientnet_lite.preprocessing import SIDE

WEIGHTS = Path(sys.prefix, "share", "kerascope", "efficientnet_lite0.weights.h5")
"""The weights in this environment, written by `examples.efficientnet_lite.convert`."""
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


def efficientnet_lite0(weights: str | Path | None = "imagenet") -> keras.Model:
    """EfficientNet-Lite 0: 224 px, 4.7 million parameters, ReLU6, no squeeze-and-excitation.

    Args:
        weights: `"imagenet"` (default) loads the converted weights of this environment, a path those of
            another `.weights.h5` file; `None` leaves the weights random.

    Returns:
        A functional model: images (N, 224, 224, 3), preprocessed by `preprocess`, to probabilities
        (N, 1000). Its last layers are `top_relu6` (7 x 7 x 1280), `average_pool`, `logits` and the
        softmax `predictions`.

    Raises:
        FileNotFoundError: the weights were not converted yet; the message says how.

    Cost: a few seconds and 19 MB of file.

    Source: Tan and Le, EfficientNet, 2019 (arXiv:1905.11946). The Lite variant and its weights are
        from the TensorFlow TPU repository, converted for PyTorch (Apache-2.0) and from there for Keras.

    Example:
        >>> efficientnet_lite0(weights=None).output_shape
        (None, 1000)
    """
    path = WEIGHTS if weights == "imagenet" else weights
    if path is not None and not Path(path).is_file():
        raise FileNotFoundError(
            f"the weights of EfficientNet-Lite 0 must be in {path}, and there is no such file; "
            "write it with: python -m examples.efficientnet_lite.convert"
        )
    initializer = "glorot_uniform" if path is None else "zeros"
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
    if path is not None:
        model.load_weights(path)
    return model


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
