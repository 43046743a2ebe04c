"""What tests of targets share."""

from __future__ import annotations

from typing import Any

import kerascope as ks
from kerascope.target import Target
from kerascope.testing.fixture import Models
from kerascope.testing.models import Tiny
from kerascope.testing.target_cases import raw_outputs
from kerascope.typing import Array

MODELS = Models()


def known(name: str) -> tuple[Tiny, ks.Probe, list[Array]]:
    """A tiny model, its probe, and its outputs in front of a softmax."""
    tiny = MODELS.tiny(name)
    return tiny, MODELS.probe(name), raw_outputs(tiny, tiny.images)


def pinned_scores(name: str, target: Target) -> tuple[Array, list[Array], Any]:
    """Scores of other images under a target that was pinned on the first ones, and their outputs."""
    tiny, probe, _ = known(name)
    pinned = probe.run(None, tiny.images, target).pinned
    others = 1 - tiny.images
    return probe.scores(others, pinned), raw_outputs(tiny, others), pinned
