"""Runs of `ks.Maximize` with the options of `visualize_activation`; not in keras-vis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerascope import errors, maximization
from kerascope.maximization import StepProgress, Transforms
from kerascope.maximization.penalties import Penalty
from kerascope.probe import Probe
from kerascope.typing import Array
from kerascope.vis.callbacks import OptimizerCallback, Print
from kerascope.vis.filters import Filters, filters_of
from kerascope.vis.input_modifiers import Jitter
from kerascope.vis.regularizers import PixelRange, Regularizer
from kerascope.vis.seed_inputs import batch_of, image_index, probe_of, structure_of

_ADAM = 0.05


def maximize_filters(
    model: keras.Model,
    layer_idx: int,
    filter_indices: int | Sequence[int] | None,
    wrt_tensor: Any,
    input_range: PixelRange,
    weight: float,
    regularizers: Sequence[tuple[Regularizer, float]],
    options: dict[str, Any],
) -> Array:
    """Return the best image of `ks.Maximize`, in the model's range and layout."""
    probe = probe_of(model, wrt_tensor, at_input=True)
    structure = structure_of(model)
    seed = options["seed_input"]
    start = None if seed is None else batch_of(structure, seed)
    target = _target(probe, layer_idx, filter_indices, start)
    # `ks.Maximize` does not weight the score: penalties are divided by its weight.
    penalties = {
        regularizer.name: regularizer.penalty(input_range, value / weight)
        for regularizer, value in regularizers
    }
    size = _size(start if structure is None else structure, start, wrt_tensor)
    shares = [_share(jitter, size) for jitter in options["input_modifiers"]]
    watchers = [*options["callbacks"], *([Print()] if options["verbose"] else [])]
    config = maximization.Maximize(
        steps=options["max_iter"],
        input_range=input_range,
        parametrization="pixels",
        transforms=Transforms(jitter=max(shares, default=0.0), scale=1.0),
        penalties=tuple(penalties.values()),
        learning_rate=_ADAM,
        progress=False,
    )
    adapter = CallbackAdapter(watchers, penalties, weight, input_range)
    result = config(probe, target, start=start, callbacks=[adapter] if watchers else [])
    for watcher in watchers:
        watcher.on_end()
    image: Array = result.images[0]
    return image


def _target(probe: Probe, layer_idx: int, filter_indices: Any, start: Any) -> Filters:
    """Return the target; a subclassed model needs a seed input to find it."""
    if start is None and structure_of(probe.model) is None:
        raise errors.InputError(
            f"seed_input must be given for {probe.model.name!r}, a subclassed model without a fixed input "
            "size."
        )
    return filters_of(probe, layer_idx, filter_indices, start)


def _size(structure: Any, start: Any, wrt_tensor: Any) -> tuple[int, ...]:
    """Return the spatial size of the image, from the seed if there is one, else from the model.

    Raises:
        InputError: there is no seed, and the model has an open size.
    """
    inputs = tree.flatten(structure)
    index = image_index(inputs, wrt_tensor)
    shape = tuple((inputs if start is None else tree.flatten(start))[index].shape[1:])
    if None in shape:
        raise errors.InputError(
            f"seed_input must be given for a model with an open image size; the image is {shape}."
        )
    return shape[1:] if keras.config.image_data_format() == "channels_first" else shape[:-1]


def _share(jitter: Jitter, size: tuple[int, ...]) -> float:
    """Return the largest shift along any axis as a share of its size, at most 0.5."""
    return min(max(jitter.pixels(size) / np.asarray(size), default=0.0), 0.5)


@dataclass(frozen=True)
class CallbackAdapter:
    """Calls callbacks of keras-vis in a run of `ks.Maximize`.

    Args:
        watchers: `Print` and `GifGenerator`, which do not use gradients.
        penalties: of the run, by name.
        weight: of the score.
        input_range: least and greatest pixel.
    """

    watchers: Sequence[OptimizerCallback]
    penalties: Mapping[str, Penalty]
    weight: float
    input_range: PixelRange

    def __call__(self, progress: StepProgress) -> None:
        """Process one step."""
        images = progress.images()
        low, high = self.input_range
        pictures = ops.convert_to_tensor((images - low) / (high - low), dtype="float32")
        losses = [("ActivationMax Loss", -self.weight * float(progress.scores[0]))]
        losses += [
            (name, self.weight * float(ops.convert_to_numpy(penalty(pictures))[0]))
            for name, penalty in self.penalties.items()
        ]
        overall = sum(value for _, value in losses)
        for watcher in self.watchers:
            watcher.callback(progress.step - 1, losses, overall, np.empty(0, "float32"), images[:1])
