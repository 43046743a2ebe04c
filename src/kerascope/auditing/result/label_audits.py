"""The audits of a model of several labels, one for each label."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascope.auditing.duplicates.duplicates import Duplicates
from kerascope.auditing.result.audit_result import FORMAT, Audit
from kerascope.auditing.result.json import to_json
from kerascope.auditing.result.summary import count_verdicts
from kerascope.auditing.shortcuts.finding import Finding, rank_findings
from kerascope.dataset.result_folder import AUDIT
from kerascope.dataset.writing.store import Store
from kerascope.persistence import atomic_write


@dataclass(frozen=True, eq=False)
class LabelAudits(Mapping[str, Audit]):
    """The audit of a model of several labels: by the name of each label, the audit of "is it there?".

    The classes of each are "not snow" and "snow".

    Args:
        folder: that holds a folder for each label.
        model: its name.
        audits: by the names of the labels, in the order of the model's outputs.
        created: when, in ISO 8601.
        versions: of packages.
        duplicates: duplicate images, in the data set and in the training data; None in audits of earlier
            versions.
    """

    folder: Path
    model: str
    audits: Mapping[str, Audit]
    created: str
    versions: Mapping[str, str]
    duplicates: Duplicates | None = None

    def __getitem__(self, label: str) -> Audit:
        return self.audits[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self.audits)

    def __len__(self) -> int:
        return len(self.audits)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all labels, shortcuts first; each names its label."""
        return tuple(rank_findings([finding for audit in self.values() for finding in audit.findings]))

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

    @property
    def untested(self) -> tuple[Finding, ...]:
        """The suspicions that could not be tested."""
        return tuple(finding for finding in self.findings if finding.verdict == "untested")

    @property
    def obstacles(self) -> list[str]:
        """Why nothing could be compared, and for which labels."""
        return _by_line({label: audit.obstacles for label, audit in self.items()})

    @property
    def title(self) -> str:
        """The name of the model, or of its file if the model has a default name."""
        return next(audit.title for audit in self.values())

    @property
    def images(self) -> int:
        """Number of explained images, for each label."""
        return max(audit.images for audit in self.values())

    @property
    def failed(self) -> int:
        """Number of images that could not be explained."""
        return max(audit.failed for audit in self.values())

    def failures(self) -> Iterator[tuple[str, str]]:
        """Path and reason of every image that could not be explained, for the label with most of these."""
        return max(self.values(), key=lambda audit: audit.failed).failures()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, sampled or left out: for all labels first, then for some, which are named."""
        notes = {label: audit.notes for label, audit in self.items()}
        common = [
            note for note in next(iter(notes.values())) if all(note in several for several in notes.values())
        ]
        others = {label: [note for note in several if note not in common] for label, several in notes.items()}
        return (*common, *_by_line(others))

    @property
    def doubts(self) -> list[str]:
        """Reasons to distrust the maps, and for which labels."""
        return _by_line({label: audit.doubts for label, audit in self.items()})

    def summary(self) -> list[str]:
        """The audits in plain words, a sentence each."""
        lines = _by_line({label: audit.first_doubts for label, audit in self.items()})
        lines.append(f"{self.images:,} images were explained for each of {len(self)} labels.")
        conclusions = {}
        for label, audit in self.items():
            right = "" if audit.accuracy is None else f"{audit.accuracy:.1%} right. "
            first, *others = audit.conclusions()
            conclusions[label] = [right + first, *others]
        copies = [] if self.duplicates is None else self.duplicates.statements()
        return [*lines, *_by_line(conclusions), *copies, *self.doubts]

    def to_json(self) -> dict[str, Any]:
        """All of it, without the pictures of images, as values of JSON: under `labels` the audit of each."""
        return {
            "format": FORMAT,
            "model": self.model,
            "model_file": next(audit.model_file for audit in self.values()),
            "created": self.created,
            "versions": dict(self.versions),
            "summary": self.summary(),
            "obstacles": self.obstacles,
            "duplicates": to_json(self.duplicates),
            "labels": {label: audit.to_json() for label, audit in self.items()},
        }

    def save(self) -> Path:
        """Write `audit.json` into the folder: which folder holds the audit of which label."""
        content = self.to_json()
        content["labels"] = {label: audit.folder.name for label, audit in self.items()}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        return Store(self.folder).write_file(AUDIT, (text + "\n").encode())

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: a page with links to a page for each label, in the same folder.

        Args:
            path: of the page, such as `report.html`; the page of a label is then `report-1-snow.html`.

        Raises:
            MissingPackageError: Jinja2 is not installed.
        """
        from kerascope.auditing.report.labels_page import render_labels

        target = Path(path)
        pages = {}
        for label, audit in self.items():
            page = target.with_name(f"{target.stem}-{audit.folder.name}{target.suffix}")
            pages[label] = audit.to_html(page).name
        with atomic_write(target) as partial:
            partial.write_text(render_labels(self, pages), encoding="utf-8")
        return target

    def __str__(self) -> str:
        lines = self.summary()
        lines += [f"  {finding.verdict}: {finding.statement}" for finding in self.confirmed]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Audits of {self.title} by {len(self)} labels: {count_verdicts(self.findings)}>"


def _by_line(lines: Mapping[str, Sequence[str]]) -> list[str]:
    """Each line once, after the labels that it is about."""
    labels: dict[str, list[str]] = {}
    for label, several in lines.items():
        for line in several:
            labels.setdefault(line, []).append(label)
    return [f"{', '.join(names)}: {line}" for line, names in labels.items()]
