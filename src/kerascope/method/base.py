"""The base class of methods, and how a call becomes an explanation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import keras
import numpy as np

from kerascope import errors
from kerascope.explanation import Explanation, Reduction, describe_flatness
from kerascope.placement import Placement, stretch
from kerascope.probe import Answer, AnyProbe, as_probe
from kerascope.provenance import versions, warn
from kerascope.registry import Registered
from kerascope.target import Target, TargetLike, as_target
from kerascope.typing import Array

LARGEST_GAP = 0.05
"""The largest completeness gap that is not warned about."""


@dataclass(frozen=True)
class Method(Registered, ABC, kind="method"):
    """A way to explain: `method(probe, images, target) -> Explanation`.

    A concrete method is a frozen dataclass with a name, `class HiResCAM(ClassActivationMap,
    name="hires_cam")`, which registers it. It is a value: parameters only, no state.

    Attributes:
        name: what the method is called in `kerascope.explain` and in tables.
        tags: its properties, which decide the checks of `kerascope.testing` that apply:
            `"layer"` it explains a layer, `"input"` its values lie on the input's pixels and channels,
            `"pixels"` on its pixels, one for each, `"signed"` values can be negative, `"gradient"` it needs
            gradients, `"averaged"` it averages them over the places of the layer, which a head that flattens
            tells apart, `"rectifier"` it needs rectifiers in the model, `"stochastic"` it draws random
            numbers, `"complete"` values sum to a change of the score. More in `kerascope.testing.contract`.
        forwards: forward passes per image; of a method whose number of masks depends on the images or the
            layer (tag `"sized"`), without these; see `Explanation.masks`.
        backwards: backward passes per image and class.
        programs: compiled programs per input shape.
        reduction: how channels become one heat map; see `Explanation`.
    """

    tags: ClassVar[frozenset[str]] = frozenset()
    forwards: ClassVar[int] = 1
    backwards: ClassVar[int] = 1
    programs: ClassVar[int] = 1
    reduction: ClassVar[Reduction] = "none"

    @property
    def signed(self) -> bool:
        """Values can be negative: evidence against the target."""
        return "signed" in self.tags

    def at(self, layer: str | None) -> Method:
        """The same method at another layer, for those that explain one; others as they are."""
        return replace(self, layer=layer) if "layer" in self.tags else self  # type: ignore[call-arg]

    def choose(self, probe: AnyProbe, images: Any, target: TargetLike = None) -> tuple[Method, str]:
        """The method to run for this question, and why it, if it is not this one; see `automatic.py`."""
        return self, ""

    @abstractmethod
    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """Compute the values, one per image and position."""

    def __call__(self, probe: AnyProbe | keras.Model, images: Any, target: TargetLike = None) -> Explanation:
        """Explain `target` on each of `images`.

        Args:
            probe: a `Probe`, or a Keras model, which gets a probe that lives as long as it does.
            images: (N, H, W, C), or whatever the model takes, as it takes it; one image is a batch of one.
            target: see `kerascope.target`; None for the predicted class of each image.

        Returns:
            The explanation, with raw values and their provenance.

        Raises:
            InputError, TargetError, LayerError, RuleError: what was given does not fit the model.
        """
        prober = as_probe(probe)  # which holds its model weakly: the argument keeps it
        target = as_target(target)
        method, reason = self.choose(prober, images, target)
        answer = method.attribute(prober, images, target)
        target, remarks = prober.resolve_target(answer.batch, target)
        warnings = tuple((kind, text) for kind, text in remarks if kind is not None)
        answer = replace(answer, warnings=(*warnings, *answer.warnings))
        notes = [reason, *(text for kind, text in remarks if kind is None), *answer.notes]
        notes += [answer.placement.note, answer.placement.obstacle] if answer.placement is not None else []
        explained = answer.batch.explained
        shown: Array | None = None
        size: tuple[int, ...] = ()
        if explained is not None:
            shown = np.array(answer.batch.arrays[explained], "float32")
            layout = answer.image_layout
            if layout is not None:
                shown = layout.channels_last(shown, np)
            size = layout.spatial if layout is not None else shown.shape[1:]
        explanation = Explanation(
            values=np.asarray(answer.values, "float32"),
            targets=answer.labels,
            scores=answer.scores,
            probabilities=answer.probabilities,
            predictions=answer.predictions,
            images=shown,
            input_size=size,
            reduction=method.reduction,
            signed=method.signed,
            class_axis=target.class_axis,
            method=method.describe(),
            target=target.describe(),
            layer=", ".join(answer.layers) or None,
            class_names=prober.class_names,
            seed=getattr(method, "seed", None),
            completeness_gap=answer.completeness_gap,
            masks=answer.masks,
            notes=tuple(filter(None, notes)),
            versions=dict(versions()),
            placement=_find_placement(answer, method.reduction, size),
        )
        explanation = _add_warnings(explanation, answer, "complete" in method.tags)
        if answer.failure is not None:
            answer.failure.result = explanation
            raise answer.failure
        return explanation


def _find_placement(answer: Answer, reduction: Reduction, size: tuple[int, ...]) -> Placement | None:
    """Where the values lie: on cells of a layer, on pixels, or on cells of the method's own making."""
    assert answer.values is not None
    if not size or answer.image_layout is None:
        return None
    grid = answer.values.shape[answer.scores.ndim : answer.values.ndim - (reduction != "none")]
    placed = answer.placement
    return placed if placed is not None and placed.grid == grid else stretch(grid, size)


