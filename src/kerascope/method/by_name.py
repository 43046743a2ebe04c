"""Methods by name, and `explain`, which takes one."""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras

from kerascope import errors
from kerascope.explanation import Explanation
from kerascope.method.auto import Choice
from kerascope.method.base import Method
from kerascope.probe import Probe
from kerascope.provenance import warn
from kerascope.target import TargetLike

_ENTRY_POINTS = "kerascope.methods"


def methods() -> Mapping[str, type[Method]]:
    """Every registered method by name, including methods of installed packages.

    A package registers a method by an entry point of the group `kerascope.methods` that names its class. One
    that cannot be loaded is left out with a warning.

    Example:
        >>> import kerascope as ks
        >>> ks.methods()["grad_cam"]
        <class 'kerascope.method.cam.grad_cam.GradCAM'>
    """
    _load_entry_points()
    return MappingProxyType(Method.registry)


@functools.cache
def _load_entry_points() -> None:
    """Load the methods of installed packages, once: looking through all packages takes a while."""
    for point in importlib.metadata.entry_points(group=_ENTRY_POINTS):
        if point.name in Method.registry:
            continue
        try:
            found = point.load()
            if not (isinstance(found, type) and issubclass(found, Method) and found.name == point.name):
                raise TypeError(f"{found!r} is no kerascope.Method of that name")
        except Exception as error:  # noqa: BLE001 (another package's mistake must not stop this one)
            warn(
                errors.KerascopeWarning,
                f"the method {point.name!r} of the entry point {point.value!r} cannot be used: {error!r}",
            )


def explain(
    model: keras.Model | Probe,
    images: Any,
    method: str | Method = "auto",
    target: TargetLike = None,
    **parameters: Any,
) -> Explanation:
    """Explain in one line.

    Args:
        model: a Keras model or a `Probe`.
        images: (N, H, W, C), as the model takes them.
        method: `"auto"`, the one that shows most in one pass, and says which it is and why; `"fast"`, the
            cheapest; the name of a method, one of `methods()`; or a method.
        target: see `kerascope.target`; None for the predicted class of each image.
        **parameters: parameters of the named method, such as `layer="conv2"`.

    Raises:
        UnknownMethodError: no method has this name.
        ParameterError: the method does not take these parameters.
        InputError, TargetError, LayerError, RuleError: what was given does not fit the model.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> ks.explain(model, np.random.default_rng(0).random((2, 8, 8, 1)), target=1).layer
        'conv'
    """
    return as_method(method, **parameters)(model, images, target)


def as_method(method: str | Method, **parameters: Any) -> Method:
    """A method as it is, or the one of a name.

    Args:
        method: `"auto"`, `"fast"`, name of a method, one of `methods()`, or a method.
        parameters: of the named method.

    Raises:
        UnknownMethodError: no method has this name.
        ParameterError: the method does not take these parameters.
    """
    if not isinstance(method, str):
        if parameters:
            raise errors.ParameterError(
                f"parameters go with a method's name; got {sorted(parameters)} with {method!r}; set them "
                "on the method."
            )
        return method
    known: dict[str, type[Method]] = {**Choice.registry, **methods()}
    if method not in known:
        raise errors.UnknownMethodError(
            f"a method must be one of {', '.join(map(repr, known))}; got {method!r}; "
            f"{errors.nearest(method, known)}"
        )
    try:
        return known[method](**parameters)
    except TypeError as error:
        raise errors.ParameterError(
            f"{method!r} must be given parameters it takes; got {sorted(parameters)} ({error}); "
            f"see help(ks.{known[method].__name__})."
        ) from error
