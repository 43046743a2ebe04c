"""Conversion of seed inputs and `wrt_tensor` of keras-vis to batches and probes; not in keras-vis."""

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
    """Return the symbolic inputs of a model in its structure; None for a subclassed model."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return None
    if len(inputs) == 1 and not isinstance(getattr(model, "input", None), dict):
        return inputs[0]
    return model.input


def batch_of(structure: Any, seed_input: Any) -> Any:
    """Return a seed input with a batch axis, in the model's input structure.

    Args:
        structure: symbolic inputs in the model's structure, or None if unknown.
        seed_input: an image, or a batch of one; for several inputs a list of them, or a dictionary.

    Raises:
        InputError: there are several images, or the number of inputs is wrong.
    """
    if isinstance(structure, dict):
        if not isinstance(seed_input, dict) or set(seed_input) != set(structure):
            raise errors.InputError(
                f"seed_input must be a dictionary with the keys {sorted(structure)}; got "
                f"{sorted(seed_input) if isinstance(seed_input, dict) else type(seed_input).__name__}."
            )
        return {name: _to_batch(seed_input[name], tuple(structure[name].shape)) for name in structure}
    if isinstance(structure, list | tuple):
        shapes = [tuple(tensor.shape) for tensor in tree.flatten(structure)]
        if not isinstance(seed_input, list | tuple) or len(seed_input) != len(shapes):
            raise errors.InputError(
                f"seed_input must be a list of {len(shapes)} inputs; got "
                f"{len(seed_input) if isinstance(seed_input, list | tuple) else type(seed_input).__name__}."
            )
        return [_to_batch(seed, shape) for seed, shape in zip(seed_input, shapes, strict=True)]
    if structure is None and isinstance(seed_input, list | tuple | dict):
        return tree.map_structure(lambda seed: _to_batch(seed, None), seed_input)
    return _to_batch(seed_input, None if structure is None else tuple(structure.shape))


def is_inside(inputs: Sequence[Any], wrt_tensor: Any) -> bool:
    """Whether `wrt_tensor` is a tensor inside the model and not an input.

    Args:
        inputs: the model's symbolic inputs, flattened.
        wrt_tensor: a symbolic tensor, or None.

    Raises:
        ParameterError: `wrt_tensor` is neither.
    """
    wanted = None if wrt_tensor is None else unwrap_single(wrt_tensor)
    if wanted is not None and not isinstance(wanted, keras.KerasTensor):
        raise errors.ParameterError(
            f"wrt_tensor must be None or a symbolic tensor, such as model.inputs[0]; got {wanted!r}."
        )
    return wanted is not None and not any(tensor is wanted for tensor in inputs)


def find_input(inputs: Sequence[Any], wrt_tensor: Any) -> int | None:
    """Return the index of the input that `wrt_tensor` is; None for None.

    Args:
        inputs: the model's symbolic inputs, flattened.
        wrt_tensor: one of them, or None.

    Raises:
        ParameterError: `wrt_tensor` is another tensor.
    """
    if wrt_tensor is None:
        return None
    if is_inside(inputs, wrt_tensor):
        raise errors.ParameterError(
            "wrt_tensor must be None or an input of the model here, one of model.inputs; got "
            f"{unwrap_single(wrt_tensor).name!r}; Optimizer and visualize_saliency return the gradient at a "
            "tensor inside the model, and an Optimizer whose input_tensor it is changes it."
        )
    return next(index for index, tensor in enumerate(inputs) if tensor is unwrap_single(wrt_tensor))


def image_index(inputs: Sequence[Any], wrt_tensor: Any) -> int:
    """Return the index of `wrt_tensor` among the inputs; for None, of the first picture.

    Args:
        inputs: the model's inputs, flattened: symbolic, or with a batch axis.
        wrt_tensor: see `input_of`.

    Raises:
        ParameterError: see `input_of`.
    """
    index = find_input(inputs, wrt_tensor)
    if index is not None:
        return index
    pictures = [index for index, tensor in enumerate(inputs) if len(tensor.shape) > 2]
    return pictures[0] if len(inputs) > 1 and pictures else 0


def model_between(input_tensor: Any, outputs: Sequence[Any]) -> keras.Model:
    """Return the model from symbolic inputs to tensors that depend on them.

    Raises:
        ModelError: a tensor does not depend on the inputs.
    """
    inputs = tree.flatten(input_tensor)
    computed = [output for output in outputs if not any(output is tensor for tensor in inputs)]
    computed = computed or list(outputs)
    try:
        model = keras.Model(unwrap_single(input_tensor), computed)
    except ValueError as error:
        raise errors.ModelError(
            f"losses and wrt_tensor must depend on the given input tensor; Keras says: {error}; use "
            "model.inputs of the model that has their layers; tensors inside a nested model belong to that "
            "model alone."
        ) from error
    if len(computed) == len(outputs):
        return model
    # Instead of a tensor inside another model, this one has a new input.
    remaining = iter(model.outputs)
    pairs = list(zip(model.inputs, inputs, strict=True))
    new_inputs = [next((new for new, tensor in pairs if output is tensor), None) for output in outputs]
    structure = tree.pack_sequence_as(input_tensor, model.inputs)
    return keras.Model(
        unwrap_single(structure), [next(remaining) if new is None else new for new in new_inputs]
    )


def unwrap_single(input_tensor: Any) -> Any:
    """Return an input structure without the list around a single input."""
    inputs = tree.flatten(input_tensor)
    return inputs[0] if len(inputs) == 1 and not isinstance(input_tensor, dict) else input_tensor


def probe_of(model: keras.Model, wrt_tensor: Any = None, at_input: bool = False, own: bool = False) -> Probe:
    """Return the probe of a model that explains an input.

    Args:
        model: a Keras model.
        wrt_tensor: see `input_of`.
        at_input: the gradient at the input is computed, so the input must be unambiguous.
        own: return a new probe that holds the model; else the probe that lives as long as the model.

    Raises:
        ParameterError: see `input_of`.
        InputError: the model has several inputs and the input is ambiguous.
    """
    if not isinstance(model, keras.Model):
        return require_probe(as_probe(model))  # raises an error that describes models
    inputs = getattr(model, "inputs", None) or []
    index = find_input(inputs, wrt_tensor)
    if len(inputs) < 2:
        return Probe(model) if own else require_probe(as_probe(model))
    if index is not None:
        return Probe(model, input=index)
    if at_input and sum(len(tensor.shape) > 2 for tensor in inputs) != 1:
        raise errors.InputError(
            "the input must be chosen, as wrt_tensor=model.inputs[0]; the model has "
            f"{len(inputs)}: {[tensor.name for tensor in inputs]}."
        )
    return Probe(model) if own else require_probe(as_probe(model))


def to_shape(values: Array, shape: tuple[int, ...]) -> Array:
    """Reshape values (*spatial, C) to the shape of their image, whose channels may come first."""
    if values.shape == shape:
        return values
    moved = np.moveaxis(values, -1, 0)
    return moved if moved.shape == shape else values.reshape(shape)


def _to_batch(seed: Any, shape: Shape | None) -> Array:
    """Return one input with a batch axis, and its channels first or last as in the model."""
    array = np.asarray(ops.convert_to_numpy(seed) if ops.is_tensor(seed) else seed)
    rank = max(4, array.ndim) if shape is None else len(shape)
    if array.ndim == rank - 1:
        array = array[None]
    if array.ndim and array.ndim == rank and array.shape[0] != 1:
        raise errors.InputError(
            f"seed_input must be one image, or a batch of one; got {array.shape[0]} of shape "
            f"{array.shape[1:]}; call once for each, or explain all with "
            "ks.GradCAM()(model, images)."
        )
    if shape is not None and array.ndim == rank > 2 and not _fits(array.shape, shape):
        moved = np.moveaxis(array, -1, 1)
        array = moved if _fits(moved.shape, shape) else array
    return array


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return all(want is None or got == want for got, want in zip(shape[1:], wanted[1:], strict=True))
