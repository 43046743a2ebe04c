"""The climb of one batch of images: the loop around the compiled step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascope import errors
from kerascope.maximization.ascent import CARRIED, Ascent
from kerascope.maximization.targets import Each
from kerascope.maximization.transforms import Transforms
from kerascope.probe import Answer, Probe, Request
from kerascope.typing import Array


@dataclass(frozen=True)
class Progress:
    """Where a run is, handed to callbacks after every step.

    Args:
        step: how many steps were done, from 1.
        steps: how many there will be.
        scores: float32 (N,), the score of each image of this batch, as it was seen in this step. A fixed
            batch size may pad the batch with repetitions of its last image.
        images: gives the images as they are now, channels last and in the model's range.
    """

    step: int
    steps: int
    scores: Array
    images: Callable[[], Array]


Callback = Callable[[Progress], Any]


@dataclass
class Climb:
    """Images of one kind of target, optimised together in one pass per step.

    Args:
        probe: the model.
        target: a target for each image.
        ascent: what a step computes.
        transforms: how images are moved.
        low: least pixel of each channel.
        high: greatest pixel of each channel.
        inputs: from images, channels last in the model's range, to the model's inputs.
        kin: (N, N), 1 for another image of the same target.
        copies: for each image, which copy of its target it is: with the seed, what is random about it.
        seed: of the random numbers.
    """

    probe: Probe
    target: Each
    ascent: Ascent
    transforms: Transforms
    low: Array
    high: Array
    inputs: Callable[[Array], Any]
    kin: Array
    copies: Sequence[int]
    seed: int
    history: list[Array] = field(default_factory=list)
    snapshots: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    pictures: list[Array] = field(default_factory=list)

    def start(self, pictures: Array | None) -> None:
        """Take given pictures (N, *size, C) in [0, 1], or noise close to grey."""
        shape = self.ascent.parametrization
        self._generators = [np.random.default_rng([self.seed, copy]) for copy in self.copies]
        if pictures is None:
            drawn = [shape.random(1, generator) for generator in self._generators]
            self._coefficients: Any = np.concatenate(drawn)
        else:
            self._coefficients = shape.coefficients(pictures)
        zeros = ops.zeros(self._coefficients.shape, "float32")
        self._moments = {"mean": zeros, "square": zeros}
        self._fixed = _tensors({"low": self.low, "high": self.high, "kin": self.kin})
        blank = np.zeros((len(self.copies), *shape.size, shape.channels), "float32")
        self._step = self.probe.routine(
            self.ascent,
            self.inputs(blank),
            self.target,
            CARRIED,
            Request(
                (self.target.layers[:1] or (None,)) if self.ascent.diversity else (), image_gradient=True
            ),
            key=self.ascent,
        )
        self._coefficients = ops.convert_to_tensor(self._coefficients)

    def run(
        self,
        steps: int,
        every: int,
        rate: float,
        callbacks: Sequence[Callback] = (),
        bar: keras.utils.Progbar | None = None,
    ) -> KeyboardInterrupt | errors.ObjectiveError | None:
        """All steps, with a snapshot after `every` of them and after the last; what stopped it, or None."""
        try:
            for step in range(1, steps + 1):
                seen, finite = self.step(rate)
                scores = seen
                if finite and (step % every == 0 or step == steps):
                    scores = self.snapshot()
                if not finite or not np.isfinite(scores).all():
                    return self._broken(step, steps, scores)
                for callback in callbacks:
                    callback(Progress(step, steps, seen, self.images))
                if bar is not None:
                    bar.add(1, [("score", float(seen.mean()))])
        except KeyboardInterrupt as stop:
            if self.history and self.snapshots[-1:] != [len(self.history)]:
                self.snapshot()
            return stop
        return None

    def _broken(self, step: int, steps: int, scores: Array) -> errors.ObjectiveError:
        bad = scores[~np.isfinite(scores)]
        kept = " The error's `result` holds the best so far." if self.snapshots else ""
        return errors.ObjectiveError(
            f"scores, penalties and their gradients must stay finite; at step {step} of {steps} "
            f"{f'a score became {bad[0]}' if len(bad) else 'a gradient was not'}; lower learning_rate, "
            f"look for overflow (float16) or for a logarithm or root in the target or a penalty.{kept}"
        )

    def step(self, rate: float) -> tuple[Array, bool]:
        """One step; the score of each image as it was seen, and whether all was finite."""
        axes = len(self.ascent.parametrization.size)
        views = [self.transforms.draw(1, axes, generator) for generator in self._generators]
        view = {name: np.concatenate([one[name] for one in views]) for name in views[0]}
        numbers = {"step": float(len(self.history)), "rate": rate, **view}
        carried = {"coefficients": self._coefficients, **self._moments, **self._fixed, **_tensors(numbers)}
        result = self._step(carried)
        scores = np.asarray(ops.convert_to_numpy(result["scores"]), "float32")
        self.history.append(scores)
        finite = bool(ops.convert_to_numpy(result["finite"]) and np.isfinite(scores).all())
        if finite:
            self._coefficients = result["coefficients"]
            self._moments = {name: result[name] for name in self._moments}
        return scores, finite

    def snapshot(self) -> Array:
        """Score the images as they are, neither moved nor turned, and keep them where all is finite."""
        pictures = self.ascent.pictures(self._coefficients)
        answer = self.probe.run(None, self.inputs(self.images(pictures)), self.target)
        if np.isfinite(answer.scores).all():
            self.answers.append(answer)
            self.pictures.append(pictures)
            self.snapshots.append(len(self.history))
        return answer.scores

    def images(self, pictures: Array | None = None) -> Array:
        """Pictures in the model's range; of the present step where None."""
        pictures = self.ascent.pictures(self._coefficients) if pictures is None else pictures
        return np.asarray(self.low + (self.high - self.low) * pictures, "float32")


def _tensors(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: ops.convert_to_tensor(value, dtype="float32") for name, value in numbers.items()}
