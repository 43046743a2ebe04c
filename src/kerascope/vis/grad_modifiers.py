"""What to look at of a gradient. Stands for `vis.grad_modifiers`.

The formulas are those of `kerascope.method.gradient.modifier`, on NumPy arrays. Each is a function of an
array, and its name can be given instead. A function of your own is handed a NumPy array, batch first and
channels last, and returns one of the same shape. None of them changes its argument, which `relu` of keras-vis
did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.method.gradient import modifier
from kerascope.typing import Array
from kerascope.vis.names import named


def negate(grads: Array) -> Array:
    """-g: what speaks against the class, in front."""
    return _in_numpy(modifier.negate, grads)


def absolute(grads: Array) -> Array:
    """|g|: what matters, for or against."""
    return _in_numpy(modifier.absolute, grads)


def invert(grads: Array) -> Array:
    """1 / (g + 1e-7): large where the gradient is small."""
    return _in_numpy(modifier.invert, grads)


def relu(grads: Array) -> Array:
    """max(g, 0): what speaks for the class."""
    return _in_numpy(modifier.positive, grads)


def small_values(grads: Array) -> Array:
    """|1 / (g + 1e-7)|: where the score hardly changes."""
    return _in_numpy(modifier.small_values, grads)


def _in_numpy(function: Callable[[Any], Any], grads: Array) -> Array:
    """A formula of kerascope on an array; a backend that works in single precision keeps the type."""
    array = np.asarray(grads)
    found = np.asarray(ops.convert_to_numpy(function(array)))
    return found.astype(np.result_type(array, found))


NAMES = {
    "absolute": "absolute",
    "invert": "invert",
    "negate": "negate",
    "relu": "positive",
    "small_values": "small_values",
}
"""The names of keras-vis, and kerascope's for the same."""

_FUNCTIONS = {function.__name__: function for function in (negate, absolute, invert, relu, small_values)}


def get(identifier: str | Callable[[Array], Array]) -> Callable[[Array], Array]:
    """The modifier of a name; a function as it is.

    Raises:
        ParameterError (a ValueError): no modifier has this name.

    Example:
        >>> get("relu")(np.array([-1.0, 2.0]))
        array([0., 2.])
    """
    return named(identifier, _FUNCTIONS, "grad_modifier")


def compiled_name(identifier: str | Callable[[Array], Array] | None) -> str | None:
    """What kerascope calls a modifier, None for none or for a function of your own, which NumPy runs."""
    if identifier is None:
        return None
    function = get(identifier)
    name = getattr(function, "__name__", "")
    return NAMES[name] if _FUNCTIONS.get(name) is function else None


def applied(function: Callable[[Array], Array], grads: Array) -> Array:
    """What a function of your own makes of a gradient.

    Raises:
        ParameterError: it returns another shape.
    """
    found = np.asarray(function(grads.copy()), "float32")
    if found.shape != grads.shape:
        raise errors.ParameterError(
            f"a grad_modifier must return an array of the gradient's shape {grads.shape}; got {found.shape}; "
            "work element by element."
        )
    return found
