"""Activations, gradients and maps computed apart from kerascope, with the backend's own differentiation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from kerascope.typing import Array
from tests.helpers.probes import BACKEND


def differentiate(
    operation: Any, run: int, score: Callable[[Any], Any], images: Array
) -> tuple[Array, Array]:
    """The output of a layer, and the gradient of the summed score there.

    Args:
        operation: the layer, whose `call` is watched.
        run: which of its runs.
        score: images to one number for each.
        images: a batch.
    """
    output, gradient = _AT_LAYER[BACKEND](operation, run, score, images)
    return np.asarray(output, "float32"), np.asarray(gradient, "float32")


def image_gradient(score: Callable[[Any], Any], images: Array) -> Array:
    """The gradient of the summed score at the images."""
    return np.asarray(_AT_IMAGE[BACKEND](score, images), "float32")


def _at_layer_by_torch(operation: Any, run: int, score: Callable[[Any], Any], images: Array) -> Any:
    import torch

    outputs: list[Any] = []
    # A gradient at the images keeps the graph alive where no weight asks for one.
    tensor = torch.tensor(images, requires_grad=True)
    with changed_call(operation, keep_in(outputs)):
        total = score(tensor).sum()
    (gradient,) = torch.autograd.grad(total, [outputs[run]])
    return [value.detach().float().cpu().numpy() for value in (outputs[run], gradient)]


def _at_image_by_torch(score: Callable[[Any], Any], images: Array) -> Any:
    import torch

    tensor = torch.tensor(images, requires_grad=True)
    return torch.autograd.grad(score(tensor).sum(), tensor)[0]


def _at_layer_by_tensorflow(operation: Any, run: int, score: Callable[[Any], Any], images: Array) -> Any:
    import tensorflow as tf

    outputs: list[Any] = []
    tensor = tf.constant(images)
    with tf.GradientTape() as tape, changed_call(operation, keep_in(outputs)):
        tape.watch(tensor)
        total = tf.reduce_sum(score(tensor))
    return outputs[run], tape.gradient(total, outputs[run])


def _at_image_by_tensorflow(score: Callable[[Any], Any], images: Array) -> Any:
    import tensorflow as tf

    tensor = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        total = tf.reduce_sum(score(tensor))
    return tape.gradient(total, tensor)


def _at_layer_by_jax(operation: Any, run: int, score: Callable[[Any], Any], images: Array) -> Any:
    import jax

    outputs: list[Any] = []
    with changed_call(operation, keep_in(outputs)):
        score(images)

    def total(addend: Any) -> Any:
        runs = iter(range(len(outputs)))
        with changed_call(operation, lambda output: output + addend if next(runs) == run else output):
            return score(images).sum()

    return outputs[run], jax.grad(total)(jax.numpy.zeros_like(outputs[run]))


def _at_image_by_jax(score: Callable[[Any], Any], images: Array) -> Any:
    import jax

    return jax.grad(lambda tensor: score(tensor).sum())(images)


_AT_LAYER = {
    "torch": _at_layer_by_torch,
    "tensorflow": _at_layer_by_tensorflow,
    "jax": _at_layer_by_jax,
}
_AT_IMAGE = {
    "torch": _at_image_by_torch,
    "tensorflow": _at_image_by_tensorflow,
    "jax": _at_image_by_jax,
}


def keep_in(outputs: list[Any]) -> Callable[[Any], Any]:
    """A change that changes nothing, and puts what it was given into a list."""

    def keep(output: Any) -> Any:
        outputs.append(output)
        return output

    return keep


@contextmanager
def changed_call(operation: Any, change: Callable[[Any], Any]) -> Iterator[None]:
    """Hand what a layer's `call` returns, of several tensors the first, through a function."""
    quantized = getattr(getattr(operation, "dtype_policy", None), "quantization_mode", None)
    name = "quantized_call" if quantized else "call"
    original = getattr(operation, name)

    def call(*given: Any, **options: Any) -> Any:
        output = original(*given, **options)
        first, *others = keras.tree.flatten(output)
        return keras.tree.pack_sequence_as(output, [change(first), *others])

    vars(operation)[name] = call
    try:
        yield
    finally:
        del vars(operation)[name]


def grad_cam(activations: Array, gradients: Array) -> tuple[Array, Array]:
    """Activations weighed by the mean gradient over places, and the size of what is added up at a place."""
    weights = gradients.astype("float64").mean(tuple(range(1, gradients.ndim - 1)), keepdims=True)
    channels = activations.astype("float64") * weights
    return channels.sum(-1), np.abs(channels).sum(-1)
