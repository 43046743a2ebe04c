"""LIME: a line through the scores of an image with random segments removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.method.masks.base import PerturbationMethod
from kerascope.method.segments.base import SegmentMethod, Valuation
from kerascope.method.segments.regression import generator, has_converged, rounds, standard_error
from kerascope.typing import Array
from kerascope.validation import check_number, check_positive, check_whole


@dataclass(frozen=True)
class LIME(SegmentMethod, name="lime"):
    r"""LIME: the slopes of a line fitted to the scores with random segments removed.

    $$V = \arg\min_w \min_b \sum_i \pi_i \big(s(z_i) - b - w \cdot z_i\big)^2 + \alpha |w|^2, \qquad
      \pi_i = \exp\Big(-\frac{d_i^2}{\sigma^2}\Big), \quad d_i = 1 - \sqrt{|z_i| / S}$$

    with coalitions $z_i$ of the $S$ segments, 1 for one that is left and 0 for one that is removed: first the
    image itself, then random ones in which each segment is left with probability 1/2. $d_i$ is the cosine
    distance between $z_i$ and the image itself, $\sigma$ the `width`. The fit is not very local: of 50
    segments about 25 are removed at a time.

    Args:
        masks: the most random coalitions, at least 1, and as many as there are segments; default 1000.
        width: of the kernel, above 0; default 0.25.
        alpha: strength of the penalty on the slopes, at least 0; default 1. 0 gives least squares.
        seed: of the coalitions, a whole number of at least 0; the same ones for every image with as many
            segments, on every backend; fewer masks are the first ones of more.
        tolerance: stop an image once the standard error of its segments' values, as root mean square, is at
            most this share of their range; looked at every max(4 S, 64) masks. Default None, which takes all
            masks. `Explanation.masks` counts those taken.

    Returns:
        values float32 (N, *spatial), the same over a segment, signed, in units of the score; not normalised.
        NaN where fewer than S + 1 scores are known.

    Raises:
        MissingPackageError: scikit-learn is not installed; `pip install "kerascope[segments]"`.
        ParameterError: there are more segments than masks.

    Source:
        Ribeiro, Singh and Guestrin, "Why Should I Trust You?": Explaining the Predictions of Any Classifier,
        KDD 2016, equation 2 and algorithm 1, with the defaults of the authors' implementation for images.
        Deviations: a ridge regression on all segments, as in that implementation, instead of K-LASSO; that
        implementation weighs with the square root of the paper's kernel, which is `width=0.25 * 2**0.5`.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.LIME(masks=64, segments=(2, 2))(model, images, target=1).values.shape
        (2, 8, 8)
    """

    masks: int = 1000
    width: float = 0.25
    alpha: float = 1.0
    seed: int = 0
    tolerance: float | None = None

    tags: ClassVar[frozenset[str]] = PerturbationMethod.tags | {"stochastic"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.masks, "masks")
        check_whole(self.seed, "seed", 0)
        check_positive(self.width, "width")
        check_number(self.alpha, "alpha")
        if self.tolerance is not None:
            check_positive(self.tolerance, "tolerance")

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for the score, and one for each mask and baseline."""
        return 1 + self.masks * self.baselines

    def value_segments(self, count: int, whole: Array, labels: Array) -> Valuation:
        """Random coalitions, and the slopes of the line through their scores."""
        _ridge(self.alpha)  # raises before anything is asked
        if self.masks < count:
            raise errors.ParameterError(
                f"masks must be at least as many as there are segments, {count}; got {self.masks}; give "
                "more, or take fewer segments."
            )
        coalitions = self.draw(count)
        weights = self.proximity(coalitions)
        scores, values = whole[None], np.full((len(whole), count), np.nan)
        for total in rounds(self.masks, count, self.tolerance):
            new = yield coalitions[len(scores) : total + 1]
            scores = np.concatenate([scores, new])
            values, error = self.fit(coalitions[: len(scores)], weights[: len(scores)], scores)
            if has_converged(values, error, self.tolerance):
                break
        return values

    def draw(self, count: int) -> Array:
        """The image itself, and random coalitions, float64 (1 + masks, S)."""
        left = generator(self.seed).random((self.masks, count)) < 0.5
        return np.concatenate([np.ones((1, count)), left])

    def proximity(self, coalitions: Array) -> Array:
        """How much each coalition counts, (n,)."""
        distances = 1 - np.sqrt(coalitions.mean(axis=1))
        return np.asarray(np.exp(-((distances / self.width) ** 2)))

    def fit(self, coalitions: Array, weights: Array, scores: Array) -> tuple[Array, Array]:
        """The slopes (K, S) of the line through the scores that are known, and their standard error (K,)."""
        known = np.isfinite(scores).all(axis=1)
        coalitions, weights, scores = coalitions[known], weights[known], scores[known]
        count = coalitions.shape[1]
        if len(scores) <= count:
            return np.full((scores.shape[1], count), np.nan), np.full(scores.shape[1], np.inf)
        model = _ridge(self.alpha).fit(coalitions, scores, sample_weight=weights)
        slopes = np.asarray(model.coef_, "float64").reshape(-1, count)
        if self.tolerance is None:
            return slopes, np.zeros(len(slopes))
        centred = coalitions - np.average(coalitions, axis=0, weights=weights)
        weighed = centred * weights[:, None]
        influence = np.linalg.pinv(centred.T @ weighed + self.alpha * np.eye(count)) @ weighed.T
        lines = coalitions @ slopes.T
        residuals = scores - lines - np.average(scores - lines, axis=0, weights=weights)
        return slopes, standard_error(influence, residuals, count + 1)


def _ridge(alpha: float) -> Any:
    """A ridge regression with an intercept, not fitted yet."""
    try:
        from sklearn.linear_model import Ridge
    except ImportError:
        raise errors.MissingPackageError("sklearn", "segments") from None
    return Ridge(alpha=alpha)
