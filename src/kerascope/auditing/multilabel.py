"""Audits of a model of several labels: each label in turn, as a question of two classes."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kerascope import errors
from kerascope.auditing.duplicates.find_copies import find_copies
from kerascope.auditing.pipeline import Settings, check_store, gone_with, made, temporary_folder
from kerascope.auditing.preconditions import check_auditable, check_own
from kerascope.auditing.result.label_audits import LabelAudits
from kerascope.auditing.data.label_matrix import Companions, labels_given
from kerascope.dataset.labels.class_names import named_classes
from kerascope.dataset.reading.item import safe_name
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.apart import check_apart, files_among
from kerascope.dataset.writing.beginning import check_begin, held, left_by_others
from kerascope.dataset.writing.removal import clear
from kerascope.dataset.writing.store import Store, faults_of_disk_told
from kerascope.provenance import versions

_LABEL = re.compile(r"\d+-.")
"""How the name of a label's folder begins."""


def made_by_label(
    job: Job,
    settings: Settings,
    folder: str | os.PathLike[str] | None,
    only: Sequence[str | int] | None,
) -> LabelAudits:
    """An audit for each label.

    Args:
        job: the run about all labels, looked over.
        settings: of each audit.
        folder: where they are written, each in a folder of its own; None for a temporary one.
        only: names or places of the labels that are asked about; None for all.

    Raises:
        ParameterError: there is no such label.
    """
    names = label_names(job)
    places = list(range(len(names))) if only is None else _places(only, names)
    first = asked_about(job, places[0])
    check_auditable(first)
    first.check()
    if folder is not None:
        return _made(job, settings, Path(folder), names, places)
    temporary, found = temporary_folder(), None
    try:
        found = _made(job, settings, temporary, names, places)
    finally:
        gone_with(temporary, found)
    return found


def _made(
    job: Job, settings: Settings, folder: Path, names: tuple[str, ...], places: Sequence[int]
) -> LabelAudits:
    """The audits in their folders, into none of which another run writes until the last file is written."""
    store = Store(folder)
    stores = {place: Store(folder / subfolder(place, names[place])) for place in places}

    def check() -> None:
        _check_whole(store, settings.run.overwrite)
        for one in stores.values():
            check_store(one, settings)

    if settings.run.overwrite:
        check_apart(folder, files_among(*job.inputs, *job.source.paths), job.source)
    with ExitStack() as stack:
        stack.enter_context(held(store, check))
        for one in stores.values():
            stack.enter_context(one.locked())
        if settings.run.overwrite:
            # An audit of classes, which may have been there.
            clear(store)
        given = labels_given(job, len(names))
        audits = {
            names[place]: made(
                asked_about(job, place), settings, one, Companions(place, names, given, job.probe)
            )
            for place, one in stores.items()
        }
        found = LabelAudits(
            folder,
            job.probe.model.name,
            audits,
            datetime.now(UTC).isoformat(timespec="seconds"),
            dict(versions()),
            find_copies(job, next(iter(audits.values())).results, settings.training, given),
        )
        with faults_of_disk_told(folder):
            found.save()
    return found


def _check_whole(store: Store, overwrite: bool) -> None:
    """An error where the folder that holds those of the labels is not kerascope's.

    One that was stopped holds folders of labels and nothing else.

    Raises:
        DatasetError: it is not.
    """
    check_own(store.folder)
    names = left_by_others(store)
    if overwrite and not all(_LABEL.match(name) and (store.folder / name).is_dir() for name in names):
        check_begin(store, resume=False, overwrite=True, overlays=False)


def asked_about(job: Job, place: int) -> Job:
    """The run about one of the labels: yes or no.

    Args:
        job: about all of them.
        place: of the label.
    """
    probe = job.probe.with_label(place)
    naming = find_class_names(job.names, probe, job.source, job.blank)
    assert naming.selected is not None
    choices = {
        **job.choices,
        "class_names": naming.origin,
        "output": "one of several labels, asked about by itself",
    }
    return replace(
        job,
        probe=probe.with_class_names(naming.names),
        source=job.source.relabel(naming.selected.relabel),
        naming=naming,
        choices=choices,
    )


def label_names(job: Job) -> tuple[str, ...]:
    """What the labels are called: as the classes are, or by their places."""
    count = job.naming.count or 0
    return job.names or tuple(f"label {place}" for place in range(count))


def subfolder(place: int, name: str) -> str:
    """What the folder of a label is called: safe, and no other label's.

    Example:
        >>> from kerascope.auditing.multilabel import subfolder
        >>> subfolder(1, "ice/snow")
        '1-ice_snow'
    """
    return f"{place}-{safe_name(name).replace('/', '_')}"


def _places(only: Sequence[str | int], names: tuple[str, ...]) -> list[int]:
    """The places of some labels, in the order of the model's outputs."""
    several = [only] if isinstance(only, str | int) else list(only)
    found = set()
    for one in several:
        place = names.index(one) if one in names else int(one) if str(one).isdecimal() else -1
        if isinstance(one, bool) or not 0 <= place < len(names):
            raise errors.ParameterError(
                f"only (--label) must be names or places of the model's {len(names)} labels; got {one!r}; "
                f"{errors.nearest(str(one), names)}"
            )
        found.add(place)
    if not found:
        raise errors.ParameterError("only (--label) must be one label or more; got none; None is all.")
    return sorted(found)
