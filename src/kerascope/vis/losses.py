"""Losses to minimise. Replaces `vis.losses`.

A custom loss subclasses `Loss`, and its `build_loss` returns one of two things:

* as in keras-vis, a symbolic tensor made with `keras.ops` from `layer.output` or `model.input`: a number,
  or one per image;
* or a function of the image: from backend tensors (N, *spatial, C), in the model's own range, to a number or
  one per image, (N,).

In a pair `(loss, weight)`, such a function can also be used without a class.

Deviation: `ActivationMaximization` of a layer that ends in a softmax or sigmoid uses the score before
it, even if the activation was not replaced by a linear one; keras-vis used the probability, whose gradient
mixes all classes and vanishes where the network is certain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
from keras import ops

from kerascope.vis.filters import as_filters, channels_first

BuiltLoss: TypeAlias = "keras.KerasTensor | Callable[[Any], Any]"
FilterIndices = int | Sequence[int] | None


class Loss:
    """A loss to minimise. Subclass it and implement `build_loss`.

    Attributes:
        name: for `Print` and other callbacks.
    """

    def __init__(self) -> None:
        self.name = "Unnamed Loss"

    def __str__(self) -> str:
        return self.name

    def build_loss(self) -> BuiltLoss:
        """Return the loss, of a kind that the module lists."""
        raise NotImplementedError(
            f"{type(self).__name__}.build_loss must return a symbolic tensor or a function of the images"
        )


class ActivationMaximization(Loss):
    r"""Minus the activation: $-\sum_f \mathrm{mean}_x\, A_{xf}$ over the filters and their positions.

    Args:
        layer: a layer of the model.
        filter_indices: a filter or output, or several, whose means are added; None for the mean over all.
    """

    def __init__(self, layer: keras.Layer, filter_indices: FilterIndices) -> None:
        super().__init__()
        self.name = "ActivationMax Loss"
        self.layer = layer
        self.filter_indices = as_filters(filter_indices)

    def build_loss(self) -> keras.KerasTensor:
        """Return the symbolic loss of the layer's output, after its softmax if it has one."""
        output = self.layer.output
        if channels_first(self.layer, len(output.shape)):
            output = ops.moveaxis(output, 1, -1)
        means = ops.mean(output, axis=tuple(range(len(output.shape) - 1)))
        if self.filter_indices is None:
            return -ops.mean(means)
        return -ops.sum(ops.take(means, list(self.filter_indices)))
