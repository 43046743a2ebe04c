"""Modifiers of gradients. Replaces `vis.grad_modifiers`.

The formulas are in `kerascope.method.gradient.modifier`. Each modifier is a function of a NumPy array, and
can be passed by name. A custom function takes an array, batch first and channels last, and returns an array
of the same shape. No modifier changes its argument, as `relu` of keras-vis did.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.method.gradient import modifier
from kerascope.typing import Array
from kerascope.vis.utils.utils import find_by_name


def negate(grads: Array) -> Array:
    """-g: evidence against the class is positive."""
    return _in_numpy(modifier.negate, grads)


def absolute(grads: Array) -> Array:
    """|g|: evidence for or against the class."""
    return _in_numpy(modifier.absolute, grads)


def invert(grads: Array) -> Array:
    """1 / (g + 1e-7): large where the gradient is small."""
    return _in_numpy(modifier.invert, grads)


def relu(grads: Array) -> Array:
    """max(g, 0): evidence for the class."""
    return _in_numpy(modifier.positive, grads)


def small_values(grads: Array) -> Array:
    """|1 / (g + 1e-7)|: where the score hardly changes."""
    return _in_numpy(modifier.small_values, grads)


def _in_numpy(function: Callable[[Any], Any], grads: Array) -> Array:
    """Apply a formula of kerascope to an array; the type of the array is kept."""
    array = np.asarray(grads)
    result = np.asarray(ops.convert_to_numpy(function(array)))
    return result.astype(np.result_type(array, result))


NAMES = {
    "absolute": "absolute",
    "invert": "invert",
    "negate": "negate",
    "relu": "positive",
    "small_values": "small_values",
}
"""Names in keras-vis, and names in kerascope."""

_FUNCTIONS = {function.__name__: function for function in (negate, absolute, invert, relu, small_values)}


def get(identifier: str | Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return the modifier of a name; a function is returned unchanged.

    Raises:
        ParameterError (a ValueError): no modifier has this name.

    Example:
        >>> get("relu")(np.array([-1.0, 2.0]))
        array([0., 2.])
    """
    return find_by_name(identifier, _FUNCTIONS, "grad_modifier")


def get_kerascope_name(identifier: str | Callable[[Array], Array] | None) -> str | None:
    """Return the name of a modifier in kerascope; None without a modifier, and for a custom function."""
    if identifier is None:
        return None
    function = get(identifier)
    name = getattr(function, "__name__", "")
    return NAMES[name] if _FUNCTIONS.get(name) is function else None


def apply_modifier(function: Callable[[Array], Array], grads: Array) -> Array:
    """Apply a custom function to a gradient.

    Raises:
        ParameterError: the function returns another shape.
    """
    result = np.asarray(function(grads.copy()), "float32")
    if result.shape != grads.shape:
        raise errors.ParameterError(
            f"a grad_modifier must return an array of the gradient's shape {grads.shape}; got "
            f"{result.shape}; modify each element by itself."
        )
    return result
