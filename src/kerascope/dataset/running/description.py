"""What else is noted of each image, beside its explanation: further columns of a table of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np

    from kerascope.dataset.running.images import PreparedImage
    from kerascope.explanation import Explanation
    from kerascope.probe import Probe
    from kerascope.target import Target


class Description(Protocol):
    """Further columns of each explained image."""

    def columns(self) -> Sequence[tuple[str, Any]]:
        """Their names, and their types of pyarrow."""

    def to_json(self) -> Mapping[str, Any]:
        """What decides them, as JSON takes it: a run is resumed with the same only."""

    def ask(
        self,
        probe: Probe,
        images: np.ndarray[Any, Any],
        target: Target,
        explanation: Explanation,
        batch: Sequence[PreparedImage],
    ) -> Sequence[Any]:
        """What is asked of the model, in the pass of a batch; something for each image.

        Args:
            probe: of the model.
            images: (N, ...), as the model takes them.
            target: what was explained.
            explanation: of them.
            batch: the images as they were read.
        """

    def describe(self, prepared: PreparedImage, explanation: Explanation, asked: Any) -> Mapping[str, Any]:
        """The columns of one image; it runs beside the passes.

        Args:
            prepared: the image.
            explanation: of it alone.
            asked: what `ask` gave for it.
        """
