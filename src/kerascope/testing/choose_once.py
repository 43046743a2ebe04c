"""A target that refuses to choose twice."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target import Class, Context, Forward, Reading
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class ChooseOnce(Class):
    """The predicted class, which may be chosen on the images themselves only, not on variants of them.

    Args:
        index: None.
        own: the scores of all classes of the images, (N, K).
    """

    own: Array | None = None

    def key(self) -> Hashable:
        return ("watched", super().key())

    def arguments(self, context: Context) -> dict[str, Array]:
        own = np.asarray(self.own)
        if context.count % len(own):
            raise errors.TargetError(
                f"{context.count} images must repeat the {len(own)} images of this target"
            )
        return {"own": np.tile(own, (context.count // len(own), 1)).astype("float32")}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        reading = super().read(forward, arguments)
        if "index" in arguments:
            return reading
        gap = ops.max(ops.abs(forward.scores - arguments["own"]), axis=-1)
        return replace(reading, undefined=gap > 1e-3)

    def complaint(self) -> str:
        return "a predicted class must be chosen on the images themselves, and pinned for their variants"
