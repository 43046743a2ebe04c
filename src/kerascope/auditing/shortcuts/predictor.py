"""Predictions and scores of changed images, in this process or by workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.dataset.running.cluster import Workers
from kerascope.dataset.running.worker import SharedProbe
from kerascope.probe import Probe
from kerascope.target import Class
from kerascope.typing import Array

PredictionsAndScores = tuple[Array, Array]
"""(n,) each."""


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts images of the shape of a data set.

    Args:
        data: of the audit.
        workers: processes that run the model; None for this one.
    """

    data: AuditData
    workers: Workers | None = None

    def predict(self, several: Sequence[Array], label: int) -> list[PredictionsAndScores]:
        """Predictions, and scores of a class, of several batches of images with channels last."""
        explainer = self.data.explainer
        batches = [
            np.asarray(explainer.layout.original(np.ascontiguousarray(images), np)) for images in several
        ]
        if self.workers is None:
            predict = self._work.start(explainer.probe)
            return [predict((images, label)) for images in batches]
        size = self._work.batch_size
        parts = [
            (index, (images[start : start + size], label))
            for index, images in enumerate(batches)
            for start in range(0, len(images), size)
        ]
        answers = self.workers.all(self._work, (part for _, part in parts))
        by_batch: list[list[PredictionsAndScores]] = [[] for _ in batches]
        for (index, _), answer in zip(parts, answers, strict=True):
            by_batch[index].append(answer)
        return [
            (np.concatenate([first for first, _ in own]), np.concatenate([second for _, second in own]))
            for own in by_batch
        ]

    @cached_property
    def _work(self) -> PredictWork:
        job = self.data.job
        return PredictWork(SharedProbe.of(job.probe, job.blank), job.options.batch_size)


@dataclass(frozen=True, eq=False)
class PredictWork:
    """Predicts images, as a `kerascope.dataset.running.worker.Work`."""

    probe: SharedProbe
    batch_size: int

    def start(self, probe: Probe) -> Callable[[tuple[Array, int]], PredictionsAndScores]:
        """A function from images, as the model takes them, and a class to predictions and scores."""
        padded = probe.with_padding(self.batch_size)

        def predict(item: tuple[Array, int]) -> PredictionsAndScores:
            images, label = item
            answer = padded.run(None, images, Class(label))
            assert answer.predictions is not None
            return answer.predictions, answer.scores

        return predict
