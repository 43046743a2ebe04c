"""What rectifiers hand back. Stands for `vis.backprop_modifiers`.

    guided                     guided backpropagation: only positive gradients, where the rectifier was open
    rectified, relu, deconv    deconvnet: only positive gradients, wherever

Give the name or the modifier itself as `backprop_modifier=`. Called on a model, a modifier returns one whose
own gradient is modified; see `kerascope.vis.backend`. A function of your own, from a model to a model, is
called as keras-vis called it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from kerascope import errors
from kerascope.probe import apply_rule
from kerascope.rule import RULES
from kerascope.vis.names import named


@dataclass(frozen=True)
class BackpropModifier:
    """A modifier of keras-vis as a value.

    Args:
        name: in keras-vis.
        rule: kerascope's name of the same, as `backprop=` takes it.
    """

    name: str
    rule: str

    def __call__(self, model: keras.Model) -> keras.Model:
        """A model with the weights of another one, and this gradient; see `modify_model_backprop`."""
        return apply_rule(model, RULES[self.rule])


guided = BackpropModifier("guided", "guided")
rectified = BackpropModifier("rectified", "deconvnet")
relu = deconv = rectified

_MODIFIERS = {"guided": guided, "rectified": rectified, "relu": relu, "deconv": deconv}


def get(
    identifier: str | Callable[[keras.Model], keras.Model],
) -> BackpropModifier | Callable[[keras.Model], keras.Model]:
    """The modifier of a name; a modifier or function as it is.

    Raises:
        ParameterError (a ValueError): no modifier has this name.

    Example:
        >>> get("relu").rule
        'deconvnet'
    """
    return named(identifier, _MODIFIERS, "backprop_modifier")


def modified(
    model: keras.Model, identifier: str | Callable[[keras.Model], keras.Model] | None
) -> tuple[keras.Model, str | None]:
    """The model to explain and kerascope's name of the rule, for what `backprop_modifier=` was given."""
    if identifier is None:
        return model, None
    modifier = get(identifier)
    if isinstance(modifier, BackpropModifier):
        return model, modifier.rule
    changed = modifier(model)
    if not isinstance(changed, keras.Model):
        raise errors.ParameterError(
            f"a function given as backprop_modifier must return a Keras model; got {type(changed).__name__}."
        )
    return changed, None
