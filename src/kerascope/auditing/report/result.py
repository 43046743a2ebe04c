"""An audit: what was found about a model on a data set. A folder holds it; NumPy and words only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from kerascope.auditing.duplicates.base import Duplicates
from kerascope.auditing.report.health import Checked, MapHealth, doubts
from kerascope.auditing.report.json import plain
from kerascope.auditing.report.verdict import found, misnamed, obstacles, summary, told
from kerascope.auditing.responses import Responses
from kerascope.auditing.shortcuts.finding import Finding
from kerascope.dataset.labels.label import describe_unknown_labels
from kerascope.dataset.result_folder import AUDIT
from kerascope.dataset.results import Results, open_results
from kerascope.dataset.writing.store import Store
from kerascope.persistence import atomic_write
from kerascope.provenance import display_name
from kerascope.typing import Array

FORMAT = 1
"""Version of the file; a later one is refused."""


@dataclass(frozen=True, eq=False)
class Strategy:
    """A cluster of the images of a class: where and at what the model looks there.

    Args:
        number: 1 for the largest; 0 for images that are like no others.
        count: of images.
        share: of the class.
        where: the model looks, in words.
        accuracy: the share that is right, or None where no labels are known.
        confidence: mean probability of the class.
        mistakes: true class, what it was taken for, and how often, the most frequent first.
        prototypes: indices of the images nearest to the middle of the cluster.
        position: (8, 8) mean share of relevance in each cell.
        elsewhere: the share of relevance in other cells than the rest of the class, 0 to 1.
    """

    number: int
    count: int
    share: float
    where: str
    accuracy: float | None
    confidence: float
    mistakes: tuple[tuple[str, str, int], ...]
    prototypes: tuple[int, ...]
    position: Array
    elsewhere: float


@dataclass(frozen=True, eq=False)
class ClassAudit:
    """What was found about one class.

    Args:
        label: its index.
        name: its name.
        count: of images that were explained for it.
        labelled: of images of which it is the true class; None where no labels are known.
        recall: the share of these that is predicted as it, or None.
        precision: the share of those predicted as it that is right, or None.
        strategies: the largest first.
        health: of its maps.
    """

    label: int
    name: str
    count: int
    labelled: int | None
    recall: float | None
    precision: float | None
    strategies: tuple[Strategy, ...]
    health: MapHealth


@dataclass(frozen=True, eq=False)
class Audit:
    """What a model looks at over a whole data set, and what it rests on though it should not.

    Args:
        folder: with the table of all images, the pictures, and this.
        model: its name.
        methods: of explanation, as they would be written; the first one is what all rests on.
        target: `"predicted"` or `"label"`.
        images: how many were explained.
        failed: how many could not be.
        accuracy: the share that is right, or None where no labels are known.
        findings: the confirmed first.
        classes: in the order of the model's outputs.
        health: of all maps.
        checks: sanity checks of the methods.
        notes: what was chosen, sampled or left out.
        cost: forwards and backwards of each part.
        settings: seed, clustering, images per trial.
        created: when, in ISO 8601.
        versions: of packages.
        model_file: that the model was loaded from, or None.
        responses: what the model says of the images; None in audits of before this was noted.
        duplicates: images that are there more than once, or in the training data, too; None for one of
            several labels, see `LabelAudits`, and where an earlier version made the audit.
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
    checks: tuple[Checked, ...]
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
        """The findings that an intervention has confirmed."""
        return tuple(one for one in self.findings if one.status == "confirmed")

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
        return [*describe_unknown_labels(strangers), *misnamed(self), *doubts(self.health, self.checks)]

    @property
    def first_doubts(self) -> list[str]:
        """What must be known before anything else is believed: scores that are none, or hardly move."""
        return [] if self.responses is None else self.responses.doubts()

    @property
    def untested(self) -> tuple[Finding, ...]:
        """The suspicions that could not be tried."""
        return tuple(one for one in self.findings if one.status == "untested")

    @property
    def obstacles(self) -> list[str]:
        """Why nothing at all could be compared, a sentence each; none where something could."""
        return obstacles(self)

    @property
    def title(self) -> str:
        """What the model is called: as its file is, or by its name where somebody gave it one."""
        return display_name(self.model, self.model_file)

    def summary(self) -> list[str]:
        """The audit in plain words, a sentence each."""
        return summary(self)

    def found(self) -> list[str]:
        """What was confirmed, what could not be tried, or that nothing was suspected, a sentence each."""
        return found(self)

    def to_json(self) -> dict[str, Any]:
        """All of it but the pictures of images, as JSON takes it."""
        content = {one.name: plain(getattr(self, one.name)) for one in fields(self) if one.name != "folder"}
        return {"format": FORMAT, **content, "obstacles": self.obstacles, "summary": self.summary()}

    def save(self) -> Path:
        """Write `audit.json` into the folder: whole, or not at all."""
        text = json.dumps(self.to_json(), indent=1, ensure_ascii=False)
        return Store(self.folder).write_file(AUDIT, (text + "\n").encode())

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write the report: one HTML file that opens from disk and asks for nothing from elsewhere.

        Raises:
            MissingPackageError: Jinja2 is not installed.
        """
        from kerascope.auditing.report.page import page

        target = Path(path)
        text = page(self)
        with atomic_write(target) as partial:
            partial.write_text(text, encoding="utf-8")
        return target

    def __str__(self) -> str:
        lines = self.summary()
        for one in self.findings:
            if one.status != "confirmed":
                continue
            lines += [f"  {one.status}: {one.statement}", *(f"    {told(trial)}" for trial in one.trials)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        untested = f", {len(self.untested)} untested" if self.untested else ""
        return f"<Audit of {self.title} on {self.images} images: {len(self.confirmed)} confirmed{untested}>"
