"""The classes that an image was nearly taken for."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.target.around import Around
from kerascope.target.base import Forward, Reading, TargetLike


@dataclass(frozen=True, eq=False)
class Rivals(Around):
    r"""The mean score of the `k` other classes whose scores are nearest to that of a class.

    $$s_n = \frac1k \sum_{d \in D_n} z_{n, d}, \qquad
      D_n = \text{the } k \text{ classes } d \ne c_n \text{ with the smallest } |z_{n, d} - z_{n, c_n}|$$

    with the pre-softmax scores $z$. `Contrast(c, Rivals(k, c))` asks why this class and not its look-alikes.

    Args:
        k: how many, at least 1; all other classes where there are fewer.
        target: the class, or `Top`, or one of them on an output or behind the softmax; None for the predicted
            class.

    Example:
        >>> import kerascope as ks
        >>> ks.Rivals(3, 281).describe()
        '3 rivals of class 281'
    """

    k: int = 3
    target: TargetLike = None

    chooses = True

    def __post_init__(self) -> None:
        if not isinstance(self.k, int | np.integer) or isinstance(self.k, bool) or self.k < 1:
            raise errors.TargetError(f"Rivals(k) needs a whole number k of at least 1; got {self.k!r}.")

    def key(self) -> Hashable:
        return ("rivals", self.k, self.inside.key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        reading = self.inside.read(forward, arguments)
        if reading.labels is None or reading.output is None:
            raise errors.TargetError(
                "rivals need a target that is a class of the model; got "
                f"{self.inside.describe()!r}, which belongs to none; give a class, "
                "a name, None or ks.Top(k)."
            )
        outputs, scores = reading.columns or (
            tree.flatten(structure)[reading.output] for structure in (forward.outputs, forward.scores)
        )
        scores = ops.cast(outputs if reading.probability else scores, "float32")
        if len(scores.shape) != 2 or scores.shape[1] < 2:
            raise errors.TargetError(
                f"rivals need a model with several classes; this one returns {tuple(scores.shape)}."
            )
        chosen = arguments["rivals"] if "rivals" in arguments else self._nearest(scores, reading.labels)
        chosen = ops.cast(chosen, "int32")
        each = ops.take_along_axis(scores[:, None], chosen, axis=2)
        return Reading(
            ops.mean(each, axis=-1),
            output=reading.output,
            probability=reading.probability,
            chosen={**reading.chosen, "rivals": chosen},
            unmet=reading.unmet,
        )

    def _nearest(self, scores: Any, labels: Any) -> Any:
        """The classes (N, K, k) with the nearest scores, of each class asked about."""
        own = ops.take_along_axis(scores, labels, axis=1)[:, :, None]
        others = ops.cast(ops.arange(scores.shape[1]), "int32")[None, None] != labels[:, :, None]
        nearness = ops.where(others, -ops.abs(scores[:, None] - own), -float("inf"))
        return ops.top_k(nearness, min(self.k, scores.shape[1] - 1), sorted=True)[1]

    def describe(self) -> str:
        return f"{self.k} rivals of {self.inside.describe()}"
