"""What would settle an open suspicion, and what an audit tests within a budget."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy import stats

import kerascope as ks
from kerascope import errors
from kerascope.auditing.shortcuts import joint, search
from kerascope.auditing.shortcuts.finding import Finding, Suspect
from kerascope.auditing.shortcuts.interventions.budget import Budget
from kerascope.auditing.shortcuts.plan import LARGER_BUDGET, find_plan, images_needed
from kerascope.auditing.shortcuts.trial import TrialData
from tests.helpers.networks.bars import planted
from tests.helpers.networks.trained import trained
from tests.helpers.processes.command_line import runner

pytestmark = pytest.mark.once

TRIALS = 10


def needed(effect: float, variance: float, least: float, trials: int) -> int:
    """The first number of images at which SciPy's interval lies above the least effect."""
    return next(
        count
        for count in range(8, 2001)
        if stats.t.interval(
            1 - 0.05 / trials, count - 1, loc=effect, scale=math.sqrt(max(variance, 1 / count) / count)
        )[0]
        > least
    )


@pytest.mark.parametrize(
    ("effect", "variance", "least", "trials"),
    [
        (0.5, 0.25, 0.1, 1),
        (0.5, 0.25, 0.2, 40),
        (0.3, 0.4, 0.15, 7),
        (1.0, 0.0, 0.1, 12),  # all alike: the variance is not taken for none
        (1.0, 0.0, 0.0, 1),  # never fewer than eight
    ],
)
def test_the_images_that_are_needed_are_those_at_which_the_interval_confirms(
    effect: float, variance: float, least: float, trials: int
) -> None:
    assert images_needed(effect, variance, least, trials) == needed(effect, variance, least, trials)


def test_no_number_of_images_confirms_what_is_not_above_the_least_effect() -> None:
    assert images_needed(0.1, 0.2, 0.1, 5) is None
    assert images_needed(0.11, 0.2, 0.1, 5) is None, "more than is practical"


# ---- plans: class 1 of 0, 1 and 2 is the bus ---------------------------------------------------


def interventions(own: int = 30, others: int = 60, **changes: Any) -> Any:
    """An audit with so many images of the bus, and of others, that trials may use."""
    predicted = changes.pop("predicted", 1)
    data = SimpleNamespace(
        classes=(0, 1, 2),
        name=("car", "bus", "tram").__getitem__,
        members=lambda label: np.arange(200 if label == 1 else 0),
        columns={"prediction": np.full(200, predicted)},
        pictures_per_class=changes.pop("pictures_per_class", 200),
        label_matrix=SimpleNamespace(names=("sea", "snow", "skis"), label=1),
    )
    samples = SimpleNamespace(
        data=data,
        candidates=lambda label: np.arange(own if label == 1 else others),
        other_candidates=lambda label: np.arange(others),
        **{"most": 96, "limit": 1000, **changes},
    )
    return SimpleNamespace(samples=samples)


def suspect(kind: str = "place", **others: Any) -> Suspect:
    return Suspect(kind, 1, "the top edge", {}, 1.0, **others)


def outcome(hits: int, count: int, **others: Any) -> TrialData:
    turned = np.arange(count) < hits
    return TrialData("bring", "another", turned, np.zeros(count, bool), 0.0, None, **others)


def plan(audit: Any, outcomes: tuple[TrialData, ...] = (), of: Suspect | None = None) -> str | None:
    of = of or suspect()
    judged = Finding(of.kind, 1, "bus", of.what, "untested", (), {}, 1.0).judge(outcomes, TRIALS)
    return find_plan(joint.Tested(of, outcomes), judged, audit, TRIALS)


def needed_by(hits: int, count: int) -> int:
    effect = hits / count
    return needed(effect, effect * (1 - effect) * count / (count - 1), 0.1, TRIALS)


OTHERS = "more images of other classes than bus"
HALF = "would do, if it turns half of them"


def test_what_is_open_needs_as_many_more_as_its_own_effect_says() -> None:
    more = needed_by(9, 24) - 24
    assert plan(interventions(others=24), (outcome(9, 24),)) == f"{more} {OTHERS} would do"
    # Of 48 on offer a trial could use 24, which leaves as many out of the further ones.
    both = 2 * needed_by(9, 24)
    assert both > 50
    words = f"{both - 48} {OTHERS} and {both} images per trial (--trial) would do"
    assert plan(interventions(others=48, most=50), (outcome(9, 24),)) == words


