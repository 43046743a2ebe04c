"""Baselines: black, white, a colour, the mean, a picture, a blur, noise, or several of these.

The numbers of a baseline are in the model's own input units. A method that takes one describes it as
`baseline` and stores what `as_baseline` makes of it, which can be compared, hashed and pickled.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.perturb.host_images import HostImages
from kerascope.typing import Array

NAMES = ("black", "white", "mean", "blur", "noise")
INPAINT = "inpaint"
"""The baseline of methods with masks that fills each hole from its surroundings: see `kerascope.perturb`."""
BLUR = 0.1
"""Sigma of the baseline `"blur"`, as a share of the longest side."""


@dataclass(frozen=True, eq=False, repr=False)
class Pixels:
    """An array as a value: copied, as float32, not writeable, and equal to one with the same numbers."""

    array: Array

    def __post_init__(self) -> None:
        array = np.array(self.array, "float32")
        array.setflags(write=False)
        object.__setattr__(self, "array", array)

    @property
    def _content(self) -> tuple[tuple[int, ...], bytes]:
        return self.array.shape, self.array.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pixels) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)

    def __repr__(self) -> str:
        digest = hashlib.sha256(self.array.tobytes()).hexdigest()[:8]
        return f"<array {self.array.shape} {digest}>"


Baseline = float | str | Pixels | tuple[Any, ...]
"""One baseline, or several to be averaged over."""
BaselineLike = Any
"""A number, a name of `NAMES`, an array, or a tuple of these: what `as_baseline` takes."""


def as_baseline(given: BaselineLike, names: tuple[str, ...] = NAMES) -> Baseline:
    """A baseline as a method stores it, from a number, one of `names`, an array, or a tuple of these."""
    if ops.is_tensor(given):
        given = ops.convert_to_numpy(given)
    if isinstance(given, tuple):
        parts = tuple(as_baseline(part, names) for part in given)
        if parts and not any(isinstance(part, tuple) for part in parts):
            return parts
    elif isinstance(given, Pixels) or (isinstance(given, str) and given in names):
        return given
    elif isinstance(given, int | float | np.integer | np.floating) and not isinstance(given, bool):
        if _finite(given):
            return float(given)
    elif isinstance(given, np.ndarray) and given.ndim and given.dtype.kind in "buif" and _finite(given):
        return Pixels(given)
    raise errors.ParameterError(
        f"baseline must be a finite number, one of {', '.join(map(repr, names))}, an array of finite "
        f"numbers, or a tuple of these; got {given!r}; of a model with several inputs, give one for the "
        "input that is explained."
    )


def _finite(given: Any) -> bool:
    return bool(np.isfinite(given).all())


def parts_of(baseline: Baseline) -> tuple[Baseline, ...]:
    """The single baselines."""
    return baseline if isinstance(baseline, tuple) else (baseline,)


def make_baseline(baseline: Baseline, pictures: HostImages, seed: int, number: int) -> tuple[Array, str]:
    """A single baseline for every image, (N, *spatial, C) float64 in the model's own units, and a note.

    Noise is drawn from `numpy.random.default_rng([seed, number]).random` in the shape of one image, channels
    last, so that it is the same for every image, wherever it is in a batch.
    """
    pixels = pictures.pixels
    low, high = pictures.low, pictures.high
    unstated = pictures.stated is None
    if isinstance(baseline, Pixels):
        return _array(baseline.array, pictures), f"the given array {baseline.array.shape}"
    if baseline in ("black", "white"):
        end, where = (low, "lowest") if baseline == "black" else (high, "highest")
        words = f"the {where} value of each image, as the model states no range" if unstated else ""
        return np.broadcast_to(end, pixels.shape), f"{baseline}, {words or f'{end.item()} everywhere'}"
    if baseline == "mean":
        axes = tuple(range(1, 1 + len(pictures.spatial)))
        mean = pixels.mean(axis=axes, keepdims=True)
        return np.broadcast_to(mean, pixels.shape), "the mean colour of each image"
    if baseline == "blur":
        sigma = BLUR * max(pictures.spatial)
        return pictures.blur(sigma), f"the image blurred by a Gaussian of sigma {sigma:.3g} pixels"
    if baseline == "noise":
        share = np.random.default_rng([seed, number]).random(pixels.shape[1:])
        words = "the range of each image" if unstated else f"{low.item()} to {high.item()}"
        drawn = np.broadcast_to(low + share * (high - low), pixels.shape)
        return drawn, f"uniform noise over {words}, seed {seed}"
    return np.full(pixels.shape, baseline, "float64"), f"{baseline} everywhere"


def check_fits(baseline: Baseline, pictures: HostImages) -> None:
    """An error unless every array of a baseline fits the images: before the first of them is used."""
    for part in parts_of(baseline):
        if isinstance(part, Pixels):
            _array(part.array, pictures)


def describe_baselines(notes: list[str]) -> str:
    """The note that says which baselines were used."""
    different = list(dict.fromkeys(notes))
    if len(notes) == 1:
        return f"baseline: {notes[0]}"
    shown = "; ".join(different[:5]) + ("; ..." if len(different) > 5 else "")
    return f"baseline: mean over {len(notes)}: {shown}"


def _array(array: Array, pictures: HostImages) -> Array:
    """An array for every image, channels last: given so, or in the model's own layout."""
    shape = pictures.pixels.shape
    given = array.astype("float64")
    if array.shape in (shape, shape[1:], shape[-1:]):
        return np.broadcast_to(given, shape)
    own = pictures.to_inputs(pictures.pixels[:1]).shape[1:]
    if pictures.layout is not None and array.shape in (own, (shape[0], *own)):
        batch = given if given.ndim == len(own) + 1 else given[None]
        return np.broadcast_to(pictures.layout.channels_last(batch, np), shape)
    advice = "resize it to the images, or give one baseline for each image"
    if array.shape[1:] in (own, shape[1:]):
        advice = f"as a background set, give these {len(array)} in a tuple: baseline=tuple(array)"
    raise errors.InputError(
        f"an array as baseline must have the shape of one image, {own}, of all, {(shape[0], *own)}, or of "
        f"one colour, {shape[-1:]}; got {array.shape}; {advice}."
    )
