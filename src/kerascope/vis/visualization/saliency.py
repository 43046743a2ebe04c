"""Saliency maps and class activation maps. Replaces `vis.visualization.saliency`.

Deviations from keras-vis, with reasons:

* the score before the softmax is explained, even if the activation was not replaced by a linear one;
* Grad-CAM's gradient is not divided by its maximum before pooling, which inverted the sign of the map if all
  gradients were negative;
* the map is resized by half-pixel bilinear interpolation, as everywhere in kerascope; cubic zoom gave
  negative values, and shifted the map;
* without `penultimate_layer_idx`, the layer is kerascope's automatic one: the last with a height and width
  above 1 on the way to the filters, at any depth, after activations and merges. keras-vis used the last
  convolution or pooling in `model.layers`, which is in a wrong branch or has a 1 x 1 grid in many networks;
* a flat map (see `Explanation.flat`) is all zero, never NaN, and gives a warning; so does a network that
  flattens the positions that Grad-CAM averages;
* guided and rectified modes work on every backend; without a rectifier, saliency raises an error, and a CAM,
  whose layer may be after the last rectifier, warns and returns the plain map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.explanation import LEAST_VARIATION, describe_flatness, variation
from kerascope.method import ClassActivationMap
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.gradient.saliency import Saliency
from kerascope.probe import Internals, Probe
from kerascope.provenance import warn
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.vis import backprop_modifiers, grad_modifiers
from kerascope.vis.filters import filters_of, layer_at
from kerascope.vis.objective import WeightedLoss, objective_of
from kerascope.vis.seed_inputs import (
    batch_of,
    is_inside,
    model_between,
    probe_of,
    structure_of,
    to_shape,
    unwrap_single,
)
from kerascope.vis.tensor_gradient import gradient_inside
from kerascope.vis.utils import utils

GradModifier = str | Callable[[Array], Array] | None
BackpropModifierLike = str | Callable[[keras.Model], keras.Model] | None


def visualize_saliency(
    model: keras.Model,
    layer_idx: int,
    filter_indices: int | Sequence[int] | None,
    seed_input: Any,
    wrt_tensor: Any = None,
    backprop_modifier: BackpropModifierLike = None,
    grad_modifier: GradModifier = "absolute",
    keepdims: bool = False,
) -> Array:
    """Compute the relevance of each pixel for filters of a layer, by `ks.Saliency`.

    Args:
        model: any Keras model.
        layer_idx: position of the layer in `model.layers`.
        filter_indices: a filter or output, or several, whose means are added; None for the mean over all.
        seed_input: one image, with or without a batch axis; for several inputs a list, or a dictionary.
        wrt_tensor: an input, one of `model.inputs`, None for the only picture among them; or a tensor inside
            the model, such as `layer.output`.
        backprop_modifier: None, `"guided"`, or `"rectified"`, `"relu"` or `"deconv"`, which are the same.
        grad_modifier: None, `"absolute"`, `"negate"`, `"relu"`, `"invert"`, `"small_values"`, or a function
            of a NumPy array (1, *spatial, C).
        keepdims: keep the channels.

    Returns:
        float32 (H, W), the largest over the channels, stretched to [0, 1]; with `keepdims` in the shape of
        the image, or of the tensor inside.

    Raises:
        ParameterError, ModelError: an unknown modifier; `wrt_tensor` is not a tensor of the model.
        LayerError, TargetError, InputError: layer, filters or image do not exist or fit.
        RuleError: `backprop_modifier` is given, and no rectifier lies on the way from the image to the
            filters.

    Cost:
        1 forward, 1 backward.
    """
    model, backprop = backprop_modifiers.modify_model(model, backprop_modifier)
    structure = structure_of(model)
    images = batch_of(structure, seed_input)
    inside = structure is not None and is_inside(tree.flatten(structure), wrt_tensor)
    probe = probe_of(model, None if inside else wrt_tensor, at_input=not inside)
    target = filters_of(probe, layer_idx, filter_indices, images)
    if not inside:
        return _saliency(probe, images, target, backprop, grad_modifier, keepdims)
    twin = model_between(structure, [*model.outputs, unwrap_single(wrt_tensor)])
    return _saliency_inside(Probe(twin), images, target, backprop, grad_modifier, keepdims)


def visualize_saliency_with_losses(
    input_tensor: Any,
    losses: Sequence[WeightedLoss],
    seed_input: Any,
    wrt_tensor: Any = None,
    grad_modifier: GradModifier = "absolute",
    keepdims: bool = False,
) -> Array:
    """Compute the relevance of each pixel for a sum of losses.

    Args:
        input_tensor: the symbolic input of the model, `model.inputs[0]`, or all of them in a list.
        losses: pairs of a loss and its weight; see `kerascope.vis.losses`. A weight of -1 for
            `ActivationMaximization` gives the gradient of the activation.
        seed_input: see `visualize_saliency`.
        wrt_tensor: see `visualize_saliency`.
        grad_modifier: see `visualize_saliency`.
        keepdims: see `visualize_saliency`.

    Returns:
        See `visualize_saliency`.

    Raises:
        ParameterError, ModelError: no loss has a weight, or one does not depend on this input.

    Cost:
        1 forward, 1 backward; the losses are compiled at every call.
    """
    loss_model, target = objective_of(input_tensor, losses, wrt_tensor=wrt_tensor)
    images = batch_of(unwrap_single(input_tensor), seed_input)
    if is_inside(tree.flatten(input_tensor), wrt_tensor):
        probe = probe_of(loss_model, own=True)
        return _saliency_inside(probe, images, target, None, grad_modifier, keepdims)
    probe = probe_of(loss_model, wrt_tensor, at_input=True, own=True)
    return _saliency(probe, images, target, None, grad_modifier, keepdims)


def visualize_cam(
    model: keras.Model,
    layer_idx: int,
    filter_indices: int | Sequence[int] | None,
    seed_input: Any,
    penultimate_layer_idx: int | None = None,
    backprop_modifier: BackpropModifierLike = None,
    grad_modifier: GradModifier = None,
) -> Array:
    """Compute the regions that support filters of a layer, by `ks.GradCAM`.

    Args:
        model: any Keras model.
        layer_idx: see `visualize_saliency`.
        filter_indices: see `visualize_saliency`.
        seed_input: see `visualize_saliency`.
        penultimate_layer_idx: position in `model.layers` of the layer with the feature maps; None for the
            automatic one.
        backprop_modifier: see `visualize_saliency`; it applies between that layer and the score.
        grad_modifier: see `visualize_saliency`; of the gradient at the feature maps, before pooling.

    Returns:
        float32 (H, W), stretched to [0, 1].

    Raises:
        ParameterError: an unknown modifier, or a penultimate layer after `layer_idx`.
        LayerError, TargetError, InputError: layer, filters or image do not exist or fit.

    Cost:
        1 forward, 1 backward down to the layer.
    """
    model, backprop = backprop_modifiers.modify_model(model, backprop_modifier)
    probe = probe_of(model)
    images = batch_of(structure_of(model), seed_input)
    target = filters_of(probe, layer_idx, filter_indices, images)
    layer = None
    if penultimate_layer_idx is not None:
        layer = layer_at(model, penultimate_layer_idx).name
        count = len(model.layers)
        if penultimate_layer_idx % count > layer_idx % count:
            raise errors.ParameterError(
                "penultimate_layer_idx must be a layer before layer_idx; got "
                f"{penultimate_layer_idx} ({layer!r}) after {layer_idx} ({target.layer!r})."
            )
    return _cam(probe, images, target, layer, backprop, grad_modifier)


def visualize_cam_with_losses(
    input_tensor: Any,
    losses: Sequence[WeightedLoss],
    seed_input: Any,
    penultimate_layer: keras.Layer,
    grad_modifier: GradModifier = None,
) -> Array:
    """Compute the regions that raise a sum of losses.

    Args:
        input_tensor: see `visualize_saliency_with_losses`.
        losses: see `visualize_saliency_with_losses`.
        seed_input: see `visualize_saliency`.
        penultimate_layer: the layer with the feature maps.
        grad_modifier: see `visualize_cam`.

    Returns:
        See `visualize_cam`.

    Raises:
        ParameterError, ModelError: no loss has a weight, or one does not depend on this input.

    Cost:
        1 forward, 1 backward; the losses are compiled at every call.
    """
    loss_model, target = objective_of(input_tensor, losses)
    images = batch_of(unwrap_single(input_tensor), seed_input)
    return _cam(probe_of(loss_model, own=True), images, target, penultimate_layer.name, None, grad_modifier)


def _saliency(
    probe: Probe,
    images: Any,
    target: Target,
    backprop: str | None,
    grad_modifier: GradModifier,
    keepdims: bool,
) -> Array:
    name = grad_modifiers.get_kerascope_name(grad_modifier)
    explanation = Saliency(gradients=name, backprop=backprop)(probe, images, target)
    values = explanation.values
    if grad_modifier is not None and name is None:
        values = grad_modifiers.apply_modifier(grad_modifiers.get(grad_modifier), values)
        _warn_flat(replace(explanation, values=values).variation.max())
    if not keepdims:
        return _stretch(values[0].max(axis=-1) if values.ndim > 2 else values[0])
    shapes = [np.shape(leaf)[1:] for leaf in tree.flatten(images)]
    shape = next(shape for shape in shapes if np.prod(shape) == values[0].size)
    return _stretch(to_shape(values[0], shape))


def _saliency_inside(
    probe: Probe,
    images: Any,
    target: Target,
    backprop: str | None,
    grad_modifier: GradModifier,
    keepdims: bool,
) -> Array:
    """Return the saliency at the last output of the probe's model."""
    _, values, tensor = gradient_inside(probe, images, target, backprop)
    if grad_modifier is not None:
        values = grad_modifiers.apply_modifier(grad_modifiers.get(grad_modifier), values)
    largest = values[0].max(axis=-1) if values.ndim > 2 else values[0]
    _warn_flat(variation(largest.min(), largest.max()))
    return _stretch(to_shape(values[0], tensor.shape[1:]) if keepdims else largest)


