"""Something about the style of the whole picture, which the model's features alone carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.discrimination import find_trait
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.trial import LEAST_EFFECT_OF_QUALITY, TrialData

LEAST_INDEX = 0.6
"""The lower end of the interval of Youden's index that a channel's mean or deviation must reach."""
FEATURES = (
    "only the model's features carry it, and no exchange in the picture: look at the images that have most"
)
"""Why it is no shortcut by itself."""


def find(data: AuditData, suspects: Sequence[Suspect]) -> list[Suspect]:
    """Every class, by no evidence yet: see `examine`."""
    return [
        Suspect("style", label, "something about the style of the whole picture", {}, 0.0)
        for label in data.classes
    ]


def examine(suspect: Suspect, interventions: Interventions) -> Suspect | None:
    """The suspect with what the features hold; None if a cause is known, or no channel tells the class.

    Cost:
        1 forward for each of up to 96 images of the class, and of others.
    """
    label, samples = suspect.label, interventions.samples
    if label in samples.unsteady or samples.confirmed.get(label):
        return None
    own, others = samples.of_class(label), samples.of_others(label, steady=True)
    if not len(own) or not len(others):
        return None
    first, second = interventions.read_style(own), interventions.read_style(others)
    if first is None or second is None:
        return None
    values = np.concatenate([found.reshape(len(found), -1) for found in (first, second)])
    names = [f"channel {column}" for column in range(values.shape[1])]
    best = find_trait(values, names, np.arange(len(values)) < len(own))
    if best is None or best.index.low < LEAST_INDEX:
        return None
    evidence = "how well the best channel of the model's features tells the class (Youden's index)"
    rows = np.concatenate([own.rows, others.rows])
    details = {"presence": (rows, best.amount(values))}
    return replace(suspect, evidence={evidence: best.index}, details=details)


def intervene(suspect: Suspect, interventions: Interventions) -> list[TrialData]:
    """Give features of other images the mean and deviation of each channel of images of the class.

    The control is the same of images of still other classes.
    """
    samples, label = interventions.samples, suspect.label
    own, others = samples.of_class(label), samples.of_others(label, steady=True)
    first, second = interventions.read_style(own), interventions.read_style(others)
    if first is None or second is None:
        return []
    outcome = interventions.exchange_style(label, own, others, first, second)
    return [replace(outcome, least=LEAST_EFFECT_OF_QUALITY)]
