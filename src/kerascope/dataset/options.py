"""What decides the results of a run, beside the model and the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kerascope.dataset.classes.class_names import LABEL
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.method import Method
from kerascope.target import Target, TargetLike, as_target

Picture = Literal["jpg", "png"]


@dataclass(frozen=True)
class Options:
    """What decides the results of a run, beside the model and the images.

    Args:
        method: how to explain.
        target: what to explain; `"label"` for each image's own label.
        preprocessing: what the model is fed.
        overlay: the kind of pictures to write, or None.
        map_type: of the stored maps, `"float32"` or `"float16"`.
        batch_size: images per pass; the last pass of a shard is padded.
        shard_size: images per shard.
    """

    method: Method
    target: TargetLike
    preprocessing: Preprocessing
    overlay: Picture | None
    map_type: str
    batch_size: int
    shard_size: int

    @property
    def by_label(self) -> bool:
        """Whether the target is each image's own label."""
        return isinstance(self.target, str) and self.target == LABEL

    @property
    def asked(self) -> Target:
        """The target; for labels, one of the same kind."""
        return as_target(0 if self.by_label else self.target)
