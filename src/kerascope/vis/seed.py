"""Seed inputs: one image of a keras-vis script as a batch that the model takes; not in keras-vis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.probe import Probe, as_probe, require_probe
from kerascope.typing import Array

Shape = tuple[int | None, ...]


def structure_of(model: keras.Model) -> Any:
    """The model's symbolic inputs in its own structure; None for a subclassed model, which has none."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None
    if len(inputs) == 1 and not isinstance(getattr(model, "input", None), dict):
        return inputs[0]
    return model.input


def batch_of(structure: Any, seed_input: Any) -> Any:
    """A seed input with its batch axis, in the model's input structure.

    Args:
        structure: symbolic inputs in the model's structure, or None where they are not known.
        seed_input: an image, or a batch of one; for several inputs a list of them, or a dictionary.

    Raises:
        InputError: several images, or not as many inputs as the model has.
    """
    if isinstance(structure, dict):
        if not isinstance(seed_input, dict) or set(seed_input) != set(structure):
            raise errors.InputError(
                f"seed_input must be a dictionary with the keys {sorted(structure)}; got "
                f"{sorted(seed_input) if isinstance(seed_input, dict) else type(seed_input).__name__}."
            )
        return {name: _one(seed_input[name], tuple(structure[name].shape)) for name in structure}
    if isinstance(structure, list | tuple):
        shapes = [tuple(tensor.shape) for tensor in tree.flatten(structure)]
        if not isinstance(seed_input, list | tuple) or len(seed_input) != len(shapes):
            raise errors.InputError(
                f"seed_input must be a list of {len(shapes)} inputs; got "
                f"{len(seed_input) if isinstance(seed_input, list | tuple) else type(seed_input).__name__}."
            )
        return [_one(seed, shape) for seed, shape in zip(seed_input, shapes, strict=True)]
    if structure is None and isinstance(seed_input, list | tuple | dict):
        return tree.map_structure(lambda seed: _one(seed, None), seed_input)
    return _one(seed_input, None if structure is None else tuple(structure.shape))


def is_inside(inputs: Sequence[Any], wrt_tensor: Any) -> bool:
    """Whether `wrt_tensor` is no input of the model, but a tensor inside it.

    Args:
        inputs: the model's symbolic inputs, flattened.
        wrt_tensor: a symbolic tensor, or None.

    Raises:
        ParameterError: it is neither.
    """
    wanted = None if wrt_tensor is None else unlisted(wrt_tensor)
    if wanted is not None and not isinstance(wanted, keras.KerasTensor):
        raise errors.ParameterError(
            f"wrt_tensor must be None or a symbolic tensor, such as model.inputs[0]; got {wanted!r}."
        )
    return wanted is not None and not any(tensor is wanted for tensor in inputs)


def input_of(inputs: Sequence[Any], wrt_tensor: Any) -> int | None:
    """The position of the input that `wrt_tensor` is; None where none was named.

    Args:
        inputs: the model's symbolic inputs, flattened.
        wrt_tensor: one of them, or None.

    Raises:
        ParameterError: it is another tensor.
    """
    if wrt_tensor is None:
        return None
    if is_inside(inputs, wrt_tensor):
        raise errors.ParameterError(
            "wrt_tensor must be None or an input of the model here, one of model.inputs; got "
            f"{unlisted(wrt_tensor).name!r}; Optimizer and visualize_saliency give the gradient at a tensor "
            "inside the model, and an Optimizer whose input_tensor it is changes it."
        )
    return next(place for place, tensor in enumerate(inputs) if tensor is unlisted(wrt_tensor))


def image_place(inputs: Sequence[Any], wrt_tensor: Any) -> int:
    """The position of the input that is looked at: the named one, else the first picture.

    Args:
        inputs: the model's inputs, flattened: symbolic, or with a batch axis.
        wrt_tensor: see `input_of`.

    Raises:
        ParameterError: see `input_of`.
    """
    named = input_of(inputs, wrt_tensor)
    if named is not None:
        return named
    pictures = [place for place, tensor in enumerate(inputs) if len(tensor.shape) > 2]
    return pictures[0] if len(inputs) > 1 and pictures else 0


