"""The options of an audit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kerascope import errors
from kerascope.auditing.data.clustering import CLUSTERINGS, Clustering
from kerascope.auditing.duplicates.training_data import TrainingData
from kerascope.auditing.shortcuts.trial import FEWEST
from kerascope.dataset.options import RunOptions
from kerascope.dataset.running.cluster import Workers
from kerascope.method import Method
from kerascope.validation import check_choice, check_whole


@dataclass(frozen=True)
class AuditOptions:
    """The options of an audit: see `kerascope.audit`.

    Args:
        methods: the first one explains, the others are compared with it.
        target: `"predicted"` or `"label"`.
        clustering, images_per_trial, sanity, seed: see there.
        run: how it is executed; its workers explain, describe and predict.
        training: the training data, or None.
        budget: the most forwards of trials; None for no limit.
    """

    methods: tuple[Method, ...]
    target: Literal["predicted", "label"]
    clustering: Clustering
    images_per_trial: int
    sanity: bool
    seed: int
    run: RunOptions
    training: TrainingData | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        check_choice(self.target, "target", ("predicted", "label"))
        check_choice(self.clustering, "clustering", CLUSTERINGS)
        check_whole(self.images_per_trial, "images_per_trial", FEWEST)
        check_whole(self.seed, "seed", 0)
        if self.budget is not None:
            check_whole(self.budget, "budget", 0)
        if not self.methods:
            raise errors.ParameterError("there must be a method to explain with; got none.")

    @property
    def workers(self) -> Workers | None:
        """The workers of a cluster, or None."""
        return self.run.workers if isinstance(self.run.workers, Workers) else None
