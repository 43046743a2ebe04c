"""Extremal perturbation: the smooth mask of a given area that keeps, or removes, most of the score."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from keras import ops

from kerascope import backend, errors
from kerascope.method.masks.base import PerturbationMethod
from kerascope.perturb import gradient_rows
from kerascope.perturb.baseline import INPAINT, BaselineLike, parts_of
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import pixels_of
from kerascope.perturb.resampling import enlarge
from kerascope.probe import Answer, AnyProbe, Request, ScoreFunction, require_probe
from kerascope.progress import Progress
from kerascope.resize import resize
from kerascope.typing import Array
from kerascope.validation import check_choice, check_inside, check_positive, check_whole

Mode = Literal["preserve", "delete"]

MaskScorer = Callable[[Array], tuple[Array, Array, bool]]
"""From masks (B, *grid) to scores (B,), slopes (B, P) at the cells, and whether any slope is not zero."""

MOMENTUM = 0.9
"""Share of a step that the next one keeps."""
GROWTH = 1.0035**800
"""How many times as much the area counts in the end, as in the paper."""
STEEP = 16.0
"""The most that the slopes of a score, over all cells together, count in units of its own change."""
CLOSE = 0.05
"""Cells that differ by less share their places in the sorted mask."""

_CARRIED = ("cells", "columns", "pictures", "baselines")


@dataclass(frozen=True)
class ExtremalPerturbation(PerturbationMethod, name="extremal_perturbation"):
    r"""Extremal perturbation: the smooth mask of a given area that keeps, or removes, most of the score.

    $$V = \arg\max_m \; \pm \frac{s(x_m)}{\gamma}
      - \frac{\lambda}{P} \big\lVert \mathrm{vecsort}(m) - r_a \big\rVert^2, \qquad
      r_a = (0, \ldots, 0, 1, \ldots, 1)$$

    with the image $x$, a mask $m$ of $P$ cells, enlarged by bilinear interpolation, and $r_a$ with a share
    $a$ of ones. To preserve, with plus, $x_m = m x + (1 - m) b$ over the baseline $b$; to delete, with minus,
    $x_m = (1 - m) x + m b$. All cells start where $x_m = x$, and take steps along the gradient, with
    momentum 0.9, that end at 0 and 1. The area counts more from step to step, 16 times as much in the end as
    at the start. $\gamma = \lvert s(x) - s(b) \rvert$, so that scores of any scale have the same map; but at
    least a sixteenth of the largest sum over the cells of $\lvert \partial s / \partial m \rvert$ so far,
    for a score that the baseline happens to share.

    Args:
        area: share of the pixels that is kept, or removed, between 0 and 1; default 0.1. It is met about, as
            far as cells and smooth edges allow.
        mode: `"preserve"`, the part that alone has the highest score; or `"delete"`, the part without which
            the score is lowest.
        cells: cells of the mask along the longest side, at least 2; as many of the same size along others.
            More give finer masks, which find patterns that please the network and nobody else. Default 8.
        steps: number of steps, at least 1; default 100.
        learning_rate: length of a step, above 0; default 0.01.
        area_weight: lambda at the start, above 0; default 5.
        baseline: see `PerturbationMethod`, but neither `"inpaint"`, which has no gradient at masks that are
            neither 0 nor 1, nor several; default `"blur"`, as in the paper.

    Returns:
        values float32 (N, *spatial), from 0 to 1: the mask, 1 where it keeps, or removes. Zero where no mask
        changes the score. NaN for images that an interrupted run did not begin with.

    Raises:
        InputError: the input holds no floating-point numbers.
        DisconnectedError: the score does not depend on the image.
        ModelError: a black box has no gradients.

    Cost:
        1 forward, and `steps` + 1 forwards and backwards for each class: each has a mask of its own. One of
        them is for the baseline.

    Source:
        Fong, Patrick and Vedaldi, Understanding Deep Networks via Extremal Perturbations and Smooth Masks,
        ICCV 2019, section 3, with the area constraint $R_a$ and its growing weight; deletion: Fong and
        Vedaldi, Interpretable Explanations of Black Boxes by Meaningful Perturbation, ICCV 2017, section 4,
        the deletion game. Deviations: masks are smooth since their cells are coarse and enlarged, instead of
        by a convolution with a maximum; the area is measured on cells; the score is divided by gamma, since
        one learning rate and weight cannot fit all scores; cells closer than 0.05 share their places in the
        sorted mask, where a sort would take the first ones; deletion starts at the whole image too; 100
        steps instead of 800.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> values = ks.ExtremalPerturbation(steps=5, cells=4)(model, images, target=1).values
        >>> values.shape, bool(((values >= 0) & (values <= 1)).all())
        ((2, 8, 8), True)
    """

    area: float = 0.1
    mode: Mode = "preserve"
    cells: int = 8
    steps: int = 100
    learning_rate: float = 0.01
    area_weight: float = 5.0
    baseline: BaselineLike = field(default="blur", kw_only=True)

    tags: ClassVar[frozenset[str]] = frozenset({"pixels", "gradient", "masks", "adaptive", "rounded"})

    def __post_init__(self) -> None:
        super().__post_init__()
        check_inside(self.area, "area")
        check_choice(self.mode, "mode", get_args(Mode))
        check_whole(self.cells, "cells", 2)
        check_whole(self.steps, "steps")
        check_positive(self.learning_rate, "learning_rate")
        check_positive(self.area_weight, "area_weight")
        if INPAINT in parts_of(self.baseline) or self.baselines > 1:
            raise errors.ParameterError(
                "baseline must be a single one, and not 'inpaint', which fills holes, and has no gradient at "
                f"masks that are neither 0 nor 1; got {self.baseline!r}; try 'blur'."
            )

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for the score, one for the baseline, and one for each step."""
        return 2 + self.steps

    @property
    def backwards(self) -> int:  # type: ignore[override]
        return 1 + self.steps

    def grid(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        """Cells of the mask along each axis, for images of a size."""
        side = max(spatial) / self.cells
        return tuple(max(1, min(length, round(length / side))) for length in spatial)

    def optimizer(self, whole: Array, grid: tuple[int, ...]) -> MaskOptimizer:
        """Masks before their first step, (B, *grid), of images with scores (B,)."""
        return MaskOptimizer(self, whole, grid)

    def perturb(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> Answer:
        """A mask for each image and class, as many at a time as fit in a pass."""
        first.batch.pixels  # noqa: B018 (raises where there are no floating-point numbers)
        spatial = pixels_of(first).shape[1:-1]
        (baseline,), note = self.make_baselines(pictures)
        assert baseline is not None
        whole = first.scores.astype("float64").reshape(len(pictures.pixels), -1)
        size = self._size(probe, first, pictures)
        masks = np.full((whole.size, *self.grid(spatial)), np.nan)
        done = np.zeros(whole.size, "int32")
        alive = stopped = False
        with Progress(whole.size * (1 + self.steps), self.progress, type(self).__name__) as progress:
            for start in range(0, whole.size, size):
                # A pass is padded with its last row.
                rows = np.minimum(np.arange(start, start + size), whole.size - 1)
                real = slice(start, min(start + size, whole.size))
                count = real.stop - start
                optimizer = self.optimizer(whole.ravel()[rows], masks.shape[1:])
                try:
                    ask = self._make_scorer(probe, first, pictures, baseline, rows, count)
                    for step in range(-1, self.steps):
                        alive |= optimizer.begin(ask) if step < 0 else optimizer.step(step, ask)
                        masks[real] = optimizer.final_masks[:count]
                        done[real] += 1
                        progress.advance(count)
                except KeyboardInterrupt:
                    stopped = True
                    break
        warnings = ((errors.InterruptedWarning, self._partial_warning(done)),) if stopped else ()
        values = np.clip(resize(masks, spatial), 0, 1)
        return replace(
            first,
            values=values.reshape(*first.scores.shape, *spatial),
            alive=alive,
            notes=(*first.notes, note),
            masks=done.reshape(whole.shape).sum(axis=1, dtype="int32"),
            warnings=warnings,
        )

    def _size(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> int:
        """Rows of a pass."""
        most = probe.pass_size(1 << (first.scores.size - 1).bit_length())
        graph = require_probe(probe).graph(first.batch.to_structure())
        return gradient_rows(graph, pictures.pixels.shape[1:], most, probe.pass_size(1) > 1, self.memory)

    def _make_scorer(
        self, probe: AnyProbe, first: Answer, pictures: HostImages, baseline: Array, rows: Array, count: int
    ) -> MaskScorer:
        """What scores masks of pairs of image and class, `rows`, whose first `count` are no padding."""
        size = len(rows)
        images, columns = np.divmod(rows, first.scores.size // len(pictures.pixels))
        step = MaskStep(pictures.pixels.shape[1:-1], self.mode)
        run = probe.routine(
            step,
            first.batch.to_structure([array[images] for array in first.batch.arrays]),
            first.pinned.take(images),
            _CARRIED,
            Request(image_gradient=True),
            key=step,
        )
        fixed = {
            "columns": ops.convert_to_tensor(columns[:, None].astype("int32")),
            "pictures": ops.convert_to_tensor(pictures.pixels[images].astype("float32")),
            "baselines": ops.convert_to_tensor(baseline[images].astype("float32")),
        }

        def score(masks: Array) -> tuple[Array, Array, bool]:
            result = run({"cells": ops.convert_to_tensor(masks.astype("float32")), **fixed}, count)
            scores, gradients = (
                np.asarray(ops.convert_to_numpy(result[name]), "float64") for name in ("scores", "gradients")
            )
            return scores, gradients.reshape(size, -1), bool(ops.convert_to_numpy(result["alive"]))

        return score

    def _partial_warning(self, done: Array) -> str:
        low, high = (max(0, int(end) - 1) for end in (done.min(), done.max()))
        return (
            f"every mask should take {self.steps} steps; the run was stopped after "
            f"{low if low == high else f'{low} to {high}'} steps, and the masks are partial."
        )


@dataclass(frozen=True)
class MaskStep:
    """The computation on the device: the gradients of scores at the cells of masks."""

    spatial: tuple[int, ...]
    mode: Mode

    def __call__(self, score: ScoreFunction, carried: Mapping[str, Any]) -> dict[str, Any]:
        """See `kerascope.probe.execute.routine`."""

        def objective(variables: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
            masks = enlarge(variables["cells"], self.spatial)
            kept = masks[..., None] if self.mode == "preserve" else 1.0 - masks[..., None]
            scores, _ = score(kept * carried["pictures"] + (1.0 - kept) * carried["baselines"])
            return ops.take_along_axis(scores, carried["columns"], axis=1), {}

        differentiate = backend.current().value_and_gradients(objective)
        scores, _, (gradients,) = differentiate({"cells": carried["cells"]})
        if gradients["cells"] is None:
            raise errors.DisconnectedError(
                "the score must depend on the image that is masked; this target does not, or not "
                "differentiably: rounding, argmax, whole numbers, or another input. Choose another target, "
                "or a method that needs no gradients, such as Occlusion."
            )
        alive = ops.any(ops.not_equal(gradients["cells"], 0))
        return {"scores": scores[:, 0], "gradients": gradients["cells"], "alive": alive}


class MaskOptimizer:
    """Masks on their way, each for itself, on the host; `whole` (B,) holds the scores of the images."""

    def __init__(self, method: ExtremalPerturbation, whole: Array, grid: tuple[int, ...]) -> None:
        self._method, self._grid = method, grid
        self._sign = 1 if method.mode == "preserve" else -1
        self._scale = whole[:, None]
        self._cells = np.full((len(whole), math.prod(grid)), 1.0 if method.mode == "preserve" else 0.0)
        self._speed = np.zeros(self._cells.shape)

    @property
    def masks(self) -> Array:
        """The masks, (B, *grid)."""
        return self._cells.reshape(-1, *self._grid)

    @property
    def final_masks(self) -> Array:
        """The masks as they are shown: zero where nothing has changed the score, which any mask keeps."""
        return np.where(self._scale == 0, 0, self._cells).reshape(self.masks.shape)

    def begin(self, ask: MaskScorer) -> bool:
        """Ask about the baseline alone; whether any score changes with its mask there."""
        baseline = np.full(self.masks.shape, 0.0 if self._method.mode == "preserve" else 1.0)
        scores, _, alive = ask(baseline)
        self._scale = np.abs(self._scale - scores[:, None])
        return alive

    def step(self, number: int, ask: MaskScorer) -> bool:
        """One step of all masks, from number 0; whether any score changes with its mask."""
        _, slopes, alive = ask(self.masks)
        method = self._method
        # Overflow in a model of half precision ends in NaN, which is warned about where it is seen.
        with np.errstate(invalid="ignore"):
            steepest = np.abs(slopes).sum(axis=1, keepdims=True)
            self._scale = np.maximum(self._scale, steepest / STEEP)
            # Of the score, and of the area, each times the number of cells.
            uphill = self._sign * slopes / np.where(self._scale == 0, 1, self._scale) * slopes.shape[1]
            weight = method.area_weight * GROWTH ** (number / method.steps)
            uphill = uphill - 2 * weight * (self._cells - target_mask(self._cells, method.area))
            self._speed = MOMENTUM * self._speed + method.learning_rate * uphill
            self._cells = np.clip(self._cells + self._speed, 0, 1)
        return alive


def target_mask(masks: Array, area: float) -> Array:
    """For each cell its entry of r_a, at the cell's place in the sorted mask (B, P).

    Cells of one value share their places and have the mean of the entries there; so do, in part, cells that
    differ by less than `CLOSE`, so that nothing depends on the rounding of a gradient. Where the area ends
    within a cell, that cell has the part.
    """
    above = masks[:, :, None] - masks[:, None, :]
    before = np.clip(above / CLOSE, 0, 1).sum(axis=2)
    shared = np.clip(1 - np.abs(above) / CLOSE, 0, 1).sum(axis=2)
    zeros = (1 - area) * masks.shape[1]
    return np.asarray(np.clip((before + shared - zeros) / shared, 0, 1))
