"""The optimisation of one batch of images: the loop over compiled steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import ops

from kerascope import errors
from kerascope.maximization.ascent import STEP_TENSORS, Ascent
from kerascope.maximization.targets import TargetPerImage
from kerascope.maximization.transforms import Transforms
from kerascope.probe import Answer, Probe, Request
from kerascope.typing import Array


@dataclass(frozen=True)
class StepProgress:
    """The progress of a run, which callbacks receive after every step.

    Args:
        step: number of steps so far, from 1.
        steps: number of steps of the run.
        scores: float32 (N,), the score of each image of this batch, with the transforms of this step. A fixed
            batch size may pad the batch with copies of its last image.
        images: returns the current images, channels last and in the model's range.
    """

    step: int
    steps: int
    scores: Array
    images: Callable[[], Array]


Callback = Callable[[StepProgress], Any]


@dataclass
class Optimization:
    """Images of one kind of target, optimised in one pass per step.

    Args:
        probe: the model.
        target: a target for each image.
        ascent: the step.
        transforms: of the images before each step.
        low: least pixel of each channel.
        high: greatest pixel of each channel.
        inputs: a function from images, channels last in the model's range, to the model's inputs.
        siblings: (N, N), 1 for another image of the same target.
        copies: index of each image among the copies of its target, which seeds it together with `seed`.
        seed: of the random numbers.
    """

    probe: Probe
    target: TargetPerImage
    ascent: Ascent
    transforms: Transforms
    low: Array
    high: Array
    inputs: Callable[[Array], Any]
    siblings: Array
    copies: Sequence[int]
    seed: int
    history: list[Array] = field(default_factory=list)
    snapshots: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    pictures: list[Array] = field(default_factory=list)

    def start(self, pictures: Array | None) -> None:
        """Start from pictures (N, *size, C) in [0, 1], or from noise close to grey."""
        shape = self.ascent.parametrization
        self._generators = [np.random.default_rng([self.seed, copy]) for copy in self.copies]
        if pictures is None:
            noise = [shape.random(1, generator) for generator in self._generators]
            self._coefficients: Any = np.concatenate(noise)
        else:
            self._coefficients = shape.coefficients(pictures)
        zeros = ops.zeros(self._coefficients.shape, "float32")
        self._moments = {"mean": zeros, "square": zeros}
        self._fixed = _tensors({"low": self.low, "high": self.high, "siblings": self.siblings})
        blank = np.zeros((len(self.copies), *shape.size, shape.channels), "float32")
        self._step = self.probe.routine(
            self.ascent,
            self.inputs(blank),
            self.target,
            STEP_TENSORS,
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
        """Run all steps, with a snapshot after each `every` and the last; return the error that ended it."""
        try:
            for step in range(1, steps + 1):
                view_scores, finite = self.step(rate)
                scores = view_scores
                if finite and (step % every == 0 or step == steps):
                    scores = self.snapshot()
                if not finite or not np.isfinite(scores).all():
                    return self._explain_failure(step, steps, scores)
                for callback in callbacks:
                    callback(StepProgress(step, steps, view_scores, self.images))
                if bar is not None:
                    bar.add(1, [("score", float(view_scores.mean()))])
        except KeyboardInterrupt as stop:
            if self.history and self.snapshots[-1:] != [len(self.history)]:
                self.snapshot()
            return stop
        return None

    def _explain_failure(self, step: int, steps: int, scores: Array) -> errors.ObjectiveError:
        bad = scores[~np.isfinite(scores)]
        result = " The error's `result` holds the best so far." if self.snapshots else ""
        return errors.ObjectiveError(
            f"scores, penalties and their gradients must stay finite; at step {step} of {steps} "
            f"{f'a score became {bad[0]}' if len(bad) else 'a gradient was not'}; lower learning_rate, "
            f"look for overflow (float16) or for a logarithm or root in the target or a penalty.{result}"
        )

    def step(self, rate: float) -> tuple[Array, bool]:
        """Run one step; return the score of each transformed image, and whether all numbers are finite."""
        axes = len(self.ascent.parametrization.size)
        views = [self.transforms.draw(1, axes, generator) for generator in self._generators]
        placement = {name: np.concatenate([view[name] for view in views]) for name in views[0]}
        numbers = {"step": float(len(self.history)), "rate": rate, **placement}
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
        """Score the images without transforms, and store them if all scores are finite."""
        pictures = self.ascent.pictures(self._coefficients)
        answer = self.probe.run(None, self.inputs(self.images(pictures)), self.target)
        if np.isfinite(answer.scores).all():
            self.answers.append(answer)
            self.pictures.append(pictures)
            self.snapshots.append(len(self.history))
        return answer.scores

    def images(self, pictures: Array | None = None) -> Array:
        """Return pictures, by default the current ones, in the model's range."""
        pictures = self.ascent.pictures(self._coefficients) if pictures is None else pictures
        return np.asarray(self.low + (self.high - self.low) * pictures, "float32")


def _tensors(numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {name: ops.convert_to_tensor(value, dtype="float32") for name, value in numbers.items()}
