"""What trials ask of the model, here or by workers: predictions and scores of images, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kerascope.dataset.running.worker import SharedProbe
from kerascope.probe import Probe
from kerascope.target import Class
from kerascope.typing import Array

Said = tuple[Array, Array]
"""Predictions and scores, (n,) each."""


@dataclass(frozen=True, eq=False)
class TrialWork:
    """Images and a class to what the model says of them: a `kerascope.dataset.running.worker.Work`.

    Args:
        probe: that is asked.
        batch_size: images per pass, to which every pass is padded.
    """

    probe: SharedProbe
    batch_size: int

    def start(self, probe: Probe) -> Callable[[tuple[Array, int]], Said]:
        """From images, as the model takes them, and a class to predictions and scores of the class."""
        padded = probe.with_padding(self.batch_size)

        def said(item: tuple[Array, int]) -> Said:
            images, label = item
            answer = padded.run(None, images, Class(label))
            assert answer.predictions is not None
            return answer.predictions, answer.scores

        return said
