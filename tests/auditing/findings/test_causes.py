"""Causes tried jointly: of several suspects, those that act by themselves are findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope.typing import Array
from tests.helpers.networks.qualities import CUED, network, pictures

pytestmark = pytest.mark.once

OPTIONS: dict[str, Any] = {"method": "saliency", "sanity": False, "progress": False}
LABELS = np.arange(90) % 3


def audit(kinds: list[str], answers_by: list[str], labels: Array = LABELS) -> ks.Audit:
    return ks.audit(network(answers_by), pictures(kinds, labels), labels, **OPTIONS)


def name_shortcuts(found: ks.Audit) -> list[tuple[str, int]]:
    return sorted((finding.kind, finding.label) for finding in found.shortcuts)


def test_two_cues_of_which_each_is_enough_are_two_findings() -> None:
    kinds = ["cast", "mark"]
    assert name_shortcuts(audit(kinds, kinds)) == [("cast", CUED), ("mark", CUED)]


@pytest.mark.xfail(
    strict=True, reason="with the blur the fine part is taken away, of which the mark consists"
)
def test_a_mark_on_blurred_pictures_is_a_finding_of_its_own() -> None:
    kinds = ["sharpness", "mark"]
    assert name_shortcuts(audit(kinds, kinds)) == [("mark", CUED), ("sharpness", CUED)]


def test_of_two_cues_the_one_that_the_network_answers_by_is_the_finding() -> None:
    assert name_shortcuts(audit(["cast", "mark"], ["cast"])) == [("cast", CUED)]


def test_a_mark_that_is_noise_in_the_spectrum_is_one_finding() -> None:
    (finding,) = audit(["mark"], ["mark"]).confirmed
    assert finding.kind == "mark"
    assert any("noise" in what for what in finding.same)


def test_a_class_that_rests_on_the_absence_of_a_cue_has_no_finding_of_its_own() -> None:
    """Most pictures have the cue, so that its absence tells the others; without it, rings are of class 2."""
    found = audit(["tone"], ["tone"], np.repeat([0, 1, 2], [15, 60, 30]))
    (finding,) = found.shortcuts
    assert (finding.kind, finding.label) == ("tone", CUED)
    assert "2" in finding.absence
    assert "tone" not in {each.kind for each in found.confirmed if each.label != CUED}
