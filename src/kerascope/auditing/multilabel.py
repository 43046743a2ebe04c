"""The audits of a model of several labels: each label in turn, as a question of two classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime

from kerascope import errors
from kerascope.auditing.data.label_matrix import LabelMatrix, read_label_values
from kerascope.auditing.duplicates.find_copies import find_copies
from kerascope.auditing.options import AuditOptions
from kerascope.auditing.pipeline import check_store, run_audit
from kerascope.auditing.preconditions import check_auditable, check_own
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.dataset.classes.class_names import find_class_names
from kerascope.dataset.reading.item import safe_name
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.lock import lock_folder
from kerascope.dataset.writing.overlap import check_no_overlap, existing_paths
from kerascope.dataset.writing.removal import remove_run
from kerascope.dataset.writing.resume import check_folder_state, foreign_names
from kerascope.dataset.writing.store import Store, wrap_disk_errors
from kerascope.provenance import versions

_LABEL = re.compile(r"\d+-.")
"""The beginning of the name of a label's folder."""


def audit_labels(
    job: Job, options: AuditOptions, store: Store, only: Sequence[str | int] | None
) -> LabelAudits:
    """Audit each label, in a folder of its own; no other run writes into them until the last file is written.

    Args:
        job: the plan of the run for all labels.
        options: of each audit.
        store: the folder of their folders.
        only: names or indices of the labels to audit; None for all.
    """
    names = label_names(job)
    labels = range(len(names)) if only is None else _label_indices(only, names)
    first = select_label(job, labels[0])
    check_auditable(first)
    first.check()
    stores = {label: Store(store.folder / subfolder(label, names[label])) for label in labels}

    def check() -> None:
        _check_folder(store, options.run.overwrite)
        for own in stores.values():
            check_store(own, options)

    if options.run.overwrite:
        check_no_overlap(store.folder, existing_paths(*job.inputs, *job.source.paths), job.source)
    with ExitStack() as stack:
        stack.enter_context(lock_folder(store, check))
        for own in stores.values():
            stack.enter_context(own.lock)
        if options.run.overwrite:
            remove_run(store)  # an audit of classes, if there was one
        values = read_label_values(job, len(names))
        audits = {
            names[label]: run_audit(
                select_label(job, label), options, own, LabelMatrix(label, names, values, job.probe)
            )
            for label, own in stores.items()
        }
        result = LabelAudits(
            store.folder,
            job.probe.model.name,
            audits,
            datetime.now(UTC).isoformat(timespec="seconds"),
            dict(versions()),
            find_copies(job, next(iter(audits.values())).results, options.training, values),
        )
        with wrap_disk_errors(store.folder):
            result.save()
    return result


def _check_folder(store: Store, overwrite: bool) -> None:
    """Check that the folder of the folders of labels is kerascope's.

    After an interruption it holds folders of labels and nothing else.
    """
    check_own(store.folder)
    names = foreign_names(store)
    if overwrite and not all(_LABEL.match(name) and (store.folder / name).is_dir() for name in names):
        check_folder_state(store, resume=False, overwrite=True, overlays=False)


def select_label(job: Job, label: int) -> Job:
    """The run for one of the labels: yes or no."""
    probe = job.probe.with_label(label)
    class_names = find_class_names(job.names, probe, job.source, job.blank)
    assert class_names.selected is not None
    choices = {
        **job.choices,
        "class_names": class_names.origin,
        "output": "one of several labels, audited by itself",
    }
    return replace(
        job,
        probe=probe.with_class_names(class_names.names),
        source=class_names.apply(job.source),
        class_names=class_names,
        choices=choices,
    )


def label_names(job: Job) -> tuple[str, ...]:
    """The names of the labels, or else names by their indices."""
    return job.names or tuple(f"label {label}" for label in range(job.class_names.count or 0))


def subfolder(label: int, name: str) -> str:
    """The name of the folder of a label: safe and unique."""
    return f"{label}-{safe_name(name).replace('/', '_')}"


def _label_indices(only: Sequence[str | int], names: tuple[str, ...]) -> list[int]:
    """The indices of some labels, in the order of the model's outputs."""
    several = [only] if isinstance(only, str | int) else list(only)
    labels = set()
    for value in several:
        label = names.index(value) if value in names else int(value) if str(value).isdecimal() else -1
        if isinstance(value, bool) or not 0 <= label < len(names):
            raise errors.ParameterError(
                f"only (--label) must be names or indices of the model's {len(names)} labels; got {value!r}; "
                f"{errors.nearest(str(value), names)}"
            )
        labels.add(label)
    if not labels:
        raise errors.ParameterError("only (--label) must be one label or more; got none; None is all.")
    return sorted(labels)
