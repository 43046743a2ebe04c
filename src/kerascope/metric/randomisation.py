"""Randomisation: a map of a model that has learnt nothing, or of another class, must be another map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Measurement, Metric
from kerascope.metric.context import Case, Subject
from kerascope.metric.similarity import SIMILARITIES, alike
from kerascope.probe import Probe
from kerascope.target import Class
from kerascope.typing import Array
from kerascope.validation import check_whole


@dataclass(frozen=True)
class EfficientRandomisation(Metric, name="efficient_randomisation"):
    r"""Efficient randomisation: by how much a map loses order as the model forgets everything.

    $$\frac{H(\Phi_{\hat\theta}(x)) - H(\Phi_\theta(x))}{H(\Phi_\theta(x))}$$

    with the entropy $H$ of the histogram of a map, and the model $\hat\theta$ whose layers are all drawn anew
    by their own initialisers (see `Probe.redrawn`).

    Args:
        bins: of the histogram, from the lowest to the highest value of each map, at least 2; default 100.
        seed: of the new weights. The numbers are Keras's, and differ between backends.

    Returns:
        values (N,), higher is better; about 0 for a map that does not depend on what was learnt. Invariant
        to the map's scale. NaN where the map of the random model is constant.

    Raises:
        EvaluationError: of a black box, which has no weights.

    Cost:
        1 explanation, by the random model; the model is not changed or copied.

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

    def measure(self, case: Case) -> Measurement:
        """The change of the entropy, as a share."""
        subject, method = case.subject, case.method
        assert method is not None
        random = subject.once(("random", self.seed), lambda: _untaught(subject, self.seed))
        answer = method.ask(random, subject.images, subject.first.pinned)
        assert answer.values is not None
        return Measurement(self.change(case.maps, subject.maps(method, answer.values)))

    def change(self, before: Array, after: Array) -> Array:
        """By how much the entropy of maps (N, *spatial) rises, as a share, (N,)."""
        known = self._entropy(before)
        return np.asarray((self._entropy(after) - known) / np.where(known > 0, known, np.nan))

    def _entropy(self, maps: Array) -> Array:
        found = np.full(len(maps), np.nan)
        for number, one in enumerate(maps):
            if np.isfinite(one).all() and np.ptp(one) > 0:
                shares = np.histogram(one, self.bins)[0] / one.size
                shares = shares[shares > 0]
                found[number] = -(shares * np.log(shares)).sum()
        return found


@dataclass(frozen=True)
class RandomLogit(Metric, name="random_logit"):
    r"""Random logit: how alike the map is to that of another class, drawn at random.

    $$\mathrm{SSIM}(\Phi_c(x), \Phi_{c'}(x)), \qquad c' \ne c$$

    Args:
        similarity: `"ssim"` (default), `"spearman"`, `"spearman_of_size"` (of the maps without their signs)
            or `"hog"`; see `kerascope.metric.similarity`.
        seed: of the other class of each image.

    Returns:
        values (N,), -1 to 1, lower is better; 1 for a map that does not depend on the class. Invariant to the
        map's scale.

    Raises:
        EvaluationError: no class is explained, or no other one has a score of its own.

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
        if self.similarity not in SIMILARITIES:
            raise errors.ParameterError(
                f"similarity must be one of {', '.join(map(repr, SIMILARITIES))}; got {self.similarity!r}."
            )

    def measure(self, case: Case) -> Measurement:
        """How alike both maps are."""
        other = case.once(("other class", self.seed), lambda: other_maps(case, self.seed))
        return Measurement(alike(self.similarity, case.maps, other))


def other_maps(case: Case, seed: int) -> Array:
    """The maps of another class of each image, drawn at random, (N, *spatial).

    Raises:
        EvaluationError: no class is explained, or no other one has a score of its own.
    """
    subject, method = case.subject, case.method
    assert method is not None
    labels = subject.first.labels
    graph = subject.probe.graph(subject.images)
    if graph.kinds == ("binary",):
        raise errors.EvaluationError(
            "a random logit must be a class with a score of its own; this model has one number for two "
            "classes, so that the other class has the opposite score, and its map tells nothing more; leave "
            "it out."
        )
    outputs = graph.outputs
    count = outputs[0].shape[-1]
    if (labels < 0).any() or len(outputs) > 1 or count < 2:
        raise errors.EvaluationError(
            "a random logit must be another class of a model with one output of several classes; explained "
            f"is {subject.target.describe()!r}, of outputs {[one.shape for one in outputs]}; leave it out."
        )
    drawn = [int(np.random.default_rng([seed, image]).integers(1, count)) for image in range(len(labels))]
    answer = method.ask(subject.probe, subject.images, Class(((labels + drawn) % count).tolist()))
    assert answer.values is not None
    return subject.maps(method, answer.values)


def _untaught(subject: Subject, seed: int) -> Probe:
    """The probe of the model with every layer drawn anew."""
    values: dict[int, Array] = {}
    for layer in subject.probe.randomize(subject.images, seed):
        values |= layer.values
    return subject.probe.with_values(values)
