"""Outputs of a model as classes or labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascope.probe import Probe
from kerascope.target.base import class_count as target_class_count


def class_count(probe: Probe, blank: Any, names: Sequence[Any] | None = None) -> int | None:
    """Count the classes of a model; one number behind a sigmoid, or with two names, means two classes.

    Returns:
        The count, or None where the model has no classes.
    """
    if names is not None and len(names) == 2:
        probe = probe.with_class_names(tuple(map(str, names)))
    graph = probe.graph(blank)
    if len(graph.outputs) != 1 or graph.kinds[0] in (None, "regression"):
        return None
    shape = graph.outputs[0].shape
    if graph.remarks[0] is not None and graph.remarks[0][0] is not None:
        return None  # a softmax over one number tells no classes
    return target_class_count(shape, graph.kinds[0]) if len(shape) <= 2 else None


def is_multilabel(probe: Probe, images: Any) -> bool:
    """Whether a model has several labels, each with a probability of its own.

    Args:
        probe: of the model.
        images: (N, ...) as the model takes them.
    """
    graph = probe.graph(images)
    return graph.kinds == ("labels",) and len(graph.outputs[0].shape) == 2


def describe_outputs(probe: Probe, blank: Any) -> dict[str, str]:
    """Describe how the model's numbers are interpreted, where they are no score for each class."""
    graph = probe.graph(blank)
    kind, remark = graph.kinds[0], graph.remarks[0]
    no, yes = probe.class_names or ("class 0", "class 1") if kind == "binary" else ("", "")
    usual = {
        "binary": f"one number for two classes: {yes} where p > 0.5, else {no}",
        "labels": "a probability for each label, by itself",
    }
    text = remark[1] if remark is not None else usual.get(kind or "", "")
    return {"output": text} if text else {}
