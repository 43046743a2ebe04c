"""The rectifiers of a model, at any depth, and the gradient of a rule at them.

Found are, at any depth: rectifying layers (`ReLU`, `LeakyReLU`, `PReLU`, `ELU` and their subclasses); bare
operations in functional graphs (`ops.relu`, `ops.relu6`, ...); functions that a layer holds as an attribute,
be it `activation` or another (`self.act = keras.activations.relu`); and calls of `keras.ops.relu` or
`keras.activations.relu`, and of their relatives, inside the `call` of a subclassed layer or model. Not seen
are calls of a backend's own functions in there (`tf.nn.relu(x)`), functions that were imported by name
(`from keras.ops import relu`) or kept in a list, and rectifiers written with other operations
(`ops.maximum(x, 0)`). On TensorFlow, those inside `ops.vectorized_map` and `keras.remat` are met, but do not
follow the rule.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterable
from typing import Any

import keras

from kerascope.probe.intercept.tap import tap_functions
from kerascope.rule import Rule

RECTIFIERS = frozenset(
    {
        *("relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "swish", "mish"),
        *("softplus", "sparse_plus", "squareplus", "hard_silu", "hard_swish", "threshold"),
    }
)
"""Names of the functions that count as rectifiers: close to zero below zero, close to the identity above."""

_LAYERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)
_KINDS = frozenset(name.replace("_", "") for name in RECTIFIERS)


class Rectifiers:
    """The rectifiers of one forward pass, with the gradient of a rule.

    Attributes:
        matched: how many ran in the forward pass.
        reached: how many a gradient has passed in the backward pass.
    """

    def __init__(self, rule: Rule, operations: Iterable[keras.Operation]) -> None:
        operations = list(operations)
        self._rule = rule
        self.matched = 0
        self.reached = 0
        self.operations = [operation for operation in operations if is_rectifier(operation)]
        self.functions = {
            (operation, name): self.apply
            for operation in operations
            if not is_rectifier(operation)
            for name, value in vars(operation).items()
            if _is_function(value)
        }

    def apply(self, before: Any, after: Any) -> Any:
        """The output of a rectifier, with the gradient of the rule."""
        self.matched += 1
        return self._rule.route(before, after, self._count_gradient)

    def _count_gradient(self) -> None:
        self.reached += 1

    def tap_functions(self) -> contextlib.AbstractContextManager[None]:
        """Let calls such as `keras.ops.relu(x)` in a layer's own `call` follow the rule, in this thread."""
        return tap_functions(RECTIFIERS, lambda _, before, after: self.apply(before, after))


def is_rectifier(operation: keras.Operation) -> bool:
    """Whether an operation is a rectifier itself."""
    kind = type(operation)
    own = kind.__module__.startswith("keras.")
    return isinstance(operation, _LAYERS) or (own and kind.__name__.lower() in _KINDS)


def rectifies(operation: keras.Operation) -> bool:
    """Whether a layer's own activation is a rectifier."""
    return _is_function(getattr(operation, "activation", None))


def _is_function(value: Any) -> bool:
    if not callable(value) or inspect.isclass(value) or isinstance(value, keras.Operation):
        return False
    if isinstance(value, functools.partial):
        value = value.func
    return getattr(value, "__name__", None) in RECTIFIERS
