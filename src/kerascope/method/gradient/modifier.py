"""Gradient modifiers: which part of a gradient a method looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from keras import ops

from kerascope import errors

EPSILON = 1e-7
"""Keeps an inverse finite where the gradient is zero."""

Modifier = str | Callable[[Any], Any] | None
"""A name of `MODIFIERS`, any function from a gradient to one of the same shape, or None for none."""


def positive(gradient: Any) -> Any:
    """max(g, 0): what speaks for the class."""
    return ops.relu(gradient)


def negative(gradient: Any) -> Any:
    """max(-g, 0): what speaks against the class, as positive numbers."""
    return ops.relu(-gradient)


def negate(gradient: Any) -> Any:
    """-g: the counterfactual explanation of Grad-CAM's section 3.3, with what speaks for it negative."""
    return -gradient


def absolute(gradient: Any) -> Any:
    """|g|: what matters, for or against."""
    return ops.abs(gradient)


def invert(gradient: Any) -> Any:
    """1 / (g + 1e-7): large where the gradient is small."""
    return 1 / (gradient + EPSILON)


def small_values(gradient: Any) -> Any:
    """|1 / (g + 1e-7)|: where the score hardly changes, whatever the sign."""
    return ops.abs(invert(gradient))


MODIFIERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {modifier.__name__: modifier for modifier in (positive, negative, negate, absolute, invert, small_values)}
)
"""Every modifier by the name that `gradients=` takes."""

UNSIGNED = frozenset({"positive", "negative", "absolute", "small_values"})
"""Those that never give a negative number."""


def check_modifier(modifier: Modifier) -> None:
    """Check the parameter `gradients`: None, a known name, or a function."""
    named = isinstance(modifier, str) and modifier in MODIFIERS
    if modifier is None or named or callable(modifier):
        return
    hint = f"; {errors.nearest(modifier, MODIFIERS)}" if isinstance(modifier, str) else ""
    raise errors.ParameterError(
        f"gradients must be None, a function of the gradient, or one of {sorted(MODIFIERS)}; got "
        f"{modifier!r}{hint}"
    )


def apply_modifier(gradient: Any, modifier: Modifier) -> Any:
    """The gradient as a method looks at it."""
    if modifier is None:
        return gradient
    function = MODIFIERS[modifier] if isinstance(modifier, str) else modifier
    found = function(gradient)
    shape = tuple(found.shape) if ops.is_tensor(found) else None
    if shape != tuple(gradient.shape):
        raise errors.ParameterError(
            f"a function given as gradients must return a tensor of the gradient's shape "
            f"{tuple(gradient.shape)}; got {type(found).__name__ if shape is None else shape}; use keras.ops "
            "element by element."
        )
    return found
