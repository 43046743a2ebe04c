"""The steps of one audit: explain, describe, search for shortcuts, summarise, write."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.data.clustering import LARGEST
from kerascope.auditing.data.label_matrix import LabelMatrix
from kerascope.auditing.duplicates.find_copies import find_copies
from kerascope.auditing.options import AuditOptions
from kerascope.auditing.preconditions import check_own
from kerascope.auditing.result.audit_result import Audit
from kerascope.auditing.result.class_audit import accuracy, audit_classes
from kerascope.auditing.result.map_health import MapHealth, check_method
from kerascope.auditing.result.responses import Responses
from kerascope.auditing.shortcuts.interventions.interventions import Interventions
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.result_folder import AUDIT_PICTURES
from kerascope.dataset.running.cluster import Workers
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.lock import lock_folder
from kerascope.dataset.writing.removal import remove_audit
from kerascope.dataset.writing.resume import check_folder_state
from kerascope.dataset.writing.signature import signature_options
from kerascope.dataset.writing.store import Store, wrap_disk_errors
from kerascope.probe import Probe
from kerascope.progress import Progress
from kerascope.provenance import versions

_PICTURE = 256
"""Pixels along the longer side of the pictures of prototypes and examples."""

Result = TypeVar("Result")


def run_in_folder(folder: str | os.PathLike[str] | None, run: Callable[[Store], Result]) -> Result:
    """Run an audit in a folder, or in a temporary one that is removed together with the result."""
    if folder is not None:
        return run(Store(folder))
    temporary = Path(tempfile.mkdtemp(prefix="kerascope-audit-"))
    try:
        result = run(Store(temporary))
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    weakref.finalize(result, shutil.rmtree, temporary, ignore_errors=True)
    return result


def run_audit(
    job: Job, options: AuditOptions, store: Store, label_matrix: LabelMatrix | None = None
) -> Audit:
    """Run the audit of one question: which class, or yes or no.

    Args:
        job: the plan of the run.
        options: of the audit.
        store: the folder, which no other run writes into until the last file is written.
        label_matrix: while one of several labels is audited, the labels of all images; else None.
    """
    with lock_folder(store, lambda: check_store(store, options)), wrap_disk_errors(store.folder):
        audit = _compute(job, options, store, label_matrix)
        audit.save()
    return audit


def check_store(store: Store, options: AuditOptions) -> None:
    """Check that an audit may begin in a folder, or continue in it; nothing is changed."""
    check_folder_state(store, options.run.resume, options.run.overwrite, overlays=False)
    check_own(store.folder)


def _compute(job: Job, options: AuditOptions, store: Store, label_matrix: LabelMatrix | None) -> Audit:
    # Imported here, so that the names of kerascope stay cheap to import.
    from kerascope.auditing.shortcuts.interventions.budget import Budget
    from kerascope.auditing.shortcuts.kinds import KINDS
    from kerascope.auditing.shortcuts.search import find_shortcuts

    passes = PassCounter(job.probe, options.workers)
    results = job.run(store, options.run)
    explaining = passes.since_last()
    data = AuditData.of(job, results, options.clustering, options.seed, label_matrix)
    # With several labels, duplicates are searched for once for all of them.
    duplicates = find_copies(job, results, options.training) if label_matrix is None else None
    data = data.without_copies(duplicates)
    interventions = Interventions(data, options.images_per_trial, options.workers)
    with Progress(len(KINDS), options.run.progress, "try", patience=0) as progress:
        budget = Budget(options.budget, passes.forwards)
        findings = find_shortcuts(data, interventions, progress.advance, budget)
    testing = passes.since_last()
    checks = tuple(check_method(data, method) for method in options.methods) if options.sanity else ()
    every, others = np.arange(len(data)), options.methods[1:]
    audit = Audit(
        folder=results.folder,
        model=job.probe.model.name,
        methods=tuple(method.describe() for method in options.methods),
        target=options.target,
        images=len(data),
        failed=results.counts["images"] - len(data),
        accuracy=accuracy(data, every),
        findings=tuple(findings),
        classes=audit_classes(data, others),
        health=MapHealth.of(data, every, others),
        checks=checks,
        notes=_notes(data, job),
        cost={"explain": explaining, "try": testing, "check": passes.since_last()},
        settings={
            "seed": options.seed,
            "clustering": options.clustering,
            "images_per_trial": options.images_per_trial,
            "budget": options.budget,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=dict(versions()),
        model_file=job.model_file,
        responses=Responses.of(data),
        duplicates=duplicates,
    )
    # Without the file there is no audit while its pictures change.
    check_own(store.folder)
    remove_audit(store.folder)
    _write_pictures(data, audit, store)
    return audit


class PassCounter:
    """Counts forwards and backwards of a probe, of those that share its programs, and of workers."""

    def __init__(self, probe: Probe, workers: Workers | None) -> None:
        self._probe, self._workers = probe, workers
        self._before = self._total()

    def _total(self) -> tuple[int, int]:
        forwards, backwards = self._probe.forward_count, self._probe.backward_count
        workers = self._workers
        if workers is None:
            return forwards, backwards
        return forwards + workers.forwards, backwards + workers.backwards

    def forwards(self) -> int:
        """The forwards since the last call of `since_last`."""
        return self._total()[0] - self._before[0]

    def since_last(self) -> dict[str, int]:
        """The passes since the last call."""
        now = self._total()
        forwards, backwards = (new - old for new, old in zip(now, self._before, strict=True))
        self._before = now
        return {"forwards": forwards, "backwards": backwards}


def _notes(data: AuditData, job: Job) -> tuple[str, ...]:
    notes = [f"{name}: {text}" for name, text in job.choices.items()]
    notes += job.doubts
    rows = data.results.rows(["label_indices"])
    several = sum(len(row["label_indices"] or ()) > 1 for row in rows)
    if several:
        notes.append(f"Images with several labels count as images without a label: {several:,}.")
    large = [
        data.name(label)
        for label, clusters in data.clusters.items()
        if clusters.sampled < (clusters.numbers >= 0).sum()
    ]
    if large:
        shown = ", ".join(large[:5]) + (", ..." if len(large) > 5 else "")
        notes.append(
            f"Strategies of {len(large)} classes ({shown}) are computed from a sample of {LARGEST} images; "
            "the others joined the nearest cluster."
        )
    if not data.columns["content"].shape[1]:
        notes.append("The model has no layer with places, so strategies depend on where it looks only.")
    if len(data.thumbnails) < len(data):
        notes.append(
            f"Marks and places were searched for in {len(data.thumbnails):,} of {len(data):,} images, as "
            "many of each class as possible."
        )
    return tuple(notes)


def _write_pictures(data: AuditData, audit: Audit, store: Store) -> None:
    """Write larger pictures of prototypes and examples."""
    from PIL import Image

    shown = {
        index for entry in audit.classes for strategy in entry.strategies for index in strategy.prototypes
    }
    shown |= {index for finding in audit.findings for index in finding.examples}
    index = data.columns["index"]
    rows = np.flatnonzero(np.isin(index, sorted(shown)))
    preprocessing = data.job.options.preprocessing
    for row, prepared in data.prepare_images(rows):
        assert prepared.image is not None
        picture = Image.fromarray(preprocessing.pixels(prepared.image))
        if max(picture.size) > _PICTURE:
            picture.thumbnail((_PICTURE, _PICTURE), Image.Resampling.BOX)
        small = max(picture.size) <= 96
        kind, quality = ("PNG", {}) if small else ("JPEG", {"quality": 85})
        content = encode(picture, kind, **quality, **signature_options(kind))
        store.write_picture(f"{AUDIT_PICTURES}/{index[row]:06d}.{'png' if small else 'jpg'}", content)