def _add_warnings(explanation: Explanation, answer: Answer, complete: bool) -> Explanation:
    """The explanation with its warnings, which are raised and stored."""
    found: dict[type[Warning], str] = dict(answer.warnings)
    if answer.suspect:
        found[errors.ProbabilityWarning] = (
            "the explained score should be the one before the softmax or sigmoid; the model's outputs look "
            "like probabilities, and where the score is could not be found, so a probability is explained. "
            "End the model in a layer or activation, say what one number is with ks.Probe(model, "
            "output=...), or ask for ks.Probability on purpose."
        )
    maps = explanation.values.reshape(*explanation.scores.shape, -1)
    broken = ~np.asarray(np.isfinite(maps).all(axis=-1))
    flat = explanation.flat & ~broken
    if broken.any():
        found[errors.NonFiniteMapWarning] = (
            f"every map should be finite; {_where(broken)} hold NaN or infinity; look for overflow, as in "
            "float16, or for broken weights."
        )
    lost = ~np.isfinite(explanation.scores) & ~broken
    if lost.any():
        found[errors.NonFiniteScoreWarning] = (
            f"every explained score should be finite; {_where(lost)} have NaN or infinity, and mean "
            "nothing; look for broken weights, overflow, or preprocessing that divides by zero."
        )
    if flat.any():
        reason = (
            "nothing there speaks for the target more than the rest, or the layer carries no positions"
            if answer.alive
            else "no gradient arrives there: the score does not change with it"
        )
        found[errors.FlatMapWarning] = (
            f"every map should vary; {_where(flat)} "
            f"{describe_flatness(explanation.variation[flat])} and show "
            f"nothing; {reason}. Try another layer or target, or the signed map."
        )
    gap = np.zeros(1) if answer.completeness_gap is None else np.abs(answer.completeness_gap)
    if complete and (wide := gap > LARGEST_GAP).any():
        found[errors.CompletenessWarning] = (
            f"values should sum to the change of the score within {LARGEST_GAP:.0%}; {_where(wide)} miss it "
            f"by up to {gap.max():.0%} of that change; take more steps, or a baseline whose score is further "
            "off."
        )
    return replace(explanation, warnings=tuple(warn(kind, text) for kind, text in found.items()))


def _where(mask: np.ndarray[Any, Any]) -> str:
    images = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1)).tolist()
    shown = ", ".join(map(str, images[:5]))
    more = ", ..." if len(images) > 5 else ""
    return f"{int(mask.sum())} of {math.prod(mask.shape)} maps (images {shown}{more})"
