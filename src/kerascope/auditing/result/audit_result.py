"""The result of an audit, in a folder that it can be read from again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from kerascope.auditing.duplicates.duplicates import Duplicates
from kerascope.auditing.result import summary
from kerascope.auditing.result.class_audit import ClassAudit
from kerascope.auditing.result.json import to_json
from kerascope.auditing.result.map_health import MapHealth, MethodCheck, find_doubts
from kerascope.auditing.result.responses import Responses
from kerascope.auditing.shortcuts.finding import Finding
from kerascope.dataset.labels.label import describe_unknown_labels
from kerascope.dataset.result_folder import AUDIT
from kerascope.dataset.results import Results, open_results
from kerascope.dataset.writing.store import Store
from kerascope.persistence import atomic_write
from kerascope.provenance import display_name

FORMAT = 2
"""Version of the file; a later one is refused."""


@dataclass(frozen=True, eq=False)
class Audit:
    """What a model looks at over a whole data set, and the shortcuts that it relies on.

    Args:
        folder: with the table of all images, the pictures, and the audit.
        model: its name.
        methods: of explanation, as constructors; all results are by the first one.
        target: `"predicted"` or `"label"`.
        images: number of explained images.
        failed: number of images that could not be explained.
        accuracy: or None if no labels are known.
        findings: shortcuts first, then evidence.
        classes: in the order of the model's outputs.
        health: of all maps.
        checks: sanity checks of the methods.
        notes: what was chosen, sampled or left out.
        cost: forwards and backwards of each part.
        settings: seed, clustering, images per trial, budget.
        created: when, in ISO 8601.
        versions: of packages.
        model_file: that the model was loaded from, or None.
        responses: the model's predictions over all images; None in audits of earlier versions.
        duplicates: duplicate images, in the data set and in the training data; None for one of several
            labels, see `LabelAudits`, and in audits of earlier versions.
    """

    folder: Path
    model: str
    methods: tuple[str, ...]
    target: str
    images: int
    failed: int
    accuracy: float | None
    findings: tuple[Finding, ...]
    classes: tuple[ClassAudit, ...]
    health: MapHealth
    checks: tuple[MethodCheck, ...]
    notes: tuple[str, ...]
    cost: Mapping[str, Mapping[str, int]]
    settings: Mapping[str, Any]
    created: str
    versions: Mapping[str, str]
    model_file: str | None = None
    responses: Responses | None = None
    duplicates: Duplicates | None = None

    @property
    def confirmed(self) -> tuple[Finding, ...]:
        """The findings whose effect an intervention has confirmed: shortcuts, and evidence."""
        return tuple(finding for finding in self.findings if finding.confirmed)

    @property
    def shortcuts(self) -> tuple[Finding, ...]:
        """What predictions follow, and is not the object."""
        return tuple(finding for finding in self.findings if finding.verdict == "shortcut")

    @property
    def evidence(self) -> tuple[Finding, ...]:
        """What predictions follow, and may be the object."""
        return tuple(finding for finding in self.findings if finding.verdict == "evidence")

    @cached_property
    def results(self) -> Results:
        """The table of all images, with their maps: see `kerascope.open_results`."""
        return open_results(self.folder)

    def failures(self) -> Iterator[tuple[str, str]]:
        """Path and reason of every image that could not be explained."""
        return self.results.failures()

    @property
    def doubts(self) -> list[str]:
        """What must be known of labels and maps before they are believed."""
        strangers = {} if self.responses is None else self.responses.strangers
        return [
            *describe_unknown_labels(strangers),
            *summary.find_misnaming(self),
            *find_doubts(self.health, self.checks),
        ]

    @property
    def first_doubts(self) -> list[str]:
        """What must be known before anything else is believed: scores that are not finite, or hardly move."""
        return [] if self.responses is None else self.responses.doubts()

    @property
    def untested(self) -> tuple[Finding, ...]:
        """The suspicions that could not be tested."""
        return tuple(finding for finding in self.findings if finding.verdict == "untested")

    @property
    def obstacles(self) -> list[str]:
        """Why nothing could be compared, a sentence each; empty if something could."""
        return summary.find_obstacles(self)

    @property
    def title(self) -> str:
        """The name of the model, or of its file if the model has a default name."""
        return display_name(self.model, self.model_file)

    def summary(self) -> list[str]:
        """The audit in plain words, a sentence each."""
        return summary.summarise(self)

    def conclusions(self) -> list[str]:
        """Shortcuts, evidence, what could not be tested, or that nothing was suspected, a sentence each."""
        return summary.conclude(self)

    def to_json(self) -> dict[str, Any]:
        """All of it, without the pictures of images, as values of JSON."""
        names = [field.name for field in fields(self) if field.name != "folder"]
        content = {name: to_json(getattr(self, name)) for name in names}
        return {"format": FORMAT, **content, "obstacles": self.obstacles, "summary": self.summary()}

    def save(self) -> Path:
        """Write `audit.json` into the folder: whole, or not at all."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        return Store(self.folder).write_file(AUDIT, (text + "\n").encode())

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: one HTML file that needs no other file and no network.

        Raises:
            MissingPackageError: Jinja2 is not installed.
        """
        from kerascope.auditing.report.audit_page import render_audit

        target = Path(path)
        text = render_audit(self)
        with atomic_write(target) as partial:
            partial.write_text(text, encoding="utf-8")
        return target

    def __str__(self) -> str:
        lines = self.summary()
        for finding in self.confirmed:
            lines.append(f"  {finding.verdict}: {finding.statement}")
            lines += [f"    {reason}" for reason in finding.reasons]
            lines += [f"    {summary.describe_trial(trial)}" for trial in finding.trials]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Audit of {self.title} on {self.images} images: {summary.count_verdicts(self.findings)}>"
