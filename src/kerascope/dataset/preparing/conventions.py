"""How photographs became a model's images when it was trained, by who made it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras

from kerascope.dataset.preparing.frame import Fit, Interpolation
from kerascope.dataset.preparing.preprocessing import CONVENTIONS, Preprocessing

_IMAGENET = 1000
_INTERPOLATIONS: dict[tuple[str, bool], Interpolation] = {
    ("nearest", False): "nearest",
    ("nearest", True): "nearest",
    ("bilinear", False): "bilinear-aliased",
    ("bilinear", True): "bilinear",
    ("bicubic", True): "bicubic",
    ("lanczos3", True): "lanczos",
}
"""Those of Keras, by name and whether they are antialiased."""


KERAS: Mapping[str, Any] = MappingProxyType({"fit": "stretch", "interpolation": "bilinear-aliased"})
"""What `image_dataset_from_directory` does by default."""


def as_loaded(
    preprocessing: Preprocessing, model: keras.Model, said: Collection[str] = ()
) -> tuple[Preprocessing, str]:
    """A preprocessing with the fit and the filter that are likely for a model, and in words whose they are.

    A network of `keras.applications` as it is published is evaluated on the middle of photographs. Any other
    model is its user's, and Keras' loaders squeeze photographs, without antialiasing
    (`image_dataset_from_directory`).

    Args:
        preprocessing: what is known of it.
        model: that it is for.
        said: names of the fields that stay as they are.
    """
    if is_published(model):
        return preprocessing, "as keras.applications is evaluated"
    unsaid = {name: value for name, value in KERAS.items() if name not in said}
    return replace(preprocessing, **unsaid), "as image_dataset_from_directory loads"


def is_published(model: keras.Model) -> bool:
    """Whether it is a network of `keras.applications` as published: by its name, of ImageNet's classes.

    Example:
        >>> import keras
        >>> from kerascope.dataset.preparing.conventions import is_published
        >>> is_published(keras.Sequential([keras.Input((8,)), keras.layers.Dense(2)], name="vgg16"))
        False
    """
    known = "|".join(_plain(name) for name in dir(keras.applications) if name[0].isupper())
    named = re.fullmatch(rf"({known})(large|mobile)?\d*", _plain(model.name)) is not None
    shape = getattr(model, "output_shape", None)
    return named and isinstance(shape, tuple) and shape[-1] == _IMAGENET


def own_preprocessing(model: keras.Model) -> Preprocessing | None:
    """What the preprocessor says that a model of keras-hub carries, or None.

    Args:
        model: any; only its attribute `preprocessor` is looked at, so keras-hub need not be installed.
    """
    converter: Any = getattr(getattr(model, "preprocessor", None), "image_converter", None)
    interpolation = _INTERPOLATIONS.get(
        (getattr(converter, "interpolation", ""), getattr(converter, "antialias", False))
    )
    if interpolation is None:
        return None
    size = converter.image_size
    fit: Fit = "crop" if converter.crop_to_aspect_ratio else "stretch"
    return replace(
        CONVENTIONS["0-255"],
        name="keras-hub",
        scale=1.0 if converter.scale is None else converter.scale,
        offset=0.0 if converter.offset is None else converter.offset,
        fit="pad" if getattr(converter, "pad_to_aspect_ratio", False) else fit,
        interpolation=interpolation,
        size=None if size is None else tuple(size),
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
