"""Weighted losses as a model and a target of kerascope; not a module of keras-vis."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
from keras import ops, tree

from kerascope import errors
from kerascope.target import Context, Forward, Reading, Target
from kerascope.vis.filters import channels_first, checked, means
from kerascope.vis.losses import ActivationMaximization, Loss
from kerascope.vis.regularizers import Range, Regularizer
from kerascope.vis.seed import image_place, is_inside, model_between, unlisted

WeightedLoss = tuple[Loss | Callable[[Any], Any], float | None]


@dataclass(frozen=True)
class Term:
    """One weighted loss.

    Args:
        name: of the loss.
        weight: of the loss.
        kind: `"score"` minus the filters of a layer, `"image"` a function of an input, `"value"` an
            expression that the model returns.
        place: the output of the loss model that it is made from.
        filters: for a score; None for all.
        channels_first: of that output.
        function: for an image.
    """

    name: str
    weight: float
    kind: Literal["score", "image", "value"]
    place: int
    filters: tuple[int, ...] | None = None
    channels_first: bool = False
    function: Callable[[Any], Any] | None = None

    def value(self, forward: Forward) -> Any:
        """The weighted loss of each image, (N,)."""
        chosen = forward.scores if self.kind == "score" else forward.outputs
        tensor = tree.flatten(chosen)[self.place]
        if self.kind == "score":
            found = means(tensor, self.channels_first)
            if self.filters is not None:
                found = ops.take(found, ops.convert_to_tensor(self.filters, "int32"), axis=1)
            loss = -(ops.mean(found, axis=1) if self.filters is None else ops.sum(found, axis=1))
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
        separate: each by itself, on a class axis.
    """

    terms: tuple[Term, ...]
    separate: bool = False

    @property
    def class_axis(self) -> bool:  # type: ignore[override]
        return self.separate

    def key(self) -> Hashable:
        # A loss model and its probe are made for one objective.
        return ("objective", self.separate)

    def each(self) -> Objective:
        """The losses by themselves."""
        return replace(self, separate=True)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return tuple(sorted({term.place for term in self.terms}))

    def read(self, forward: Forward, arguments: Any) -> Reading:
        values = ops.stack([term.value(forward) for term in self.terms], axis=1)
        return Reading(values if self.separate else ops.sum(values, axis=1, keepdims=True))

    def describe(self) -> str:
        return " + ".join(f"{term.weight:g} x {term.name}" for term in self.terms)


def objective_of(
    input_tensor: Any,
    losses: Sequence[WeightedLoss],
    input_range: Range = (0, 255),
    wrt_tensor: Any = None,
) -> tuple[keras.Model, Objective]:
    """A model that returns what losses are made from, and the target that adds them up.

    Args:
        input_tensor: the model's symbolic input, or its inputs in a list or dictionary.
        losses: pairs of a loss and its weight; those of weight 0 or None are left out.
        input_range: least and greatest pixel, for regularizers.
        wrt_tensor: the input that regularizers look at, where there are several; None for the only picture. A
            tensor inside the model becomes the last output of the model that is returned.

    Raises:
        ParameterError: no loss is left, or one is neither a loss nor a function.
        ModelError: a loss, or `wrt_tensor`, is not made from this input.
    """
    inputs = tree.flatten(input_tensor)
    inside = is_inside(inputs, wrt_tensor)
    image = inputs[image_place(inputs, None if inside else wrt_tensor)]
    outputs: list[Any] = []

    def place_of(tensor: Any) -> int:
        for place, known in enumerate(outputs):
            if known is tensor:
                return place
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
            filters = loss.filter_indices and checked(loss.filter_indices, channels, loss.layer.name)
            terms.append(Term(name, float(weight), "score", place_of(output), filters, first))
            continue
        if isinstance(loss, Regularizer):
            built: Any = loss.build_loss(input_range)
        else:
            built = loss.build_loss() if isinstance(loss, Loss) else loss
        if isinstance(built, keras.KerasTensor):
            terms.append(Term(name, float(weight), "value", place_of(built)))
        elif callable(built):
            seen = getattr(loss, "img", None)
            seen = image if seen is None else seen
            first = len(seen.shape) > 2 and keras.config.image_data_format() == "channels_first"
            terms.append(
                Term(name, float(weight), "image", place_of(seen), channels_first=first, function=built)
            )
        else:
            raise errors.ParameterError(
                "a loss must be a kerascope.vis Loss whose build_loss returns a symbolic tensor or a "
                f"function of the images, or such a function; got {built!r} from {name}."
            )
    if not terms:
        raise errors.ParameterError(
            f"at least one loss must have a weight other than 0; got {[weight for _, weight in losses]}."
        )
    model = model_between(input_tensor, [*outputs, unlisted(wrt_tensor)] if inside else outputs)
    return model, Objective(tuple(terms))


_build_activation = ActivationMaximization.build_loss


def _output_of(layer: keras.Layer) -> Any:
    """The symbolic output of a layer that runs once in a model."""
    try:
        return tree.flatten(layer.output)[0]
    except (AttributeError, ValueError) as error:
        raise errors.ModelError(
            f"a layer in a loss must run once, in a Sequential or Functional model; {layer.name!r} has no "
            f"single output ({error}); explain it with ks.Unit({layer.name!r}) instead."
        ) from error


def _per_image(value: Any, count: int, name: str) -> Any:
    """A loss as one number per image, (count,); a single number is that of the only image."""
    if not ops.is_tensor(value):
        raise errors.ParameterError(
            f"a loss must be a backend tensor, one number or one per image; {name} is a "
            f"{type(value).__name__}; use keras.ops."
        )
    value = ops.cast(value, "float32")
    if len(value.shape) and value.shape[0] == count:
        return ops.sum(ops.reshape(value, (count, -1)), axis=1)
    return ops.broadcast_to(ops.sum(value), (count,))
