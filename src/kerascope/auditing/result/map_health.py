"""Health of the maps: are they informative, do methods agree, do they pass a sanity check?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascope import errors
from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.method import Method
from kerascope.typing import Array

SATURATED = 0.5
"""A map of which a larger share is near its greatest value does not locate anything."""
AGREEMENT = 0.3
"""The rank correlation below which two methods are said to disagree."""
_CHECKED = 16
"""Images of a sanity check."""


@dataclass(frozen=True)
class MapHealth:
    """Defects of the maps of one class, or of all.

    Args:
        count: number of maps.
        flat: the share that is constant or nearly so, see `Explanation.flat`.
        broken: the share that holds NaN or infinity.
        saturated: the share of which more than half is above 90 % of the greatest value.
        agreement: by further method, the rank correlation of its map with the map.
    """

    count: int
    flat: float
    broken: float
    saturated: float
    agreement: dict[str, Estimate]

    @classmethod
    def of(cls, data: AuditData, rows: Array, methods: Sequence[Method]) -> MapHealth:
        """Of the maps of some images."""
        if not len(rows):
            return cls(0, 0.0, 0.0, 0.0, {})
        agreement = data.columns["agreement"][rows]
        return cls(
            len(rows),
            float(data.flat[rows].mean()),
            float(data.broken[rows].mean()),
            float((data.columns["saturated"][rows] > SATURATED).mean()),
            {method.describe(): Estimate.mean(agreement[:, n], 0.0) for n, method in enumerate(methods)},
        )


@dataclass(frozen=True)
class MethodCheck:
    """A sanity check of a method, on some images: see `kerascope.sanity`.

    Args:
        method: its constructor.
        verdict: `"passes"`, `"fails"` or `"undecided"`: does the map depend on the trained weights?
        logit: the same for the class: does the map of another class differ? None if undecided, and for one
            sigmoid of two classes, whose scores are opposite.
        lines: each check in words, and why there is none.
    """

    method: str
    verdict: str
    logit: str | None
    lines: tuple[str, ...]


def check_method(data: AuditData, method: Method) -> MethodCheck:
    """Run the sanity checks of a method on 16 images, with one random model.

    Cost:
        6 explanations of 16 images.
    """
    from kerascope.evaluation import sanity

    informative = np.flatnonzero(data.informative)
    if len(informative) < 2:
        return MethodCheck(method.describe(), "undecided", None, ("fewer than two maps show anything",))
    images, _ = data.load_images(data.sample(informative, _CHECKED, salt=5))
    explainer = data.explainer
    inputs = np.asarray(explainer.layout.original(images, np))
    try:
        report = sanity(method, explainer.probe, inputs, depths=2, draws=1, seed=data.seed, progress=False)
    except (errors.KerascopeError, NotImplementedError) as error:
        return MethodCheck(method.describe(), "undecided", None, (f"it could not be checked: {error}",))
    verdicts = {check.name: check.verdict for check in report.checks}
    return MethodCheck(
        method.describe(),
        report.verdict,
        verdicts.get("random logit"),
        (*(str(check) for check in report.checks), *report.notes),
    )


def find_doubts(health: MapHealth, checks: Sequence[MethodCheck]) -> list[str]:
    """Reasons to distrust the maps, a sentence each."""
    doubts = []
    if health.flat + health.broken > 0.05:
        doubts.append(
            f"{health.flat + health.broken:.0%} of the maps show nothing; the audit does not know where the "
            "model looks in these images."
        )
    if health.saturated > 0.25:
        doubts.append(f"{health.saturated:.0%} of the maps are high almost everywhere and locate nothing.")
    for method, agreement in health.agreement.items():
        if agreement.value < AGREEMENT:
            doubts.append(
                f"{method} puts relevance elsewhere: the rank correlation of its maps with these is "
                f"{agreement.value:.2f}; places depend on the method."
            )
    for check in checks:
        if check.verdict == "fails":
            doubts.append(
                f"{check.method} fails the sanity check: its maps hardly change when the model's weights are "
                "randomised."
            )
        if check.logit == "fails":
            doubts.append(f"{check.method} gives almost the same map for another class.")
    return doubts
