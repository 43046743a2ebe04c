"""An audit made: a run that was looked over is done, searched for shortcuts, told, and written."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np

from kerascope.auditing.data.audit_data import Material
from kerascope.auditing.duplicates.find_copies import find_copies
from kerascope.auditing.duplicates.training_data import Training
from kerascope.auditing.preconditions import check_own
from kerascope.auditing.result.class_audit import class_audit, labels_of, responses_of, right
from kerascope.auditing.result.map_health import MapHealth, checked
from kerascope.auditing.result.audit_result import Audit
from kerascope.auditing.data.label_matrix import Companions
from kerascope.auditing.shortcuts.interventions import Laboratory
from kerascope.auditing.data.clustering import LARGEST, Clustering
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.options import RunOptions
from kerascope.dataset.result_folder import AUDIT_PICTURES
from kerascope.dataset.running.cluster import Workers
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.beginning import check_begin, held
from kerascope.dataset.writing.removal import remove_audit
from kerascope.dataset.writing.signature import signed
from kerascope.dataset.writing.store import Store, faults_of_disk_told
from kerascope.method import Method
from kerascope.probe import Probe
from kerascope.progress import Progress
from kerascope.provenance import versions

_PICTURE = 256
"""Pixels along the longer side of the pictures of prototypes and examples."""


@dataclass(frozen=True)
class Settings:
    """How an audit is made: see `kerascope.audit`.

    Args:
        methods: the first one is what all rests on.
        target: `"predicted"` or `"label"`.
        clustering, images_per_trial, sanity, seed: see there.
        run: how it is executed; its workers explain, describe and try.
        training: the training data, or None.
    """

    methods: tuple[Method, ...]
    target: Literal["predicted", "label"]
    clustering: Clustering
    images_per_trial: int
    sanity: bool
    seed: int
    run: RunOptions
    training: Training | None = None

    @property
    def workers(self) -> Workers | None:
        """The workers of a cluster, or None."""
        return self.run.workers if isinstance(self.run.workers, Workers) else None


def made(
    job: Job,
    settings: Settings,
    folder: Store | str | os.PathLike[str] | None,
    companions: Companions | None = None,
) -> Audit:
    """An audit of one question: which class, or yes or no.

    Args:
        job: the run, looked over.
        settings: of the audit.
        folder: where it is written, also a store whose lock is held; None for a temporary one, which
            goes when the audit does.
        companions: of a label that is asked about, the labels of all images; else None.
    """
    if folder is not None:
        return _locked(job, settings, Store.of(folder), companions)
    temporary, found = temporary_folder(), None
    try:
        found = _locked(job, settings, Store(temporary), companions)
    finally:
        gone_with(temporary, found)
    return found


def temporary_folder() -> Path:
    """A new folder, to be handed to `gone_with`."""
    return Path(tempfile.mkdtemp(prefix="kerascope-audit-"))


def gone_with(folder: Path, found: object | None) -> None:
    """Remove a folder when what it holds goes; at once where nothing was found."""
    if found is None:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        weakref.finalize(found, shutil.rmtree, folder, ignore_errors=True)


def _locked(job: Job, settings: Settings, store: Store, companions: Companions | None) -> Audit:
    """An audit in a folder that no other run writes into until its last file is written."""
    with held(store, lambda: check_store(store, settings)), faults_of_disk_told(store.folder):
        return _made(job, settings, store, companions)


def check_store(store: Store, settings: Settings) -> None:
    """An error where an audit may not begin in a folder, or go on in it; nothing is changed.

    Raises:
        DatasetError, ParameterError: see `kerascope.dataset.writing.beginning.check_begin`.
    """
    check_begin(store, settings.run.resume, settings.run.overwrite, overlays=False)
    check_own(store.folder)


def _made(job: Job, settings: Settings, store: Store, companions: Companions | None) -> Audit:
    """What is found in a data set, once it was explained and described."""
    # Here, so that the names of kerascope stay cheap to import.
    from kerascope.auditing.shortcuts.search import search
    from kerascope.auditing.shortcuts.kinds import KINDS

    counts = _Counts(job.probe, settings.workers)
    results = job.run(store, settings.run)
    explaining = counts.taken()
    material = Material.of(job, results, settings.clustering, settings.seed, companions)
    # Of a label that is asked about, they are looked for once for all labels.
    again = find_copies(job, results, settings.training) if companions is None else None
    material = material.without_copies(again)
    laboratory = Laboratory(material, settings.images_per_trial, settings.workers)
    with Progress(len(KINDS), settings.run.progress, "try", patience=0) as progress:
        findings = search(material, laboratory, progress.advance)
    trying = counts.taken()
    checks = tuple(checked(material, one) for one in settings.methods) if settings.sanity else ()
    everyone, others = np.arange(len(material)), settings.methods[1:]
    found = Audit(
        folder=results.folder,
        model=job.probe.model.name,
        methods=tuple(one.describe() for one in settings.methods),
        target=settings.target,
        images=len(material),
        failed=results.counts["images"] - len(material),
        accuracy=right(material, everyone),
        findings=tuple(findings),
        classes=tuple(class_audit(material, label, others) for label in labels_of(material)),
        health=MapHealth.of(material, everyone, others),
        checks=checks,
        notes=_notes(material, job),
        cost={"explain": explaining, "try": trying, "check": counts.taken()},
        settings={
            "seed": settings.seed,
            "clustering": settings.clustering,
            "images_per_trial": settings.images_per_trial,
        },
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=dict(versions()),
        model_file=job.model_file,
        responses=responses_of(material),
        duplicates=again,
    )
    # While its pictures change, there is no audit.
    check_own(store.folder)
    remove_audit(store.folder)
    _draw(material, found, store)
    found.save()
    return found


class _Counts:
    """Forwards and backwards of a probe, of those that share its programs, and of workers."""

    def __init__(self, probe: Probe, workers: Workers | None) -> None:
        self._probe, self._workers = probe, workers
        self._before = self._now()

    def _now(self) -> tuple[int, int]:
        forwards, backwards = self._probe.forward_count, self._probe.backward_count
        others = self._workers
        if others is None:
            return forwards, backwards
        return forwards + others.forwards, backwards + others.backwards

    def taken(self) -> dict[str, int]:
        """Since the last time."""
        now = self._now()
        forwards, backwards = (new - old for new, old in zip(now, self._before, strict=True))
        self._before = now
        return {"forwards": forwards, "backwards": backwards}


def _notes(material: Material, job: Job) -> tuple[str, ...]:
    notes = [f"{name}: {text}" for name, text in job.choices.items()]
    notes += job.doubts
    rows = material.results.rows(["label_indices"])
    several = sum(len(row["label_indices"] or ()) > 1 for row in rows)
    if several:
        notes.append(f"Images with several labels count as ones whose label is not known: {several:,}.")
    large = [
        material.name(label)
        for label, clusters in material.strategies.items()
        if clusters.sampled < len(clusters.numbers[clusters.numbers >= 0])
    ]
    if large:
        shown = ", ".join(large[:5]) + (", ..." if len(large) > 5 else "")
        notes.append(
            f"Strategies of {len(large)} classes ({shown}) rest on a sample of {LARGEST} images; the others "
            "joined the nearest cluster."
        )
    if not material.columns["content"].shape[1]:
        notes.append("The model has no layer with places, so strategies rest on where it looks alone.")
    gallery = material.gallery
    if len(gallery) < len(material):
        notes.append(
            f"Marks and places were looked for in {len(gallery):,} of {len(material):,} images, as many of "
            "each class as could be."
        )
    return tuple(notes)


def _draw(material: Material, found: Audit, store: Store) -> None:
    """Write larger pictures of prototypes and examples."""
    from PIL import Image

    shown = {index for one in found.classes for group in one.strategies for index in group.prototypes}
    shown |= {index for one in found.findings for index in one.examples}
    index = material.columns["index"]
    places = np.flatnonzero(np.isin(index, sorted(shown)))
    preprocessing = material.job.options.preprocessing
    for place, prepared in material.prepared(places):
        assert prepared.image is not None
        picture = Image.fromarray(preprocessing.pixels(prepared.image))
        if max(picture.size) > _PICTURE:
            picture.thumbnail((_PICTURE, _PICTURE), Image.Resampling.BOX)
        small = max(picture.size) <= 96
        kind, options = ("PNG", {}) if small else ("JPEG", {"quality": 85})
        content = encode(picture, kind, **options, **signed(kind))
        store.picture(f"{AUDIT_PICTURES}/{index[place]:06d}.{'png' if small else 'jpg'}", content)
