"""The style of a picture in the model's features: mean and deviation of each channel of an early layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.dataset.running.worker import SharedProbe
from kerascope.probe import Probe, Request
from kerascope.probe.execute.routine import ScoreFunction
from kerascope.target import Class, Contrast, Rank
from kerascope.typing import Array

_LEAST_CHANNELS = 4
"""The first layer with at least so many channels is early, and no mere preparation of the pixels."""
_EPSILON = 1e-5
"""Added to the deviation of a channel."""
_CARRIED = ("features", "mean", "deviation", "rows")


def find_style_layer(probe: Probe, blank: Any) -> str | None:
    """The path of the layer whose statistics are exchanged: the first one with places and several channels.

    Statistics of a late layer are the class itself: a model that pools its features knows nothing else.
    """
    try:
        rows = probe.layers(blank)
    except errors.KerascopeError:
        return None
    early = (
        row.path
        for row in rows
        if row.explainable and len(row.grid or ()) == 2 and (row.channels or 0) >= _LEAST_CHANNELS
    )
    return next(early, None)


def read_moments(features: Array) -> Array:
    """Mean and deviation of each channel, (n, 2, C), of features (n, h, w, C)."""
    return np.stack([features.mean(axis=(1, 2)), features.std(axis=(1, 2))], axis=1)


class _ExchangeMoments:
    r"""Gives features the moments of a donor: $\sigma' (a - \mu) / \sigma + \mu'$, channel by channel.

    Source:
        Huang and Belongie, Arbitrary style transfer in real-time with adaptive instance normalization, ICCV
        2017, equation 8. Deviation: features that are never negative stay so.
    """

    def __call__(self, score: ScoreFunction, carried: Mapping[str, Any]) -> dict[str, Any]:
        features = carried["features"]
        mean = ops.mean(features, axis=(1, 2), keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(features - mean), axis=(1, 2), keepdims=True))
        changed = (features - mean) / (deviation + _EPSILON) * carried["deviation"] + carried["mean"]
        changed = ops.where(ops.min(features) >= 0, ops.relu(changed), changed)
        scores, _ = score(changed, carried["rows"])
        return {"scores": scores}


_STEP = _ExchangeMoments()


@dataclass(frozen=True, eq=False)
class StyleWork:
    """Scores images with the moments of others, as a `kerascope.dataset.running.worker.Work`."""

    probe: SharedProbe
    batch_size: int
    layer: str

    def start(self, probe: Probe) -> Callable[[tuple[Array, Array | None, int]], Array]:
        """A function from images, moments (n, k, 2, C) and a class to its lead over the next one, (n, k).

        Without moments, to the images' own. Images are as the model takes them; the lead is at least 0 where
        the class is predicted.

        Cost:
            1 forward for each image to its features, and k behind them.
        """
        padded = probe.with_padding(self.batch_size)

        def run(item: tuple[Array, Array | None, int]) -> Array:
            images, moments, label = item
            features = padded.activations(images, self.layer)
            if moments is None:
                return read_moments(features)
            size, leads = self.batch_size, []
            for start in range(0, len(images), size):
                chosen = np.minimum(np.arange(start, start + size), len(images) - 1)
                several = [
                    self._score(padded, images[chosen], features[chosen], given[chosen], label)
                    for given in np.moveaxis(moments, 1, 0)
                ]
                leads.append(np.stack(several, axis=1)[: len(images) - start])
            return np.concatenate(leads)

        return run

    def _score(self, probe: Probe, images: Array, features: Array, moments: Array, label: int) -> Array:
        size = len(images)
        step = probe.routine(
            _STEP,
            images,
            Contrast(Class(label), Rank(1)),
            _CARRIED,
            Request((self.layer,)),
            rows=size,
            replaced=True,
            key="style",
        )
        shape = (size, 2, 1, 1, moments.shape[-1])
        mean, deviation = np.moveaxis(moments.reshape(shape).astype("float32"), 1, 0)
        values = (features, mean, deviation, np.arange(size, dtype="int32"))
        found = step(
            {name: ops.convert_to_tensor(value) for name, value in zip(_CARRIED, values, strict=True)}
        )
        return np.asarray(ops.convert_to_numpy(found["scores"]))[:, 0]
