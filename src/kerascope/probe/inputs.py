"""Inputs of a model: their specifications, and the check of images against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import tree

from kerascope import errors
from kerascope.typing import Array


@dataclass(frozen=True)
class InputSpec:
    """One input of a model.

    Args:
        name: its key in a dictionary of inputs, else the name of its `keras.Input`.
        shape: its shape, batch first, with None where any size fits.
        dtype: the type it is fed as.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str


@dataclass(frozen=True)
class InputBatch:
    """Checked inputs of a model.

    Args:
        structure: a structure like the model's input, holding anything at its leaves.
        arrays: the flattened inputs, each (N, ...).
        explained: position in `arrays` of the input that is explained, or None where it is not clear.
        names: name of each array.
    """

    structure: Any
    arrays: tuple[Array, ...]
    explained: int | None
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of images."""
        return int(self.arrays[0].shape[0])

    @property
    def signature(self) -> tuple[object, ...]:
        """The part of a compiled program's key about inputs, but for the size of the batch."""
        inputs = ((array.shape[1:], str(array.dtype)) for array in self.arrays)
        return (*zip(self.names, inputs, strict=True), type(self.structure).__name__)

    def to_structure(self, arrays: Sequence[Array] | None = None) -> Any:
        """The arrays, or others instead, in the model's input structure."""
        arrays = self.arrays if arrays is None else arrays
        return arrays[0] if self.structure is None else tree.pack_sequence_as(self.structure, list(arrays))

    @property
    def picture(self) -> Array:
        """The explained input as the model takes it, (N, ...), of any type.

        Raises:
            InputError: there are several and none was chosen.
        """
        if self.explained is None:
            raise errors.InputError(
                f"the input to explain must be chosen among {list(self.names)}; make the probe with "
                f"ks.Probe(model, input={self.names[0]!r})."
            )
        return self.arrays[self.explained]

    @property
    def pixels(self) -> Array:
        """The explained input, in floating-point numbers.

        Raises:
            InputError: there are several and none was chosen, or it holds no floating-point numbers.
        """
        pixels = self.picture
        if pixels.dtype.kind != "f":
            name = self.names[self.explained or 0]
            raise errors.InputError(
                f"a gradient at the input needs floating-point numbers; {name!r} takes "
                f"{pixels.dtype}; explain a layer behind it, or rebuild the model on a float input."
            )
        return pixels

    @property
    def differentiable(self) -> bool:
        """Whether a gradient can be taken at the explained input."""
        return self.explained is not None and self.arrays[self.explained].dtype.kind == "f"

    def with_pixels(self, pixels: Array) -> Any:
        """The model's inputs, with the explained one replaced.

        Args:
            pixels: (R N, ...), R variants of every image, one round after the other.
        """
        times = len(pixels) // self.count
        arrays = [np.tile(array, (times, *[1] * (array.ndim - 1))) for array in self.arrays]
        if self.explained is not None:
            arrays[self.explained] = pixels
        return self.to_structure(arrays)

    def chunk(self, start: int, size: int) -> list[Array]:
        """`size` images from `start` on; the last one is repeated where there are fewer."""
        return [pad_rows(array, start, size) for array in self.arrays]


def pad_rows(array: Array, start: int, size: int) -> Array:
    """`size` rows of an array from `start` on; the last one is repeated where there are fewer."""
    part = array[start : start + size]
    missing = size - len(part)
    return np.concatenate([part, np.repeat(part[-1:], missing, 0)]) if missing else part


def input_specs(model: keras.Model) -> tuple[InputSpec, ...] | None:
    """The model's inputs, flattened, or None for a subclassed model, which does not say."""
    try:
        tensors = model.inputs
    except AttributeError:
        return None
    if not tensors:
        return None
    names = [tensor.name for tensor in tensors]
    paths = [path for path, _ in tree.flatten_with_path(_structure(model))]
    for index, path in enumerate(paths):
        if path and isinstance(path[-1], str):
            names[index] = path[-1]
    return tuple(
        InputSpec(name, tuple(tensor.shape), keras.backend.standardize_dtype(tensor.dtype))
        for name, tensor in zip(names, tensors, strict=True)
    )


