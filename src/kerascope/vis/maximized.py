"""The options of `visualize_activation` as a run of `ks.Maximize`; not a module of keras-vis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerascope import errors, maximization
from kerascope.maximization import Progress, Transforms
from kerascope.probe import Probe
from kerascope.vis.callbacks import OptimizerCallback, Print
from kerascope.vis.filters import Filters, filters_of
from kerascope.vis.input_modifiers import Jitter
from kerascope.vis.regularizers import Range, Regularizer
from kerascope.vis.seed import batch_of, input_of, probe_of, structure_of

Array = np.ndarray[Any, Any]

_ADAM = 0.05


def maximized(
    model: keras.Model,
    layer_idx: int,
    filter_indices: int | Sequence[int] | None,
    wrt_tensor: Any,
    input_range: Range,
    weight: float,
    regularizers: Sequence[tuple[Regularizer, float]],
    options: dict[str, Any],
) -> Array:
    """The best image of `ks.Maximize`, in the model's range and layout."""
    probe = probe_of(model, wrt_tensor, at_input=True)
    structure = structure_of(model)
    seed = options["seed_input"]
    start = None if seed is None else batch_of(structure, seed)
    target = _target(probe, layer_idx, filter_indices, start)
    # Against the score as it is: the score's own weight is divided out.
    penalties = tuple(
        Weighted(regularizer.penalty(input_range), value / weight, regularizer.name)
        for regularizer, value in regularizers
    )
    shares = [
        share for jitter in options["input_modifiers"] for share in _shares(jitter, structure, wrt_tensor)
    ]
    watchers = [*options["callbacks"], *([Print()] if options["verbose"] else [])]
    config = maximization.Maximize(
        steps=options["max_iter"],
        input_range=input_range,
        parametrization="pixels",
        transforms=Transforms(jitter=max(shares, default=0.0), scale=1.0),
        penalties=penalties,
        learning_rate=_ADAM,
        progress=False,
    )
    heard = Heard(watchers, penalties, weight, input_range)
    result = config(probe, target, start=start, callbacks=[heard] if watchers else [])
    for watcher in watchers:
        watcher.on_end()
    found: Array = result.images[0]
    return found


def _target(probe: Probe, layer_idx: int, filter_indices: Any, start: Any) -> Filters:
    """The target; a subclassed model is asked with the seed, or with nothing where it has none."""
    if start is None and structure_of(probe.model) is None:
        raise errors.InputError(
            f"seed_input must be given for {probe.model.name!r}, a subclassed model, which does not state "
            "its size."
        )
    return filters_of(probe, layer_idx, filter_indices, start)


def _shares(jitter: Jitter, structure: Any, wrt_tensor: Any) -> list[float]:
    """The largest shift along each axis, as a share of the size."""
    inputs = tree.flatten(structure)
    place = input_of(inputs, wrt_tensor)
    shape = inputs[place or 0].shape[1:] if inputs and inputs[0] is not None else ()
    first = keras.config.image_data_format() == "channels_first"
    sizes = tuple(shape[1:] if first else shape[:-1])
    if (jitter.jitter < 1).all():
        return [float(share) for share in jitter.jitter]
    if not sizes or None in sizes:
        raise errors.InputError(
            "Jitter in pixels needs a model of a stated image size; give a share below 1."
        )
    return [shift / size for shift, size in zip(jitter.shifts(sizes), sizes, strict=True)]


@dataclass(frozen=True)
class Weighted:
    """A penalty times its weight.

    Args:
        penalty: from pictures (N, *spatial, C) in [0, 1] to (N,).
        weight: of it.
        name: of it.
    """

    penalty: Callable[[Any], Any]
    weight: float
    name: str

    def __call__(self, pictures: Any) -> Any:
        """The weighted penalty, (N,)."""
        return self.weight * self.penalty(pictures)


@dataclass(frozen=True)
class Heard:
    """Tells callbacks of keras-vis about a run of `ks.Maximize`.

    Args:
        watchers: `Print` and `GifGenerator`, which do not look at gradients.
        penalties: of the run.
        weight: of the score.
        input_range: least and greatest pixel.
    """

    watchers: Sequence[OptimizerCallback]
    penalties: Sequence[Weighted]
    weight: float
    input_range: Range

    def __call__(self, progress: Progress) -> None:
        """A step was done."""
        images = progress.images()
        low, high = self.input_range
        pictures = ops.convert_to_tensor((images - low) / (high - low), dtype="float32")
        named = [("ActivationMax Loss", -self.weight * float(progress.scores[0]))]
        named += [
            (penalty.name, self.weight * float(ops.convert_to_numpy(penalty(pictures))[0]))
            for penalty in self.penalties
        ]
        overall = sum(value for _, value in named)
        for watcher in self.watchers:
            watcher.callback(progress.step - 1, named, overall, np.empty(0, "float32"), images[:1])
