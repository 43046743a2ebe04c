"""A twin of a model that shares its weights, and whose own gradient follows a rule."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras

from kerascope import errors
from kerascope.probe.intercept.rectifier import Rectifiers, is_rectifier
from kerascope.probe.intercept.tap import Hook, entry, tap_operations
from kerascope.probe.layer_ref import find_layers
from kerascope.rule import Rule


def apply_rule(model: keras.Model, rule: Rule) -> keras.Model:
    """A twin of a model whose rectifiers have the gradient of a rule.

    Its layers are of the same names and classes, and hold the weights of the model, not copies. Of a
    Sequential or Functional model it has a graph of its own, so that other models can be made from parts of
    it; of a subclassed one the rule is followed when the whole model is called.

    Args:
        model: a built model, which stays as it is.
        rule: the gradient of rectifiers.

    Raises:
        ModelError: not a built Keras model.
        RuleError: it has no rectifier.

    Cost:
        None; each call finds the rectifiers inside each layer anew.
    """
    if not isinstance(model, keras.Model) or not model.built:
        raise errors.ModelError(
            f"a model must be a built Keras model to follow a rule; got {getattr(model, 'name', model)!r}; "
            "call it on a batch of images first."
        )
    _check_rectifiers(model, rule)
    if not getattr(model, "inputs", None):
        return _follower(model, rule)
    # A twin, since a compiled model would be compiled again, with another optimizer.
    plain = _twin(model)
    vars(plain)["compiled"] = False
    return keras.models.clone_model(plain, clone_function=lambda operation: _follower(operation, rule))


def _check_rectifiers(model: keras.Model, rule: Rule) -> None:
    operations = [model, *(layer.operation for layer in find_layers(model))]
    found = Rectifiers(rule, operations)
    # The code of others may call one by its name.
    unknown = any(not type(operation).__module__.startswith("keras.") for operation in operations)
    if not (found.operations or found.functions or unknown):
        raise errors.RuleError(
            f"{rule.name!r} needs a rectifier (ReLU or a relative) in the model; {model.name!r} has none; "
            "use the model itself."
        )


def _follower(operation: Any, rule: Rule) -> Any:
    """A twin of an operation, at whose call the rectifiers in it follow the rule."""
    twin = _twin(operation)
    original: Callable[..., Any] = getattr(twin, entry(twin))

    @functools.wraps(original)
    def call(*arguments: Any, **options: Any) -> Any:
        inside = [layer.operation for layer in find_layers(twin)]
        rectifiers = Rectifiers(rule, [twin, *inside])
        hooks = {found: _hook(rectifiers) for found in rectifiers.operations if found is not twin}
        with tap_operations(inside, hooks, rectifiers.functions), rectifiers.tap_functions():
            output = original(*arguments, **options)
        return rectifiers.apply(arguments[0], output) if is_rectifier(twin) else output

    vars(twin)[entry(twin)] = call
    return twin


def _hook(rectifiers: Rectifiers) -> Hook:
    return lambda _, arguments, output: rectifiers.apply(arguments[0], output)


def _twin(operation: Any) -> Any:
    """The same operation again, with the same weights and attributes, in no graph yet."""
    twin = object.__new__(type(operation))
    # Past Keras's attribute tracking, which would take what it sees for new.
    vars(twin).update(vars(operation), _inbound_nodes=[], _outbound_nodes=[])
    vars(twin).update({name: None for name in _COMPILED if name in vars(twin)})
    return twin


_COMPILED = ("predict_function", "test_function", "train_function")
