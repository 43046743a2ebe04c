"""Verdicts: a shortcut is told from evidence in sentences, files, pages, comparisons and exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope.auditing import Exchange, Trial
from kerascope.cli.commands.audit import _failure_reasons
from tests.auditing.test_audit_statements import OPTIONS, finding, images, made, network

pytestmark = pytest.mark.once

TRIAL = Trial("bring", "the same of others", 40, 0.8, 0.05, 0.75, 0.6, 0.9, 2.0)


def exchange() -> Exchange:
    before, after, control = np.random.default_rng(0).integers(0, 256, (3, 6, 5, 3), "uint8")
    return Exchange(
        3, before, after, control, (0.021, 0.968, float("nan")), ("upright", "<i>level</i>", "upright")
    )


def confirmed(verdict: str = "shortcut", **others: Any) -> ks.Finding:
    return replace(finding(verdict, "it lies on the object", **others), trials=(TRIAL,))


@pytest.fixture
def explained() -> ks.Audit:
    """An audit with images in its folder."""
    return ks.audit(network(), images(), **OPTIONS)


def test_a_shortcut_comes_first_and_evidence_is_never_called_one() -> None:
    shortcut = confirmed(absence=("upright", "aslant"))
    audit = made(findings=(shortcut, confirmed("evidence", absence=("aslant",))))
    claims = [
        "Class level relies on the top edge (and upright, aslant on its absence)",
        "Class level relies on the top edge (and aslant on its absence), which may be the object",
    ]
    first, second = audit.conclusions()
    assert first.startswith(
        f"{claims[0]}. Put into 40 images of other classes, it turns 80% of them into the"
    )
    assert second == f"{claims[1]}: look."
    assert audit.evidence[0].statement == f"{claims[1]} itself."
    assert f"  evidence: {claims[1]} itself.\n    it lies on the object" in str(audit)
    assert repr(audit).endswith("90 images: shortcut 1, evidence 1>")
    assert [len(found) for found in (audit.shortcuts, audit.evidence, audit.confirmed)] == [1, 1, 2]
    labels = ks.LabelAudits(Path("nowhere"), "blobs", {"snow": audit}, "", {})
    assert [len(found) for found in (labels.shortcuts, labels.evidence, labels.confirmed)] == [1, 1, 2]


def test_a_shortcut_that_becomes_evidence_has_stayed(explained: ks.Audit) -> None:
    before, after = (
        replace(explained, findings=(confirmed(verdict),)) for verdict in ("shortcut", "evidence")
    )
    changes = ks.compare_audits(before, after)
    assert (len(changes.stayed), changes.gone, changes.new) == (1, (), ())
    assert "75% now; shortcut before, evidence now)" in str(changes)
    assert changes.to_json()["stayed"][0]["verdict"] == ["shortcut", "evidence"]
    assert "before, evidence" not in str(ks.compare_audits(after, after))


def test_what_a_finding_shows_is_written_and_read_again(explained: ks.Audit) -> None:
    shown = confirmed(
        "evidence",
        exchanges=(exchange(),),
        contrasts=(4, 7),
        absence=("aslant",),
        same=("the colours",),
        plan="12 more images would do",
    )
    audit = replace(explained, findings=(shown,))
    audit.save()
    again = ks.open_audit(audit.folder)
    assert isinstance(again, ks.Audit)
    (read,) = again.findings
    names = ("verdict", "reasons", "contrasts", "absence", "same", "plan")
    assert [getattr(read, name) for name in names] == [getattr(shown, name) for name in names]
    (made_again,) = read.exchanges
    for name in ("before", "after", "control"):
        np.testing.assert_array_equal(getattr(made_again, name), getattr(exchange(), name))
    np.testing.assert_array_equal(made_again.probabilities, exchange().probabilities)
    assert (made_again.index, made_again.predictions) == (3, exchange().predictions)


def test_an_audit_of_an_earlier_version_opens(explained: ks.Audit) -> None:
    """Its findings have a status and a reason; of what is said now, they know nothing."""
    audit = replace(
        explained, findings=(confirmed(), finding("not confirmed"), finding("untested", "of six"))
    )
    path = audit.save()
    content = json.loads(path.read_text(encoding="utf-8"))
    content["format"] = 1
    later = ("verdict", "reasons", "exchanges", "contrasts", "absence", "same", "plan")
    before = (("confirmed", None), ("not confirmed", None), ("untested", "of six"))
    for written, (status, reason) in zip(content["findings"], before, strict=True):
        for name in later:
            del written[name]
        written |= {"status": status, "reason": reason}
    path.write_text(json.dumps(content), encoding="utf-8")
    opened = ks.open_audit(audit.folder)
    assert [(one.verdict, one.reasons) for one in opened.findings] == [
        ("shortcut", ("an audit of an earlier version did not tell it from the object",)),
        ("not confirmed", ()),
        ("untested", ("of six",)),
    ]
    assert opened.findings[0].best == TRIAL


def test_a_page_shows_what_an_exchange_did_and_what_speaks_for_it(explained: ks.Audit) -> None:
    shown = confirmed(
        "evidence", exchanges=(exchange(),), examples=(0,), contrasts=(4,), same=("<u>tints</u>",)
    )
    open_one = finding("untested", "too <few>", plan="12 more images of <b> would do")
    audit = replace(explained, findings=(shown, open_one))
    page = audit.to_html(explained.folder / "page.html").read_text(encoding="utf-8")
    assert page.count('<article class="card evidence"') == 1
    assert "card shortcut" not in page
    for when, rest in (
        ("before", "level 2%<br>\npredicted <span>upright"),
        ("after", 'level 97%<br>\npredicted <span class="turned">&lt;i&gt;level&lt;'),
        ("control", "level -<br>\npredicted <span>upright"),
    ):
        assert f'alt="image 3 {when}"' in page
        assert f"<strong>{when}</strong><br>{rest}" in page
    assert "Images that have it, and are not of the class" in page
    assert "Why it may be the object: it lies on the object." in page
    for text in (
        "&lt;u&gt;tints&lt;/u&gt;",
        "too &lt;few&gt;",
        "To settle it: 12 more images of &lt;b&gt; would do.",
    ):
        assert text in page
    for markup in ("<i>level", "<u>tints", "<few>"):
        assert markup not in page


def test_only_shortcuts_and_where_asked_for_what_is_untested_fail_a_command() -> None:
    evidence, untested = finding("evidence"), finding("untested", "of six")
    audit = made(findings=(finding("shortcut"), evidence, evidence, untested))
    assert _failure_reasons(audit, None, False) == []
    assert _failure_reasons(audit, 1, False) == []
    assert _failure_reasons(audit, 0, False) == ["1 findings are shortcuts, more than 0."]
    assert len(_failure_reasons(audit, 1, True)) == 1
    assert _failure_reasons(made(findings=(evidence,)), None, True) == []
