"""Robustness: how far a map moves when noise that nobody sees is added to the image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import Case
from kerascope.typing import Array
from kerascope.validation import check_whole, is_number


@dataclass(frozen=True)
class Sensitivity(Metric):
    """The family: the method explains noisy copies of each image, about the same target.

    Args:
        samples: number of copies, at least 1; default 10.
        radius: of the noise, uniform on both sides, as a share of the range of pixels (which the model's own
            preprocessing states, else that of each image), above 0; default 0.02.
        seed: of the noise.
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
        if not (is_number(self.radius) and self.radius > 0):
            raise errors.ParameterError(
                f"radius must be a share of the range of pixels above 0; got {self.radius!r}."
            )

    @property
    def explanations(self) -> int:  # type: ignore[override]
        """One for each copy; metrics with the same copies share them."""
        return self.samples

    @abstractmethod
    def gathered(self, moved: Array, shifted: Array, size: Array) -> Array:
        """The value of each image.

        Args:
            moved: (samples, N) how far each map moved.
            shifted: (samples, N) how far each image did.
            size: (N,) of the map.
        """

    def measure(self, case: Case) -> Measurement:
        """From the maps of the copies."""
        key = ("copies", self.samples, self.radius, self.seed)
        moved, shifted = case.once(key, lambda: self._asked(case))
        size = _length(case.maps)
        return Measurement(self.gathered(moved, shifted, np.where(size > 0, size, np.nan)))

    def _asked(self, case: Case) -> tuple[Array, Array]:
        pictures = case.subject.pictures
        width = self.radius * (pictures.high - pictures.low)
        shifted: list[Array] = []

        def copied(number: int) -> Array:
            drawn = np.random.default_rng([self.seed, number]).uniform(-1, 1, pictures.pixels.shape[1:])
            copy: Array = pictures.pixels + width * drawn
            if np.issubdtype(pictures.dtype, np.integer):
                # As the model is given it: whole numbers, at least one step away.
                copy = pictures.pixels + np.where(drawn < 0, -1, 1) * np.ceil(np.abs(width * drawn))
                copy = np.clip(copy, np.iinfo(pictures.dtype).min, np.iinfo(pictures.dtype).max)
            shifted.append(_length(copy - pictures.pixels))
            return copy

        moved = [
            _length(maps - case.maps) for _, maps in case.subject.variants(case.method, self.samples, copied)
        ]
        return np.stack(moved), np.stack(shifted)


@dataclass(frozen=True)
class MaxSensitivity(Sensitivity, name="max_sensitivity"):
    r"""Max-sensitivity: the furthest that a map moves, as a share of its size.

    $$\max_k \frac{\|\Phi(x + \delta_k) - \Phi(x)\|_2}{\|\Phi(x)\|_2}, \qquad \|\delta_k\|_\infty \le r$$

    Args:
        samples: number of noisy copies, at least 1; default 10.
        radius: of the noise, as a share of the range of pixels that the model's own preprocessing states,
            else of each image; default 0.02.
        seed: of the noise.

    Returns:
        values (N,), at least 0, lower is better. Invariant to the map's scale. A map that does not look at
        the model does well: read it beside `random_logit`.

    Cost:
        1 explanation for each copy, which the three metrics of this family share.

    Source:
        Yeh et al., On the (In)fidelity and Sensitivity of Explanations, NeurIPS 2019, definition 3.1, by
        random samples. Deviation: divided by the size of the map, as captum and Quantus do.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.MaxSensitivity().explanations
        10
    """

    quick: ClassVar[Mapping[str, Any]] = {"samples": 4}

    def gathered(self, moved: Array, shifted: Array, size: Array) -> Array:
        """The furthest."""
        return np.asarray(moved.max(axis=0) / size)


@dataclass(frozen=True)
class AverageSensitivity(Sensitivity, name="average_sensitivity"):
    r"""Average sensitivity: how far a map moves in the mean, as a share of its size.

    As `MaxSensitivity`, with the mean over the copies in the place of the maximum.

    Args:
        samples: number of noisy copies, at least 1; default 10.
        radius: of the noise, as a share of the range of pixels that the model's own preprocessing states,
            else of each image; default 0.02.
        seed: of the noise.

    Returns:
        values (N,), at least 0, lower is better. Invariant to the map's scale.

    Cost:
        1 explanation for each copy, shared: see `MaxSensitivity`.

    Source:
        Bhatt, Weller and Moura, IJCAI 2020, definition 2, with uniform noise.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.AverageSensitivity.direction
        'lower'
    """

    def gathered(self, moved: Array, shifted: Array, size: Array) -> Array:
        """The mean."""
        return np.asarray(moved.mean(axis=0) / size)


@dataclass(frozen=True)
class LocalLipschitz(Sensitivity, name="local_lipschitz"):
    r"""Local Lipschitz estimate: the furthest that a map moves for how far the image does.

    $$\max_k \frac{\|\Phi(x + \delta_k) - \Phi(x)\|_2}{\|\delta_k\|_2}$$

    Args:
        samples: number of noisy copies, at least 1; default 10.
        radius: of the noise, as a share of the range of pixels that the model's own preprocessing states,
            else of each image; default 0.02.
        seed: of the noise.

    Returns:
        values (N,), at least 0, in units of the map per unit of the input, lower is better. Not invariant to
        the map's scale: compare models by it, not methods.

    Cost:
        1 explanation for each copy, shared: see `MaxSensitivity`.

    Source:
        Alvarez-Melis and Jaakkola, On the Robustness of Interpretability Methods, 2018, equation 2, by random
        samples.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.LocalLipschitz.direction
        'lower'
    """

    invariant: ClassVar[Invariance | None] = None

    def gathered(self, moved: Array, shifted: Array, size: Array) -> Array:
        """The furthest, for the distance."""
        return np.asarray((moved / np.where(shifted > 0, shifted, np.nan)).max(axis=0))


def _length(arrays: Array) -> Array:
    """The Euclidean length of each entry, (N,)."""
    return np.asarray(np.sqrt((arrays.reshape(len(arrays), -1) ** 2).sum(axis=1)))
