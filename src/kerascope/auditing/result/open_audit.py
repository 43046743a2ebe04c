"""Reading of an audit from its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.auditing.duplicates.duplicates import Copy, CopyGroup, Duplicates
from kerascope.auditing.result.audit_result import FORMAT, Audit
from kerascope.auditing.result.class_audit import ClassAudit, Strategy
from kerascope.auditing.result.json import to_pixels
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.auditing.result.map_health import MapHealth, MethodCheck
from kerascope.auditing.result.responses import Responses
from kerascope.auditing.shortcuts.estimate import Estimate
from kerascope.auditing.shortcuts.exchange import Exchange
from kerascope.auditing.shortcuts.finding import Finding
from kerascope.auditing.shortcuts.trial import Trial
from kerascope.dataset.result_folder import AUDIT

_NOT_TOLD = "an audit of an earlier version did not tell it from the object"
"""The reason of a finding that was confirmed before verdicts told shortcuts from evidence."""


def open_audit(folder: str | os.PathLike[str]) -> Audit | LabelAudits:
    """Read an audit that `kerascope.audit` has written.

    Args:
        folder: of the audit.

    Returns:
        The `Audit`; of a model of several labels, the `LabelAudits`.

    Raises:
        DatasetError: there is no audit, or it cannot be read.
    """
    path = Path(folder) / AUDIT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] > FORMAT:
            raise errors.DatasetError(
                f"an audit must be of format {FORMAT} or older; that in {str(path)!r} is of "
                f"{content['format']}; install a newer kerascope."
            )
        if "labels" in content:
            return _label_audits(Path(folder), content)
        return _audit(Path(folder), content)
    except FileNotFoundError:
        raise errors.DatasetError(
            f"there must be an audit, {AUDIT}; there is none in {os.fspath(folder)!r}; make one first."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, errors.DatasetError):
            raise
        raise errors.DatasetError(
            f"an audit must be a whole {AUDIT}; {str(path)!r} cannot be read as one "
            f"({type(error).__name__}: {error})."
        ) from error


def _label_audits(folder: Path, content: Mapping[str, Any]) -> LabelAudits:
    """From the content of `LabelAudits.save`."""
    audits = {}
    for label, name in content["labels"].items():
        audit = open_audit(folder / name)
        assert isinstance(audit, Audit)
        audits[label] = audit
    duplicates = _duplicates(content.get("duplicates"))
    return LabelAudits(folder, content["model"], audits, content["created"], content["versions"], duplicates)


def _audit(folder: Path, content: Mapping[str, Any]) -> Audit:
    """From the content of `Audit.to_json`."""
    # Audits of earlier versions lack these.
    content = {"model_file": None, "responses": None, "duplicates": None, **content}
    values = {field.name: content[field.name] for field in fields(Audit) if field.name != "folder"}
    values |= {
        "methods": tuple(values["methods"]),
        "notes": tuple(values["notes"]),
        "findings": tuple(map(_finding, values["findings"])),
        "classes": tuple(map(_class, values["classes"])),
        "health": _health(values["health"]),
        "duplicates": _duplicates(values["duplicates"]),
        "responses": _responses(values["responses"]),
        "checks": tuple(
            MethodCheck(**{**check, "lines": tuple(check["lines"])}) for check in values["checks"]
        ),
    }
    return Audit(folder=folder, **values)


def _duplicates(content: Mapping[str, Any] | None) -> Duplicates | None:
    if content is None:
        return None
    groups = tuple(
        CopyGroup(tuple(Copy(**{**copy, "picture": to_pixels(copy["picture"])}) for copy in group["images"]))
        for group in content["groups"]
    )
    values = {"groups": groups, "blank": tuple(content["blank"]), "notes": tuple(content["notes"])}
    return Duplicates(**{**content, **values})


def _finding(content: Mapping[str, Any]) -> Finding:
    if "status" in content:
        content = _renew_finding(content)
    trials = [
        Trial(**{**trial, "accuracy": None if trial["accuracy"] is None else tuple(trial["accuracy"])})
        for trial in content["trials"]
    ]
    return Finding(
        **{
            **content,
            "trials": tuple(trials),
            "evidence": _estimates(content["evidence"]),
            "region": to_pixels(content["region"], mask=True),
            "patch": to_pixels(content["patch"]),
            "examples": tuple(content["examples"]),
            "places": {int(index): tuple(box) for index, box in content["places"].items()},
            "exchanges": tuple(map(_exchange, content.get("exchanges", ()))),
            **{name: tuple(content.get(name, ())) for name in ("reasons", "contrasts", "absence", "same")},
        }
    )


def _renew_finding(content: Mapping[str, Any]) -> dict[str, Any]:
    """A finding of an earlier version, whose status was "confirmed", "not confirmed" or "untested"."""
    others = {name: value for name, value in content.items() if name not in ("status", "reason")}
    if content["status"] == "confirmed":
        return {**others, "verdict": "shortcut", "reasons": [_NOT_TOLD]}
    reasons = [content["reason"]] if content["reason"] is not None else []
    return {**others, "verdict": content["status"], "reasons": reasons}


def _exchange(content: Mapping[str, Any]) -> Exchange:
    before, after, control = (to_pixels(content[name]) for name in ("before", "after", "control"))
    assert before is not None
    assert after is not None
    assert control is not None
    first, second, third = map(_number, content["probabilities"])
    names = content["predictions"]
    return Exchange(
        content["index"], before, after, control, (first, second, third), (names[0], names[1], names[2])
    )


def _class(content: Mapping[str, Any]) -> ClassAudit:
    strategies = [
        Strategy(
            **{
                **strategy,
                "position": np.asarray(strategy["position"], "float32"),
                "prototypes": tuple(strategy["prototypes"]),
                "mistakes": tuple(map(tuple, strategy["mistakes"])),
                "confidence": _number(strategy["confidence"]),
            }
        )
        for strategy in content["strategies"]
    ]
    return ClassAudit(**{**content, "strategies": tuple(strategies), "health": _health(content["health"])})


def _health(content: Mapping[str, Any]) -> MapHealth:
    return MapHealth(**{**content, "agreement": _estimates(content["agreement"])})


def _responses(content: Mapping[str, Any] | None) -> Responses | None:
    if content is None:
        return None
    low, high = map(_number, content["probabilities"])
    known, own = content["labelled"]
    return Responses(**{**content, "probabilities": (low, high), "labelled": (known, own)})


def _estimates(content: Mapping[str, Mapping[str, Any]]) -> dict[str, Estimate]:
    return {
        name: Estimate(
            _number(values["value"]), _number(values["low"]), _number(values["high"]), values["usual"]
        )
        for name, values in content.items()
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
