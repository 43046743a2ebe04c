"""Images whose scores are NaN or infinite: they have no prediction, and perhaps no explanation."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation


def find_prediction(explanation: Explanation) -> int | None:
    """Return the predicted class; None where the model has no classes, or scores are not finite."""
    if explanation.predictions is None or explanation.predictions[0] < 0:
        return None
    return int(explanation.predictions[0])


def prediction_warnings(explanation: Explanation) -> list[str]:
    """Return a warning where non-finite scores prevented a prediction."""
    if explanation.predictions is None or explanation.predictions[0] >= 0:
        return []
    return ["NonFiniteScoreWarning: another score of the image is NaN or infinite, so no class is predicted."]


def score_error(explanation: Explanation, chosen: bool) -> errors.NonFiniteScoreError | None:
    """Return the error of an image whose explained score is NaN or infinite, or was chosen among such scores.

    Args:
        explanation: of one image.
        chosen: the target was chosen by the scores, as the predicted class is.
    """
    if np.isfinite(explanation.scores).any() and not (chosen and prediction_warnings(explanation)):
        return None
    return errors.NonFiniteScoreError(
        "the model's scores of an image must be finite; got NaN or infinity; look for broken weights, for "
        "overflow, as in float16, or for preprocessing that divides by zero."
    )
