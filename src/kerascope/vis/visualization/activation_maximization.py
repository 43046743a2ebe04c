"""Images that maximise activations. Replaces `vis.visualization.activation_maximization`.

`visualize_activation` is `ks.Maximize` on pixels. The weights of keras-vis have the same meaning in the
objective

    act_max_weight * score - lp_norm_weight * LPNorm - tv_weight * TotalVariation

but on other scales: both regularizers are means over the image as part of `input_range` (see
`kerascope.vis.regularizers`), so that a weight means the same for any size and range, unlike
in keras-vis. `max_iter` is the number of steps; `Jitter` is the jitter of `ks.Transforms`, which is not
cumulative, has one share for all axes (the largest, at most a half) and ignores the modifier's seed; and
`seed_input` is the start.

Options that read or change the gradient are not in `ks.Maximize`: with `grad_modifier`,
`backprop_modifier`, input modifiers other than one `Jitter`, callbacks other than `Print` and
`GifGenerator`, or a negative weight, the same objective is minimised by
`kerascope.vis.optimizer.Optimizer`, the algorithm of keras-vis, whose images have less contrast. A guided or
rectified gradient is not the gradient of the score: following it may not raise the score, and usually gives
noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import tree

from kerascope import errors
from kerascope.typing import Array
from kerascope.validation import check_whole
from kerascope.vis import backprop_modifiers
from kerascope.vis.callbacks import GifGenerator, OptimizerCallback, Print
from kerascope.vis.filters import layer_at
from kerascope.vis.input_modifiers import InputModifier, Jitter
from kerascope.vis.losses import ActivationMaximization
from kerascope.vis.maximization import maximize_filters
from kerascope.vis.objective import WeightedLoss
from kerascope.vis.optimizer import Optimizer
from kerascope.vis.regularizers import LPNorm, PixelRange, Regularizer, TotalVariation
from kerascope.vis.seed_inputs import find_input, structure_of
from kerascope.vis.utils import utils


def visualize_activation(
    model: keras.Model,
    layer_idx: int,
    filter_indices: int | Sequence[int] | None = None,
    wrt_tensor: Any = None,
    seed_input: Any = None,
    input_range: PixelRange = (0, 255),
    backprop_modifier: str | Callable[[keras.Model], keras.Model] | None = None,
    grad_modifier: str | Callable[[Array], Array] | None = None,
    act_max_weight: float | None = 1,
    lp_norm_weight: float | None = 10,
    tv_weight: float | None = 10,
    **optimizer_params: Any,
) -> Array:
    """Compute the image that most excites filters of a layer.

    Args:
        model: a Keras model.
        layer_idx: position of the layer in `model.layers`.
        filter_indices: a filter or output, or several, whose means are added; None for the mean over all.
        wrt_tensor: the input to optimise, one of `model.inputs`; None for the only picture among them. A
            tensor inside the model is optimised by an `Optimizer` whose `input_tensor` it is.
        seed_input: the start image; all inputs if there are several; None for noise.
        input_range: least and greatest pixel of the model; whole numbers within bytes, such as (0, 255),
            give bytes.
        backprop_modifier: see `kerascope.vis.backprop_modifiers`.
        grad_modifier: see `kerascope.vis.grad_modifiers`.
        act_max_weight: of the activation; 0 or None for none.
        lp_norm_weight: of `LPNorm`; 0 or None for none.
        tv_weight: of `TotalVariation`; 0 or None for none.
        **optimizer_params: `max_iter=200`, `verbose=False`, `input_modifiers`, `callbacks`; see
            `kerascope.vis.optimizer.Optimizer.minimize`.

    Returns:
        (H, W, C) for display, scaled by `deprocess_input`: uint8 if `input_range` has whole numbers of at
        least 0, the greatest from 2 to 255; else float32 in that range, also for (0, 1) and (-1, 1), which
        bytes cannot show. `ks.Maximize` returns the exact image and its score.

    Raises:
        ParameterError: an unknown option or modifier, or a `wrt_tensor` inside the model.
        LayerError, TargetError, InputError: layer, filters or image do not exist or fit.
        RuleError: `backprop_modifier` is given, and no rectifier lies on the way from the image to the
            filters.

    Cost:
        1 forward and 1 backward per step.
    """
    model, backprop = backprop_modifiers.modify_model(model, backprop_modifier)
    find_input(getattr(model, "inputs", None) or [], wrt_tensor)
    options = _options(optimizer_params, seed_input=seed_input, grad_modifier=grad_modifier)
    _check_range(input_range)
    regularizers: list[tuple[Regularizer, float]] = [
        (regularizer, weight)
        for regularizer, weight in ((LPNorm(), lp_norm_weight), (TotalVariation(), tv_weight))
        if weight
    ]
    is_plain = (
        backprop is None
        and options["grad_modifier"] is None
        and (act_max_weight or 0) > 0
        and all(weight > 0 for _, weight in regularizers)
        and all(type(modifier) is Jitter for modifier in options["input_modifiers"])
        and len(options["input_modifiers"]) < 2
        and all(type(watcher) in (Print, GifGenerator) for watcher in options["callbacks"])
    )
    if is_plain:
        image = maximize_filters(
            model,
            layer_idx,
            filter_indices,
            wrt_tensor,
            input_range,
            act_max_weight or 0,
            regularizers,
            options,
        )
        return _for_display(utils.deprocess_input(image, input_range), input_range)
    layer = layer_at(model, layer_idx)
    losses: list[WeightedLoss] = [
        (ActivationMaximization(layer, filter_indices), act_max_weight),
        *regularizers,
    ]
    structure = structure_of(model)
    if structure is None:
        raise errors.ModelError(
            "grad_modifier, backprop_modifier and callbacks that use gradients need a Sequential or "
            f"Functional model; {model.name!r} is subclassed; omit them."
        )
    optimizer = Optimizer(structure, losses, input_range, wrt_tensor, backprop=backprop)
    return _for_display(optimizer.minimize(**options)[0], input_range)


def visualize_activation_with_losses(
    input_tensor: Any,
    losses: Sequence[WeightedLoss],
    wrt_tensor: Any = None,
    seed_input: Any = None,
    input_range: PixelRange = (0, 255),
    **optimizer_params: Any,
) -> Array:
    """Compute the image of the least sum of losses, by `kerascope.vis.optimizer.Optimizer`.

    Args:
        input_tensor: the symbolic input of the model, `model.inputs[0]`, or all of them in a list.
        losses: pairs of a loss and its weight; see `kerascope.vis.losses`.
        wrt_tensor: see `visualize_activation`.
        seed_input: see `visualize_activation`.
        input_range: see `visualize_activation`.
        **optimizer_params: see `visualize_activation`, and `grad_modifier`.

    Returns:
        See `visualize_activation`.

    Raises:
        ParameterError, ModelError: an unknown option; no loss has a weight, or one does not depend on this
            input.

    Cost:
        1 forward and 1 backward per step.
    """
    options = _options(optimizer_params, seed_input=seed_input, grad_modifier=None)
    _check_range(input_range)
    find_input(tree.flatten(input_tensor), wrt_tensor)
    optimizer = Optimizer(input_tensor, losses, input_range, wrt_tensor)
    return _for_display(optimizer.minimize(**options)[0], input_range)


def _options(parameters: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Return the options of `Optimizer.minimize`, with the defaults of keras-vis."""
    defaults = {"max_iter": 200, "verbose": False, "input_modifiers": None, "callbacks": None, **extra}
    unknown = sorted(set(parameters) - set(defaults))
    if unknown:
        raise errors.ParameterError(
            f"options must be among {sorted(defaults)}; got {unknown}; {errors.nearest(unknown[0], defaults)}"
        )
    options = utils.add_defaults_to_kwargs(defaults, **parameters)
    check_whole(options["max_iter"], "max_iter")
    for name, kind in (("input_modifiers", InputModifier), ("callbacks", OptimizerCallback)):
        options[name] = list(options[name] or ())
        for value in options[name]:
            if not isinstance(value, kind):
                raise errors.ParameterError(
                    f"{name} must be a list of kerascope.vis {kind.__name__} objects; got {value!r} in it."
                )
    return options


def _check_range(input_range: PixelRange) -> None:
    if not (len(input_range) == 2 and input_range[0] < input_range[1]):
        raise errors.ParameterError(f"input_range must be (least, greatest); got {input_range!r}.")


def _for_display(image: Array, input_range: PixelRange) -> Array:
    """Return bytes if the range has whole numbers within bytes, else floats; channels last."""
    low, high = input_range
    if isinstance(low, int) and isinstance(high, int) and low >= 0 and 1 < high <= 255:
        image = np.clip(image, low, high).astype("uint8")
    else:
        image = image.astype("float32")
    first = keras.config.image_data_format() == "channels_first"
    return np.moveaxis(image, 0, -1) if first and image.ndim > 2 else image
