"""An audit read again from the folder that holds it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.auditing.duplicates.base import duplicates_of
from kerascope.auditing.report.health import Checked, MapHealth
from kerascope.auditing.report.json import pixels
from kerascope.auditing.report.label_audits import LabelAudits
from kerascope.auditing.report.result import FORMAT, Audit, ClassAudit, Strategy
from kerascope.auditing.responses import Responses
from kerascope.auditing.shortcuts.finding import Finding, Measured, Trial
from kerascope.dataset.result_folder import AUDIT


def open_audit(folder: str | os.PathLike[str]) -> Audit | LabelAudits:
    """The audit in a folder that `kerascope.audit` has written.

    Args:
        folder: the one that was written into.

    Returns:
        The `Audit`; of a model of several labels, the `LabelAudits`.

    Raises:
        DatasetError: there is none, or it cannot be read.
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
    """From what `LabelAudits.save` wrote."""
    audits = {}
    for label, name in content["labels"].items():
        audit = open_audit(folder / name)
        assert isinstance(audit, Audit)
        audits[label] = audit
    again = duplicates_of(content.get("duplicates"))
    return LabelAudits(folder, content["model"], audits, content["created"], content["versions"], again)


def _audit(folder: Path, content: Mapping[str, Any]) -> Audit:
    """From what `Audit.to_json` gave."""
    # Audits of before these were noted have none.
    content = {"model_file": None, "responses": None, "duplicates": None, **content}
    known = {one.name for one in fields(Audit)} - {"folder"}
    given = {name: content[name] for name in known}
    given |= {
        "methods": tuple(given["methods"]),
        "notes": tuple(given["notes"]),
        "findings": tuple(_finding(one) for one in given["findings"]),
        "classes": tuple(_class(one) for one in given["classes"]),
        "health": _health(given["health"]),
        "duplicates": duplicates_of(given["duplicates"]),
        "responses": _responses(given["responses"]),
        "checks": tuple(Checked(**{**one, "lines": tuple(one["lines"])}) for one in given["checks"]),
    }
    return Audit(folder=folder, **given)


def _finding(content: Mapping[str, Any]) -> Finding:
    trials = [
        Trial(**{**one, "accuracy": None if one["accuracy"] is None else tuple(one["accuracy"])})
        for one in content["trials"]
    ]
    return Finding(
        **{
            **content,
            "trials": tuple(trials),
            "evidence": {name: _measured(one) for name, one in content["evidence"].items()},
            "region": pixels(content["region"], mask=True),
            "patch": pixels(content["patch"]),
            "examples": tuple(content["examples"]),
            "places": {int(index): tuple(box) for index, box in content["places"].items()},
        }
    )


def _class(content: Mapping[str, Any]) -> ClassAudit:
    strategies = [
        Strategy(
            **{
                **one,
                "position": np.asarray(one["position"], "float32"),
                "prototypes": tuple(one["prototypes"]),
                "mistakes": tuple(tuple(mistake) for mistake in one["mistakes"]),
                "confidence": _number(one["confidence"]),
            }
        )
        for one in content["strategies"]
    ]
    return ClassAudit(**{**content, "strategies": tuple(strategies), "health": _health(content["health"])})


def _health(content: Mapping[str, Any]) -> MapHealth:
    agreement = {name: _measured(one) for name, one in content["agreement"].items()}
    return MapHealth(**{**content, "agreement": agreement})


def _responses(content: Mapping[str, Any] | None) -> Responses | None:
    if content is None:
        return None
    low, high = map(_number, content["probabilities"])
    known, own = content["labelled"]
    return Responses(**{**content, "probabilities": (low, high), "labelled": (known, own)})


def _measured(content: Mapping[str, Any]) -> Measured:
    numbers = {name: _number(content[name]) for name in ("value", "low", "high")}
    return Measured(**numbers, usual=content["usual"])


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
