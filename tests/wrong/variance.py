"""Sobol indices and HSIC gone wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import kerascope as ks


@dataclass(frozen=True)
class FirstOrder(ks.Sobol):
    """Of a cell what it does alone, without what it does together with others."""

    def indices(self, scores: Any) -> Any:
        second, changed = scores[:, 1], scores[:, 2:]
        variance = scores[:, :2].reshape(-1, scores.shape[2]).var(axis=0, ddof=1)
        rest = ((second[:, None] - changed) ** 2).mean(axis=0) / (2 * variance)
        return np.maximum(1 - rest, 0).T


@dataclass(frozen=True)
class NotHalved(ks.Sobol):
    """The mean square of the change is twice the variance, and is taken for it."""

    def indices(self, scores: Any) -> Any:
        return 2 * super().indices(scores)


@dataclass(frozen=True)
class AllButTheCell(ks.Sobol):
    """The matrices change their parts: of B all cells are taken but the one."""

    def build_masks(self, first: Any, second: Any) -> Any:
        designs, count = first.shape
        masks = np.repeat(second[:, None], count + 2, axis=1)
        masks[:, 0] = first
        cells = np.arange(count)
        masks[:, cells + 2, cells] = first
        return masks.reshape(designs * (count + 2), count)


@dataclass(frozen=True)
class NotShared(ks.Sobol):
    """Not divided by the variance: in units of the score squared."""

    def indices(self, scores: Any) -> Any:
        variance = scores[:, :2].reshape(-1, scores.shape[2]).var(axis=0, ddof=1)
        return super().indices(scores) * variance[:, None]


@dataclass(frozen=True)
class NotCentred(ks.HSIC):
    """The kernel matrices are multiplied as they are."""

    def dependence(self, masks: Any, scores: Any) -> Any:
        distances = np.abs(scores[:, None] - scores[None])
        if not distances.any():
            return np.zeros(masks.shape[1])
        kernel = np.exp(-0.5 * (distances / np.median(distances[distances > 0])) ** 2)
        signs = 2 * masks - 1
        agreement = np.einsum("ms,ms->s", signs, kernel @ signs)
        return (agreement + kernel.sum()) / 2 / (len(scores) - 1) ** 2


@dataclass(frozen=True)
class MedianScore(ks.HSIC):
    """The kernel is as wide as the median score, wherever the scores lie, not as their median distance."""

    def dependence(self, masks: Any, scores: Any) -> Any:
        centred = masks - masks.mean(axis=0)
        width = np.median(scores) or 1.0
        kernel = np.exp(-0.5 * ((scores[:, None] - scores[None]) / width) ** 2)
        return 2 * np.einsum("ms,ms->s", centred, kernel @ centred) / (len(scores) - 1) ** 2


@dataclass(frozen=True)
class CorrelationAlone(ks.HSIC):
    """A linear kernel for the score: what does not change its mean is missed."""

    def dependence(self, masks: Any, scores: Any) -> Any:
        centred = masks - masks.mean(axis=0)
        return 2 * (centred.T @ (scores - scores.mean())) ** 2 / (len(scores) - 1) ** 2


WRONG = [
    (FirstOrder, "oracle"),
    (NotHalved, "oracle"),
    (NotHalved, "identities"),
    (AllButTheCell, "identities"),
    (NotShared, "identities"),
    (NotCentred, "identities"),
    (MedianScore, "oracle"),
    (CorrelationAlone, "identities"),
]
