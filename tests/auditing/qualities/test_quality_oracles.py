"""Audits of networks whose answer is a quality by construction, and of one that looks at the shape."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import kerascope as ks
from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts import search
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.auditing.shortcuts.kinds import KINDS, mark, patch
from kerascope.typing import Array
from tests.helpers.networks.qualities import BRANCHES, CUED, CUES, network, pictures

LABELS = np.arange(90) % 3
OPTIONS: dict[str, Any] = {"method": "saliency", "sanity": False, "progress": False}


class Searched(NamedTuple):
    """An audit, which holds its files, and the data that were searched in it."""

    audit: ks.Audit
    data: AuditData


@functools.cache
def search_for(kind: str) -> Searched:
    """An audit of the network that answers by a cue."""
    found: list[AuditData] = []
    find = search.find_shortcuts

    def watch(data: AuditData, *others: Any) -> Any:
        found.append(data)
        return find(data, *others)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(search, "find_shortcuts", watch)
        audit = ks.audit(network([kind]), pictures([kind], LABELS), LABELS, **OPTIONS)
    return Searched(audit, found[0])


@pytest.mark.parametrize("kind", BRANCHES)
def test_the_quality_that_a_network_answers_by_is_its_shortcut(kind: str) -> None:
    audit = search_for(kind).audit
    assert audit.accuracy == 1
    assert [(finding.kind, finding.label) for finding in audit.shortcuts] == [(kind, CUED)]
    best = audit.shortcuts[0].best
    assert best is not None
    assert (best.changed, best.control) == (1, 0)


@pytest.mark.once
@pytest.mark.parametrize("kind", BRANCHES)
def test_a_network_that_looks_at_the_shape_has_no_shortcut(kind: str) -> None:
    audit = ks.audit(network(), pictures([kind], LABELS), LABELS, **OPTIONS)
    assert audit.accuracy is not None
    assert audit.accuracy > 0.95
    assert audit.shortcuts == ()


# ---- wrong variants ----------------------------------------------------------------------------


def find_again(kind: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verdicts of a search of one kind alone in the same data."""
    data = search_for(kind).data
    monkeypatch.setattr(search, "KINDS", {kind: KINDS[kind]})
    findings = search.find_shortcuts(data, Interventions(data))
    return [finding.verdict for finding in findings if (finding.kind, finding.label) == (kind, CUED)]


def leave(images: Array, donors: Array) -> Array:
    """A transfer of nothing."""
    return images


def give_to_all(kind: str) -> Callable[[Array, Array], Array]:
    """A transfer of the cue, whether or not the donor has it."""
    return lambda images, donors: np.clip(CUES[kind][0](images, np.random.default_rng(0)), 0, 1)


@pytest.mark.once
@pytest.mark.parametrize("kind", [kind for kind in BRANCHES if kind != "mark"])
def test_a_transfer_that_leaves_the_quality_or_gives_it_to_the_control_convicts_nobody(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_again(kind, monkeypatch) == ["shortcut"]
    module: ModuleType = KINDS[kind]
    name = next(
        name for name in ("transfer_fine_part", f"transfer_{kind}", "transfer_grain") if hasattr(module, name)
    )
    for wrong in (leave, give_to_all(kind)):
        monkeypatch.setattr(module, name, wrong)
        assert find_again(kind, monkeypatch) == ["not confirmed"]


@pytest.mark.once
def test_a_mark_that_is_cut_out_elsewhere_or_is_its_own_control_convicts_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert find_again("mark", monkeypatch) == ["shortcut"]
    with monkeypatch.context() as patched:
        patched.setattr(patch, "move_box", lambda mask, generator: mask)
        assert find_again("mark", monkeypatch) == ["not confirmed"]
    read = mark._find_mark
    with monkeypatch.context() as patched:
        patched.setattr(mark, "_find_mark", lambda unusual: np.roll(read(unusual), 8, 1))
        assert find_again("mark", monkeypatch) == ["not confirmed"]


# ---- other heads -------------------------------------------------------------------------------


def test_one_sigmoid_that_answers_by_the_tone_has_one_shortcut_for_both_classes() -> None:
    own = (LABELS == CUED).astype(int)
    audit = ks.audit(network(["tone"], "one"), pictures(["tone"], LABELS), own, **OPTIONS)
    (finding,) = audit.shortcuts
    assert finding.kind == "tone"
    assert {finding.name, *finding.absence} == {"0", "1"}


def test_of_two_labels_the_one_that_answers_by_noise_has_the_shortcut() -> None:
    """Which is more of it, or less of it in the pictures without the label."""
    labels = np.stack([LABELS == CUED, LABELS == 0], axis=1).astype(int)
    model, images = network(["noise"], "labels"), pictures(["noise"], LABELS)
    audits = ks.audit(model, images, labels, class_names=["noisy", "level"], **OPTIONS)
    found = {name: {finding.kind for finding in audits[name].shortcuts} for name in audits}
    assert found["noisy"]
    assert found["noisy"] <= {"noise", "sharpness"}
    assert found["level"] == set()
