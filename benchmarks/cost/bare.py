"""What kerascope is measured against: the backend's own way, written without kerascope.

The forward pass is the one that anybody would compile. The floor is the same with the gradient of the
highest output at the input: nothing that explains pixels by their gradient can do with less. Both are given
the images on the device once, and bring what they compute to the host.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import keras
    import numpy as np

    Images: TypeAlias = np.ndarray[Any, Any]

Call = Callable[[], Any]


def passes(backend: str, model: keras.Model, images: Images) -> tuple[Call, Call]:
    """The bare forward pass and the floor, compiled where the backend compiles."""
    return {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend](model, images)


def _tensorflow(model: keras.Model, images: Images) -> tuple[Call, Call]:
    import tensorflow as tf

    resident = tf.constant(images)

    @tf.function(autograph=False)
    def outputs(batch: Any) -> Any:
        return model(batch, training=False)

    @tf.function(autograph=False)
    def gradients(batch: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(batch)
            score = tf.reduce_sum(tf.reduce_max(model(batch, training=False), axis=-1))
        return score, tape.gradient(score, batch)

    def both() -> Any:
        score, gradient = gradients(resident)
        return score.numpy(), gradient.numpy()

    return lambda: outputs(resident).numpy(), both


def _jax(model: keras.Model, images: Images) -> tuple[Call, Call]:
    import jax
    import numpy as np

    resident = jax.device_put(images)
    trainable = [variable.value for variable in model.trainable_variables]
    rest = [variable.value for variable in model.non_trainable_variables]

    def outputs(batch: Any, trainable: Any, rest: Any) -> Any:
        return model.stateless_call(trainable, rest, batch, training=False)[0]

    def score(batch: Any, trainable: Any, rest: Any) -> Any:
        return outputs(batch, trainable, rest).max(axis=-1).sum()

    compiled, differentiated = jax.jit(outputs), jax.jit(jax.value_and_grad(score))

    def both() -> Any:
        score, gradient = differentiated(resident, trainable, rest)
        return np.asarray(score), np.asarray(gradient)

    return lambda: np.asarray(compiled(resident, trainable, rest)), both


def _torch(model: keras.Model, images: Images) -> tuple[Call, Call]:
    import keras
    import torch

    # On the device that Keras has put the model on.
    resident = keras.ops.convert_to_tensor(images)

    def outputs() -> Any:
        with torch.no_grad():
            return model(resident, training=False).cpu().numpy()

    def both() -> Any:
        leaf = resident.detach().requires_grad_()
        score = model(leaf, training=False).amax(dim=-1).sum()
        (gradient,) = torch.autograd.grad(score, leaf)
        return score.detach().cpu().numpy(), gradient.cpu().numpy()

    return outputs, both
