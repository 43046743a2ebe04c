"""RISE: how much higher the score is while a pixel is left, over many random masks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from kerascope.method.masks.base import PerturbationMethod
from kerascope.perturb import Sums
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.mask import Masks
from kerascope.perturb.pixels import pixels_of
from kerascope.perturb.resampling import to_integers, to_tensor
from kerascope.probe import Answer, AnyProbe
from kerascope.resize import bilinear_weights
from kerascope.typing import Array
from kerascope.validation import check_inside, check_positive, check_whole

_ROUND, _ROUNDS = 256, 8
"""Masks between two checks of the standard error, or that part of all masks if it is less."""
_LEAST = 4
"""The fewest rounds that give a standard error."""


@dataclass(frozen=True)
class RISE(PerturbationMethod, name="rise"):
    r"""RISE: the mean score over random masks that leave the pixel, less the mean over all masks.

    $$V_p = \frac{\sum_i s(x \odot M_i)\, M_{ip}}{\sum_i M_{ip}} - \frac{1}{m} \sum_i s(x \odot M_i)$$

    with masks $M_i$: a coarse grid of cells that are 1 with a probability and else 0, enlarged by bilinear
    interpolation, and shifted by up to a cell. What is masked is mixed with the baseline.

    Args:
        masks: the most masks, at least 1; default 4000, as in the paper.
        cells: cells of the grid along the longest side, at least 2; as many of the same size along others.
            Default 8.
        probability: that a cell is left, between 0 and 1; default 0.5.
        tolerance: stop an image once the standard error of its map, as root mean square over the pixels, is
            at most this share of the map's range; looked at every 256 masks, or every eighth of `masks`,
            from the fourth time on. Default None, which takes all masks. `Explanation.masks` counts how many
            were taken.
        seed: of the masks, a whole number of at least 0; the same masks for every image, on every backend.

    Returns:
        values float32 (N, *spatial), signed, in units of the score; not normalised. NaN where no mask left
        anything of a pixel.

    Cost:
        See `PerturbationMethod`. Sums are kept on the device, so that memory does not grow with the masks.

    Source:
        Petsiuk, Das and Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC
        2018, equation 6 and section 3.2. Deviations: divided by what the masks leave of the pixel instead of
        by its expectation, and less the mean score, of which equation 6 keeps a noisy copy: of a score that
        does not change the map is zero. For many masks it is equation 6 but for that constant.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.RISE(masks=64)(model, images, target=1).values.shape
        (2, 8, 8)
    """

    masks: int = 4000
    cells: int = 8
    probability: float = 0.5
    tolerance: float | None = None
    seed: int = 0

    tags: ClassVar[frozenset[str]] = PerturbationMethod.tags | {"stochastic"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.masks, "masks")
        check_whole(self.cells, "cells", 2)
        check_whole(self.seed, "seed", 0)
        check_inside(self.probability, "probability")
        if self.tolerance is not None:
            check_positive(self.tolerance, "tolerance")

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for the score, and one for each mask and baseline."""
        return 1 + self.masks * self.baselines

    def grid_masks(self, spatial: tuple[int, ...]) -> GridMasks:
        """The kind of mask for images of a size: cells, and what they are enlarged to."""
        side = max(spatial) / self.cells
        cells = tuple(max(1, min(length, round(length / side))) for length in spatial)
        sizes = [math.ceil(length / count) for length, count in zip(spatial, cells, strict=True)]
        enlarge = tuple((count + 1) * size for count, size in zip(cells, sizes, strict=True))
        return GridMasks(spatial, cells, enlarge)

    def draw_codes(self, numbers: Array, kind: GridMasks) -> Array:
        """The codes of masks: of mask i, from `default_rng([seed, i])`, first the cells, then the shift."""
        count = math.prod(kind.cells)
        shifts = [
            size // (cells + 1) for size, cells in zip(kind.enlarged, kind.cells, strict=True)
        ]  # pixels of a cell
        codes = np.empty((len(numbers), count + len(shifts)))
        for code, index in zip(codes, numbers.tolist(), strict=True):
            generator = np.random.default_rng([self.seed, index])
            code[:count] = generator.random(count) < self.probability
            code[count:] = generator.integers(0, shifts)
        return codes

    def perturb(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> Answer:
        """Sums over masks, in rounds."""
        spatial = pixels_of(first).shape[1:-1]
        kind = self.grid_masks(spatial)
        found = {image: RunningMap() for image in range(len(pictures.pixels))}
        running = set(found)
        step = self.masks if self.tolerance is None else max(1, min(_ROUND, self.masks // _ROUNDS))
        with self.stream(probe, first, pictures, kind, expected=self.masks) as stream:
            for start in range(0, self.masks, step):
                if not running or stream.stopped:
                    break
                stop = min(start + step, self.masks)
                parts = stream.sums(
                    lambda numbers: self.draw_codes(numbers, kind), start, stop, sorted(running)
                )
                for image, part in parts.items():
                    found[image].add(part, whole=stop - start == step)
                    if self.tolerance is not None and found[image].has_converged(self.tolerance):
                        running.discard(image)
        values = np.stack([running.map for running in found.values()])
        answer = self.to_answer(stream, values.reshape(*first.scores.shape, *spatial))
        if self.tolerance is None:
            return answer
        note = (
            f"stopped at a standard error of {self.tolerance:g} of the map's range, or at {self.masks} masks"
        )
        return replace(answer, notes=(*answer.notes, note))


@dataclass(frozen=True)
class GridMasks(Masks):
    """A coarse grid, enlarged by bilinear interpolation and shifted by a part of a cell.

    The code is the grid, flattened, and behind it the shift along each axis, in pixels.
    """

    spatial: tuple[int, ...]
    cells: tuple[int, ...]
    enlarged: tuple[int, ...]

    def make(self, codes: Any, own: Mapping[str, Any], numpy: Any) -> Any:
        count = math.prod(self.cells)
        masks = numpy.reshape(codes[:, :count], (-1, *self.cells))
        for axis, (old, new, side) in enumerate(zip(self.cells, self.enlarged, self.spatial, strict=True)):
            # Of the matrix that enlarges an axis, each row of the batch takes `side` rows, from its shift on.
            first = numpy.reshape(codes[:, count + axis], (-1, 1))
            places = to_integers(first + to_tensor(np.arange(side, dtype="float32"), numpy)[None], numpy)
            weights = numpy.take(to_tensor(bilinear_weights(old, new), numpy), places, axis=0)
            moved = numpy.moveaxis(masks, axis + 1, -1)
            shape = moved.shape
            flat = numpy.reshape(moved, (-1, math.prod(shape[1:-1]), old))
            masks = numpy.matmul(flat, numpy.moveaxis(weights, 1, 2))
            masks = numpy.moveaxis(numpy.reshape(masks, (-1, *shape[1:-1], side)), -1, axis + 1)
        return masks[..., None]


def score_gain(sums: Sums) -> Array:
    """How much higher the score is where a mask leaves a pixel, (K, P); NaN where none does."""
    weight = np.where(sums.weight > 0, sums.weight, np.nan)
    return np.asarray(sums.total / weight - (sums.change / max(sums.count, 1))[:, None])


class RunningMap:
    """The sums of an image as they grow, and how far its map still moves from round to round."""

    def __init__(self) -> None:
        self._sums: Sums | None = None
        self._rounds = 0
        self._mean, self._squares = np.zeros(()), np.zeros(())

    def add(self, part: Sums, whole: bool) -> None:
        """Take a round in; one that is not whole says nothing of the spread."""
        self._sums = part if self._sums is None else self._sums + part
        if whole:
            self._rounds += 1
            away = score_gain(part) - self._mean
            self._mean = self._mean + away / self._rounds
            self._squares = self._squares + away * (score_gain(part) - self._mean)

    @property
    def map(self) -> Array:
        """The map of all rounds, (K, P)."""
        assert self._sums is not None
        return score_gain(self._sums)

    def has_converged(self, tolerance: float) -> bool:
        """Whether the standard error of the map is at most a share of its range, for each class."""
        if self._rounds < _LEAST:
            return False
        variance = self._squares / (self._rounds - 1) / self._rounds
        with np.errstate(invalid="ignore"):
            error = np.sqrt(np.nanmean(variance, axis=1))
            span = np.nanmax(self._mean, axis=1) - np.nanmin(self._mean, axis=1)
        return bool((error <= tolerance * span).all())
