"""The description of an image: further columns of the table of results."""

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
        """Return their names, and their types of pyarrow."""

    def to_json(self) -> Mapping[str, Any]:
        """Return the options that decide them, for the manifest: a run is resumed only with the same."""

    def ask(
        self,
        probe: Probe,
        images: np.ndarray[Any, Any],
        target: Target,
        explanation: Explanation,
        batch: Sequence[PreparedImage],
    ) -> Sequence[Any]:
        """Query the model about a batch; return an answer for each image.

        Args:
            probe: of the model.
            images: (N, ...), of the model.
            target: of the explanation.
            explanation: of the images.
            batch: the images as read.
        """

    def describe(self, prepared: PreparedImage, explanation: Explanation, asked: Any) -> Mapping[str, Any]:
        """Return the columns of one image; called while other images are explained."""
