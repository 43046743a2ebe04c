"""Some images of a data set, with their rows."""

from __future__ import annotations

from dataclasses import dataclass

from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images.

    Args:
        rows: (n,) in the data.
        images: float32 (n, H, W, C), as the model takes them, channels last.
    """

    rows: Array
    images: Array

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, positions: Array) -> Sample:
        """Some of them, in this order; images may come twice."""
        return Sample(self.rows[positions], self.images[positions])