def model_between(input_tensor: Any, outputs: Sequence[Any]) -> keras.Model:
    """The model from symbolic inputs to tensors that are made from them.

    Raises:
        ModelError: one of them is not.
    """
    inputs = tree.flatten(input_tensor)
    made = [output for output in outputs if not any(output is tensor for tensor in inputs)] or list(outputs)
    try:
        model = keras.Model(unlisted(input_tensor), made)
    except ValueError as error:
        raise errors.ModelError(
            f"losses and wrt_tensor must be made from the given input tensor; Keras says: {error}; give "
            "model.inputs of the model whose layers they name; a tensor inside a model that is a layer of it "
            "belongs to that model alone."
        ) from error
    if len(made) == len(outputs):
        return model
    # In the place of a tensor inside another model, this one has an input of its own.
    own = iter(model.outputs)
    found = [
        next((mine for mine, tensor in zip(model.inputs, inputs, strict=True) if output is tensor), None)
        for output in outputs
    ]
    structure = tree.pack_sequence_as(input_tensor, model.inputs)
    return keras.Model(unlisted(structure), [next(own) if mine is None else mine for mine in found])


def unlisted(input_tensor: Any) -> Any:
    """An input structure, without the list around a single input."""
    inputs = tree.flatten(input_tensor)
    return inputs[0] if len(inputs) == 1 and not isinstance(input_tensor, dict) else input_tensor


def probe_of(model: keras.Model, wrt_tensor: Any = None, at_input: bool = False, own: bool = False) -> Probe:
    """The probe of a model, with the explained input chosen.

    Args:
        model: a Keras model.
        wrt_tensor: see `input_of`.
        at_input: the gradient at the input is wanted, so it must be clear which.
        own: a new probe that keeps the model; else the one that lives as long as the model does.

    Raises:
        ParameterError: see `input_of`.
        InputError: the model has several inputs and which one is wanted is not clear.
    """
    if not isinstance(model, keras.Model):
        return require_probe(as_probe(model))  # which says what a model is
    inputs = getattr(model, "inputs", None) or []
    place = input_of(inputs, wrt_tensor)
    if len(inputs) < 2:
        return Probe(model) if own else require_probe(as_probe(model))
    if place is not None:
        return Probe(model, input=place)
    if at_input and sum(len(tensor.shape) > 2 for tensor in inputs) != 1:
        raise errors.InputError(
            "the input to look at must be chosen, as wrt_tensor=model.inputs[0]; the model has "
            f"{len(inputs)}: {[tensor.name for tensor in inputs]}."
        )
    return Probe(model) if own else require_probe(as_probe(model))


def as_given(values: Array, shape: tuple[int, ...]) -> Array:
    """Values (*spatial, C) in the shape of the image they belong to, whose channels may come first."""
    if values.shape == shape:
        return values
    moved = np.moveaxis(values, -1, 0)
    return moved if moved.shape == shape else values.reshape(shape)


def _one(seed: Any, shape: Shape | None) -> Array:
    """One input with its batch axis, its channels where the model wants them."""
    array = np.asarray(ops.convert_to_numpy(seed) if ops.is_tensor(seed) else seed)
    rank = max(4, array.ndim) if shape is None else len(shape)
    if array.ndim == rank - 1:
        array = array[None]
    if array.ndim and array.ndim == rank and array.shape[0] != 1:
        raise errors.InputError(
            f"seed_input must be one image, or a batch of one; got {array.shape[0]} of shape "
            f"{array.shape[1:]}; call once for each, or explain all of "
            "them with ks.GradCAM()(model, images)."
        )
    if shape is not None and array.ndim == rank > 2 and not _fits(array.shape, shape):
        moved = np.moveaxis(array, -1, 1)
        array = moved if _fits(moved.shape, shape) else array
    return array


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return all(want is None or got == want for got, want in zip(shape[1:], wanted[1:], strict=True))