def check_inputs(model: keras.Model, images: Any, explained: str | int | None) -> InputBatch:
    """`images` as arrays of the types that the model takes.

    Args:
        model: the model.
        images: an array (N, ...), or for several inputs a dictionary or list of such arrays in the model's
            own input structure. Lists of equal arrays are stacked where the model has a single input.
        explained: name or position of the input to explain; None for the only one with spatial axes.

    Raises:
        InputError: wrong structure, rank, size, channel count or type; NaN or infinite pixels; no images.
    """
    specs = input_specs(model)
    structure = _structure(model) if specs else None
    if specs is not None and not tree.is_nested(structure):
        leaves, structure = [images], None
    elif specs is not None:
        leaves = _flatten_like(structure, images, specs)
    elif isinstance(images, dict | list | tuple):
        leaves, structure = tree.flatten(images), images
    else:
        leaves, structure = [images], None
    if structure is not None:
        names = tuple(spec.name for spec in specs or ()) or tuple(
            "/".join(map(str, path)) for path, _ in tree.flatten_with_path(images)
        )
    else:
        names = (specs[0].name,) if specs else ("input",)
    arrays = tuple(
        _check_array(leaf, specs[index] if specs else None, name, len(leaves))
        for index, (leaf, name) in enumerate(zip(leaves, names, strict=True))
    )
    if len({len(array) for array in arrays}) > 1:
        sizes = ", ".join(f"{name!r}: {len(array)}" for name, array in zip(names, arrays, strict=True))
        raise errors.InputError(
            f"all inputs must hold the same number of images; got {sizes}; give one row per image to each."
        )
    return InputBatch(structure, arrays, _find_explained_index(explained, names, arrays), names)


def blank_inputs(model: keras.Model, size: int | tuple[int, ...] | None = None) -> Any:
    """One image of zeros in the model's input structure.

    Args:
        model: the model.
        size: size of the axes that the model leaves open, one number for all or one for each;
            None where it leaves none open.

    Raises:
        InputError: the model does not state its full input shape, or `size` does not fit it.
    """
    declared = input_specs(model)
    specs = declared or _build_specs(model, size is not None)
    if specs is not None and size is not None and len(specs) == 1:
        specs = (replace(specs[0], shape=_fill_shape(specs[0].shape, size)),)
    if specs is None or any(None in spec.shape[1:] for spec in specs):
        raise errors.InputError(
            "the model must state its full input shape where no images are given; this one does not; "
            f"give {'a batch of images' if specs is None or size is not None else 'images, or a size'}."
        )
    blanks = [np.zeros([1, *(side or 0 for side in spec.shape[1:])], spec.dtype) for spec in specs]
    structure = _structure(model) if declared else None
    return tree.pack_sequence_as(structure, blanks) if tree.is_nested(structure) else blanks[0]


def _build_specs(model: keras.Model, any_size: bool) -> tuple[InputSpec, ...] | None:
    """The input that a subclassed model was built on, where that was one tensor; else None."""
    shape = (model.get_build_config() or {}).get("input_shape")
    if not isinstance(shape, list | tuple) or not all(
        side is None or isinstance(side, int) for side in shape
    ):
        return None
    spatial = slice(2, None) if keras.config.image_data_format() == "channels_first" else slice(1, -1)
    sides: list[int | None] = list(shape)
    if any_size:
        sides[spatial] = [None] * len(sides[spatial])
    return (InputSpec("input", (None, *sides[1:]), "float32"),)


def _fill_shape(shape: tuple[int | None, ...], size: int | tuple[int, ...]) -> tuple[int | None, ...]:
    """A shape with its open axes set to `size`; where none is open, `size` must match."""
    open_axes = [axis for axis in range(1, len(shape)) if shape[axis] is None]
    # Without open axes, a size may repeat what the model says, channels first or last.
    axes = open_axes or list(range(1, len(shape) - 1))
    sizes = [int(size)] * len(axes) if isinstance(size, int | np.integer) else list(size)
    filled = list(shape)
    for axis, value in zip(axes, sizes, strict=False):
        filled[axis] = value
    fits = open_axes or tuple(filled) == shape or (*shape[:2], *sizes) == shape
    if len(sizes) != len(axes) or not fits:
        raise errors.InputError(
            f"size must give the axes that the model leaves open; it takes {shape} and got {size}; "
            f"{'give one number for each open axis' if open_axes else 'leave size out'}."
        )
    return tuple(filled) if open_axes else shape


def _structure(model: keras.Model) -> Any:
    """The model's input structure; a list of one input counts as that input."""
    structure = model.inputs if isinstance(model, keras.Sequential) else model.input
    if isinstance(structure, list | tuple) and len(structure) == 1:
        return structure[0]
    return structure


