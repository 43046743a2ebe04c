"""Targets on every kind of output, each with its scores computed in NumPy from the outputs themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope.method import Method
from kerascope.probe import Probe
from kerascope.target import Box, Class, Contrast, Rank, Region, Similarity, Step, Target, Value
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import Tiny, sixteenths
from kerascope.testing.models.outputs import SIZE, anchors
from kerascope.typing import Array

Scores = Callable[..., Sequence[float]]
"""From the flattened outputs of one image, in front of a softmax, to the scores of it under each target."""


@dataclass(frozen=True)
class TargetCase:
    """Targets that differ in their numbers only, on one tiny model.

    Args:
        scores: from the outputs of one image (float64, pre-softmax), and its position, to one score for each.
    """

    model: str
    targets: tuple[Target, ...]
    scores: Scores

    def __str__(self) -> str:
        return f"{self.targets[0].describe()} of {self.model}"


def masks() -> Array:
    """Two masks of the segmentation's size, (2, 8, 12)."""
    found = np.zeros((2, *SIZE[:2]), bool)
    found[0, 1:5, 2:9] = True
    found[1, 4:, 6:] = True
    return found


def mean_score(scores: Array, index: int, mask: Array) -> float:
    """The mean over a mask, pixel by pixel."""
    pixels = [pixel for pixel in np.ndindex(mask.shape) if mask[pixel]]
    return sum(float(scores[(*pixel, index)]) for pixel in pixels) / len(pixels)


def overlap(one: Array, other: Array) -> float:
    """Intersection over union of two boxes, given as corners."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = float(max(width, 0) * max(height, 0))
    areas = [float((box[2] - box[0]) * (box[3] - box[1])) for box in (one, other)]
    return shared / (sum(areas) - shared)


def _own_masks(scores: Array, _: int) -> list[float]:
    predicted = scores.argmax(axis=-1)
    return [mean_score(scores, index, predicted == index) for index in (1, 2)]


def _most_frequent(scores: Array, _: int) -> list[float]:
    predicted = scores.argmax(axis=-1)
    index = int(np.bincount(predicted.ravel(), minlength=3).argmax())
    return [mean_score(scores, index, predicted == index)]


def _dense(rows: Array, _: int) -> list[float]:
    return _best_anchors(rows[:, :4], rows[:, 4:], 0)


def _best_anchors(boxes: Array, scores: Array, _: int) -> list[float]:
    found = []
    for box, index in ((anchors()[8], 1), (anchors()[15], 2)):
        best = max(range(len(boxes)), key=lambda anchor: overlap(box, boxes[anchor]))
        found.append(float(scores[best, index]))
    return found


def _cosines(embedding: Array, _: int) -> list[float]:
    lengths = np.linalg.norm(_references(), axis=1) * np.linalg.norm(embedding)
    return list(_references() @ embedding / lengths)


def _references() -> Array:
    return sixteenths((2, 6), 71)


def _ranks(scores: Array, _: int) -> list[float]:
    ordered = sorted(map(float, scores), reverse=True)
    return [ordered[1], ordered[2]]


def _runner_up(scores: Array, _: int) -> list[float]:
    ordered = sorted(map(float, scores), reverse=True)
    return [ordered[0] - ordered[1], ordered[0] - ordered[2]]


TARGET_CASES: tuple[TargetCase, ...] = (
    TargetCase("functional", (Rank(2), Rank(3)), _ranks),
    TargetCase("functional", (Contrast(None, Rank(2)), Contrast(None, Rank(3))), _runner_up),
    TargetCase("binary", (Class(1), Class(0)), lambda score, _: [score, -score]),
    TargetCase("regression", (Value(0), Value(1)), lambda values, _: list(values)),
    TargetCase(
        "segmentation",
        (Region(1, masks()[0]), Region(2, masks()[1])),
        lambda scores, _: [mean_score(scores, index, masks()[index - 1]) for index in (1, 2)],
    ),
    TargetCase("segmentation_softmax", (Region(1), Region(2)), _own_masks),
    TargetCase("segmentation_softmax_layer", (Region(),), _most_frequent),
    TargetCase(
        "segmentation_binary",
        (Region(1), Region(0)),
        lambda scores, _: [mean_score(sign * scores, 0, sign * scores[..., 0] > 0) for sign in (1, -1)],
    ),
    TargetCase("detector", (Box(anchors()[8], 1), Box(anchors()[15], 2)), _dense),
    TargetCase("detector_dict", (Box(anchors()[8], 1), Box(anchors()[15], 2)), _best_anchors),
    TargetCase("embedding", tuple(map(Similarity, _references())), _cosines),
    TargetCase(
        "recurrent",
        (Step(1, 2), Step(-1, 0)),
        lambda scores, _: [scores[1, 2], scores[-1, 0]],
    ),
    TargetCase(
        "per_frame",
        (Step(2), Step([0, 1, 3])),
        lambda scores, image: [scores[2].max(), scores[(0, 1, 3)[image]].max()],
    ),
)
"""The cases that the contract tries with every method."""


def raw_outputs(tiny: Tiny, images: Any) -> list[Array]:
    """The flattened outputs of a tiny model in front of its softmax, float64."""
    model = tiny.facts.get("linear", tiny.model)
    return [ops.convert_to_numpy(output).astype("float64") for output in tree.flatten(model(images))]


def check_target_case(case: TargetCase, method: Method, probe: Probe, tiny: Tiny) -> list[Array]:
    """Assert that a method's scores are those of each target, and that another number adds no program.

    Returns:
        The values under each target.
    """
    outputs = raw_outputs(tiny, tiny.images)
    rows = [case.scores(*(part[n] for part in outputs), n) for n in range(len(tiny.images))]
    expected = np.asarray(rows, "float64")
    values: list[Array] = []
    first = 0
    for column, target in enumerate(case.targets):
        found = method(probe, tiny.images, target)
        assert_close(
            found.scores, expected[:, column], CLOSE, f"scores of {target.describe()} on {case.model}"
        )
        first = first or probe.trace_count
        assert probe.trace_count == first, (
            f"{target.describe()} must use the program of {case.targets[0].describe()}; there are "
            f"{probe.trace_count - first} more"
        )
        values.append(found.values)
    return values
