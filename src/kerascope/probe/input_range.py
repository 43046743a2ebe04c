"""The range of a model's pixels, and the end of its preprocessing, from its first layers."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from kerascope.probe.graph.graph import INPUT, Graph

_PASSED = ("Identity", "Reshape", "Permute", "Padding", "Cropping", "Resizing", "Random", "Dropout")
"""Parts of the names of layers that do not change the values of pixels."""
_ARITHMETIC = (
    *("Rescaling", "Normalization", "Add", "Subtract", "Multiply", "Divide"),
    *("GetItem", "Stack", "Concatenate", "Flip", "Cast"),
)
"""Parts of the names of layers and operations of preprocessing."""


def pixel_range(graph: Graph) -> tuple[float, float] | None:
    """(0, 255) or (0, 1) where the first layer that reads the pixels says so, else None.

    A `Rescaling` says so where it brings one of these ranges to end at 1 or 0.5; a `Normalization` where its
    mean is in the range of bytes.

    Args:
        graph: of the model.
    """
    pixels = {INPUT}
    for call in graph.calls:
        operation = call.layer.operation
        if not pixels & set(call.sources):
            continue
        if any(part in type(operation).__name__ for part in _PASSED):
            pixels.add(call.number)
            continue
        if isinstance(operation, keras.layers.Rescaling):
            for high in (255.0, 1.0):
                top = float(np.mean(high * np.asarray(operation.scale) + np.asarray(operation.offset)))
                if any(abs(top - wanted) < 0.02 for wanted in (1.0, 0.5)):
                    return 0.0, high
        elif isinstance(operation, keras.layers.Normalization) and operation.mean is not None:
            mean = float(np.mean(ops.convert_to_numpy(operation.mean)))
            return (0.0, 255.0) if 20 < mean < 235 else None
        return None
    return None


def preprocessing_layer(graph: Graph) -> str | None:
    """Path of the last layer of the model's own preprocessing: scaling, standardising, exchange of channels.

    Returns:
        The path, as `layer=` takes it; None where the first layer that reads the pixels is another one.
    """
    chain, last = {INPUT}, None
    for call in graph.calls:
        if not chain & set(call.sources):
            continue
        kind = type(call.layer.operation).__name__
        scales = "BatchNormalization" not in kind and any(part in kind for part in _ARITHMETIC)
        if not (scales or any(part in kind for part in _PASSED)) or call.untappable is not None:
            break
        chain.add(call.number)
        last = graph.name(call) if scales else last
    return last
