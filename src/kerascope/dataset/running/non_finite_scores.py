"""What an explanation says of an image whose scores are NaN or infinite: nothing is predicted then."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation


def predicted(explanation: Explanation) -> int | None:
    """The predicted class of an image; None where the model has no classes, or its scores are not finite."""
    if explanation.predictions is None or explanation.predictions[0] < 0:
        return None
    return int(explanation.predictions[0])


def unpredicted(explanation: Explanation) -> list[str]:
    """A warning where a class would have been predicted, were all scores of an image finite."""
    if explanation.predictions is None or explanation.predictions[0] >= 0:
        return []
    return ["NonFiniteScoreWarning: another score of the image is NaN or infinite, so no class is predicted."]


def score_error(explanation: Explanation, chosen: bool) -> errors.NonFiniteScoreError | None:
    """Why an image has no explanation: what is explained is NaN or infinite, or was chosen among such scores.

    Args:
        explanation: of one image.
        chosen: what is explained was chosen by the scores, as the predicted class is.
    """
    if np.isfinite(explanation.scores).any() and not (chosen and unpredicted(explanation)):
        return None
    return errors.NonFiniteScoreError(
        "the model's scores of an image must be finite; got NaN or infinity; look for broken weights, for "
        "overflow, as in float16, or for preprocessing that divides by zero."
    )
