"""The configuration of a maximisation, and its run."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from kerascope import errors
from kerascope.maximization.ascent import Ascent
from kerascope.maximization.canvas import Canvas
from kerascope.maximization.optimization import Callback, Optimization
from kerascope.maximization.parametrization import Parametrization, ParametrizationKind
from kerascope.maximization.penalties import Penalty, TotalVariation
from kerascope.maximization.result import Maximization, join
from kerascope.maximization.targets import TargetPerImage, group_targets, split_targets
from kerascope.maximization.transforms import Transforms
from kerascope.probe import Probe, as_probe, require_probe
from kerascope.provenance import versions, warn
from kerascope.target import Target, TargetLike
from kerascope.validation import check_choice, check_number, check_positive, check_whole

PHOTOGRAPH = 16
"""The least shorter side in pixels of a photograph with three channels."""
SMALL = (Transforms(jitter=0.04, scale=1.05), (TotalVariation(weight=20.0),))
"""Default transforms and penalties of pixels."""
LARGE = (Transforms(), ())
"""Default transforms and penalties of waves, which are smooth by themselves."""


@dataclass(frozen=True)
class Maximize:
    r"""Activation maximisation: the image that most excites a target.

    $$x^* = \arg\max_x \; \mathbb{E}_\tau[s(\tau(x))] - \sum_r R_r(x)$$

    with the pre-softmax score $s$, random transforms $\tau$ and penalties $R$, over images within the input's
    range. Images of all targets, and their copies, are optimised in one batch; the step is compiled once.

    Args:
        steps: number of steps, at least 1.
        copies: images per target, from different start images.
        size: spatial size in pixels, a number or one per axis, for models with an open size; with `start`,
            the size of its images.
        input_range: least and greatest pixel of the model, such as `(0, 255)`; each a number or one per
            channel. None: from the rescaling in the model, else (0, 1) with a warning.
        parametrization: `"fourier"`, coefficients of waves in decorrelated colours, or `"pixels"`; None for
            waves if the input is a photograph, with three channels and at least 16 px.
        transforms: random transforms of the image before each step, `Transforms(...)`; None for the default
            of the parametrisation; `Transforms(jitter=0, scale=1)` for no transforms.
        penalties: functions of the pictures in [0, 1], (N, *spatial, C), to numbers (N,) that are subtracted
            from the score, such as `TotalVariation` and `LPNorm`; None for the default of the
            parametrisation.
        diversity: weight of the similarity of copies of one target, in units of the score; 0 for none. Only
            copies in one pass are compared, so `copies` should not exceed the probe's `batch_size`.
        learning_rate: of Adam, above 0.
        snapshots: number of times that the images are scored without transforms and stored as frames; the
            best of these is the result.
        seed: of start images and transforms; a seed gives the same numbers on each backend.
        progress: show a progress bar; None for yes on a terminal.

    Returns:
        `config(probe, target)` returns a `Maximization`: images float32 (N, ...) as model inputs, their exact
        scores, probabilities, history and frames.

    Raises:
        ParameterError: a parameter is out of its range, such as an input range in reverse order.
        TargetError, LayerError: there is no target, it depends on an image, or its layer does not exist.
        InputError: the model cannot run at this size, or has no fixed size.
        DisconnectedError: the score does not depend on the image.
        ObjectiveError: a score became NaN or infinite; the error holds the best so far.

    Cost:
        1 forward and 1 backward per image for each step; 1 more forward for each snapshot.

    Source:
        Simonyan, Vedaldi and Zisserman, Deep Inside Convolutional Networks, 2013, section 2; Olah,
        Mordvintsev and Schubert, Feature Visualization, Distill 2017. Deviations: cosine waves; see
        `kerascope.maximization.parametrization`, `Transforms` and the penalties.

    Example:
        >>> import keras, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> found = ks.Maximize(steps=4, input_range=(0, 1))(model, [0, 2])
        >>> found.images.shape, found.titles
        ((2, 8, 8, 1), ('class 0', 'class 2'))
    """

    steps: int = 256
    copies: int = 1
    size: int | tuple[int, ...] | None = None
    input_range: tuple[Any, Any] | None = None
    parametrization: ParametrizationKind | None = None
    transforms: Transforms | None = None
    penalties: tuple[Penalty, ...] | None = None
    diversity: float = 0.0
    learning_rate: float = 0.05
    snapshots: int = 16
    seed: int = 0
    progress: bool | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "copies", "snapshots"):
            check_whole(getattr(self, name), name)
        check_whole(self.seed, "seed", least=0)
        check_positive(self.learning_rate, "learning_rate")
        check_number(self.diversity, "diversity")
        check_choice(self.parametrization, "parametrization", ("fourier", "pixels", None))
        if not isinstance(self.transforms, Transforms | None):
            raise errors.ParameterError(
                f"transforms must be ks.Transforms(...) or None; got {self.transforms!r}."
            )
        if self.penalties is not None:
            if not isinstance(self.penalties, Sequence) or not all(map(callable, self.penalties)):
                raise errors.ParameterError(
                    "penalties must be a sequence of functions, such as (ks.TotalVariation(weight=1),); got "
                    f"{self.penalties!r}."
                )
            object.__setattr__(self, "penalties", tuple(self.penalties))

    def __call__(
        self,
        probe: Probe | keras.Model,
        target: TargetLike,
        *,
        start: Any = None,
        callbacks: Iterable[Callback] = (),
    ) -> Maximization:
        """Optimise the images.

        Args:
            probe: a `Probe`, or a Keras model.
            target: a class index or name, a `Unit`, a `Contrast`, any target or function; or a list of these,
                or a `Unit` with several channels, for one image each.
            start: start images as model inputs: one for all, or one for each of the N. For a model with
                several inputs, the whole input structure, in which the other inputs do not change. Waves
                along axes of 64 px or more omit details below 4 px: a photograph starts blurred.
            callbacks: called with a `StepProgress` after every step.

        Returns:
            The best images of the run; after an interruption from the keyboard, the best so far.
        """
        engine = require_probe(as_probe(probe))  # holds its model weakly: the argument keeps it alive
        targets = [single for single in split_targets(target) for _ in range(self.copies)]
        canvas = Canvas.of(engine, len(targets), self.size, self.input_range, start)
        batches = _batches(engine, targets)
        show = sys.stdout.isatty() if self.progress is None else self.progress
        bar = keras.utils.Progbar(self.steps * len(batches), unit_name="step") if show else None
        every = max(1, -(-self.steps // self.snapshots))
        runs: list[tuple[list[int], Optimization]] = []
        problem: BaseException | None = None
        for rows, padded in batches:
            run = self.start(engine, targets, canvas, padded, len(rows))
            problem = run.run(self.steps, every, self.learning_rate, tuple(callbacks), bar)
            if run.snapshots:
                runs.append((rows, run))
            if problem is not None:
                break
        if problem is not None and not runs:
            raise problem
        result = self._result(runs, targets, canvas, engine, isinstance(problem, KeyboardInterrupt))
        if isinstance(problem, errors.ObjectiveError):
            problem.result = result
            raise problem
        return result

    def start(
        self, probe: Probe, targets: Sequence[Target], canvas: Canvas, rows: Sequence[int], count: int
    ) -> Optimization:
        """Return the optimisation of some of the targets, not yet run; rows from `count` on are padding."""
        ascent, transforms = self._choose(canvas)
        optimization = Optimization(
            probe=probe,
            target=TargetPerImage(tuple(targets[row] for row in rows)),
            ascent=ascent,
            transforms=transforms,
            low=canvas.low,
            high=canvas.high,
            inputs=canvas.inputs(rows),
            siblings=_siblings(rows, self.copies, count),
            copies=[row % self.copies for row in rows],
            seed=self.seed,
        )
        optimization.start(canvas.pictures(rows))
        return optimization

    def _choose(self, canvas: Canvas) -> tuple[Ascent, Transforms]:
        """Return the step and the transforms, with defaults for parameters that are None."""
        layout = canvas.layout
        photograph = layout.channels == 3 and len(layout.spatial) == 2 and min(layout.spatial) >= PHOTOGRAPH
        kind: ParametrizationKind = self.parametrization or ("fourier" if photograph else "pixels")
        transforms, penalties = LARGE if kind == "fourier" else SMALL
        transforms = transforms if self.transforms is None else self.transforms
        if transforms.rotate and len(layout.spatial) != 2:
            raise errors.ParameterError(
                f"rotate of Transforms needs two spatial axes; this input has {layout.spatial}; use rotate=0."
            )
        ascent = Ascent(
            parametrization=Parametrization(kind, layout.spatial, layout.channels),
            penalties=penalties if self.penalties is None else self.penalties,
            diversity=float(self.diversity) if self.copies > 1 else 0.0,
            moves=(transforms.jitter, transforms.scale, transforms.pad) != (0, 1, 0),
            turns=transforms.rotate > 0,
        )
        return ascent, transforms

    def _result(
        self,
        runs: Sequence[tuple[list[int], Optimization]],
        targets: Sequence[Target],
        canvas: Canvas,
        probe: Probe,
        interrupted: bool,
    ) -> Maximization:
        """Return the best images of all batches, in the order of the targets."""
        warnings = list(canvas.warnings)
        stuck = [
            targets[row].describe()
            for rows, run in runs
            for row, history in zip(rows, np.transpose(run.history), strict=False)
            if len(history) > 1 and np.ptp(history) == 0
        ]
        if stuck:
            warnings.append(
                warn(
                    errors.StuckWarning,
                    f"a score should rise; it did not change for {', '.join(stuck[:5])}"
                    f"{', ...' if len(stuck) > 5 else ''}, whose units are inactive; start from a photograph "
                    "(start=), or choose another unit.",
                )
            )
        if interrupted:
            warnings.append(
                warn(
                    errors.InterruptedWarning,
                    f"all {self.steps} steps for {len(targets)} images should run; the run was interrupted; "
                    "the best images so far are returned.",
                )
            )
        return join(
            runs,
            titles=[target.describe() for target in targets],
            class_names=probe.class_names,
            input_range=canvas.compact_range(),
            seed=self.seed,
            configuration=repr(self),
            interrupted=interrupted,
            warnings=tuple(warnings),
            versions=dict(versions()),
        )


def maximize(
    model: keras.Model | Probe,
    target: TargetLike,
    *,
    start: Any = None,
    callbacks: Iterable[Callback] = (),
    **parameters: Any,
) -> Maximization:
    """Maximise in one line, with the parameters of `Maximize`.

    Args:
        model: a Keras model or a `Probe`.
        target: see `Maximize.__call__`.
        start: see `Maximize.__call__`.
        callbacks: see `Maximize.__call__`.
        **parameters: see `Maximize`.

    Raises:
        ParameterError: `Maximize` does not take these parameters.
        TargetError, InputError, DisconnectedError, ObjectiveError: see `Maximize`.

    Example:
        >>> import keras, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> ks.maximize(model, ks.Unit("conv", channel=range(4)), steps=2, input_range=(0, 1)).titles[3]
        'channel 3 of conv'
    """
    try:
        configuration = Maximize(**parameters)
    except TypeError as error:
        raise errors.ParameterError(
            f"maximize takes the parameters of ks.Maximize; got {sorted(parameters)} ({error}); see "
            "help(ks.Maximize)."
        ) from error
    return configuration(model, target, start=start, callbacks=callbacks)


def _batches(probe: Probe, targets: Sequence[Target]) -> list[tuple[list[int], list[int]]]:
    """Return batches of rows, each without and with padding."""
    batches = []
    for rows in group_targets(targets):
        size = probe.pass_size(len(rows))
        for first in range(0, len(rows), size):
            batch = rows[first : first + size]
            batches.append((batch, batch + [batch[-1]] * (size - len(batch))))
    return batches


def _siblings(rows: Sequence[int], copies: int, count: int) -> np.ndarray[Any, Any]:
    """Return (N, N), 1 for different copies of one target, neither of which is padding."""
    group, real = np.asarray(rows) // copies, np.arange(len(rows)) < count
    same = (group[:, None] == group) & ~np.eye(len(rows), dtype=bool)
    return np.asarray(same & real & real[:, None], "float32")
