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
from kerascope.maximization.climb import Callback, Climb
from kerascope.maximization.outcome import Maximization, join
from kerascope.maximization.parametrization import Kind, Parametrization
from kerascope.maximization.penalties import Penalty, TotalVariation
from kerascope.maximization.targets import Each, kinds, spread
from kerascope.maximization.transforms import Transforms
from kerascope.probe import Probe, as_probe, require_probe
from kerascope.provenance import versions, warn
from kerascope.target import Target, TargetLike

PHOTOGRAPH = 16
"""Pixels along the shorter side from which on a picture of three channels counts as a photograph."""
SMALL = (Transforms(jitter=0.04, scale=1.05), (TotalVariation(weight=20.0),))
"""Transforms and penalties of pixels, where none are chosen."""
LARGE = (Transforms(), ())
"""The same for waves: these are smooth by themselves."""


@dataclass(frozen=True)
class Maximize:
    r"""Activation maximisation: the image that excites a target most.

    $$x^* = \arg\max_x \; \mathbb{E}_\tau[s(\tau(x))] - \sum_r R_r(x)$$

    with the pre-softmax score $s$, random transforms $\tau$ and penalties $R$, over images within the input's
    range. Images of all targets, and their copies, are optimised in one batch; the step is compiled once.

    Args:
        steps: how many, at least 1.
        copies: images per target, from different beginnings.
        size: spatial size in pixels, a number or one per axis, for models that leave it open; with `start`,
            its images have the size.
        input_range: the least and the greatest pixel that the model takes, such as `(0, 255)`; each a
            number or one per channel. None: read from the model's own rescaling, else (0, 1) with a warning.
        parametrization: what is optimised: `"fourier"`, coefficients of waves in decorrelated colours, or
            `"pixels"`; None for waves where the input is a photograph: three channels and 16 px or more.
        transforms: how the image is moved at random before each step, `Transforms(...)`; None for a choice by
            the parametrisation; `Transforms(jitter=0, scale=1)` for none.
        penalties: functions of the pictures in [0, 1], (N, *spatial, C), to numbers (N,) that are taken off
            the score, such as `TotalVariation` and `LPNorm`; None for a choice by the parametrisation.
        diversity: weight of the likeness of copies of one target, in units of the score; 0 for none. Only
            copies in one pass are compared, so `copies` should not exceed the probe's `batch_size`.
        learning_rate: of Adam, above 0.
        snapshots: how often the images are scored as they are, without transforms, and kept as frames; the
            best of these is the result.
        seed: of beginnings and transforms; the same seed draws the same numbers on each backend.
        progress: show a progress bar; None for yes on a terminal.

    Returns:
        `config(probe, target)` gives a `Maximization`: images float32 (N, ...) as the model takes them, their
        exact scores, probabilities, history and frames.

    Raises:
        ParameterError: a parameter out of its range, such as an input range whose ends are exchanged.
        TargetError, LayerError: no target, one that only an image makes clear, or a layer that is not there.
        InputError: the model cannot run at this size, or does not state its size.
        DisconnectedError: the score does not depend on the image.
        ObjectiveError: a score became NaN or infinite; the error holds the best so far.

    Cost:
        For each step 1 forward and 1 backward per image; 1 forward more for each snapshot.

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
    parametrization: Kind | None = None
    transforms: Transforms | None = None
    penalties: tuple[Penalty, ...] | None = None
    diversity: float = 0.0
    learning_rate: float = 0.05
    snapshots: int = 16
    seed: int = 0
    progress: bool | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "copies", "snapshots"):
            _whole(name, getattr(self, name), 1)
        _whole("seed", self.seed, 0)
        for name, low in (("learning_rate", 1e-12), ("diversity", 0)):
            value = getattr(self, name)
            number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
            if not (number and low <= value < np.inf):
                raise errors.ParameterError(f"{name} must be a number of at least {low}; got {value!r}.")
        if self.parametrization not in (None, "fourier", "pixels"):
            raise errors.ParameterError(
                f'parametrization must be "fourier", "pixels" or None; got {self.parametrization!r}.'
            )
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
        """Maximise.

        Args:
            probe: a `Probe`, or a Keras model.
            target: a class index or name, a `Unit`, a `Contrast`, any target or function; or a list of such,
                or a `Unit` with several channels, for an image each.
            start: images to begin from, as the model takes them: one for all, or one for each of the N. For a
                model of several inputs its whole input structure; the others stay as they are. Waves along
                axes of 64 px or more leave out details below 4 px: a photograph begins blurred.
            callbacks: called with a `Progress` after every step.

        Returns:
            The best images of the run; on an interruption from the keyboard those until then.
        """
        asked = require_probe(as_probe(probe))  # which holds its model weakly: the argument keeps it
        targets = [single for single in spread(target) for _ in range(self.copies)]
        canvas = Canvas.of(asked, len(targets), self.size, self.input_range, start)
        batches = _batches(asked, targets)
        show = sys.stdout.isatty() if self.progress is None else self.progress
        bar = keras.utils.Progbar(self.steps * len(batches), unit_name="step") if show else None
        every = max(1, -(-self.steps // self.snapshots))
        found: list[tuple[list[int], Climb]] = []
        problem: BaseException | None = None
        for chosen, rows in batches:
            climb = self.climb(asked, targets, canvas, rows, len(chosen))
            problem = climb.run(self.steps, every, self.learning_rate, tuple(callbacks), bar)
            if climb.snapshots:
                found.append((chosen, climb))
            if problem is not None:
                break
        if problem is not None and not found:
            raise problem
        result = self._result(found, targets, canvas, asked, isinstance(problem, KeyboardInterrupt))
        if isinstance(problem, errors.ObjectiveError):
            problem.result = result
            raise problem
        return result

    def climb(
        self, probe: Probe, targets: Sequence[Target], canvas: Canvas, rows: Sequence[int], count: int
    ) -> Climb:
        """The climb of some of the targets, at its beginning; the rows from `count` on are padding."""
        ascent, transforms = self._choose(canvas)
        climb = Climb(
            probe=probe,
            target=Each(tuple(targets[row] for row in rows)),
            ascent=ascent,
            transforms=transforms,
            low=canvas.low,
            high=canvas.high,
            inputs=canvas.inputs(rows),
            kin=_kin(rows, self.copies, count),
            copies=[row % self.copies for row in rows],
            seed=self.seed,
        )
        climb.start(canvas.pictures(rows))
        return climb

    def _choose(self, canvas: Canvas) -> tuple[Ascent, Transforms]:
        """What a step computes, with what was not chosen filled in."""
        layout = canvas.layout
        photograph = layout.channels == 3 and len(layout.spatial) == 2 and min(layout.spatial) >= PHOTOGRAPH
        kind: Kind = self.parametrization or ("fourier" if photograph else "pixels")
        transforms, penalties = LARGE if kind == "fourier" else SMALL
        transforms = transforms if self.transforms is None else self.transforms
        if transforms.rotate and len(layout.spatial) != 2:
            raise errors.ParameterError(
                f"rotate of Transforms turns pictures; this input has the spatial axes {layout.spatial}; use "
                "rotate=0."
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
        found: Sequence[tuple[list[int], Climb]],
        targets: Sequence[Target],
        canvas: Canvas,
        probe: Probe,
        interrupted: bool,
    ) -> Maximization:
        """The best of every batch, in the order of the targets."""
        told = list(canvas.warnings)
        stuck = [
            targets[row].describe()
            for chosen, climb in found
            for row, history in zip(chosen, np.transpose(climb.history), strict=False)
            if len(history) > 1 and np.ptp(history) == 0
        ]
        if stuck:
            told.append(
                warn(
                    errors.StuckWarning,
                    f"a score should rise; nothing changed that of {', '.join(stuck[:5])}"
                    f"{', ...' if len(stuck) > 5 else ''}: the unit is closed for such images. Begin from a "
                    "photograph (start=), or choose another unit.",
                )
            )
        if interrupted:
            told.append(
                warn(
                    errors.InterruptedWarning,
                    f"all {self.steps} steps for {len(targets)} images should run; the run was interrupted; "
                    "what was reached is returned.",
                )
            )
        return join(
            found,
            titles=[target.describe() for target in targets],
            class_names=probe.class_names,
            input_range=canvas.shown_range(),
            seed=self.seed,
            configuration=repr(self),
            interrupted=interrupted,
            warnings=tuple(told),
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
    """Maximise in one line; `parameters` are those of `Maximize`.

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
            f"maximize must be given parameters of ks.Maximize; got {sorted(parameters)} ({error}); see "
            "help(ks.Maximize)."
        ) from error
    return configuration(model, target, start=start, callbacks=callbacks)


def _batches(probe: Probe, targets: Sequence[Target]) -> list[tuple[list[int], list[int]]]:
    """Rows that are optimised together: those that count, and the same with padding."""
    batches = []
    for rows in kinds(targets):
        size = probe.pass_size(len(rows))
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            batches.append((chosen, chosen + [chosen[-1]] * (size - len(chosen))))
    return batches


def _kin(rows: Sequence[int], copies: int, count: int) -> np.ndarray[Any, Any]:
    """(N, N), 1 where two rows are different copies of one target, and neither is padding."""
    group, real = np.asarray(rows) // copies, np.arange(len(rows)) < count
    alike = (group[:, None] == group) & ~np.eye(len(rows), dtype=bool)
    return np.asarray(alike & real & real[:, None], "float32")


def _whole(name: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise errors.ParameterError(f"{name} must be a whole number of at least {low}; got {value!r}.")
