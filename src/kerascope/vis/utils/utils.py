"""Helpers. Stands for `vis.utils.utils`.

Deviations from keras-vis: `apply_modifications` neither saves nor reloads: Keras 3 reads a layer's
activation whenever the layer is called, so a model honours a changed one already; all that is stale are the
functions that `predict`, `evaluate` and `fit` have compiled, and these are dropped. Therefore it returns
the model itself, and custom objects need no mention. For pictures and files see
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


def find_layer_idx(model: keras.Model, layer_name: str) -> int:
    """The position in `model.layers` of the layer of a name.

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
            f"a layer must be named as it is in model.layers; there is no {layer_name!r}; "
            f"{errors.nearest(layer_name, names)}"
        )
    return names.index(layer_name)


def apply_modifications(model: keras.Model, custom_objects: Mapping[str, Any] | None = None) -> keras.Model:
    """The model with changed activations in force everywhere, also in `predict`, `evaluate` and `fit`.

    Args:
        model: whose layers were given another `activation`. Weights, optimizer and losses stay as they are.
        custom_objects: taken for keras-vis's sake; nothing is loaded, so none are needed.

    Returns:
        The same model.

    Raises:
        ModelError: it is no Keras model.

    Cost:
        None; the next `predict`, `evaluate` or `fit` compiles anew.
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
    """The shape of images in the order (samples, channels, *spatial), whatever Keras's data format.

    Args:
        img: an array, tensor or symbolic tensor in Keras's image data format, batch first.
    """
    samples, *places = tuple(img.shape)
    if not _channels_first():
        places = [*places[-1:], *places[:-1]]
    return (samples, *places)


def get_img_indices() -> tuple[int, int, int, int]:
    """Where samples, channels, rows and columns lie in an image tensor of Keras's data format."""
    return (0, 1, 2, 3) if _channels_first() else (0, 3, 1, 2)


def reverse_enumerate(iterable: Sequence[T] | Reversible[T]) -> Iterator[tuple[int, T]]:
    """Positions and items from the last to the first.

    Example:
        >>> list(reverse_enumerate("ab"))
        [(1, 'b'), (0, 'a')]
    """
    return zip(reversed(range(len(iterable))), reversed(iterable), strict=True)  # type: ignore[arg-type]


def listify(value: Any) -> list[Any]:
    """A list as it is; anything else as the only item of one.

    Deviation: tuples, ranges and arrays of indices are lists of their items too.

    Example:
        >>> listify(3), listify((3, 4))
        ([3], [3, 4])
    """
    several = isinstance(value, list | tuple | range) or getattr(value, "ndim", 0) == 1
    return list(value) if several else [value]


def add_defaults_to_kwargs(defaults: Mapping[str, Any], **kwargs: Any) -> dict[str, Any]:
    """The arguments with defaults where they say nothing."""
    return {**defaults, **kwargs}


def get_identifier(
    identifier: str | Callable[..., Any], module_globals: Mapping[str, Any], module_name: str
) -> Any:
    """What a name stands for in a module; a callable as it is.

    Raises:
        ParameterError (a ValueError): neither a name in the module nor callable.
    """
    if callable(identifier):
        return identifier
    if isinstance(identifier, str) and callable(module_globals.get(identifier)):
        return module_globals[identifier]
    known = sorted(name for name, value in module_globals.items() if callable(value) and name[0] != "_")
    raise errors.ParameterError(
        f"an identifier of {module_name} must be callable or one of {known}; got {identifier!r}."
    )


def set_random_seed(seed_value: int = 1337) -> None:
    """Seed Python, NumPy and the backend, by `keras.utils.set_random_seed`."""
    keras.utils.set_random_seed(seed_value)


class _Slicer:
    """Indexing written for channels first, `slicer[:, channel, ...]`, in Keras's data format."""

    def __getitem__(self, item: tuple[Any, ...]) -> tuple[Any, ...]:
        return item if _channels_first() else (item[0], *item[2:], item[1])


slicer = _Slicer()
"""`tensor[slicer[:, channel, ...]]` takes a channel of a tensor in whichever data format Keras is set to."""


def _channels_first() -> bool:
    return bool(keras.config.image_data_format() == "channels_first")
