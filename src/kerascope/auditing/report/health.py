"""The health of the maps themselves: do they say something, do methods agree, do they pass a sanity check?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascope import errors
from kerascope.auditing.data import Material
from kerascope.auditing.shortcuts.finding import Measured
from kerascope.method import Method
from kerascope.typing import Array

SATURATED = 0.5
"""A map of which more than so much is near its greatest value tells no place."""
AGREEMENT = 0.3
"""The rank correlation below which two methods are said to disagree."""
_CHECKED = 16
"""Images of a sanity check."""


@dataclass(frozen=True)
class MapHealth:
    """What is doubtful about the maps of one class, or of all.

    Args:
        count: of maps.
        flat: the share that is constant or nearly so, see `Explanation.flat`.
        broken: the share that holds NaN or infinity.
        saturated: the share of which more than half is above 90 % of the greatest value.
        agreement: by further method, the rank correlation of its map with the map.
    """

    count: int
    flat: float
    broken: float
    saturated: float
    agreement: dict[str, Measured]

    @classmethod
    def of(cls, material: Material, places: Array, methods: Sequence[Method]) -> MapHealth:
        """Of the maps of some images."""
        agreement = material.columns["agreement"][places]
        return cls(
            len(places),
            float(material.flat[places].mean()),
            float(material.broken[places].mean()),
            float((material.columns["saturated"][places] > SATURATED).mean()),
            {one.describe(): Measured.mean(agreement[:, n], 0.0) for n, one in enumerate(methods)},
        )


@dataclass(frozen=True)
class Checked:
    """A sanity check of a method, on some images: see `kerascope.sanity`.

    Args:
        method: as it would be written.
        verdict: `"passes"`, `"fails"` or `"undecided"`: does the map depend on what the model has learnt?
        logit: the same of the class: does the map of another class differ? None where it could not be told,
            and where one sigmoid stands for two classes, whose scores are opposite.
        lines: each check in words, and why there is none.
    """

    method: str
    verdict: str
    logit: str | None
    lines: tuple[str, ...]


def checked(material: Material, method: Method) -> Checked:
    """A sanity check on 16 images, with one random model.

    Cost:
        6 explanations of 16 images.
    """
    from kerascope.evaluation import sanity

    shown = np.flatnonzero(material.shows)
    if len(shown) < 2:
        return Checked(method.describe(), "undecided", None, ("fewer than two maps show anything",))
    images, _ = material.images(material.sampled(shown, _CHECKED, salt=5))
    explainer = material.explainer
    given = np.asarray(explainer.layout.original(images, np))
    try:
        found = sanity(method, explainer.probe, given, depths=2, draws=1, seed=material.seed, progress=False)
    except (errors.KerascopeError, NotImplementedError) as error:
        return Checked(method.describe(), "undecided", None, (f"it could not be checked: {error}",))
    names = {one.name: one.verdict for one in found.checks}
    return Checked(
        method.describe(),
        found.verdict,
        names.get("random logit"),
        (*(str(one) for one in found.checks), *found.notes),
    )


def doubts(whole: MapHealth, checks: Sequence[Checked]) -> list[str]:
    """What the reader of an audit must know of its maps, a sentence each."""
    found = []
    if whole.flat + whole.broken > 0.05:
        found.append(
            f"{whole.flat + whole.broken:.0%} of the maps show nothing; the audit knows nothing of where the "
            "model looks in these images."
        )
    if whole.saturated > 0.25:
        found.append(f"{whole.saturated:.0%} of the maps are high almost everywhere and tell no place.")
    for method, measured in whole.agreement.items():
        if measured.value < AGREEMENT:
            found.append(
                f"{method} puts relevance elsewhere: the rank correlation of its maps with these is "
                f"{measured.value:.2f}; places rest on the method."
            )
    for check in checks:
        if check.verdict == "fails":
            found.append(
                f"{check.method} fails the sanity check: its maps stay alike when the model is drawn anew."
            )
        if check.logit == "fails":
            found.append(f"{check.method} gives almost the same map for another class.")
    return found