def _cam(
    probe: Probe,
    images: Any,
    target: Target,
    layer: str | None,
    backprop: str | None,
    grad_modifier: GradModifier,
) -> Array:
    name = grad_modifiers.get_kerascope_name(grad_modifier)
    is_custom = grad_modifier is not None and name is None
    method: ClassActivationMap = GradCAM(layer=layer, gradients=name, backprop=backprop)
    if is_custom:
        method = _ActivationsAndGradients(layer=layer, backprop=backprop)
    try:
        explanation = method(probe, images, target)
    except errors.RuleError as error:
        warn(errors.KerascopeWarning, f"backprop_modifier changes nothing here: {error}")
        explanation = replace(method, backprop=None)(probe, images, target)
    if is_custom:
        activations, gradients = explanation.values[:, 0], explanation.values[:, 1]
        gradients = grad_modifiers.apply_modifier(grad_modifiers.get(grad_modifier), gradients)  # type: ignore[arg-type]
        weights = gradients.mean(axis=tuple(range(1, gradients.ndim - 1)), keepdims=True)
        explanation = replace(explanation, values=np.maximum((weights * activations).sum(axis=-1), 0))
        _warn_flat(explanation.variation.max())
    return _stretch(explanation.heatmaps(placement="stretched")[0])


@dataclass(frozen=True)
class _ActivationsAndGradients(ClassActivationMap):
    """Returns activations and gradients, for a custom modifier in NumPy."""

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"averaged"}

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Return (N, 2, *spatial, C)."""
        return ops.stack([activations, gradients], axis=1)

    def compute(self, internals: Internals) -> Any:
        """Return the channels without sum and ReLU."""
        return self.channels(internals)


def _stretch(values: Array) -> Array:
    """Stretch values to [0, 1]; a flat map becomes all zero."""
    if not variation(values.min(), values.max()) > LEAST_VARIATION:  # or NaN
        return np.zeros_like(values)
    return utils.normalize(values).astype("float32")


def _warn_flat(relative_variation: Array) -> None:
    if not relative_variation > LEAST_VARIATION:  # or NaN
        warn(
            errors.FlatMapWarning,
            f"the map should vary; with this grad_modifier it {describe_flatness(relative_variation)}; try "
            "another modifier.",
        )
