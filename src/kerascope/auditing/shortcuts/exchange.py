"""One exchange of pixels, to be seen: the image before, after, and under the control."""

from __future__ import annotations

from dataclasses import dataclass

from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Exchange:
    """What an intervention did to one image.

    Args:
        index: of the image.
        before: uint8 (h, w, 3), the image as it is.
        after: uint8 (h, w, 3), under the intervention.
        control: uint8 (h, w, 3), under the control.
        probabilities: of the class of the finding: before, after, and under the control; NaN where the model
            has none.
        predictions: names of the predicted classes: before, after, and under the control.
    """

    index: int
    before: Array
    after: Array
    control: Array
    probabilities: tuple[float, float, float]
    predictions: tuple[str, str, str]
