"""Images in the pipeline of a run: read, and explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kerascope.dataset.decoding.photograph import Photograph
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.reading.item import Item
from kerascope.explanation import Explanation
from kerascope.typing import Array

ResultRow = dict[str, Any]


@dataclass(frozen=True, eq=False)
class PreparedImage:
    """An image that was read, or the reason why not.

    Args:
        item: what it is.
        index: its position in the source.
        row: the columns that are known by now.
        photograph: where it is small and will be drawn, else None.
        image: float32 (h, w, C), as the model takes it, or None.
        frame: where that lies in the photograph, or None.
        seconds: it took.
    """

    item: Item
    index: int
    row: ResultRow
    photograph: Photograph | None = None
    image: Array | None = None
    frame: Frame | None = None
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class ExplainedImage:
    """An image with its explanation.

    Args:
        seconds: its share of the batch.
    """

    prepared: PreparedImage
    explanation: Explanation | Exception | None
    seconds: float = 0.0
    asked: Any = None
