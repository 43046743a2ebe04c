"""One step uphill, compiled with the model: picture, view, score, penalties, gradient, Adam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerascope import backend, errors
from kerascope.maximization.parametrization import Parametrization
from kerascope.maximization.penalties import Penalty
from kerascope.maximization.transforms import placed, turned
from kerascope.probe import ScoreFunction

CARRIED = (
    *("coefficients", "mean", "square", "step", "rate"),
    *("low", "high", "shift", "zoom", "angle", "kin"),
)
"""What the step is handed each time, in this order."""


@dataclass(frozen=True)
class Ascent:
    r"""What a step computes, fixed when it is compiled.

    The gradient of score less penalties moves the coefficients by Adam,

    $$m \leftarrow .9 m + .1 g, \quad v \leftarrow .999 v + .001 g^2, \quad
      s \leftarrow s + \eta\, \hat m / (\sqrt{\hat v} + 10^{-8})$$

    with bias-corrected $\hat m$ and $\hat v$; Kingma and Ba, Adam, ICLR 2015, algorithm 1.

    Args:
        parametrization: what is optimised.
        penalties: taken off the score.
        diversity: weight of the likeness of images of the same target, or 0.
        moves: images are shifted and scaled.
        turns: images are turned.
    """

    parametrization: Parametrization
    penalties: tuple[Penalty, ...]
    diversity: float
    moves: bool
    turns: bool

    def __call__(self, score: ScoreFunction, carried: Mapping[str, Any]) -> dict[str, Any]:
        """One step; see `kerascope.probe.execute.routine`."""
        bases = [ops.convert_to_tensor(basis) for basis in self.parametrization.bases]
        if self.moves:
            bases = [
                ops.matmul(placed(size, carried["shift"][:, axis], carried["zoom"]), basis)
                for axis, (size, basis) in enumerate(zip(self.parametrization.size, bases, strict=True))
            ]
        axes = len(self.parametrization.size)
        low, high = (ops.reshape(carried[end], (-1, *(1,) * axes)) for end in ("low", "high"))

        def objective(variables: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
            values = self.parametrization.values(variables["coefficients"], bases)
            if self.turns:
                values = turned(values, carried["angle"])
            # Channels first as long as possible: then a channel's range is one number for a whole plane.
            pictures = ops.sigmoid(values)
            images = low + (high - low) * pictures + variables["nudge"]
            scores, activations = score(_channels_last(images))
            total = scores[:, 0]
            for penalty in self.penalties:
                total = total - penalty(_channels_last(pictures))
            if self.diversity:
                total = total - self.diversity * likeness(activations[0], carried["kin"])
            return total[:, None], {"scores": scores[:, 0]}

        # Penalties depend on the coefficients alone; whether the score depends on the image is told by the
        # gradient at its brightness.
        count = carried["coefficients"].shape[0]
        variables = {
            "coefficients": carried["coefficients"],
            "nudge": ops.zeros((count, *(1,) * (axes + 1)), "float32"),
        }
        differentiate = backend.current().value_and_gradients(objective)
        _, kept, (gradients,) = differentiate(variables)
        if gradients["nudge"] is None:
            raise errors.DisconnectedError(
                "the score must depend on the image to be maximised; this target does not, or not "
                "differentiably: rounding, argmax, whole numbers, or another input. Choose another target."
            )
        gradient = gradients["coefficients"]
        step = carried["step"] + 1
        mean = 0.9 * carried["mean"] + 0.1 * gradient
        square = 0.999 * carried["square"] + 0.001 * ops.square(gradient)
        change = (mean / (1 - 0.9**step)) / (ops.sqrt(square / (1 - 0.999**step)) + 1e-8)
        moved = carried["coefficients"] + carried["rate"] * change
        return {
            "coefficients": moved,
            "finite": ops.all(ops.isfinite(moved)),
            "mean": mean,
            "square": square,
            "alive": ops.any(ops.not_equal(gradients["nudge"], 0)),
            **kept,
        }

    def pictures(self, coefficients: Any) -> np.ndarray[Any, Any]:
        """The pictures themselves, (N, *size, C) in [0, 1], neither moved nor turned."""
        bases = [ops.convert_to_tensor(basis) for basis in self.parametrization.bases]
        values = self.parametrization.values(ops.convert_to_tensor(coefficients), bases)
        return np.moveaxis(ops.convert_to_numpy(ops.sigmoid(values)), 1, -1)


def _channels_last(pictures: Any) -> Any:
    """(N, C, *spatial) as (N, *spatial, C), by way of three axes, which TensorFlow turns in half the time."""
    count, channels, *spatial = pictures.shape
    flat = ops.reshape(pictures, (count, channels, -1))
    return ops.reshape(ops.swapaxes(flat, 1, 2), (count, *spatial, channels))


def likeness(activations: Any, kin: Any) -> Any:
    r"""How alike the images of one target are: the mean cosine of their Gram matrices, (N,).

    $$\frac{1}{|K_n|} \sum_{m \in K_n} \cos(A_n^\top A_n, A_m^\top A_m)$$

    with the activations $A$ (places, channels), and the other images $K_n$ of the same target.

    Args:
        activations: (N, *spatial, C).
        kin: (N, N), 1 for another image of the same target, else 0.

    Source:
        Olah, Mordvintsev and Schubert, Feature Visualization, Distill 2017, appendix "Diversity".
    """
    count, channels = activations.shape[0], activations.shape[-1]
    flat = ops.reshape(activations, (count, -1, channels))
    gram = ops.reshape(ops.matmul(ops.swapaxes(flat, 1, 2), flat), (count, -1))
    unit = gram / (ops.sqrt(ops.sum(ops.square(gram), axis=1, keepdims=True)) + 1e-8)
    cosines = ops.matmul(unit, ops.transpose(unit))
    return ops.sum(cosines * kin, axis=1) / ops.maximum(ops.sum(kin, axis=1), 1.0)
