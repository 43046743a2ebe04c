"""The base class of metrics, their measurements, and the registry."""

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
from kerascope.metric.context import EvalBatch, EvalItem
from kerascope.probe import AnyProbe, Probe, as_probe
from kerascope.provenance import warn
from kerascope.registry import Registered
from kerascope.target import TargetLike
from kerascope.typing import Array

Direction = Literal["higher", "lower"]
Invariance = Literal["order", "scale"]
GROUPS = ("faithfulness", "localisation", "robustness", "randomisation", "axioms", "complexity")

_NEEDS = {
    "labels": "labels= (the true classes)",
    "masks": "masks= (the position of the object)",
    "method": "method= (the method of the explanation)",
    "model": "a Keras model (or its Probe)",
}


@dataclass(frozen=True, eq=False)
class Measurement:
    """The result of a metric: one number per image.

    Args:
        values: float64 (N,); NaN where the map is not informative or the metric does not apply.
        metric: the expression that creates the metric.
        direction: `"higher"` or `"lower"` is better; None if neither is.
        places: (S,) positions along a curve, such as shares of removed pixels, or None.
        curves: (N, S) the scores at these positions, or None.
        warnings: texts of the warnings.
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
    """Base class of metrics: `metric(probe, images, explanation) -> Measurement`.

    A concrete metric is a frozen dataclass with a name, `class Deletion(Metric, name="deletion")`, which
    registers it. It gives one value per image, from that image and its map alone.

    Attributes:
        name: name in tables.
        group: one of `GROUPS`.
        direction: `"higher"` or `"lower"` values are better; None if neither is.
        bounds: the lowest and highest possible value; None where there is no bound.
        invariant: the change of a map that does not change the value: `"scale"`, multiplication by a positive
            number; `"order"`, any change that preserves the order of its pixels; None, no change.
        needs: required arguments besides the explanation: `"method"` to explain other images, `"masks"`,
            `"labels"`, `"model"` (a Keras model, not a black box).
        quick: parameters that `level="quick"` changes; None for metrics that this level leaves out.
        forwards: forward passes per image, with the current parameters.
        explanations: explanations of other images per image.
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
    def measure(self, item: EvalItem) -> Measurement:
        """Return one value per image; values of uninformative maps are replaced by NaN."""

    def apply(self, item: EvalItem) -> Measurement:
        """Measure an explanation, and add warnings about doubtful values."""
        if missing := self.missing_inputs(item):
            raise errors.EvaluationError(
                f"{self.name} must be given {' and '.join(_NEEDS[need] for need in sorted(missing))}; it was "
                "not; pass it, or leave the metric out."
            )
        with np.errstate(invalid="ignore"):  # of maps that are not finite, whose values are dropped
            measurement = self.measure(item)
        warnings = measurement.warnings
        if flat := int((~item.is_informative).sum()):
            text = (
                f"every map should vary; {flat} of {len(item.is_informative)} are constant, nearly so or not "
                "finite, and have no value."
            )
            warnings = (*warnings, text)
        return replace(
            measurement,
            values=np.where(item.is_informative, measurement.values, np.nan),
            metric=self.describe(),
            direction=self.direction,
            warnings=warnings,
        )

    def missing_inputs(self, item: EvalItem) -> set[str]:
        """Return the entries of `needs` that were not given."""
        given = {
            "method": item.method is not None,
            "masks": item.batch.masks is not None,
            "labels": item.batch.labels is not None,
            "model": isinstance(item.batch.probe, Probe),
        }
        return {need for need in self.needs if not given[need]}

    def __call__(
        self,
        probe: AnyProbe | keras.Model,
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
            probe: the explained `Probe` or Keras model.
            images: (N, ...) the explained images, as the model takes them.
            explanation: the explanation of these images.
            target: the explained target; None for the classes that the explanation names.
            method: the method of the explanation, for metrics that explain other images too.
            masks: bool (N, *spatial), True on the object; an image without any such pixel has no value.
            labels: whole numbers (N,), the true classes.
            memory: see `kerascope.method.PerturbationMethod`.
            progress: draw a progress bar; None to draw one on a terminal if it takes more than a few seconds.

        Raises:
            EvaluationError: a required argument is missing, or does not fit the explanation.
        """
        batch = EvalBatch(
            as_probe(probe),
            images,
            target_of(explanation, target),
            masks=masks,
            labels=labels,
            memory=memory,
            progress=progress,
        )
        measurement = self.apply(EvalItem(batch, explanation, method))
        warnings = tuple(warn(errors.EvaluationWarning, text) for text in measurement.warnings)
        return replace(measurement, warnings=warnings)


def target_of(explanation: Explanation, target: TargetLike) -> Any:
    """Return the given target, or the classes that the explanation names.

    Raises:
        EvaluationError: no target is given, and the explanation names none.
    """
    if explanation.class_axis:
        raise errors.EvaluationError(
            "an explanation must have one target per image to be measured; got one with an axis of "
            f"{explanation.values.shape[1]} classes; explain one class at a time."
        )
    if target is not None:
        return target
    if (explanation.targets < 0).any():
        raise errors.EvaluationError(
            f"target must be given where no class was explained; this explanation is of "
            f"{explanation.target!r}; pass the target of the explanation."
        )
    return explanation.targets


def metrics() -> Mapping[str, type[Metric]]:
    """Return every registered metric by name.

    Example:
        >>> import kerascope as ks
        >>> ks.metrics()["deletion"].direction
        'lower'
    """
    return MappingProxyType(Metric.registry)
