"""The audit of one class: accuracy, strategies, health of its maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.data.clustering import Clusters
from kerascope.auditing.description.relevance import CELLS
from kerascope.auditing.result.map_health import MapHealth
from kerascope.method import Method
from kerascope.typing import Array

_PROTOTYPES = 4
_MISTAKES = 3


@dataclass(frozen=True, eq=False)
class Strategy:
    """A cluster of the images of a class, by position and content of their relevance.

    Args:
        number: 1 for the largest; 0 for images in no cluster.
        count: number of images.
        share: of the class.
        where: the position of the relevance, in words.
        accuracy: or None if no labels are known.
        confidence: mean probability of the class.
        mistakes: true class, predicted class, and how often, the most frequent first.
        prototypes: indices of the images nearest to the centre of the cluster.
        position: (8, 8) mean share of relevance in each cell.
        elsewhere: the share of relevance in other cells than the rest of the class, 0 to 1.
    """

    number: int
    count: int
    share: float
    where: str
    accuracy: float | None
    confidence: float
    mistakes: tuple[tuple[str, str, int], ...]
    prototypes: tuple[int, ...]
    position: Array
    elsewhere: float


@dataclass(frozen=True, eq=False)
class ClassAudit:
    """The audit of one class.

    Args:
        label: its index.
        name: its name.
        count: number of images that were explained for it.
        labelled: number of images of which it is the true class; None if no labels are known.
        recall: the share of these that is predicted as it, or None.
        precision: the share of those predicted as it that is right, or None.
        strategies: the largest first.
        health: of its maps.
    """

    label: int
    name: str
    count: int
    labelled: int | None
    recall: float | None
    precision: float | None
    strategies: tuple[Strategy, ...]
    health: MapHealth

    @classmethod
    def of(cls, data: AuditData, label: int, methods: Sequence[Method]) -> ClassAudit:
        """Summarise the images of a class."""
        members = data.members(label)
        labels, predictions = data.labels, data.columns["prediction"]
        own, predicted = labels == label, (predictions == label) & (labels >= 0)
        clusters = data.clusters.get(label)
        return cls(
            label,
            data.name(label),
            len(members),
            int(own.sum()) if (labels >= 0).any() else None,
            float((predictions[own] == label).mean()) if own.any() else None,
            float((labels[predicted] == label).mean()) if predicted.any() else None,
            () if clusters is None else _strategies(data, members, clusters),
            MapHealth.of(data, members, methods),
        )


def audit_classes(data: AuditData, methods: Sequence[Method]) -> tuple[ClassAudit, ...]:
    """The audits of all classes that were explained, or are the true class of an image."""
    known = set(data.classes) | set(data.labels[data.labels >= 0].tolist())
    return tuple(ClassAudit.of(data, label, methods) for label in sorted(known))


def accuracy(data: AuditData, rows: Array) -> float | None:
    """The accuracy on some images; None if no label is known."""
    labels = data.labels[rows]
    known = labels >= 0
    return float((data.columns["prediction"][rows][known] == labels[known]).mean()) if known.any() else None


def _strategies(data: AuditData, members: Array, clusters: Clusters) -> tuple[Strategy, ...]:
    """Each cluster, and last the images in none whose maps show something."""
    informative = members[data.informative[members]]
    groups = [members[clusters.numbers == cluster] for cluster in range(clusters.count)]
    groups.append(members[(clusters.numbers < 0) & data.informative[members]])
    strategies = []
    for cluster, group in enumerate(groups):
        if not len(group):
            continue
        rest = np.setdiff1d(informative, group)
        mean = data.positions[group].mean(axis=0)
        shared = np.minimum(mean, data.positions[rest].mean(axis=0)).sum() if len(rest) else mean.sum()
        is_cluster = cluster < clusters.count
        nearest = members[clusters.nearest(cluster, _PROTOTYPES)] if is_cluster else group[:_PROTOTYPES]
        probability = data.columns["probability"][group]
        strategies.append(
            Strategy(
                cluster + 1 if is_cluster else 0,
                len(group),
                len(group) / len(members),
                describe_position(mean),
                accuracy(data, group),
                float(np.nanmean(probability)) if np.isfinite(probability).any() else float("nan"),
                _mistakes(data, group),
                tuple(data.columns["index"][nearest].tolist()),
                mean,
                float(np.clip(1 - shared, 0, 1)),
            )
        )
    return tuple(strategies)


def _mistakes(data: AuditData, rows: Array) -> tuple[tuple[str, str, int], ...]:
    """The most frequent confusions."""
    pairs = zip(data.labels[rows].tolist(), data.columns["prediction"][rows].tolist(), strict=True)
    counts = Counter(
        (data.name(label), data.name(predicted)) for label, predicted in pairs if label not in (-1, predicted)
    )
    return tuple((*pair, count) for pair, count in counts.most_common(_MISTAKES))


_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "middle", "right")


def describe_position(position: Array) -> str:
    """Where most of the relevance is, in words.

    Args:
        position: (8, 8), shares of relevance.
    """
    total = position.sum()
    if total <= 0:
        return "nowhere"
    shares = position / total
    known = shares[shares > 0]
    # Near the greatest possible entropy: relevance that is the same everywhere.
    if -(known * np.log(known)).sum() > 0.985 * np.log(CELLS**2):
        return "all over the picture"
    centres = (np.arange(CELLS) + 0.5) / CELLS
    row, column = (shares.sum(axis=1) @ centres, shares.sum(axis=0) @ centres)
    ring = shares.sum() - shares[1:-1, 1:-1].sum()
    if ring > 0.75 and 0.35 < row < 0.65 and 0.35 < column < 0.65:
        return "along the border"
    names = (_ROWS[min(int(row * 3), 2)], _COLUMNS[min(int(column * 3), 2)])
    if names == ("middle", "middle"):
        return "in the middle"
    return "at the " + " ".join(name for name in names if name != "middle")
