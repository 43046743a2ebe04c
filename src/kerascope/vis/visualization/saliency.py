"""Where the network looks. Stands for `vis.visualization.saliency`.

Deviations from keras-vis, with reasons:

* the score in front of the softmax is explained, whether or not the activation was swapped for a linear one;
* Grad-CAM's gradient is not divided by its maximum before it is pooled, which turned the map's sign around
  where all were negative;
* the map is enlarged by half-pixel bilinear interpolation, as all of kerascope's are; cubic zoom brought
  negative values back, and shifted the map;
* without `penultimate_layer_idx`, the layer is kerascope's automatic one: the last with a height and width
  above 1 on the way to the filters, at any depth, after activations and merges. keras-vis took the last
  convolution or pooling in `model.layers`, which is a wrong branch or a 1 x 1 grid in many networks;
* a flat map (see `Explanation.flat`) is all zero, never NaN, and warned about; so is a network that flattens
  what Grad-CAM averages;
* guided and rectified modes work, on every backend; one that meets no rectifier says so: an error for
  saliency, and for a CAM, whose layer may lie behind the last rectifier, a warning and the plain map.
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
from kerascope.vis.inside import gradient_inside
from kerascope.vis.objective import WeightedLoss, objective_of
from kerascope.vis.seed import (
    as_given,
    batch_of,
    is_inside,
    model_between,
    probe_of,
    structure_of,
    unlisted,
)
from kerascope.vis.utils import utils

GradModifier = str | Callable[[Array], Array] | None
BackpropModifier = str | Callable[[keras.Model], keras.Model] | None


def visualize_saliency(
    model: keras.Model,
    layer_idx: int,
    filter_indices: int | Sequence[int] | None,
    seed_input: Any,
    wrt_tensor: Any = None,
    backprop_modifier: BackpropModifier = None,
    grad_modifier: GradModifier = "absolute",
    keepdims: bool = False,
) -> Array:
    """How much each pixel matters for filters of a layer: `ks.Saliency`.

    Args:
        model: any Keras model.
        layer_idx: position of the layer in `model.layers`.
        filter_indices: a filter or output, or several, whose means are added; None for the mean over all.
        seed_input: one image, with or without a batch axis; for several inputs a list, or a dictionary.
        wrt_tensor: what to look at: an input, one of `model.inputs`, None for the only picture among them; or
            a tensor inside the model, such as `layer.output`.
        backprop_modifier: None, `"guided"`, or `"rectified"`, `"relu"` or `"deconv"`, which are one.
        grad_modifier: None, `"absolute"`, `"negate"`, `"relu"`, `"invert"`, `"small_values"`, or a function
            of a NumPy array (1, *spatial, C).
        keepdims: keep the channels.

    Returns:
        float32 (H, W), the largest over the channels, stretched to [0, 1]; with `keepdims` in the shape of
        the image, or of the tensor inside.

    Raises:
        ParameterError, ModelError: an unknown modifier; `wrt_tensor` is no tensor of the model.
        LayerError, TargetError, InputError: layer, filters or image do not exist or fit.
        RuleError: `backprop_modifier` is given, and no rectifier lies on the way from the image to the
            filters.

    Cost:
        1 forward, 1 backward.
    """
    model, backprop = backprop_modifiers.modified(model, backprop_modifier)
    structure = structure_of(model)
    images = batch_of(structure, seed_input)
    inside = structure is not None and is_inside(tree.flatten(structure), wrt_tensor)
    probe = probe_of(model, None if inside else wrt_tensor, at_input=not inside)
    target = filters_of(probe, layer_idx, filter_indices, images)
    if not inside:
        return _saliency(probe, images, target, backprop, grad_modifier, keepdims)
    twin = model_between(structure, [*model.outputs, unlisted(wrt_tensor)])
    return _saliency_inside(Probe(twin), images, target, backprop, grad_modifier, keepdims)


def visualize_saliency_with_losses(
    input_tensor: Any,
    losses: Sequence[WeightedLoss],
    seed_input: Any,
    wrt_tensor: Any = None,
    grad_modifier: GradModifier = "absolute",
    keepdims: bool = False,
) -> Array:
    """How much each pixel matters for a sum of losses.

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
        ParameterError, ModelError: no loss has a weight, or one is not made from this input.

    Cost:
        1 forward, 1 backward; the losses are compiled anew at every call.
    """
    loss_model, target = objective_of(input_tensor, losses, wrt_tensor=wrt_tensor)
    images = batch_of(unlisted(input_tensor), seed_input)
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
    backprop_modifier: BackpropModifier = None,
    grad_modifier: GradModifier = None,
) -> Array:
    """Which regions speak for filters of a layer: `ks.GradCAM`.

    Args:
        model: any Keras model.
        layer_idx: see `visualize_saliency`.
        filter_indices: see `visualize_saliency`.
        seed_input: see `visualize_saliency`.
        penultimate_layer_idx: position in `model.layers` of the layer whose feature maps are weighted; None
            for the automatic one.
        backprop_modifier: see `visualize_saliency`; it acts between that layer and the score.
        grad_modifier: see `visualize_saliency`; of the gradient at the feature maps, before it is pooled.

    Returns:
        float32 (H, W), stretched to [0, 1].

    Raises:
        ParameterError: an unknown modifier, or a penultimate layer behind `layer_idx`.
        LayerError, TargetError, InputError: layer, filters or image do not exist or fit.

    Cost:
        1 forward, 1 backward down to the layer.
    """
    model, backprop = backprop_modifiers.modified(model, backprop_modifier)
    probe = probe_of(model)
    images = batch_of(structure_of(model), seed_input)
    target = filters_of(probe, layer_idx, filter_indices, images)
    layer = None
    if penultimate_layer_idx is not None:
        layer = layer_at(model, penultimate_layer_idx).name
        count = len(model.layers)
        if penultimate_layer_idx % count > layer_idx % count:
            raise errors.ParameterError(
                "penultimate_layer_idx must be that of a layer before layer_idx; got "
                f"{penultimate_layer_idx} ({layer!r}) behind {layer_idx} ({target.layer!r})."
            )
    return _cam(probe, images, target, layer, backprop, grad_modifier)


def visualize_cam_with_losses(
    input_tensor: Any,
    losses: Sequence[WeightedLoss],
    seed_input: Any,
    penultimate_layer: keras.Layer,
    grad_modifier: GradModifier = None,
) -> Array:
    """Which regions raise a sum of losses.

    Args:
        input_tensor: see `visualize_saliency_with_losses`.
        losses: see `visualize_saliency_with_losses`.
        seed_input: see `visualize_saliency`.
        penultimate_layer: the layer whose feature maps are weighted.
        grad_modifier: see `visualize_cam`.

    Returns:
        See `visualize_cam`.

    Raises:
        ParameterError, ModelError: no loss has a weight, or one is not made from this input.

    Cost:
        1 forward, 1 backward; the losses are compiled anew at every call.
    """
    loss_model, target = objective_of(input_tensor, losses)
    images = batch_of(unlisted(input_tensor), seed_input)
    return _cam(probe_of(loss_model, own=True), images, target, penultimate_layer.name, None, grad_modifier)


def _saliency(
    probe: Probe,
    images: Any,
    target: Target,
    backprop: str | None,
    grad_modifier: GradModifier,
    keepdims: bool,
) -> Array:
    name = grad_modifiers.compiled_name(grad_modifier)
    explanation = Saliency(gradients=name, backprop=backprop)(probe, images, target)
    values = explanation.values
    if grad_modifier is not None and name is None:
        values = grad_modifiers.applied(grad_modifiers.get(grad_modifier), values)
        _warn_flat(replace(explanation, values=values).variation.max())
    if not keepdims:
        return _shown(values[0].max(axis=-1) if values.ndim > 2 else values[0])
    shapes = [np.shape(leaf)[1:] for leaf in tree.flatten(images)]
    fitting = [shape for shape in shapes if np.prod(shape) == values[0].size]
    return _shown(as_given(values[0], fitting[0]))


def _saliency_inside(
    probe: Probe,
    images: Any,
    target: Target,
    backprop: str | None,
    grad_modifier: GradModifier,
    keepdims: bool,
) -> Array:
    """The same at the tensor that the probe's model returns last."""
    _, values, tensor = gradient_inside(probe, images, target, backprop)
    if grad_modifier is not None:
        values = grad_modifiers.applied(grad_modifiers.get(grad_modifier), values)
    largest = values[0].max(axis=-1) if values.ndim > 2 else values[0]
    _warn_flat(variation(largest.min(), largest.max()))
    return _shown(as_given(values[0], tensor.shape[1:]) if keepdims else largest)


