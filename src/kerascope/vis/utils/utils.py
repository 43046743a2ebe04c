"""Helper functions. Replaces `vis.utils.utils`.

Deviations from keras-vis: `apply_modifications` neither saves nor reloads: Keras 3 reads a layer's
activation whenever it calls the layer, so a changed one has effect at once; only the compiled functions of
`predict`, `evaluate` and `fit` are stale, and these are dropped. It returns the model itself, and needs no
custom objects. For pictures and files see
`kerascope.vis.utils.arrays` and `.files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Reversible, Sequence
from typing import Any, TypeVar

import keras

from kerascope import errors
from kerascope.vis.utils.arrays import bgr2rgb, deprocess_input, normalize, random_array, stitch_images
from kerascope.vis.utils.files import draw_text, load_img, lookup_imagenet_labels

__all__ = [
    "add_defaults_to_kwargs",
    "apply_modifications",
    "bgr2rgb",
    "deprocess_input",
    "draw_text",
    "find_layer_idx",
    "get_identifier",
    "get_img_indices",
    "get_img_shape",
    "listify",
    "load_img",
    "lookup_imagenet_labels",
    "normalize",
    "random_array",
    "reverse_enumerate",
    "set_random_seed",
    "slicer",
    "stitch_images",
]

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def find_layer_idx(model: keras.Model, layer_name: str) -> int:
    """Return the position in `model.layers` of the layer with a name.

    Raises:
        UnknownLayerError (a ValueError): no layer directly in the model has this name.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="scores")])
        >>> find_layer_idx(model, "scores")
        0
    """
    names = [layer.name for layer in model.layers]
    if layer_name not in names:
        raise errors.UnknownLayerError(
            f"a layer name must be one of model.layers; got {layer_name!r}; "
            f"{errors.nearest(layer_name, names)}"
        )
    return names.index(layer_name)


def apply_modifications(model: keras.Model, custom_objects: Mapping[str, Any] | None = None) -> keras.Model:
    """Apply changed activations also to `predict`, `evaluate` and `fit`.

    Args:
        model: a model with changed activations. Weights, optimizer and losses do not change.
        custom_objects: ignored, for compatibility with keras-vis: nothing is loaded.

    Returns:
        The same model.

    Raises:
        ModelError: `model` is not a Keras model.

    Cost:
        None; the next `predict`, `evaluate` or `fit` compiles again.
    """
    if not isinstance(model, keras.Model):
        raise errors.ModelError(f"apply_modifications needs a Keras model; got {type(model).__qualname__}.")
    if model.predict_function is not None:
        model.make_predict_function(force=True)
    if model.test_function is not None:
        model.make_test_function(force=True)
    if model.train_function is not None:
        model.make_train_function(force=True)
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            apply_modifications(layer)
    return model


def get_img_shape(img: Any) -> tuple[int | None, ...]:
    """Return the shape of images as (samples, channels, *spatial), for any data format of Keras.

    Args:
        img: an array, tensor or symbolic tensor in Keras's image data format, batch first.
    """
    samples, *sizes = tuple(img.shape)
    if not _channels_first():
        sizes = [*sizes[-1:], *sizes[:-1]]
    return (samples, *sizes)


def get_img_indices() -> tuple[int, int, int, int]:
    """Return the axes of samples, channels, rows and columns in an image tensor of Keras's data format."""
    return (0, 1, 2, 3) if _channels_first() else (0, 3, 1, 2)


def reverse_enumerate(iterable: Sequence[T] | Reversible[T]) -> Iterator[tuple[int, T]]:
    """Return indices and items from the last to the first.

    Example:
        >>> list(reverse_enumerate("ab"))
        [(1, 'b'), (0, 'a')]
    """
    return zip(reversed(range(len(iterable))), reversed(iterable), strict=True)  # type: ignore[arg-type]


def listify(value: Any) -> list[Any]:
    """Return a list unchanged; any other value as the only item of a list.

    Deviation: tuples, ranges and arrays of indices are lists of their items too.

    Example:
        >>> listify(3), listify((3, 4))
        ([3], [3, 4])
    """
    is_sequence = isinstance(value, list | tuple | range) or getattr(value, "ndim", 0) == 1
    return list(value) if is_sequence else [value]


def add_defaults_to_kwargs(defaults: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
    """Return the arguments, with defaults for missing ones."""
    return {**defaults, **kwargs}


def get_identifier(
    identifier: str | Callable[..., Any], module_globals: Mapping[str, Any], module_name: str
) -> Any:
    """Return the function of a name in a module; a callable is returned unchanged.

    Raises:
        ParameterError (a ValueError): the identifier is neither a name in the module nor callable.
    """
    known = {name: value for name, value in module_globals.items() if callable(value) and name[0] != "_"}
    return find_by_name(identifier, known, f"an identifier of {module_name}")


def find_by_name(identifier: str | F, known: Mapping[str, F], parameter: str) -> F:
    """Return the function of a name; a callable is returned unchanged. Not in keras-vis.

    Args:
        identifier: a name or a function.
        known: functions by name.
        parameter: name of the parameter, for the error.

    Raises:
        ParameterError (a ValueError): the identifier is neither callable nor a known name.
    """
    if not isinstance(identifier, str) and callable(identifier):
        return identifier
    if isinstance(identifier, str) and identifier in known:
        return known[identifier]
    hint = f"; {errors.nearest(identifier, known)}" if isinstance(identifier, str) else ""
    raise errors.ParameterError(
        f"{parameter} must be a function or one of {sorted(known)}; got {identifier!r}{hint}"
    )


def set_random_seed(seed_value: int = 1337) -> None:
    """Seed Python, NumPy and the backend, by `keras.utils.set_random_seed`."""
    keras.utils.set_random_seed(seed_value)


class _Slicer:
    """Converts an index for channels first, `slicer[:, channel, ...]`, to Keras's data format."""

    def __getitem__(self, item: tuple[Any, ...]) -> tuple[Any, ...]:
        return item if _channels_first() else (item[0], *item[2:], item[1])


slicer = _Slicer()
"""`tensor[slicer[:, channel, ...]]` takes a channel of a tensor in the data format of Keras."""


def _channels_first() -> bool:
    return bool(keras.config.image_data_format() == "channels_first")
