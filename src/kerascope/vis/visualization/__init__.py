"""Visualizations. Replaces `vis.visualization`, with all its names."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from kerascope import errors
from kerascope.vis.filters import channels_first
from kerascope.vis.visualization.activation_maximization import (
    visualize_activation,
    visualize_activation_with_losses,
)
from kerascope.vis.visualization.saliency import (
    visualize_cam,
    visualize_cam_with_losses,
    visualize_saliency,
    visualize_saliency_with_losses,
)

__all__ = [
    "get_num_filters",
    "overlay",
    "visualize_activation",
    "visualize_activation_with_losses",
    "visualize_cam",
    "visualize_cam_with_losses",
    "visualize_saliency",
    "visualize_saliency_with_losses",
]


def get_num_filters(layer: keras.Layer) -> int:
    """Return the number of filters or outputs of a layer.

    Args:
        layer: of a Sequential or Functional model.

    Raises:
        LayerError: the layer has no output, or several.

    Example:
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3)])
        >>> get_num_filters(model.layers[0])
        4
    """
    try:
        shape = tuple(layer.output.shape)
    except (AttributeError, ValueError) as error:
        raise errors.LayerError(
            f"the layer must run once, in a Sequential or Functional model; {layer.name!r} does not "
            f"({error}); ks.Probe(model).layers() lists the channels of every layer."
        ) from error
    return int(shape[1 if channels_first(layer, len(shape)) else -1])


def overlay(
    array1: np.ndarray[Any, Any], array2: np.ndarray[Any, Any], alpha: float = 0.5
) -> np.ndarray[Any, Any]:
    """Blend two arrays: `array1 * alpha + array2 * (1 - alpha)`, in the type of `array1`.

    Args:
        array1: in front.
        array2: behind, of the same shape.
        alpha: opacity of `array1`, from 0 to 1.

    Raises:
        ParameterError, InputError (ValueErrors): `alpha` is out of range; the shapes differ.

    Example:
        >>> overlay(np.array([200], "uint8"), np.array([100], "uint8"), alpha=0.25)
        array([125], dtype=uint8)
    """
    if not 0 <= alpha <= 1:
        raise errors.ParameterError(f"alpha must be from 0 to 1; got {alpha!r}.")
    if array1.shape != array2.shape:
        raise errors.InputError(
            f"arrays to overlay must have one shape; got {array1.shape} and {array2.shape}; resize one, or "
            "repeat its channels."
        )
    mixed: np.ndarray[Any, Any] = (array1 * alpha + array2 * (1.0 - alpha)).astype(array1.dtype)
    return mixed
