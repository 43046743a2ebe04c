"""What speaks for the object, and what for a shortcut: each clause of a verdict once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from kerascope.auditing.shortcuts import verdict
from kerascope.auditing.shortcuts.discrimination import DiscriminativeTrait
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.kinds import place
from kerascope.auditing.shortcuts.presence import Presence
from kerascope.auditing.shortcuts.trial import INSERT, REMOVE, Trial
from kerascope.typing import Array

pytestmark = pytest.mark.once

COUNT = 60
OWN = np.arange(COUNT) < 20
"""The images of the class."""


def trial(name: str, effect: float) -> Trial:
    return Trial(name, "the same", 40, effect, 0.0, effect, effect, effect, 1.0)


def presence(tells: float = 1.0, values: Array | None = None) -> Presence:
    """How much each image has: the class 1, others 0; told by it so well."""
    values = OWN.astype(float) if values is None else values
    return Presence(np.arange(COUNT), values, OWN, Estimate(tells, tells, tells), 0.5)


@dataclass(frozen=True)
class Case:
    """A confirmed suspect; without anything else, a patch that all that is known speaks against."""

    kind: str = "patch"
    inserts: float = 1.0
    removes: float = 1.0
    presence: Presence = field(default_factory=presence)
    predictions: Array = field(default_factory=lambda: np.where(OWN, 1, 0))
    details: Any = field(default_factory=dict)
    middle: Array | None = None

    def weigh(self) -> tuple[list[str], list[str]]:
        suspect = Suspect(self.kind, 1, "it", {}, 1.0, details=self.details)
        data = SimpleNamespace(
            objects=None,
            classes=(0, 1, 2),
            columns={"prediction": self.predictions},
            targets=OWN.astype(int),
            middle_traits=self.middle,
        )
        trials = [trial(INSERT, self.inserts), trial(REMOVE, self.removes)]
        return verdict.weigh(suspect, trials, self.presence, data)  # type: ignore[arg-type]


def count_others(having: int, taken: int) -> dict[str, Any]:
    """Images of other classes that have it, and how many of them are taken for the class."""
    values, predictions = OWN.astype(float), np.where(OWN, 1, 0)
    values[20 : 20 + having], predictions[20 : 20 + taken] = 1, 1
    return {"presence": presence(values=values), "predictions": predictions}


BRIGHT = DiscriminativeTrait("brightness", 0, True, 0.5, Estimate(1.0, 0.9, 1.0))
LIT = {"kind": "background", "details": {"trait": BRIGHT}}
MIDDLE = np.where(OWN, 1.0, 0.0)[:, None]
"""The brightness of the middle, which tells the class as the background does."""
FEW = np.where(np.arange(COUNT) < 10, 1.0, 0.0)
"""Half of the class has it."""
ABOVE, BELOW = 0.01, -0.01
OBJECTIONS = [
    (Case(kind="colour"), "which is usually the object"),
    (Case(inserts=verdict.FOLLOWS + BELOW), "it turns few of the other images"),
    (
        Case(**LIT, middle=MIDDLE, inserts=verdict.DECIDES, removes=verdict.DECIDES + BELOW),
        "the middle of the picture differs",
    ),
    (Case(kind="place", details={"distance": place.DISTANT + BELOW}), "other classes have such pixels"),
    (Case(presence=presence(verdict.TELLS + BELOW)), "by itself it tells the class at 0."),
    (Case(**count_others(30, 3)), "of 30 images of other classes that have it, only 3 are taken"),
    (
        Case(
            presence=presence(verdict.SURE + ABOVE),
            inserts=verdict.SURELY_FOLLOWS - verdict.SURE + 2 * BELOW,
            removes=verdict.NEEDED + BELOW,
        ),
        "without it",
    ),
    (Case(presence=presence(verdict.SURE + BELOW), removes=verdict.NEEDED + BELOW), "without it"),
    (Case(**LIT, middle=np.zeros((COUNT, 1)), removes=verdict.NEEDED + BELOW), "without it"),
]


@pytest.mark.parametrize(("case", "words"), OBJECTIONS)
def test_each_objection_is_raised_alone(case: Case, words: str) -> None:
    objections, _ = case.weigh()
    assert len(objections) == 1
    assert words in objections[0]


SUPPORTS = [
    (
        Case(),
        ["by itself it tells the class at 1.00 of 1", "without it 100% of the class's images turn away"],
    ),
    (Case(inserts=verdict.FOLLOWS + ABOVE, removes=verdict.NEEDED + ABOVE), ["by itself", "without it"]),
    (Case(kind="place", details={"distance": place.DISTANT + ABOVE}), ["by itself", "without it"]),
    (Case(presence=presence(verdict.TELLS + ABOVE)), ["by itself it tells", "without it"]),
    # A model may know the object, too: what tells and turns for sure need not be needed.
    (
        Case(
            presence=presence(verdict.SURE + ABOVE),
            inserts=verdict.SURELY_FOLLOWS - verdict.SURE,
            removes=0.0,
        ),
        ["by itself"],
    ),
    # Where nearly all images follow the background, the middle plays no part.
    (
        Case(**LIT, middle=MIDDLE, inserts=verdict.DECIDES + ABOVE, removes=verdict.DECIDES + ABOVE),
        ["by itself", "without it"],
    ),
    (
        Case(**count_others(30, 20)),
        ["by itself", "of 30 images of other classes that have it, 20 are", "without"],
    ),
    # A few have it by chance, and say nothing.
    (Case(**count_others(3, 0)), ["by itself", "without it"]),
    (
        Case(presence=presence(values=FEW), predictions=np.where(FEW == 1, 1, 0)),
        ["by itself", "of 10 images of the class without it, 0 are recognised", "without it"],
    ),
]


@pytest.mark.parametrize(("case", "words"), SUPPORTS)
def test_what_speaks_for_a_shortcut_is_told(case: Case, words: list[str]) -> None:
    objections, support = case.weigh()
    assert objections == []
    assert len(support) == len(words)
    for clause, beginning in zip(support, words, strict=True):
        assert clause.startswith(beginning)


@pytest.mark.parametrize("kind", ["companion", "outside", "pair"])
def test_what_is_known_to_lie_beside_the_object_needs_no_other_reason(kind: str) -> None:
    case = Case(kind=kind, inserts=0.0, removes=0.0, presence=presence(0.0))
    objections, support = case.weigh()
    assert (objections, len(support)) == ([], 1)


@pytest.mark.parametrize(("covered", "objects", "supports"), [(0.1, 0, 1), (0.35, 0, 2), (0.8, 1, 2)])
def test_masks_decide_where_they_are_known(
    covered: float, objects: int, supports: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verdict, "_covered_share", lambda suspect, data: covered)
    objections, support = Case().weigh()
    assert ([clause for clause in objections if "on the objects, by their masks" in clause] != []) == bool(
        objects
    )
    assert (len(objections), len(support)) == (objects, supports)
    # Outside of the objects, nothing else counts.
    weak = replace(Case(), inserts=0.0, removes=0.0)
    assert (weak.weigh()[0] == []) == (supports == 1)


# ---- presence ----------------------------------------------------------------------------------


def test_counterexamples_have_as_much_as_the_middle_image_of_the_class() -> None:
    own = np.asarray([True] * 5 + [False] * 5)
    values = np.asarray([4.0, 5.0, 6.0, 1.0, 0.5, 5.0, 4.5, 7.0, 0.0, 5.5])
    found = Presence(np.arange(2, 12), values, own, Estimate(1, 1, 1), 3.0)
    predictions = np.zeros(12, int)
    predictions[[2 + 3, 2 + 5, 2 + 6, 2 + 7]] = 1
    # Of the class have it 4, 5 and 6, with 5 in the middle: of others 5, 7 and 5.5, of which two are taken.
    assert found.counterexamples(predictions, 1) == ((2, 3), (1, 2))
    assert found.has.tolist() == (values >= 3).tolist()
    assert found.most(True, 2).tolist() == [4, 3]
    assert found.most(False, 2).tolist() == [9, 11]


def test_what_other_classes_have_more_of_does_not_tell_the_class() -> None:
    rows, own = np.arange(40), np.arange(40) < 20
    values = np.where(own, 0.0, 1.0) + 0.001 * rows
    assert Presence.of(rows, values, own).tells.value == 0
    told = Presence.of(rows, -values, own)
    assert told.tells.value == 1
    np.testing.assert_array_equal(told.has, own)
