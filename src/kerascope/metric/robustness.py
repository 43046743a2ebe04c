"""Robustness: the change of a map under imperceptible noise on the image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.typing import Array
from kerascope.validation import check_positive, check_whole


@dataclass(frozen=True)
class Sensitivity(Metric):
    """Base class: the method explains noisy copies of each image for the same target.

    Args:
        samples: number of copies, at least 1; default 10.
        radius: largest absolute value of the uniform noise as a share of the range of pixels (from the
            model's own preprocessing, else the range of each image), above 0; default 0.02.
        seed: seed of the noise.

    Cost:
        1 explanation per copy, shared by the metrics of this family.
    """

    samples: int = 10
    radius: float = 0.02
    seed: int = 0

    group: ClassVar[str] = "robustness"
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)
    needs: ClassVar[frozenset[str]] = frozenset({"method"})

    def __post_init__(self) -> None:
        check_whole(self.samples, "samples")
        check_whole(self.seed, "seed", 0)
        check_positive(self.radius, "radius")

    @property
    def explanations(self) -> int:  # type: ignore[override]
        """One per copy; metrics with the same copies share them."""
        return self.samples

    @abstractmethod
    def summarize(self, map_shifts: Array, image_shifts: Array, norms: Array) -> Array:
        """Return the value of each image, from distances (samples, N) of maps and images, and norms (N,)."""

    def measure(self, item: EvalItem) -> Measurement:
        """Return the value of each image, from the maps of its copies."""
        key = ("copies", self.samples, self.radius, self.seed)
        map_shifts, image_shifts = item.compute_once(key, lambda: self._explain_copies(item))
        norms = _norms(item.maps)
        return Measurement(self.summarize(map_shifts, image_shifts, np.where(norms > 0, norms, np.nan)))

    def _explain_copies(self, item: EvalItem) -> tuple[Array, Array]:
        images = item.batch.host_images
        width = self.radius * (images.high - images.low)
        image_shifts: list[Array] = []

        def make_copy(index: int) -> Array:
            noise = np.random.default_rng([self.seed, index]).uniform(-1, 1, images.pixels.shape[1:])
            copy: Array = images.pixels + width * noise
            if np.issubdtype(images.dtype, np.integer):
                # The model takes whole numbers: move by at least one step.
                copy = images.pixels + np.where(noise < 0, -1, 1) * np.ceil(np.abs(width * noise))
                copy = np.clip(copy, np.iinfo(images.dtype).min, np.iinfo(images.dtype).max)
            image_shifts.append(_norms(copy - images.pixels))
            return copy

        copies = item.batch.run_variants(item.method, self.samples, make_copy)
        map_shifts = [_norms(maps - item.maps) for maps in copies]
        return np.stack(map_shifts), np.stack(image_shifts)


@dataclass(frozen=True)
class MaxSensitivity(Sensitivity, name="max_sensitivity"):
    r"""Max-sensitivity: the largest change of a map under noise, relative to its norm.

    $$\max_k \frac{\|\Phi(x + \delta_k) - \Phi(x)\|_2}{\|\Phi(x)\|_2}, \qquad \|\delta_k\|_\infty \le r$$

    Returns:
        values (N,), at least 0, lower is better. Invariant to the map's scale. A map that ignores
        the model scores well: read it together with `random_logit`.

    Source:
        Yeh et al., On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019, definition 3.1, by
        random samples. Deviation: divided by the norm of the map, as in captum and Quantus.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.MaxSensitivity().explanations
        10
    """

    quick: ClassVar[Mapping[str, Any]] = {"samples": 4}

    def summarize(self, map_shifts: Array, image_shifts: Array, norms: Array) -> Array:
        """Return the largest relative change."""
        return np.asarray(map_shifts.max(axis=0) / norms)


@dataclass(frozen=True)
class AverageSensitivity(Sensitivity, name="average_sensitivity"):
    r"""Average sensitivity: the mean change of a map under noise, relative to its norm.

    Like `MaxSensitivity`, with the mean over the copies instead of the maximum.

    Returns:
        values (N,), at least 0, lower is better. Invariant to the map's scale.

    Source:
        Bhatt, Weller and Moura, IJCAI 2020, definition 2, with uniform noise.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.AverageSensitivity.direction
        'lower'
    """

    def summarize(self, map_shifts: Array, image_shifts: Array, norms: Array) -> Array:
        """Return the mean relative change."""
        return np.asarray(map_shifts.mean(axis=0) / norms)


@dataclass(frozen=True)
class LocalLipschitz(Sensitivity, name="local_lipschitz"):
    r"""Local Lipschitz estimate: the largest change of a map relative to the change of the image.

    $$\max_k \frac{\|\Phi(x + \delta_k) - \Phi(x)\|_2}{\|\delta_k\|_2}$$

    Returns:
        values (N,), at least 0, in units of the map per unit of the input, lower is better. Not invariant to
        the map's scale: use it to compare models, not methods.

    Source:
        Alvarez-Melis and Jaakkola, On the Robustness of Interpretability Methods, 2018, equation 2, by random
        samples.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.LocalLipschitz.direction
        'lower'
    """

    invariant: ClassVar[Invariance | None] = None

    def summarize(self, map_shifts: Array, image_shifts: Array, norms: Array) -> Array:
        """Return the largest ratio of both changes."""
        return np.asarray((map_shifts / np.where(image_shifts > 0, image_shifts, np.nan)).max(axis=0))


def _norms(arrays: Array) -> Array:
    """Return the Euclidean norm of each entry, (N,)."""
    return np.asarray(np.sqrt((arrays.reshape(len(arrays), -1) ** 2).sum(axis=1)))
