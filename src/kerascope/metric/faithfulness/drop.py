"""Average drop and its kin: what is left of the probability where the map lets the image through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import Case
from kerascope.typing import Array


def masked(case: Case) -> Array:
    """The images as the map lets them through, x * a, (N, *spatial, C)."""
    return case.subject.pictures.pixels * case.unit[..., None]


def left(case: Case) -> tuple[Array, Array]:
    """The probability of the image and of the masked image, (N,) each; 1 forward for all that ask."""

    def ask() -> Array:
        found = [values for _, values in case.subject.variants(None, 1, lambda _: masked(case), True)]
        return np.asarray(found[0], "float64")

    return case.subject.chance.scores.astype("float64"), case.once("left", ask)


@dataclass(frozen=True)
class Masked(Metric):
    """The family: the image multiplied by its map, what speaks for the target brought to 0 to 1."""

    group: ClassVar[str] = "faithfulness"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    forwards: ClassVar[int] = 1
    quick: ClassVar[Mapping[str, Any]] = {}


@dataclass(frozen=True)
class AverageDrop(Masked, name="average_drop"):
    r"""Average drop: the share of the probability that is lost where only the map is left of the image.

    $$\frac{\max(0,\; p(x) - p(x \odot a))}{p(x)}$$

    with the map $a$: what speaks for the target, brought to 0 to 1 for each image.

    Returns:
        values (N,), 0 to 1, lower is better. Invariant to the map's scale. A map that lets everything
        through loses nothing: read it beside `mean_attribution`, or take `ADCC`.

    Cost:
        1 forward, which `Increase`, `Gain` and `ADCC` share.

    Source:
        Chattopadhyay et al., Grad-CAM++, WACV 2018, section 5.1. Deviation: a share, not per cent.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.AverageDrop().forwards
        1
    """

    direction: ClassVar[Direction] = "lower"

    def measure(self, case: Case) -> Measurement:
        """The share that is lost."""
        return Measurement(lost(*left(case)))


@dataclass(frozen=True)
class Increase(Masked, name="increase"):
    r"""Increase in confidence: whether the probability is higher where only the map is left of the image.

    $$\mathbb{1}[p(x \odot a) > p(x)]$$

    Returns:
        values (N,), 0 or 1, higher is better. Invariant to the map's scale.

    Cost:
        1 forward, shared: see `AverageDrop`.

    Source:
        Chattopadhyay et al., Grad-CAM++, WACV 2018, section 5.1.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Increase.direction
        'higher'
    """

    direction: ClassVar[Direction] = "higher"

    def measure(self, case: Case) -> Measurement:
        """1 where it is higher."""
        whole, rest = left(case)
        return Measurement((rest > whole).astype("float64"))


@dataclass(frozen=True)
class Gain(Masked, name="gain"):
    r"""Average gain: how much of what was missing to certainty comes where only the map is left.

    $$\frac{\max(0,\; p(x \odot a) - p(x))}{1 - p(x)}$$

    Returns:
        values (N,), 0 to 1, higher is better; 0 where the probability is 1 already. Invariant to the map's
        scale.

    Cost:
        1 forward, shared: see `AverageDrop`.

    Source:
        Zhang et al., Opti-CAM, CVIU 2024, section 4.1, where it mirrors the average drop.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.Gain.direction
        'higher'
    """

    direction: ClassVar[Direction] = "higher"

    def measure(self, case: Case) -> Measurement:
        """The share that was won."""
        whole, rest = left(case)
        room = 1.0 - whole
        return Measurement(np.where(room > 0, np.maximum(rest - whole, 0) / np.where(room > 0, room, 1), 0.0))


@dataclass(frozen=True)
class ADCC(Masked, name="adcc"):
    r"""ADCC: the harmonic mean of coherency, sparseness of the map and what is kept of the probability.

    $$\frac{3}{1/\mathrm{coherency} + 1/(1 - \overline{|a|}) + 1/(1 - \mathrm{drop})}, \qquad
    \mathrm{coherency} = \tfrac12\big(\mathrm{pearson}(\Phi(x), \Phi(x \odot a)) + 1\big)$$

    with the map $\Phi(x)$, the same brought to 0 to 1, $a$, and the average drop. It cannot be won by a map
    that lets everything through, nor by one that lets nothing.

    Returns:
        values (N,), 0 to 1, higher is better; 0 where one of the three is. Invariant to the map's scale. NaN
        where the map of the masked image is constant.

    Cost:
        1 explanation, of the masked image, and the forward of `AverageDrop`.

    Source:
        Poppi et al., Revisiting The Evaluation of Class Activation Mapping for Explainability, CVPRW 2021,
        equations 5 to 8.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.ADCC().explanations
        1
    """

    direction: ClassVar[Direction] = "higher"
    needs: ClassVar[frozenset[str]] = frozenset({"method"})
    explanations: ClassVar[int] = 1

    def measure(self, case: Case) -> Measurement:
        """The harmonic mean."""
        method = case.method
        assert method is not None
        again = next(values for _, values in case.subject.variants(method, 1, lambda _: masked(case)))
        coherency = (pearson(case.flattened, again.reshape(len(again), -1)) + 1) / 2
        dense = case.unit.reshape(len(again), -1).mean(axis=1)
        parts = np.stack([coherency, 1 - dense, 1 - lost(*left(case))])
        least = parts.min(axis=0)
        return Measurement(
            np.where(least > 0, 3 / (1 / np.where(parts > 0, parts, 1)).sum(axis=0), least * 0.0)
        )


def lost(whole: Array, rest: Array) -> Array:
    """The share of the probability that is lost."""
    return np.asarray(np.maximum(whole - rest, 0) / np.where(whole > 0, whole, 1))


def pearson(first: Array, second: Array) -> Array:
    """The correlation of each row of two arrays (N, m); NaN where a row is constant."""
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    scale = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    return np.asarray((first * second).sum(axis=1) / np.where(scale > 0, scale, np.nan))
