"""What cannot be audited is refused before the first image is explained, and not after the last one."""

from __future__ import annotations

import importlib.util

import numpy as np

from kerascope import errors
from kerascope.dataset.job import Job


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
    blank = np.zeros((1, *job.layout.spatial, job.layout.channels), "float32")
    if job.probe.run(None, job.layout.original(blank, np), None).predictions is None:
        raise errors.EvaluationError(
            "an audit must have a classifier: a score for each of two or more classes, or one sigmoid for "
            "two; this model predicts none; where its one number is the score of class 1, say so with "
            'ks.Probe(model, output="binary") (--output binary).'
        )
