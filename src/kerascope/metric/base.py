"""What every metric is: a frozen dataclass that gives one number per image about an explanation of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation
from kerascope.method import Method
from kerascope.metric.context import Case, Subject
from kerascope.probe import Probe, as_probe
from kerascope.provenance import warn
from kerascope.registry import Registered
from kerascope.target import TargetLike
from kerascope.typing import Array

Direction = Literal["higher", "lower"]
Invariance = Literal["order", "scale"]
GROUPS = ("faithfulness", "localisation", "robustness", "randomisation", "axioms", "complexity")

_NEEDS = {
    "labels": "labels= (the true classes)",
    "masks": "masks= (where the object is)",
    "method": "method= (what made the explanation)",
    "model": "a Keras model (or the Probe of one)",
}


@dataclass(frozen=True, eq=False)
class Measurement:
    """What a metric found: one number per image.

    Args:
        values: float64 (N,); NaN where there is none: the map shows nothing, or the metric does not apply.
        metric: the metric with its parameters, as it would be written.
        direction: `"higher"` or `"lower"` is better, or None where neither is.
        places: (S,) where a curve was measured, such as shares of removed pixels, or None.
        curves: (N, S) the measured scores along it, or None.
        warnings: what was warned about.
    """

    values: Array
    metric: str = ""
    direction: Direction | None = None
    places: Array | None = None
    curves: Array | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        known = self.values[np.isfinite(self.values)]
        mean = f"mean {known.mean():.4g} of {len(known)} images" if len(known) else "no values"
        better = f", {self.direction} is better" if self.direction else ""
        return f"<{self.metric}: {mean}{better}>"


@dataclass(frozen=True)
class Metric(Registered, ABC, kind="metric"):
    """A way to judge an explanation: `metric(probe, images, explanation) -> Measurement`.

    A concrete metric is a frozen dataclass with a name, `class Deletion(Metric, name="deletion")`, which
    registers it. It gives one value per image, from that image and its map alone.

    Attributes:
        name: what it is called in tables.
        group: what it is about, one of `GROUPS`.
        direction: whether `"higher"` or `"lower"` values are better; None where neither is.
        bounds: the lowest and highest value that is possible; None where there is no bound.
        invariant: what of a map may change without changing the value: `"scale"`, it is multiplied by a
            positive number; `"order"`, anything but the order of its pixels; None, nothing.
        needs: what must be given beside the explanation: `"method"` to explain other images, `"masks"`,
            `"labels"`, `"model"` (a Keras model, not a black box).
        quick: parameters that `level="quick"` changes; None for metrics that this level leaves out.
        forwards: forward passes per image, with the parameters as they are.
        explanations: of how many other images the method is asked, for each image.
    """

    group: ClassVar[str] = ""
    direction: ClassVar[Direction | None] = None
    bounds: ClassVar[tuple[float | None, float | None]] = (None, None)
    invariant: ClassVar[Invariance | None] = "scale"
    needs: ClassVar[frozenset[str]] = frozenset()
    quick: ClassVar[Mapping[str, Any] | None] = None
    forwards: ClassVar[int] = 0
    explanations: ClassVar[int] = 0

    @property
    def title(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")

    @abstractmethod
    def measure(self, case: Case) -> Measurement:
        """The values, of maps that show something; those of others are dropped."""

    def on(self, case: Case) -> Measurement:
        """The measurement, with what is doubtful about it.

        Raises:
            EvaluationError: what the metric needs is missing.
        """
        if missing := self.missing(case):
            raise errors.EvaluationError(
                f"{self.name} must be given {' and '.join(_NEEDS[one] for one in sorted(missing))}; it was "
                "not; hand it over, or leave the metric out."
            )
        with np.errstate(invalid="ignore"):  # of maps that are not finite, whose values are dropped
            found = self.measure(case)
        values = np.where(case.shows, found.values, np.nan)
        told = list(found.warnings)
        if not case.shows.all():
            told.append(
                f"every map should vary; {int((~case.shows).sum())} of {len(values)} are constant, nearly so "
                "or not finite, and have no value."
            )
        return replace(
            found, values=values, metric=self.describe(), direction=self.direction, warnings=tuple(told)
        )

    def missing(self, case: Case) -> set[str]:
        """What the metric needs and was not given."""
        given = {
            "method": case.method is not None,
            "masks": case.subject.masks is not None,
            "labels": case.subject.labels is not None,
            "model": isinstance(case.subject.probe, Probe),
        }
        return {need for need in self.needs if not given[need]}

    def __call__(
        self,
        probe: Probe | keras.Model,
        images: Any,
        explanation: Explanation,
        target: TargetLike = None,
        *,
        method: Method | None = None,
        masks: Any = None,
        labels: Any = None,
        memory: int | str | None = None,
        progress: bool | None = None,
    ) -> Measurement:
        """Measure an explanation.

        Args:
            probe: the `Probe` or Keras model that was explained.
            images: (N, ...) as the model takes them, those that were explained.
            explanation: of these images.
            target: what was explained; None for the classes that the explanation names.
            method: what made the explanation, for metrics that explain other images too.
            masks: bool (N, *spatial), where the object is; an image without any pixel has no value.
            labels: whole numbers (N,), the true classes.
            memory: see `kerascope.method.PerturbationMethod`.
            progress: draw a progress bar; None on a terminal where it takes longer than some seconds.

        Raises:
            EvaluationError: what the metric needs is missing, or does not fit the explanation.
        """
        subject = Subject(
            as_probe(probe),
            images,
            explained(explanation, target),
            masks=masks,
            labels=labels,
            memory=memory,
            progress=progress,
        )
        found = self.on(Case(subject, explanation, method))
        return replace(found, warnings=tuple(warn(errors.EvaluationWarning, text) for text in found.warnings))


def explained(explanation: Explanation, target: TargetLike) -> Any:
    """The target of an explanation: what is given, or the classes that it names.

    Raises:
        EvaluationError: it names none, and nothing was given.
    """
    if explanation.class_axis:
        raise errors.EvaluationError(
            "an explanation must be of one target per image to be measured; got one with an axis of "
            f"{explanation.values.shape[1]} classes; explain one class at a time."
        )
    if target is not None:
        return target
    if (explanation.targets < 0).any():
        raise errors.EvaluationError(
            f"target must be given where no class was explained; this explanation is of "
            f"{explanation.target!r}; hand over the target that it was made with."
        )
    return explanation.targets


def metrics() -> Mapping[str, type[Metric]]:
    """Every registered metric by name.

    Example:
        >>> import kerascope as ks
        >>> ks.metrics()["deletion"].direction
        'lower'
    """
    return MappingProxyType(Metric.registry)
