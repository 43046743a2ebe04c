"""Randomisation: the change of a map with a randomised model, or with another class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import EvalBatch, EvalItem
from kerascope.metric.similarity import SIMILARITIES, similarity_of
from kerascope.probe import AnyProbe, require_probe
from kerascope.target import Class
from kerascope.typing import Array
from kerascope.validation import check_choice, check_whole


@dataclass(frozen=True)
class EfficientRandomisation(Metric, name="efficient_randomisation"):
    r"""Efficient randomisation: the relative rise of a map's entropy when the model is randomised.

    $$\frac{H(\Phi_{\hat\theta}(x)) - H(\Phi_\theta(x))}{H(\Phi_\theta(x))}$$

    with the entropy $H$ of the histogram of a map, and the model $\hat\theta$ whose layers are all randomised
    by their own initialisers (see `Probe.redrawn`).

    Args:
        bins: number of bins of the histogram, from the lowest to the highest value of each map, at least 2;
            default 100.
        seed: seed of the new weights, which differ between backends.

    Returns:
        values (N,), higher is better; about 0 for a map that does not depend on the weights. Invariant
        to the map's scale. NaN where the map of the random model is constant.

    Raises:
        EvaluationError: the model is a black box, without weights.

    Cost:
        1 explanation of the randomised model; the model is neither changed nor copied.

    Source:
        Hedström et al., A Fresh Look at Sanity Checks for Saliency Maps, 2024, equation 5 (eMPRT).

    Example:
        >>> import kerascope as ks
        >>> ks.metric.EfficientRandomisation().explanations
        1
    """

    bins: int = 100
    seed: int = 0

    group: ClassVar[str] = "randomisation"
    direction: ClassVar[Direction] = "higher"
    needs: ClassVar[frozenset[str]] = frozenset({"method", "model"})
    explanations: ClassVar[int] = 1
    quick: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        check_whole(self.bins, "bins", 2)
        check_whole(self.seed, "seed", 0)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the relative change of the entropy."""
        batch, method = item.batch, item.method
        assert method is not None
        probe = batch.compute_once(("random", self.seed), lambda: _randomize_model(batch, self.seed))
        return Measurement(self.compute_change(item.maps, batch.explain(method, probe=probe)))

    def compute_change(self, before: Array, after: Array) -> Array:
        """Return the relative rise of the entropy of maps (N, *spatial), (N,)."""
        entropy = self._compute_entropy(before)
        rise = self._compute_entropy(after) - entropy
        return np.asarray(rise / np.where(entropy > 0, entropy, np.nan))

    def _compute_entropy(self, maps: Array) -> Array:
        entropy = np.full(len(maps), np.nan)
        for row, heatmap in enumerate(maps):
            if np.isfinite(heatmap).all() and np.ptp(heatmap) > 0:
                shares = np.histogram(heatmap, self.bins)[0] / heatmap.size
                shares = shares[shares > 0]
                entropy[row] = -(shares * np.log(shares)).sum()
        return entropy


@dataclass(frozen=True)
class RandomLogit(Metric, name="random_logit"):
    r"""Random logit: the similarity of the map to the map of a random other class.

    $$\mathrm{SSIM}(\Phi_c(x), \Phi_{c'}(x)), \qquad c' \ne c$$

    Args:
        similarity: `"ssim"` (default), `"spearman"`, `"spearman_of_size"` (without signs) or
            `"hog"`; see `kerascope.metric.similarity`.
        seed: seed of the other class of each image.

    Returns:
        values (N,), -1 to 1, lower is better; 1 for a map that does not depend on the class. Invariant to the
        map's scale.

    Raises:
        EvaluationError: no class is explained, or no other class has its own score.

    Cost:
        1 explanation, of the other class.

    Source:
        Sixt, Granz and Landgraf, When Explanations Lie, ICML 2020, section 5.1 (random logit test, by SSIM).

    Example:
        >>> import kerascope as ks
        >>> ks.metric.RandomLogit.direction
        'lower'
    """

    similarity: str = "ssim"
    seed: int = 0

    group: ClassVar[str] = "randomisation"
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)
    needs: ClassVar[frozenset[str]] = frozenset({"method", "model"})
    explanations: ClassVar[int] = 1
    quick: ClassVar[Mapping[str, Any]] = {}

    def __post_init__(self) -> None:
        check_whole(self.seed, "seed", 0)
        check_choice(self.similarity, "similarity", SIMILARITIES)

    def measure(self, item: EvalItem) -> Measurement:
        """Return the similarity of both maps."""
        other = item.compute_once(("other class", self.seed), lambda: random_class_maps(item, self.seed))
        return Measurement(similarity_of(self.similarity, item.maps, other))


def random_class_maps(item: EvalItem, seed: int) -> Array:
    """Return the maps of a random other class of each image, (N, *spatial)."""
    batch, method = item.batch, item.method
    assert method is not None
    labels = batch.answer.labels
    graph = require_probe(batch.probe).graph(batch.images)
    if graph.kinds == ("binary",):
        raise errors.EvaluationError(
            "a random logit must be a class with its own score; this model has one number for two classes, "
            "so the other class has the opposite score, and its map adds nothing; leave it out."
        )
    outputs = graph.outputs
    count = outputs[0].shape[-1]
    if (labels < 0).any() or len(outputs) > 1 or count < 2:
        raise errors.EvaluationError(
            "a random logit must be another class of a model with one output of several classes; explained "
            f"is {batch.target.describe()!r}, of outputs {[output.shape for output in outputs]}; omit it."
        )
    shifts = [int(np.random.default_rng([seed, image]).integers(1, count)) for image in range(len(labels))]
    return batch.explain(method, target=Class(((labels + shifts) % count).tolist()))


def _randomize_model(batch: EvalBatch, seed: int) -> AnyProbe:
    """Return the probe of the model with every layer randomised."""
    values: dict[int, Array] = {}
    probe = require_probe(batch.probe)
    for layer in probe.randomize(batch.images, seed):
        values |= layer.values
    return probe.with_values(values)
