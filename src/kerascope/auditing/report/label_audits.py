"""The audits of a model of several labels, one for each label, in folders beside each other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascope.auditing.duplicates.base import Duplicates
from kerascope.auditing.report.json import plain
from kerascope.auditing.report.result import FORMAT, Audit
from kerascope.auditing.shortcuts.finding import Finding, ranked
from kerascope.dataset.result_folder import AUDIT
from kerascope.dataset.writing.store import Store
from kerascope.persistence import atomic_write


@dataclass(frozen=True, eq=False)
class LabelAudits(Mapping[str, Audit]):
    """The audit of a model of several labels: for each label by name, that of the question "is it there?".

    The classes of each are "not snow" and "snow".

    Args:
        folder: that holds a folder for each label.
        model: its name.
        audits: by the names of the labels, in the order of the model's outputs.
        created: when, in ISO 8601.
        versions: of packages.
        duplicates: images that are there more than once, or in the training data, too; None where an earlier
            version made the audits.
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
        """Those of all labels, the confirmed first; each names its label."""
        return tuple(ranked([finding for audit in self.values() for finding in audit.findings]))

    @property
    def confirmed(self) -> tuple[Finding, ...]:
        """The findings that an intervention has confirmed."""
        return tuple(one for one in self.findings if one.status == "confirmed")

    @property
    def untested(self) -> tuple[Finding, ...]:
        """The suspicions that could not be tried."""
        return tuple(one for one in self.findings if one.status == "untested")

    @property
    def obstacles(self) -> list[str]:
        """Why nothing at all could be compared, and of which labels."""
        told = self._told({label: audit.obstacles for label, audit in self.items()})
        return [f"{', '.join(labels)}: {text}" for text, labels in told.items()]

    @property
    def title(self) -> str:
        """What the model is called: as its file is, or by its name where somebody gave it one."""
        return next(audit.title for audit in self.values())

    @property
    def images(self) -> int:
        """How many were explained, for each label."""
        return max(audit.images for audit in self.values())

    @property
    def failed(self) -> int:
        """How many could not be."""
        return max(audit.failed for audit in self.values())

    def failures(self) -> Iterator[tuple[str, str]]:
        """Path and reason of every image that could not be explained for the label with most of these."""
        return max(self.values(), key=lambda audit: audit.failed).failures()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was chosen, sampled or left out: for all labels first, then for some, which are named."""
        told = self._told({label: audit.notes for label, audit in self.items()})
        alike = [note for note, labels in told.items() if len(labels) == len(self)]
        others = [f"{', '.join(labels)}: {note}" for note, labels in told.items() if note not in alike]
        return (*alike, *others)

    @property
    def doubts(self) -> list[str]:
        """What must be known of the maps before they are believed, and of which labels."""
        told = self._told({label: audit.doubts for label, audit in self.items()})
        return [f"{', '.join(labels)}: {doubt}" for doubt, labels in told.items()]

    def summary(self) -> list[str]:
        """The audits in plain words, a sentence each."""
        first = self._told({label: audit.first_doubts for label, audit in self.items()})
        lines = [f"{', '.join(labels)}: {doubt}" for doubt, labels in first.items()]
        lines += [f"{self.images:,} images were asked about {len(self)} labels, each a question of its own."]
        found = {}
        for label, audit in self.items():
            right = "" if audit.accuracy is None else f"{audit.accuracy:.1%} right. "
            told, *others = audit.found()
            found[label] = [right + told, *others]
        lines += [f"{', '.join(labels)}: {line}" for line, labels in self._told(found).items()]
        again = [] if self.duplicates is None else self.duplicates.told()
        return [*lines, *again, *self.doubts]

    def _told(self, lines: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Of which labels each line is told."""
        told: dict[str, list[str]] = {}
        for label, several in lines.items():
            for line in several:
                told.setdefault(line, []).append(label)
        return told

    def to_json(self) -> dict[str, Any]:
        """All of it but the pictures of images, as JSON takes it: under `labels` the audit of each."""
        return {
            "format": FORMAT,
            "model": self.model,
            "model_file": next(audit.model_file for audit in self.values()),
            "created": self.created,
            "versions": dict(self.versions),
            "summary": self.summary(),
            "obstacles": self.obstacles,
            "duplicates": plain(self.duplicates),
            "labels": {label: audit.to_json() for label, audit in self.items()},
        }

    def save(self) -> Path:
        """Write `audit.json` into the folder: which folder holds the audit of which label."""
        content = self.to_json()
        content["labels"] = {label: audit.folder.name for label, audit in self.items()}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        return Store(self.folder).write_file(AUDIT, (text + "\n").encode())

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: a page that leads to one for each label, which are written beside it.

        Args:
            path: of the page, `report.html`; those of labels are called `report-1-snow.html`.

        Raises:
            MissingPackageError: Jinja2 is not installed.
        """
        from kerascope.auditing.report.labels_page import labels_page

        target = Path(path)
        pages = {}
        for label, audit in self.items():
            beside = target.with_name(f"{target.stem}-{audit.folder.name}{target.suffix}")
            pages[label] = audit.to_html(beside).name
        with atomic_write(target) as partial:
            partial.write_text(labels_page(self, pages), encoding="utf-8")
        return target

    def __str__(self) -> str:
        lines = self.summary()
        lines += [f"  {one.status}: {one.statement}" for one in self.confirmed]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Audits of {self.title} by {len(self)} labels: {len(self.confirmed)} confirmed>"
