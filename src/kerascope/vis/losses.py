"""What is minimised. Stands for `vis.losses`.

A loss of your own derives from `Loss` and returns from `build_loss` one of two things:

* as in keras-vis, a symbolic tensor made with `keras.ops` from `layer.output` or `model.input`: a number,
  or one per image;
* or a function of the image: from backend tensors (N, *spatial, C), in the model's own range, to a number or
  one per image, (N,).

In a pair `(loss, weight)` such a function can also stand by itself, without any class.

Deviation: `ActivationMaximization` of a layer that ends in a softmax or sigmoid takes the score in front of
it, whether or not the activation was swapped for a linear one before; keras-vis took the probability, whose
gradient mixes all classes and vanishes where the network is sure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import keras
from keras import ops

from kerascope.vis.filters import as_filters, channels_first

Built: TypeAlias = "keras.KerasTensor | Callable[[Any], Any]"
Filters = int | Sequence[int] | None


class Loss:
    """Something to minimise; derive from it and fill `build_loss`.

    Attributes:
        name: what `Print` and other callbacks call it.
    """

    def __init__(self) -> None:
        self.name = "Unnamed Loss"

    def __str__(self) -> str:
        return self.name

    def build_loss(self) -> Built:
        """The loss; see the module for what it may be."""
        raise NotImplementedError(
            f"{type(self).__name__}.build_loss must return a symbolic tensor or a function of the images"
        )


class ActivationMaximization(Loss):
    r"""Minus the activation: $-\sum_f \mathrm{mean}_x\, A_{xf}$ over the filters and their places.

    Args:
        layer: a layer of the model.
        filter_indices: a filter or output, or several, whose means are added; None for the mean over all.
    """

    def __init__(self, layer: keras.Layer, filter_indices: Filters) -> None:
        super().__init__()
        self.name = "ActivationMax Loss"
        self.layer = layer
        self.filter_indices = as_filters(filter_indices)

    def build_loss(self) -> keras.KerasTensor:
        """The symbolic loss, on what the layer returns: behind its softmax, if it has one."""
        output = self.layer.output
        if channels_first(self.layer, len(output.shape)):
            output = ops.moveaxis(output, 1, -1)
        means = ops.mean(output, axis=tuple(range(len(output.shape) - 1)))
        if self.filter_indices is None:
            return -ops.mean(means)
        return -ops.sum(ops.take(means, list(self.filter_indices)))
