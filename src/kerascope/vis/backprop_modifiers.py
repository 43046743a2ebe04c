"""Modified gradients of rectifiers. Replaces `vis.backprop_modifiers`.

    guided                     guided backpropagation: only positive gradients, where the rectifier was open
    rectified, relu, deconv    deconvnet: only positive gradients, everywhere

`backprop_modifier=` takes a name or a modifier. Called on a model, a modifier returns a model with the
modified gradient; see `kerascope.vis.backend`. A custom function from a model to a model is called as in
keras-vis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from kerascope import errors
from kerascope.probe import apply_rule
from kerascope.rule import RULES
from kerascope.vis.utils.utils import find_by_name


@dataclass(frozen=True)
class BackpropModifier:
    """A modifier of keras-vis.

    Args:
        name: in keras-vis.
        rule: its name in kerascope, see `backprop=`.
    """

    name: str
    rule: str

    def __call__(self, model: keras.Model) -> keras.Model:
        """Return a model with shared weights and this gradient; see `modify_model_backprop`."""
        return apply_rule(model, RULES[self.rule])


guided = BackpropModifier("guided", "guided")
rectified = BackpropModifier("rectified", "deconvnet")
relu = deconv = rectified

_MODIFIERS = {"guided": guided, "rectified": rectified, "relu": relu, "deconv": deconv}


def get(
    identifier: str | Callable[[keras.Model], keras.Model],
) -> BackpropModifier | Callable[[keras.Model], keras.Model]:
    """Return the modifier of a name; a modifier or function is returned unchanged.

    Raises:
        ParameterError (a ValueError): no modifier has this name.

    Example:
        >>> get("relu").rule
        'deconvnet'
    """
    return find_by_name(identifier, _MODIFIERS, "backprop_modifier")


def modify_model(
    model: keras.Model, identifier: str | Callable[[keras.Model], keras.Model] | None
) -> tuple[keras.Model, str | None]:
    """Return the model to explain and kerascope's name of the rule, for a value of `backprop_modifier=`."""
    if identifier is None:
        return model, None
    modifier = get(identifier)
    if isinstance(modifier, BackpropModifier):
        return model, modifier.rule
    result = modifier(model)
    if not isinstance(result, keras.Model):
        raise errors.ParameterError(
            f"a backprop_modifier function must return a Keras model; got {type(result).__name__}."
        )
    return result, None
