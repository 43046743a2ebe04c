"""What the numbers of an output are: classes, labels, one number for two classes, or numbers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from keras import ops

Kind = Literal["classes", "labels", "binary", "regression"]
"""What the numbers of an output are.

`"classes"`: a score for each of K classes, of which one is right, as before a softmax. `"labels"`: a score
for each of K labels, each a question of its own, as before K sigmoids. `"binary"`: one score z for two
classes, 1 where z > 0, else 0, as before one sigmoid. `"regression"`: numbers that belong to no class.
"""
KINDS: tuple[Kind, ...] = get_args(Kind)


def class_count(shape: Sequence[int], kind: Kind | None) -> int:
    """The number of classes of an output.

    Args:
        shape: of the output, batch first and channels last.
        kind: what its numbers are; None where that is not known.
    """
    if kind == "binary":
        return 2
    return shape[-1] if len(shape) > 1 else 1


def columns(output: Any, scores: Any, kind: Kind | None) -> tuple[Any, Any]:
    """What an output holds for each class, and the scores, (N, ..., K) float32.

    One score z for two classes is -z and z. Their probabilities, and those of labels, are the sigmoids.

    Args:
        output: what the model returns, in backend tensors, channels last; (N,) is (N, 1).
        scores: the same before what squashes it.
        kind: what its numbers are.
    """
    output, scores = (_with_channels(ops.cast(one, "float32")) for one in (output, scores))
    if kind == "binary":
        scores = ops.concatenate([-scores, scores], axis=-1)
    return (ops.sigmoid(scores) if kind in ("binary", "labels") else output), scores


def _with_channels(tensor: Any) -> Any:
    return tensor if len(tensor.shape) > 1 else tensor[:, None]
