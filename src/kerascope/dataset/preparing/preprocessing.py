"""What turns a photograph into the numbers that a model takes: conventions by name, files, detection."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from kerascope import errors
from kerascope.dataset.decoding.photograph import MAX_PIXELS
from kerascope.dataset.preparing.frame import Fit, Frame, Interpolation, check_fit
from kerascope.typing import Array


def _numbers(name: str, value: Any) -> float | tuple[float, ...]:
    several = isinstance(value, Sequence) and not isinstance(value, str)
    try:
        numbers = tuple(map(float, value)) if several else (float(value),)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) not in (1, 3) or not np.isfinite(numbers).all():
        raise errors.ParameterError(
            f"{name} must be one finite number, or one for each channel; got {value!r}."
        )
    return numbers if several else numbers[0]


@dataclass(frozen=True)
class Preprocessing:
    r"""Numbers from pixels: $x = (p \cdot \text{scale}) + \text{offset}$, with p from 0 to 255.

    Args:
        name: what it is called.
        scale: one factor, or one for each channel in the order of `order`.
        offset: the number that is added; one, or one for each channel.
        order: of the channels, `"rgb"` or `"bgr"`.
        fit: how a photograph of other proportions becomes the model's image; see `Frame.for_size`.
        share: the part of the sides of the cut box that is kept around its centre.
        interpolation: the filter that scales: `"nearest"`, `"bilinear"`, `"bilinear-aliased"` (not
            antialiased, as Keras' loaders scale), `"bicubic"`, `"lanczos"` or `"area"`; see `Frame.cut`.
        size: (h, w) of the image, for models that take any; None for the model's.

    Example:
        >>> import numpy as np
        >>> from kerascope.dataset import CONVENTIONS
        >>> image, frame = CONVENTIONS["-1-1"](np.full((4, 6, 3), 255, "uint8"), (2, 2))
        >>> image.shape, float(image.max()), frame.box
        ((2, 2, 3), 1.0, (0, 1, 4, 5))
    """

    name: str = "custom"
    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0
    order: Literal["rgb", "bgr"] = "rgb"
    fit: Fit = "crop"
    share: float = 1.0
    interpolation: Interpolation = "bilinear"
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_fit(self.fit, self.interpolation, self.share)
        if self.order not in ("rgb", "bgr"):
            raise errors.ParameterError(f"order must be rgb or bgr; got {self.order!r}.")
        for field in ("scale", "offset"):
            object.__setattr__(self, field, _numbers(field, getattr(self, field)))
        if self.size is not None:
            size = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
            if len(size) != 2 or not all(isinstance(side, int) and side > 0 for side in size):
                raise errors.ParameterError(f"size must be two whole numbers above 0; got {self.size!r}.")
            object.__setattr__(self, "size", size)

    def __call__(self, picture: Any, size: tuple[int, int], channels: int = 3) -> tuple[Array, Frame]:
        """The model's image, and where it lies in the photograph.

        Args:
            picture: an upright photograph: uint8 (H, W, 3), or of Pillow, in its mode `"RGB"`.
            size: (h, w) of the model's image.
            channels: that the model takes: 3, or 1 for grey (ITU-R 601-2 luma).

        Returns:
            float32 (h, w, channels), and the frame.

        Raises:
            PhotographError: with its frame of black, as `pad` makes it, the picture is too large.
        """
        if isinstance(picture, np.ndarray):
            from PIL import Image

            picture = Image.fromarray(picture)
        frame = Frame.for_size(picture.height, picture.width, size, self.fit, self.share)
        if frame.size[0] * frame.size[1] > MAX_PIXELS:
            raise errors.PhotographError(
                f"a picture must have at most {MAX_PIXELS:,} pixels with its frame; got {picture.width} x "
                f"{picture.height}, framed {frame.size[1]} x {frame.size[0]}; take another fit."
            )
        image = frame.cut(picture.convert("L") if channels == 1 else picture, size, self.interpolation)
        if channels == 1:
            image = image[..., None]
        elif self.order == "bgr":
            image = image[..., ::-1]
        scale, offset = np.asarray(self.scale, "float32"), np.asarray(self.offset, "float32")
        return np.asarray(image * scale + offset), frame

    def pixels(self, images: Array) -> Array:
        """What people would see of images that a model was given: the arithmetic undone.

        Args:
            images: float32 (..., h, w, C), channels last.

        Returns:
            uint8 (..., h, w, 3).
        """
        scale, offset = np.asarray(self.scale, "float32"), np.asarray(self.offset, "float32")
        seen = np.clip((images - offset) / scale + 0.5, 0, 255).astype("uint8")
        if seen.shape[-1] == 1:
            return np.repeat(seen, 3, axis=-1)
        return np.ascontiguousarray(seen[..., ::-1]) if self.order == "bgr" else seen

    def takes(self, channels: int) -> bool:
        """Whether it makes images of this number of channels: it may have a number for each of three."""
        return channels == 3 or not any(
            isinstance(value, tuple) and len(value) > 1 for value in (self.scale, self.offset)
        )

    @property
    def range(self) -> tuple[Any, Any]:
        """What becomes of black and of white: numbers, or one for each channel."""
        black, white = np.asarray(self.offset), 255 * np.asarray(self.scale) + np.asarray(self.offset)
        return black.tolist(), white.tolist()

    @property
    def summary(self) -> str:
        """In a few words: `"-1-1: crop, bilinear"`."""
        cut = self.fit if self.share == 1 else f"{self.fit} {self.share:g}"
        return f"{self.name}: {cut}, {self.interpolation}"


_TORCH_MEAN, _TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_CAFFE_MEAN = (103.939, 116.779, 123.68)

CONVENTIONS: Mapping[str, Preprocessing] = MappingProxyType(
    {
        convention.name: convention
        for convention in (
            Preprocessing("0-255"),
            Preprocessing("0-1", scale=1 / 255),
            Preprocessing("-1-1", scale=1 / 127.5, offset=-1.0),
            Preprocessing("caffe", offset=tuple(-mean for mean in _CAFFE_MEAN), order="bgr"),
            Preprocessing(
                "torch",
                scale=tuple(1 / 255 / std for std in _TORCH_STD),
                offset=tuple(-mean / std for mean, std in zip(_TORCH_MEAN, _TORCH_STD, strict=True)),
            ),
            Preprocessing(
                "efficientnet-lite",
                scale=1 / 128,
                offset=-127 / 128,
                share=0.875,
                interpolation="bicubic",
            ),
        )
    }
)
"""`0-255` (the model preprocesses by itself), `0-1`, `-1-1` (the mode "tf" of `keras.applications`), its
modes `caffe` (blue first, mean subtracted) and `torch` (standardised), and the one of EfficientNet-Lite."""


_ALL: frozenset[str] = frozenset(field.name for field in fields(Preprocessing))


def as_preprocessing(value: str | os.PathLike[str] | Preprocessing) -> Preprocessing:
    """A preprocessing as it is, by the name of a convention, or from a JSON file.

    The file holds an object with any fields of `Preprocessing`, and `"convention"`, the name of the one that
    it starts from: `{"convention": "torch", "fit": "stretch", "interpolation": "bicubic"}`.

    Raises:
        ParameterError: neither a convention nor such a file, or a field that does not exist or fit.
    """
    return read_preprocessing(value)[0]


def read_preprocessing(value: str | os.PathLike[str] | Preprocessing) -> tuple[Preprocessing, frozenset[str]]:
    """A preprocessing, and the names of the fields that were said: of a convention its arithmetic.

    Example:
        >>> from kerascope.dataset.preparing.preprocessing import read_preprocessing
        >>> "scale" in read_preprocessing("torch")[1], "fit" in read_preprocessing("torch")[1]
        (True, False)
    """
    if isinstance(value, Preprocessing):
        return value, _ALL
    text = os.fspath(value)
    if text in CONVENTIONS:
        return CONVENTIONS[text], _convention_fields(text)
    path = Path(text)
    if path.suffix.lower() != ".json" and not path.is_file():
        raise errors.ParameterError(
            f"preprocessing must be one of {', '.join(CONVENTIONS)}, or a JSON file; got {text!r}; "
            f"{errors.nearest(text, CONVENTIONS)}"
        )
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(given, dict)
    except (OSError, ValueError, AssertionError) as error:
        raise errors.ParameterError(
            f"a file of preprocessing must hold a JSON object; {text!r} cannot be read as one ({error})."
        ) from error
    base = given.pop("convention", None)
    if base is not None and base not in CONVENTIONS:
        raise errors.ParameterError(
            f'"convention" in {text!r} must be one of {", ".join(CONVENTIONS)}; got {base!r}.'
        )
    if unknown := sorted(given.keys() - _ALL):
        raise errors.ParameterError(
            f"a file of preprocessing must have fields of {', '.join(sorted(_ALL))}, and convention; "
            f"{text!r} has {', '.join(unknown)}; {errors.nearest(unknown[0], _ALL)}"
        )
    start = Preprocessing(path.stem) if base is None else CONVENTIONS[base]
    lists: dict[str, Any] = {
        name: tuple(found) if isinstance(found, list) else found for name, found in given.items()
    }
    return replace(start, **lists), frozenset(given) | _convention_fields(base)


def _convention_fields(convention: str | None) -> frozenset[str]:
    """The fields that the name of a convention sets: the arithmetic, and for a single network all of them."""
    return _ALL if convention == "efficientnet-lite" else frozenset({"scale", "offset", "order"})


def preprocessing_to_json(preprocessing: Preprocessing) -> dict[str, Any]:
    """Its fields, as JSON takes them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(preprocessing).items()
    }
