"""What is told of each class: how often it is right, its strategies, the health of its maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import keras
import numpy as np

from kerascope.auditing.data import Material
from kerascope.auditing.describe import CELLS
from kerascope.auditing.report.health import MapHealth
from kerascope.auditing.report.result import ClassAudit, Strategy
from kerascope.auditing.responses import Responses, hardly_move
from kerascope.auditing.strategies import Clusters
from kerascope.method import Method
from kerascope.typing import Array

_PROTOTYPES = 4
_MISTAKES = 3


def labels_of(material: Material) -> Sequence[int]:
    """The classes that were explained, or are the true class of an image."""
    known = set(material.classes) | set(material.labels[material.labels >= 0].tolist())
    return sorted(known)


def right(material: Material, places: Array) -> float | None:
    """The share of some images that is right; None where no label is known."""
    labels = material.labels[places]
    known = labels >= 0
    if not known.any():
        return None
    return float((material.columns["prediction"][places][known] == labels[known]).mean())


def responses_of(material: Material) -> Responses:
    """What the model says of the images."""
    columns, labels, targets = material.columns, material.labels, material.targets
    (said, count), *_ = Counter(columns["prediction"].tolist()).most_common(1)
    known = labels >= 0
    chances = columns["probability"][(columns["prediction"] == said) & (targets == said)]
    finite = len(chances) and np.isfinite(chances).all()
    return Responses(
        images=len(material),
        different=material.different,
        non_finite=material.non_finite,
        said=material.name(said),
        count=count,
        labelled=(int(known.sum()), int((labels == said).sum())),
        probabilities=(float(chances.min()), float(chances.max())) if finite else (np.nan, np.nan),
        still=hardly_move(columns["score"], columns["probability"], targets, material.different),
        unlearnt=_unlearnt(material.job.model),
        strangers=material.results.strange_labels(),
    )


def _unlearnt(model: keras.Model) -> int:
    """How many BatchNormalizations a model has, where all have the statistics that they begin with."""
    begins = {"moving_mean": 0.0, "moving_variance": 1.0}
    found = [(variable, begins[variable.name]) for variable in model.variables if variable.name in begins]
    begun = all((keras.ops.convert_to_numpy(variable) == begin).all() for variable, begin in found)
    return len(found) // 2 if begun else 0


def class_audit(material: Material, label: int, methods: Sequence[Method]) -> ClassAudit:
    """What is told of a class."""
    members = material.members(label)
    labels, predictions = material.labels, material.columns["prediction"]
    own, said = labels == label, (predictions == label) & (labels >= 0)
    labelled = (labels >= 0).any()
    clusters = material.strategies.get(label)
    strategies = () if clusters is None else _strategies(material, members, clusters)
    return ClassAudit(
        label,
        material.name(label),
        len(members),
        int(own.sum()) if labelled else None,
        float((predictions[own] == label).mean()) if own.any() else None,
        float((labels[said] == label).mean()) if said.any() else None,
        strategies,
        MapHealth.of(material, members, methods) if len(members) else MapHealth(0, 0.0, 0.0, 0.0, {}),
    )


def _strategies(material: Material, members: Array, clusters: Clusters) -> tuple[Strategy, ...]:
    """Each cluster, and last the images that are like no others and whose maps show something."""
    found = []
    alone = members[(clusters.numbers < 0) & material.shows[members]]
    groups = [members[clusters.numbers == number] for number in range(clusters.count)]
    for number, group in enumerate([*groups, alone]):
        if not len(group):
            continue
        rest = np.setdiff1d(members[material.shows[members]], group)
        mean = material.positions[group].mean(axis=0)
        shared = np.minimum(mean, material.positions[rest].mean(axis=0)).sum() if len(rest) else mean.sum()
        clustered = number < clusters.count
        nearest = members[clusters.nearest(number, _PROTOTYPES)] if clustered else group[:_PROTOTYPES]
        labels, predictions = material.labels[group], material.columns["prediction"][group]
        wrong = Counter(
            (material.name(label), material.name(prediction))
            for label, prediction in zip(labels.tolist(), predictions.tolist(), strict=True)
            if label not in (-1, prediction)
        )
        probability = material.columns["probability"][group]
        found.append(
            Strategy(
                number + 1 if clustered else 0,
                len(group),
                len(group) / len(members),
                where(mean),
                right(material, group),
                float(np.nanmean(probability)) if np.isfinite(probability).any() else float("nan"),
                tuple((*pair, count) for pair, count in wrong.most_common(_MISTAKES)),
                tuple(material.columns["index"][nearest].tolist()),
                mean,
                float(np.clip(1 - shared, 0, 1)),
            )
        )
    return tuple(found)


_ROWS = ("top", "middle", "bottom")
_COLUMNS = ("left", "middle", "right")


def where(position: Array) -> str:
    """Where most of the relevance is, in words.

    Args:
        position: (8, 8), shares of relevance.

    Example:
        >>> import numpy as np
        >>> from kerascope.auditing.report.classes import where
        >>> where(np.eye(8)[:, :1] @ np.eye(8)[:1])
        'at the top left'
    """
    total = position.sum()
    if total <= 0:
        return "nowhere"
    shares = position / total
    known = shares[shares > 0]
    # Of the greatest entropy there can be: relevance that is the same everywhere.
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
