"""How the usual loaders turn photographs into images: keras.applications, Keras, keras-hub, arrays."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

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
_SLACK = 0.05
"""How far, as a share of the range, resizing may have overshot it."""


def apply_loader_defaults(
    preprocessing: Preprocessing, model: keras.Model, said: Collection[str] = ()
) -> tuple[Preprocessing, str]:
    """A preprocessing with the fit and the filter that are likely for a model, and in words whose they are.

    A network of `keras.applications` as it is published is evaluated on the middle of photographs. Any other
    model is its user's, and Keras' loaders squeeze photographs, without antialiasing
    (`image_dataset_from_directory`).
    """
    if is_published(model):
        return preprocessing, "as keras.applications is evaluated"
    unsaid = {name: value for name, value in KERAS.items() if name not in said}
    return replace(preprocessing, **unsaid), "as image_dataset_from_directory loads"


def is_published(model: keras.Model) -> bool:
    """Whether it is a network of `keras.applications` as published: by its name, of ImageNet's classes."""
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


def infer_preprocessing(images: Any) -> Preprocessing:
    """What black and white are in images that were prepared already: the convention that they keep within.

    Args:
        images: (N, H, W, C).
    """
    given = np.asarray(images)
    # An image that is not finite fails alone, when it is read.
    known = given if np.isfinite(given).all() else given[np.isfinite(given)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    for name in ("0-1", "-1-1", "torch", "0-255", "caffe"):
        convention = CONVENTIONS[name]
        black, white = (np.asarray(end) for end in convention.range)
        slack = _SLACK * float(np.max(white - black))
        fits = low >= black.min() - slack and high <= white.max() + slack
        if fits and (black.ndim == 0 or given.shape[-1] == 3):
            return Preprocessing(**{**vars(convention), "name": f"as given, {name}"})
    return Preprocessing("as given", scale=max(high - low, 1e-6) / 255, offset=low)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
