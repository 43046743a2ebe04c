"""Checks before the first image is explained: the model, the form of the audit, the folder."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from kerascope import errors
from kerascope.dataset.result_folder import AUDIT, AUDIT_PICTURES, MANIFEST
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.removal import audit_pictures, is_audit_picture, picture_indices, read_audit


def check_auditable(job: Job) -> None:
    """Check that a run can be audited.

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


def check_form(folder: str | os.PathLike[str] | None, several: bool, overwrite: bool) -> None:
    """Check that a folder does not hold an audit of the other form: of classes, or by several labels."""
    if folder is None or overwrite:
        return
    by_label = "labels" in (read_audit(Path(folder)) or {})
    if (several and Path(folder, MANIFEST).exists()) or (not several and by_label):
        raise errors.DatasetError(
            f"the folder must hold no other audit; {os.fspath(folder)!r} holds one "
            f"{'of classes' if several else 'by several labels'}; overwrite it, or take another folder."
        )


def check_own(folder: Path) -> None:
    """Check that an audit is not written over files of other programs."""
    found = read_audit(folder)
    if found is None and os.path.lexists(folder / AUDIT):
        raise errors.DatasetError(
            f"an audit must not overwrite files that are not kerascope's; {str(folder / AUDIT)!r} is of "
            "another program, or damaged; move it elsewhere, or take another folder."
        )
    pictures = folder / AUDIT_PICTURES
    if os.path.lexists(pictures) and (pictures.is_symlink() or not pictures.is_dir()):
        raise errors.DatasetError(
            f"pictures must be written into a folder; {str(pictures)!r} is a file or a link; take "
            "another folder."
        )
    own = audit_pictures(folder, () if found is None else picture_indices(found)).values()
    others = sorted({path for path in pictures.glob("*") if is_audit_picture(path.name)} - set(own))
    if others:
        raise errors.DatasetError(
            f"pictures must not overwrite files that are not kerascope's; {str(others[0])!r} is such a file; "
            "move it elsewhere, or take another folder."
        )
