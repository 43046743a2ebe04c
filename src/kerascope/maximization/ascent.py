"""One step of gradient ascent, compiled with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerascope import backend, errors
from kerascope.maximization.parametrization import Parametrization
from kerascope.maximization.penalties import Penalty
from kerascope.maximization.transforms import rotate, shift_matrices
from kerascope.probe import ScoreFunction

STEP_TENSORS = (
    *("coefficients", "mean", "square", "step", "rate"),
    *("low", "high", "shift", "zoom", "angle", "siblings"),
)
"""The tensors that each step receives, in this order."""


@dataclass(frozen=True)
class Ascent:
    r"""One step, fixed when it is compiled.

    The gradient of score less penalties moves the coefficients by Adam,

    $$m \leftarrow .9 m + .1 g, \quad v \leftarrow .999 v + .001 g^2, \quad
      s \leftarrow s + \eta\, \hat m / (\sqrt{\hat v} + 10^{-8})$$

    with bias-corrected $\hat m$ and $\hat v$; Kingma and Ba, Adam, ICLR 2015, algorithm 1.

    Args:
        parametrization: of the images.
        penalties: subtracted from the score.
        diversity: weight of the similarity of images of the same target, or 0.
        moves: images are shifted and scaled.
        turns: images are rotated.
    """

    parametrization: Parametrization
    penalties: tuple[Penalty, ...]
    diversity: float
    moves: bool
    turns: bool

    def __call__(self, score: ScoreFunction, carried: Mapping[str, Any]) -> dict[str, Any]:
        """Run one step; see `kerascope.probe.execute.routine`."""
        bases = [ops.convert_to_tensor(basis) for basis in self.parametrization.bases]
        if self.moves:
            bases = [
                ops.matmul(shift_matrices(size, carried["shift"][:, axis], carried["zoom"]), basis)
                for axis, (size, basis) in enumerate(zip(self.parametrization.size, bases, strict=True))
            ]
        axes = len(self.parametrization.size)
        low, high = (ops.reshape(carried[end], (-1, *(1,) * axes)) for end in ("low", "high"))

        def objective(variables: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
            values = self.parametrization.values(variables["coefficients"], bases)
            if self.turns:
                values = rotate(values, carried["angle"])
            # Channels first as long as possible: a channel's range is then one number for a whole plane.
            pictures = ops.sigmoid(values)
            images = low + (high - low) * pictures + variables["nudge"]
            scores, activations = score(_channels_last(images))
            total = scores[:, 0]
            for penalty in self.penalties:
                total = total - penalty(_channels_last(pictures))
            if self.diversity:
                total = total - self.diversity * gram_similarity(activations[0], carried["siblings"])
            return total[:, None], {"scores": scores[:, 0]}

        # Penalties depend on the coefficients alone, so the gradient at a brightness offset shows whether the
        # score depends on the image.
        count = carried["coefficients"].shape[0]
        variables = {
            "coefficients": carried["coefficients"],
            "nudge": ops.zeros((count, *(1,) * (axes + 1)), "float32"),
        }
        differentiate = backend.current().value_and_gradients(objective)
        _, results, (gradients,) = differentiate(variables)
        if gradients["nudge"] is None:
            raise errors.DisconnectedError(
                "the score must depend on the image to be maximised; this target does not, or not "
                "differentiably (rounding, argmax, integers, another input); choose another target."
            )
        gradient = gradients["coefficients"]
        step = carried["step"] + 1
        mean = 0.9 * carried["mean"] + 0.1 * gradient
        square = 0.999 * carried["square"] + 0.001 * ops.square(gradient)
        change = (mean / (1 - 0.9**step)) / (ops.sqrt(square / (1 - 0.999**step)) + 1e-8)
        coefficients = carried["coefficients"] + carried["rate"] * change
        return {
            "coefficients": coefficients,
            "finite": ops.all(ops.isfinite(coefficients)),
            "mean": mean,
            "square": square,
            "alive": ops.any(ops.not_equal(gradients["nudge"], 0)),
            **results,
        }

    def pictures(self, coefficients: Any) -> np.ndarray[Any, Any]:
        """Return the pictures without transforms, (N, *size, C) in [0, 1]."""
        bases = [ops.convert_to_tensor(basis) for basis in self.parametrization.bases]
        values = self.parametrization.values(ops.convert_to_tensor(coefficients), bases)
        return np.moveaxis(ops.convert_to_numpy(ops.sigmoid(values)), 1, -1)


def _channels_last(pictures: Any) -> Any:
    """Move channels last, by way of three axes, which takes TensorFlow half the time."""
    count, channels, *spatial = pictures.shape
    flat = ops.reshape(pictures, (count, channels, -1))
    return ops.reshape(ops.swapaxes(flat, 1, 2), (count, *spatial, channels))


def gram_similarity(activations: Any, siblings: Any) -> Any:
    r"""Similarity of the images of one target: the mean cosine of their Gram matrices, (N,).

    $$\frac{1}{|K_n|} \sum_{m \in K_n} \cos(A_n^\top A_n, A_m^\top A_m)$$

    with the activations $A$ (positions, channels), and the other images $K_n$ of the same target.

    Source:
        Olah, Mordvintsev and Schubert, Feature Visualization, Distill 2017, appendix "Diversity".
    """
    count, channels = activations.shape[0], activations.shape[-1]
    flat = ops.reshape(activations, (count, -1, channels))
    gram = ops.reshape(ops.matmul(ops.swapaxes(flat, 1, 2), flat), (count, -1))
    unit = gram / (ops.sqrt(ops.sum(ops.square(gram), axis=1, keepdims=True)) + 1e-8)
    cosines = ops.matmul(unit, ops.transpose(unit))
    return ops.sum(cosines * siblings, axis=1) / ops.maximum(ops.sum(siblings, axis=1), 1.0)
