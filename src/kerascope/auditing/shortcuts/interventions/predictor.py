"""Predictions and scores of changed images, in this process or by workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.interventions.style import StyleWork, find_style_layer
from kerascope.dataset.running.cluster import Workers
from kerascope.dataset.running.worker import SharedProbe
from kerascope.probe import Probe
from kerascope.target import Class
from kerascope.typing import Array


class Predicted(NamedTuple):
    """What a model says of some images, (n,) each.

    Args:
        classes: that are predicted, -1 where scores are not finite.
        scores: of the class that was asked for.
        probabilities: of that class; NaN where the model has none.
    """

    classes: Array
    scores: Array
    probabilities: Array


@dataclass(frozen=True, eq=False)
class Predictor:
    """Predicts images of the shape of a data set.

    Args:
        data: of the audit.
        workers: processes that run the model; None for this one.
    """

    data: AuditData
    workers: Workers | None = None

    def predict(self, several: Sequence[Array], label: int) -> list[Predicted]:
        """What the model says of several batches of images with channels last, about a class."""
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
        by_batch: list[list[Predicted]] = [[] for _ in batches]
        for (index, _), answer in zip(parts, answers, strict=True):
            by_batch[index].append(answer)
        return [Predicted(*map(np.concatenate, zip(*own, strict=True))) for own in by_batch]

    @cached_property
    def style_layer(self) -> str | None:
        """The layer whose statistics are the style of a picture; None if there is none."""
        job = self.data.job
        return find_style_layer(job.probe, job.blank)

    def run_style(self, images: Array, moments: Array | None, label: int) -> Array:
        """See `StyleWork.start`, for images with channels last.

        Args:
            images: (n, H, W, C).
            moments: (n, k, 2, C) of donors, or None.
            label: of the class.
        """
        work = self._style_work
        explainer, size = self.data.explainer, work.batch_size
        own = np.asarray(explainer.layout.original(np.ascontiguousarray(images), np))
        if self.workers is None:
            return work.start(explainer.probe)((own, moments, label))
        parts = (
            (own[start : start + size], None if moments is None else moments[start : start + size], label)
            for start in range(0, len(own), size)
        )
        return np.concatenate(list(self.workers.all(work, parts)))

    @cached_property
    def _style_work(self) -> StyleWork:
        assert self.style_layer is not None
        return StyleWork(self._work.probe, self._work.batch_size, self.style_layer)

    @cached_property
    def _work(self) -> PredictWork:
        job = self.data.job
        return PredictWork(SharedProbe.of(job.probe, job.blank), job.options.batch_size)


@dataclass(frozen=True, eq=False)
class PredictWork:
    """Predicts images, as a `kerascope.dataset.running.worker.Work`."""

    probe: SharedProbe
    batch_size: int

    def start(self, probe: Probe) -> Callable[[tuple[Array, int]], Predicted]:
        """A function from images, as the model takes them, and a class to what the model says."""
        padded = probe.with_padding(self.batch_size)

        def predict(item: tuple[Array, int]) -> Predicted:
            images, label = item
            answer = padded.run(None, images, Class(label))
            assert answer.predictions is not None
            return Predicted(answer.predictions, answer.scores, answer.probabilities)

        return predict
