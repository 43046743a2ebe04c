"""Random weights whose receptive fields have a middle."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def focus(model: keras.Model) -> None:
    """Make the kernels of a model's convolutions lighter towards their edges, as trained ones are.

    A random kernel may see a neighbour best, and behind some of them no position lies anywhere. Windows that
    do not overlap stay as they are.
    """
    for layer in model._flatten_layers():
        size, strides = getattr(layer, "kernel_size", None), getattr(layer, "strides", None)
        if not isinstance(size, tuple) or size == strides:
            continue
        for variable in layer._trainable_variables:
            if tuple(variable.shape[: len(size)]) == size and len(variable.shape) == len(size) + 2:
                variable.assign(keras.ops.convert_to_numpy(variable) * _hat(size)[..., None, None])


def _hat(size: tuple[int, ...]) -> Any:
    """The product of hats along the axes: 1 in the middle, an eighth beside it, less and less further out."""
    hat = np.ones(())
    for length in size:
        distance = np.abs(np.arange(length) - (length - 1) / 2)
        hat = hat[..., None] * 0.125 ** (distance - distance.min())
    return hat
