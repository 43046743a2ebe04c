"""What cannot be audited is refused before the first image is explained, and not after the last one."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

from kerascope import errors
from kerascope.auditing.outcome import FILE
from kerascope.dataset.job import Job
from kerascope.dataset.store import MANIFEST


def check_auditable(job: Job) -> None:
    """An error unless a run can be made an audit.

    Args:
        job: the run, looked over.

    Raises:
        EvaluationError: the model is no classifier.
        MissingPackageError: scikit-learn is not installed.

    Cost:
        1 forward of one blank image.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise errors.MissingPackageError("scikit-learn", "audit")
    if job.probe.run(None, job.blank, None).predictions is None:
        raise errors.EvaluationError(
            "an audit must have a classifier: a score for each of two or more classes, or one sigmoid for "
            "two; this model predicts none; where its one number is the score of class 1, say so with "
            'ks.Probe(model, output="binary") (--model-output binary).'
        )


def check_folder(folder: str | os.PathLike[str] | None, several: bool, overwrite: bool) -> None:
    """An error where a folder holds an audit of the other form: of classes, or by several labels.

    Args:
        folder: where an audit is to be written, or None.
        several: it is to be one by several labels.
        overwrite: what is there may be removed.

    Raises:
        DatasetError: it does.
    """
    if folder is None or overwrite:
        return
    file = Path(folder, FILE)
    try:
        by_label = "labels" in json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        by_label = False
    if (several and Path(folder, MANIFEST).exists()) or (not several and by_label):
        raise errors.DatasetError(
            f"the folder must hold no other audit; {os.fspath(folder)!r} holds one "
            f"{'of classes' if several else 'by several labels'}; overwrite it, or take another folder."
        )
