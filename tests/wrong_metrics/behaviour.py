"""Metrics that compute the right thing and do not behave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import metric
from kerascope.metric.context import EvalItem


class NotADataclass(metric.Deletion):
    """Not decorated, so parameters of its own would be ignored."""


@dataclass(frozen=True)
class UncheckedParameter(metric.Deletion):
    """A parameter takes anything."""

    sigma: Any = 0.1


@dataclass(frozen=True)
class NoSuchGroup(metric.Deletion):
    """A group that tables do not have."""

    group = "beauty"


@dataclass(frozen=True)
class QuickOfAnother(metric.Sparseness):
    """The quick level changes a parameter that is not there."""

    quick = {"samples": 20}  # noqa: RUF012


@dataclass(frozen=True)
class NotRegistered(metric.Deletion):
    """Another class has this name."""


@dataclass(frozen=True)
class Undocumented(metric.Deletion):
    """Deletion, with nothing said."""


@dataclass(frozen=True)
class FalseExample(metric.Deletion):
    """As `Deletion`.

    Returns:
        values.

    Cost:
        50 forwards.

    Source:
        2018.

    Example:
        >>> 1 + 1
        3
    """


@dataclass(frozen=True)
class SinglePrecision(metric.Deletion):
    """Values are float32, and the mean of many images loses digits."""

    def apply(self, item: EvalItem) -> Any:
        found = super().on(item)
        return replace(found, values=found.values.astype("float32"))


@dataclass(frozen=True)
class FirstPassOnly(metric.Deletion):
    """Images that do not fit into the first pass have the value of the first image."""

    def apply(self, item: EvalItem) -> Any:
        found = super().on(item)
        size = item.batch.probe.batch_size or len(found.values)
        first = np.arange(len(found.values)) < size
        return replace(found, values=np.where(first, found.values, found.values[0]))


@dataclass(frozen=True)
class OneMeanForAll(metric.Deletion):
    """Every image has the mean over all of them."""

    def measure(self, item: EvalItem) -> Any:
        found = super().measure(item)
        return metric.Measurement(np.full_like(found.values, found.values.mean()))


@dataclass(frozen=True)
class Unseeded(metric.Deletion):
    """A little noise without a seed."""

    def measure(self, item: EvalItem) -> Any:
        found = super().measure(item)
        return metric.Measurement(found.values + 1e-12 * np.random.default_rng().random(len(found.values)))


@dataclass(frozen=True)
class ValueForNothing(metric.Deletion):
    """A map that shows nothing is measured like any other."""

    def apply(self, item: EvalItem) -> Any:
        found = self.measure(item)
        return replace(found, metric=self.describe(), direction=self.direction)


@dataclass(frozen=True)
class WithoutAWord(metric.Deletion):
    """A map that shows nothing has no value, and nobody hears of it."""

    def apply(self, item: EvalItem) -> Any:
        return replace(super().on(item), warnings=())


@dataclass(frozen=True)
class WholeBatchIsLost(metric.Deletion):
    """A map that is not finite takes the values of all others with it."""

    def measure(self, item: EvalItem) -> Any:
        found = super().measure(item)
        return metric.Measurement(found.values + 0 * item.maps.sum())


@dataclass(frozen=True)
class Weighted(metric.PointingGame):
    """A hit counts for as much as the map's maximum, of its mean size."""

    def score_map(self, relevance: Any, mask: Any) -> float:
        return super().score_map(relevance, mask) * float(relevance.max() / np.abs(relevance).mean())


@dataclass(frozen=True)
class ChangesWeights(metric.Deletion):
    """A weight moves by a little."""

    def measure(self, item: EvalItem) -> Any:
        weight = item.batch.probe.model.weights[0]
        weight.assign(weight.value * 1.0001)
        return super().measure(item)


@dataclass(frozen=True)
class WritesToTheMap(metric.Deletion):
    """The explanation is normalised where it lies."""

    def measure(self, item: EvalItem) -> Any:
        values = item.explanation.values
        values /= 1.5
        return super().measure(item)


@dataclass(frozen=True)
class DrawsFromTheGlobalGenerator(metric.Deletion):
    """NumPy's global random state moves on."""

    def measure(self, item: EvalItem) -> Any:
        np.random.rand()  # noqa: NPY002
        return super().measure(item)


@dataclass(frozen=True)
class FailsSomewhereElse(metric.PointingGame):
    """What is missing is found out by an AttributeError."""

    def missing_inputs(self, item: EvalItem) -> set[str]:
        return set()


@dataclass(frozen=True)
class NeedsMore(metric.Deletion):
    """Masks are needed, and this is not said."""

    def measure(self, item: EvalItem) -> Any:
        found = super().measure(item)
        assert item.batch.masks is not None
        return found


@dataclass(frozen=True)
class AsksTwice(metric.Deletion):
    """Twice the declared cost."""

    def measure(self, item: EvalItem) -> Any:
        super().measure(item)
        return super().measure(item)


@dataclass(frozen=True)
class SaysTooMuch(metric.Deletion):
    """A cost is declared that is not spent."""

    @property
    def forwards(self) -> int:  # type: ignore[override]
        return 150_528


WRONG = [
    (NotADataclass, "is_a_value"),
    (UncheckedParameter, "bad_parameters"),
    (NoSuchGroup, "says_what_it_is"),
    (QuickOfAnother, "says_what_it_is"),
    (NotRegistered, "registered"),
    (Undocumented, "documented"),
    (FalseExample, "example_runs"),
    (SinglePrecision, "one_value_per_image"),
    (FirstPassOnly, "image_alone"),
    (OneMeanForAll, "image_alone"),
    (Unseeded, "deterministic"),
    (ValueForNothing, "constant_maps"),
    (ValueForNothing, "maps_that_are_not_finite"),
    (WithoutAWord, "constant_maps"),
    (WholeBatchIsLost, "maps_that_are_not_finite"),
    (Weighted, "order_alone_counts"),
    (ChangesWeights, "changes_nothing"),
    (WritesToTheMap, "changes_nothing"),
    (DrawsFromTheGlobalGenerator, "leaves_random_state_alone"),
    (FailsSomewhereElse, "what_is_missing_is_named"),
    (NeedsMore, "what_is_not_needed_is_not_asked_for"),
    (AsksTwice, "cost"),
    (SaysTooMuch, "cost"),
]