def _flatten_like(structure: Any, images: Any, specs: Sequence[InputSpec]) -> list[Any]:
    names = [spec.name for spec in specs]
    if isinstance(images, dict):
        if set(images) != set(names):
            raise errors.InputError(
                f"a dictionary of inputs must have the model's input names {sorted(names)} as keys; got "
                f"{sorted(images)}; rename or add the missing ones."
            )
        return [images[name] for name in names]
    ordered = isinstance(images, list | tuple) and not isinstance(structure, dict)
    if ordered and len(images) == len(names):
        return list(images)
    raise errors.InputError(
        f"this model takes {len(names)} inputs, {names}; got {_describe(images)}; give a "
        f"{'dictionary with these keys' if isinstance(structure, dict) else 'list in this order'}."
    )


def _check_array(value: Any, spec: InputSpec | None, name: str, inputs: int) -> Array:
    where = "images" if inputs == 1 else f"input {name!r}"
    try:
        array = np.asarray(keras.ops.convert_to_numpy(value) if keras.ops.is_tensor(value) else value)
    except ValueError as error:
        raise errors.InputError(
            f"{where} must be one array (N, ...); got a sequence that does not stack ({error}); bring all "
            "images to one size first."
        ) from error
    if array.dtype.kind not in "buif":
        raise errors.InputError(
            f"{where} must hold numbers; got the type {array.dtype}; convert to float32 first."
        )
    if spec is not None:
        _check_shape(array, spec.shape, where)
    elif array.ndim < 2:
        raise errors.InputError(
            f"{where} must have a batch axis first, (N, ...); got the shape {array.shape}; add one: "
            "images[None]."
        )
    if array.shape[0] == 0:
        raise errors.InputError(
            f"{where} must hold at least one image; got none (shape {array.shape}); check what was loaded."
        )
    array = array.astype(_input_dtype(array, spec), copy=False)
    finite = np.isfinite(array) if array.dtype.kind == "f" else np.ones(1, bool)
    if not finite.all():
        bad = np.unique(np.nonzero(~finite)[0]).tolist()
        shown = f"{bad[:5]}{' and more' if len(bad) > 5 else ''}"
        raise errors.InputError(
            f"{where} must be finite; got {np.size(finite) - np.count_nonzero(finite)} NaN or infinite "
            f"values, in image {shown}; remove or repair them."
        )
    return array


def _check_shape(array: Array, expected: tuple[int | None, ...], where: str) -> None:
    shape = tuple(array.shape)
    # A static batch size is met by padding, so the first axis is free.
    fits = len(shape) == len(expected) and all(
        want is None or got == want for got, want in zip(shape[1:], expected[1:], strict=True)
    )
    if fits:
        return
    wanted = "(" + ", ".join(["N", *("any" if side is None else str(side) for side in expected[1:])]) + ")"
    if len(shape) == len(expected) - 1 and _matches(shape, expected[1:]):
        advice = "add the batch axis: images[None]"
    elif len(shape) == len(expected) - 1:
        advice = "add the missing axis, for grey pictures the channel: images[..., None]"
    elif len(shape) != len(expected):
        advice = "give one array with the batch first and one picture per row"
    elif sorted(map(str, shape[1:])) == sorted(map(str, expected[1:])):
        advice = "the axes are in another order: transpose the images"
    elif shape[-1] != expected[-1] and expected[-1] is not None:
        advice = "the number of channels differs: convert between grey and colour first"
    else:
        advice = "resize the images to the model's size first"
    raise errors.InputError(f"{where} must have the shape {wanted}; got {shape}; {advice}.")


def _matches(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    return all(want is None or got == want for got, want in zip(shape, expected, strict=True))


def _input_dtype(array: Array, spec: InputSpec | None) -> str:
    """Pictures become floats, whatever they were stored as; wider integers stay, as they may be tokens."""
    if spec is not None and not spec.dtype.startswith("bfloat"):
        return spec.dtype
    if spec is None and array.dtype.kind in "ui" and array.dtype.itemsize > 1:
        return "int32"
    return str(keras.config.floatx())


def _find_explained_index(
    wanted: str | int | None, names: tuple[str, ...], arrays: tuple[Array, ...]
) -> int | None:
    if wanted is None:
        if len(arrays) == 1:
            return 0
        spatial = [index for index, array in enumerate(arrays) if array.ndim > 2]
        return spatial[0] if len(spatial) == 1 else None
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if not isinstance(wanted, str) and 0 <= wanted < len(names):
        return int(wanted)
    raise errors.InputError(
        f"the input to explain must be one of {list(names)} or its position; got {wanted!r}; "
        f"{errors.nearest(str(wanted), names)}"
    )


def _describe(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dictionary with the keys {list(value)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    return f"one {type(value).__name__} of shape {getattr(value, 'shape', None)}"