def test_a_larger_trial_is_proposed_where_the_images_are_there() -> None:
    size = needed_by(9, 24)
    words = f"{size} images per trial (--trial) would do"
    assert plan(interventions(others=150, most=24), (outcome(9, 24),)) == words
    for bound in ({"limit": size - 1}, {"pictures_per_class": (size - 1) // 2}):  # of two other classes
        assert plan(interventions(others=150, most=24, **bound), (outcome(9, 24),)) is None, bound


def test_what_was_not_measured_is_expected_to_turn_half() -> None:
    more = needed(0.5, 0.25, 0.1, TRIALS) - 9
    assert plan(interventions(others=9), (outcome(0, 9),)) == f"{more} {OTHERS} {HALF}"


@pytest.mark.parametrize(
    ("hits", "count"),
    [
        (0, 60),  # its interval ends below the least effect
        (2, 40),  # half would have been confirmed
        (11, 96),  # hardly above the least effect: more than 2,000 images
        (40, 60),  # confirmed
    ],
)
def test_what_is_settled_or_out_of_reach_has_no_plan(hits: int, count: int) -> None:
    assert plan(interventions(others=count), (outcome(hits, count),)) is None


def test_an_untested_suspicion_says_which_images_are_missing() -> None:
    strictest = needed(0.5, 0.25, 0.2, TRIALS + 1)
    assert strictest < 60
    assert plan(interventions(own=0)) == "8 more images of class bus would do"
    mistaken = plan(interventions(own=7, predicted=0))
    assert mistaken == "1 more image of class bus that are predicted as it would do"
    both = plan(interventions(own=2, others=5))
    assert both == f"6 more images of class bus and {strictest - 5} {OTHERS} {HALF}"
    assert plan(interventions()) is None, "nothing is missing that is known"


def test_a_strategy_needs_eight_of_its_images_in_the_sample_of_its_class() -> None:
    few = suspect("strategy", rows=np.arange(10))
    # 96 of 200 images are in a trial, so 8 / .48, or 17, must show it.
    assert plan(interventions(own=200), of=few) == "7 more images of class bus that show it would do"


def test_a_companion_needs_images_that_have_the_one_label_and_not_the_other() -> None:
    def companion(alone: int, neither: int) -> Suspect:
        details = {"companion": 2, "donors": np.arange(alone), "recipients": np.arange(neither)}
        return suspect("companion", details=details)

    words = "8 more images with 'skis' and without 'snow' would do"
    assert plan(interventions(), of=companion(0, 60)) == words
    more = needed(0.5, 0.25, 0.2, TRIALS + 1) - 3
    words = f"{more} more images with neither 'snow' nor 'skis' {HALF}"
    assert plan(interventions(), of=companion(8, 3)) == words


def test_the_plan_of_a_pair_is_for_the_class_that_it_is_put_into() -> None:
    rows = np.arange(24)  # which are predicted as buses
    more = needed_by(9, 24) - 24
    found = plan(interventions(own=24), (outcome(9, 24, rows=rows),), suspect("pair", partner=2))
    assert found == f"{more} more images of class bus would do"


# ---- the budget --------------------------------------------------------------------------------


def test_the_first_suspects_that_fit_are_chosen_and_none_is_passed_over() -> None:
    samples = interventions(own=10, others=200).samples
    cost = 2 * 10 + 2 * 96 + 3
    details = {"donors": np.arange(4), "recipients": np.arange(5)}
    cheap = suspect("companion", details=details)
    suspects = [suspect(), suspect(), cheap]
    for left, expected in (
        (cost - 1, 0),
        (cost, 1),
        (2 * cost - 1, 1),
        (2 * cost + 16, 2),
        (2 * cost + 17, 3),
    ):
        chosen, rest = Budget(1000, lambda left=left: 1000 - left).choose(suspects, samples)
        assert [*chosen, *rest] == suspects
        assert len(chosen) == expected, left
    assert Budget().choose(suspects, samples) == (suspects, ())
    # Each of three without each of the others, and the pictures of five findings.
    joint = 2 * 3 * cost + 5 * 3
    for most, allowed in ((joint - 1, False), (joint, True), (None, True)):
        assert Budget(most).allows_joint_trials([suspect()] * 3, 5, samples) == allowed
    assert Budget(0).allows_joint_trials([suspect()], 1, samples), "one alone is not tried again"


def audit(budget: int | None) -> ks.Audit:
    held = planted(90, "tint", seed=1)
    model = trained("tint")
    return ks.audit(model, held.images, held.labels, budget=budget, sanity=False, progress=False)


def test_a_budget_bounds_the_passes_and_says_what_it_left_out() -> None:
    free, none, some = audit(None), audit(0), audit(400)
    assert none.cost["try"] == {"forwards": 0, "backwards": 0}
    assert {(one.verdict, one.reasons, one.plan) for one in none.findings} == {
        ("untested", ("the budget of 0 passes is spent",), LARGER_BUDGET)
    }
    assert "To settle them: a larger budget (--budget) would do." in none.summary()
    assert 0 < some.cost["try"]["forwards"] <= 400
    assert 0 < len(some.untested) < len(some.findings)
    assert some.settings["budget"] == 400
    # One that suffices changes nothing.
    enough = audit(10 * free.cost["try"]["forwards"])
    assert enough.to_json()["findings"] == free.to_json()["findings"]


def test_what_was_not_tried_jointly_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Budget, "allows_joint_trials", lambda *_: False)
    found = audit(5000)
    assert found.confirmed
    words = "was not tried, since the budget of 5,000 passes is spent"
    assert all(one.reasons[-1].endswith(words) for one in found.confirmed)


def test_a_budget_takes_the_place_of_the_limit_of_each_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST", 1)
    assert {one.plan for one in audit(None).untested} == {LARGER_BUDGET}
    assert audit(5000).untested == ()


def test_a_budget_is_a_whole_number_and_an_option_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for wrong in (-1, 2.5, True):
        with pytest.raises(errors.ParameterError, match="budget must be a whole number of at least 0"):
            audit(wrong)  # type: ignore[arg-type]
    monkeypatch.chdir(tmp_path)
    trained("tint").save("model.keras")
    Path("photos").mkdir()
    for number, picture in enumerate(planted(12, "tint", seed=1).images):
        Image.fromarray(np.rint(255 * picture.squeeze()).astype("uint8")).save(f"photos/{number}.png")
    options = ("--preprocess", "0-1", "--no-sanity", "--budget", "0", "--json")
    ran = runner(monkeypatch, capsys)("audit", "model.keras", "photos", *options)
    assert json.loads(ran.out)["settings"]["budget"] == 0
