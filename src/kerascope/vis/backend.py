"""Models with another gradient. Stands for `vis.backend`."""

from __future__ import annotations

import keras

from kerascope.vis import backprop_modifiers
from kerascope.vis.utils.utils import set_random_seed

__all__ = ["modify_model_backprop", "set_random_seed"]


def modify_model_backprop(model: keras.Model, backprop_modifier: str) -> keras.Model:
    """A model whose own gradient is a modified one; see `kerascope.vis.backprop_modifiers`.

    Args:
        model: a built Keras model, which stays as it is.
        backprop_modifier: `"guided"`, or `"rectified"`, `"relu"` or `"deconv"`, which are one.

    Returns:
        A Keras model, uncompiled, with layers of the same names in the same places and the weights of `model`
        themselves, not copies. Whoever differentiates it gets the modified gradient: the functions of
        `kerascope.vis`, `ks.Saliency()`, a tape, `jax.grad`, `torch.autograd`; also of other models that are
        made from its tensors. Saved, it is an ordinary model again.

    Raises:
        ParameterError (a ValueError): no modifier has this name.
        ModelError: it is no built Keras model.
        RuleError: it has no rectifier.

    Cost:
        None; the first call compiles anew.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="relu")])
        >>> guided = modify_model_backprop(model, "guided")
        >>> guided.layers[0].kernel is model.layers[0].kernel
        True
    """
    modified: keras.Model = backprop_modifiers.get(backprop_modifier)(model)
    return modified
