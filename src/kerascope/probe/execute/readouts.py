"""What is handed out as it was read, with no method in between."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from keras import ops

from kerascope.probe.execute.program import Evidence
from kerascope.target import Forward, Reading, Target


class Nothing(Target):
    """A target that any model has, for questions that are not about a score."""

    def key(self) -> Hashable:
        return "nothing"

    def read(self, forward: Forward, arguments: Any) -> Reading:
        return Reading(ops.zeros((forward.count, 1)))

    def describe(self) -> str:
        return "nothing"


def activation(evidence: Evidence) -> Any:
    """What the one layer returned."""
    return evidence.activations[0]


def gradient(evidence: Evidence) -> Any:
    """d score / d what the one layer returned."""
    return evidence.gradients[0]


def image_gradient(evidence: Evidence) -> Any:
    """d score / d the explained input."""
    return evidence.image_gradient
