"""Weighted losses as a model and a target of kerascope; not in keras-vis."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
from keras import ops, tree

from kerascope import errors
from kerascope.target import Context, Forward, Reading, Target
from kerascope.vis.filters import channels_first, means, normalize_filters
from kerascope.vis.losses import ActivationMaximization, Loss
from kerascope.vis.regularizers import PixelRange, Regularizer
from kerascope.vis.seed_inputs import image_index, is_inside, model_between, unwrap_single

WeightedLoss = tuple[Loss | Callable[[Any], Any], float | None]


@dataclass(frozen=True)
class LossTerm:
    """One weighted loss.

    Args:
        name: of the loss.
        weight: of the loss.
        kind: `"score"` minus the filters of a layer, `"image"` a function of an input, `"value"` an
            expression that the model returns.
        output: index of the output of the loss model that the loss depends on.
        filters: for a score; None for all.
        channels_first: whether that output has its channels first.
        function: for an image.
    """

    name: str
    weight: float
    kind: Literal["score", "image", "value"]
    output: int
    filters: tuple[int, ...] | None = None
    channels_first: bool = False
    function: Callable[[Any], Any] | None = None

    def value(self, forward: Forward) -> Any:
        """Return the weighted loss of each image, (N,)."""
        structure = forward.scores if self.kind == "score" else forward.outputs
        tensor = tree.flatten(structure)[self.output]
        if self.kind == "score":
            activations = means(tensor, self.channels_first)
            if self.filters is None:
                loss = -ops.mean(activations, axis=1)
            else:
                filters = ops.convert_to_tensor(self.filters, "int32")
                loss = -ops.sum(ops.take(activations, filters, axis=1), axis=1)
        elif self.function is not None:
            tensor = ops.moveaxis(tensor, 1, -1) if self.channels_first else tensor
            loss = _per_image(self.function(tensor), forward.count, self.name)
        else:
            loss = _per_image(tensor, forward.count, self.name)
        return self.weight * loss


@dataclass(frozen=True, eq=False)
class Objective(Target):
    """The sum of weighted losses, or each of them by itself.

    Args:
        terms: the losses.
        separate: each loss by itself, on a class axis.
    """

    terms: tuple[LossTerm, ...]
    separate: bool = False

    @property
    def class_axis(self) -> bool:  # type: ignore[override]
        return self.separate

    def key(self) -> Hashable:
        # A loss model and its probe have one objective.
        return ("objective", self.separate)

    def split(self) -> Objective:
        """Return the objective with each loss by itself, on a class axis."""
        return replace(self, separate=True)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return tuple(sorted({term.output for term in self.terms}))

    def read(self, forward: Forward, arguments: Any) -> Reading:
        values = ops.stack([term.value(forward) for term in self.terms], axis=1)
        return Reading(values if self.separate else ops.sum(values, axis=1, keepdims=True))

    def describe(self) -> str:
        return " + ".join(f"{term.weight:g} x {term.name}" for term in self.terms)


def objective_of(
    input_tensor: Any,
    losses: Sequence[WeightedLoss],
    input_range: PixelRange = (0, 255),
    wrt_tensor: Any = None,
) -> tuple[keras.Model, Objective]:
    """Return a model whose outputs the losses depend on, and the target that sums the losses.

    Args:
        input_tensor: the model's symbolic input, or its inputs in a list or dictionary.
        losses: pairs of a loss and its weight; losses of weight 0 or None are ignored.
        input_range: least and greatest pixel, for regularizers.
        wrt_tensor: the input of regularizers, if there are several; None for the only picture. A tensor
            inside the model becomes the last output of the returned model.

    Raises:
        ParameterError: no loss has a weight, or one is neither a loss nor a function.
        ModelError: a loss, or `wrt_tensor`, does not depend on this input.
    """
    inputs = tree.flatten(input_tensor)
    inside = is_inside(inputs, wrt_tensor)
    image = inputs[image_index(inputs, None if inside else wrt_tensor)]
    outputs: list[Any] = []

    def output_index(tensor: Any) -> int:
        for index, output in enumerate(outputs):
            if output is tensor:
                return index
        outputs.append(tensor)
        return len(outputs) - 1

    terms = []
    for loss, weight in losses:
        if not weight:
            continue
        name = str(getattr(loss, "name", None) or getattr(loss, "__name__", type(loss).__name__))
        if isinstance(loss, ActivationMaximization) and type(loss).build_loss is _build_activation:
            output = _output_of(loss.layer)
            rank, first = len(output.shape), channels_first(loss.layer, len(output.shape))
            channels = 1 if rank < 2 else output.shape[1 if first else -1]
            filters = loss.filter_indices and normalize_filters(
                loss.filter_indices, channels, loss.layer.name
            )
            terms.append(LossTerm(name, float(weight), "score", output_index(output), filters, first))
            continue
        if isinstance(loss, Regularizer):
            value: Any = loss.build_loss(input_range)
        else:
            value = loss.build_loss() if isinstance(loss, Loss) else loss
        if isinstance(value, keras.KerasTensor):
            terms.append(LossTerm(name, float(weight), "value", output_index(value)))
        elif callable(value):
            tensor = getattr(loss, "img", None)
            tensor = image if tensor is None else tensor
            first = len(tensor.shape) > 2 and keras.config.image_data_format() == "channels_first"
            terms.append(
                LossTerm(
                    name, float(weight), "image", output_index(tensor), channels_first=first, function=value
                )
            )
        else:
            raise errors.ParameterError(
                "a loss must be a kerascope.vis Loss whose build_loss returns a symbolic tensor or a "
                f"function of the images, or such a function; got {value!r} from {name}."
            )
    if not terms:
        raise errors.ParameterError(
            f"at least one loss must have a weight other than 0; got {[weight for _, weight in losses]}."
        )
    model = model_between(input_tensor, [*outputs, unwrap_single(wrt_tensor)] if inside else outputs)
    return model, Objective(tuple(terms))


_build_activation = ActivationMaximization.build_loss


def _output_of(layer: keras.Layer) -> Any:
    """Return the symbolic output of a layer that runs once in a model."""
    try:
        return tree.flatten(layer.output)[0]
    except (AttributeError, ValueError) as error:
        raise errors.ModelError(
            f"a layer in a loss must run once, in a Sequential or Functional model; {layer.name!r} has no "
            f"single output ({error}); use ks.Unit({layer.name!r}) instead."
        ) from error


def _per_image(value: Any, count: int, name: str) -> Any:
    """Return a loss as one number per image, (count,); a single number is used for all."""
    if not ops.is_tensor(value):
        raise errors.ParameterError(
            f"a loss must be a backend tensor, one number or one per image; {name} is a "
            f"{type(value).__name__}; use keras.ops."
        )
    value = ops.cast(value, "float32")
    if len(value.shape) and value.shape[0] == count:
        return ops.sum(ops.reshape(value, (count, -1)), axis=1)
    return ops.broadcast_to(ops.sum(value), (count,))
