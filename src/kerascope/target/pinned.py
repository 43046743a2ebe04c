"""A target whose choices were made once, so that it asks the same of every variant of an image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.target.around import Around
from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Pinned(Around):
    """A target with its numbers, and with what it chose by looking at the outputs of each image.

    The predicted class of an image is not always that of the image with noise, or half way to black. A method
    that asks about such variants pins the target on the images themselves.

    Args:
        target: what is asked about.
        known: its arguments and choices, one row per image.
    """

    target: Target
    known: Mapping[str, Array]

    chooses = False

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return self.target.linear

    def repeated(self, times: int) -> Pinned:
        """The same for images that are repeated as a whole, one round after the other."""
        return Pinned(
            self.target,
            {name: np.tile(rows, (times, *[1] * (rows.ndim - 1))) for name, rows in self.known.items()},
        )

    def rows(self, images: Array) -> Pinned:
        """The same for some of the images, by their positions."""
        return Pinned(self.target, {name: rows[images] for name, rows in self.known.items()})

    def key(self) -> Hashable:
        return ("pinned", self.target.key(), tuple(sorted(self.known)))

    def arguments(self, context: Context) -> dict[str, Array]:
        for rows in self.known.values():
            if len(rows) != context.count:
                raise errors.TargetError(
                    f"a pinned target must have a row for each of the {context.count} images; got "
                    f"{len(rows)}; pin it on these images."
                )
        return dict(self.known)

    def read(self, forward: Forward, arguments: Any) -> Reading:
        # What must hold was seen to hold on the images themselves; a variant may well be empty.
        return replace(self.target.read(forward, arguments), unmet=None)

    def describe(self) -> str:
        return self.target.describe()
