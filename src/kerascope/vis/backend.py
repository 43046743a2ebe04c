"""Models with another gradient. Replaces `vis.backend`."""

from __future__ import annotations

import keras

from kerascope.vis import backprop_modifiers
from kerascope.vis.utils.utils import set_random_seed

__all__ = ["modify_model_backprop", "set_random_seed"]


def modify_model_backprop(model: keras.Model, backprop_modifier: str) -> keras.Model:
    """Return a model with a modified gradient; see `kerascope.vis.backprop_modifiers`.

    Args:
        model: a built Keras model, which does not change.
        backprop_modifier: `"guided"`, or `"rectified"`, `"relu"` or `"deconv"`, which are the same.

    Returns:
        An uncompiled Keras model with layers of the same names in the same positions, which shares the
        weights of `model`. All differentiation gives the modified gradient: the functions of `kerascope.vis`,
        `ks.Saliency()`, a tape, `jax.grad`, `torch.autograd`; also for models built from its tensors. A saved
        model is an ordinary one.

    Raises:
        ParameterError (a ValueError): no modifier has this name.
        ModelError: `model` is not a built Keras model.
        RuleError: `model` has no rectifier.

    Cost:
        None; the first call compiles again.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="relu")])
        >>> guided = modify_model_backprop(model, "guided")
        >>> guided.layers[0].kernel is model.layers[0].kernel
        True
    """
    modified: keras.Model = backprop_modifiers.get(backprop_modifier)(model)
    return modified