def _cam(
    probe: Probe,
    images: Any,
    target: Target,
    layer: str | None,
    backprop: str | None,
    grad_modifier: GradModifier,
) -> Array:
    name = grad_modifiers.compiled_name(grad_modifier)
    by_hand = grad_modifier is not None and name is None
    method: ClassActivationMap = GradCAM(layer=layer, gradients=name, backprop=backprop)
    if by_hand:
        method = _Ingredients(layer=layer, backprop=backprop)
    try:
        explanation = method(probe, images, target)
    except errors.RuleError as error:
        warn(errors.KerascopeWarning, f"backprop_modifier changes nothing here: {error}")
        explanation = replace(method, backprop=None)(probe, images, target)
    if by_hand:
        activations, gradients = explanation.values[:, 0], explanation.values[:, 1]
        modified = grad_modifiers.applied(grad_modifiers.get(grad_modifier), gradients)  # type: ignore[arg-type]
        weights = modified.mean(axis=tuple(range(1, modified.ndim - 1)), keepdims=True)
        explanation = replace(explanation, values=np.maximum((weights * activations).sum(axis=-1), 0))
        _warn_flat(explanation.variation.max())
    return _shown(explanation.heatmaps()[0])


@dataclass(frozen=True)
class _Ingredients(ClassActivationMap):
    """Activations and gradients themselves, for a modifier that NumPy runs, and their average."""

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"averaged"}

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """(N, 2, *spatial, C)."""
        return ops.stack([activations, gradients], axis=1)

    def compute(self, internals: Internals) -> Any:
        """Neither summed nor rectified."""
        return self.channels(internals)


def _shown(values: Array) -> Array:
    """Values stretched to [0, 1]; all zero where they show nothing, which was warned about."""
    if not variation(values.min(), values.max()) > LEAST_VARIATION:  # or NaN
        return np.zeros_like(values)
    return utils.normalize(values).astype("float32")


def _warn_flat(spread: Array) -> None:
    if not spread > LEAST_VARIATION:  # or NaN
        how = describe_flatness(spread)
        warn(
            errors.FlatMapWarning,
            f"the map should vary; with this grad_modifier it {how} and shows nothing; try another one.",
        )
