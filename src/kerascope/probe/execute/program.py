"""One compiled program: forward, score, gradients and a method's arithmetic. Only maps leave the device."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerascope import backend, errors
from kerascope.layout import Layout
from kerascope.probe.execute.forward import forward
from kerascope.probe.graph.graph import Run, Survey
from kerascope.probe.graph.head import heads
from kerascope.probe.intercept.bias import Biases, BiasTaps, Site, Term
from kerascope.probe.intercept.rectifier import Rectifiers
from kerascope.rule import Rule
from kerascope.target import Reading, Target
from kerascope.target.base import Forward, class_columns

INPUT = "the input"
"""Name, among the places to differentiate at, of the explained input itself."""
BIAS = "bias "
"""In front of the names, among the places to differentiate at, of those where a constant is added."""
REPLACED = "instead of "
"""In front of the names, among what a score is a function of, of layers whose output is given."""
CHOSEN = "chosen "
"""In front of the names, in a program's answer, of what a target chose: see `Reading.choices`."""


@dataclass(frozen=True)
class Evidence:
    """What a method computes a map from, for one class of every image, in backend tensors.

    Everything is float32, batch first and channels last.

    Args:
        activations: for each layer asked for, (N, *spatial, C); (N, ...) as it is without spatial axes.
        gradients: d score / d activation, in the same shapes; empty where no gradients were asked for.
        image: the explained input, (N, *spatial, C).
        image_gradient: d score / d image, or None where it was not asked for.
        scores: (N,) the explained scores.
        curvatures: for each layer the product of its own block of the Hessian, d2 score / d activation2, with
            the activations, in their shape; empty where none were asked for.
        biases: what each constant that the model adds contributes; empty where it was not asked for.
    """

    activations: tuple[Any, ...]
    gradients: tuple[Any, ...]
    image: Any
    image_gradient: Any
    scores: Any
    curvatures: tuple[Any, ...] = ()
    biases: tuple[Term, ...] = ()

    def split(self) -> list[Evidence]:
        """The evidence on each layer by itself."""
        return [
            replace(
                self,
                activations=self.activations[place : place + 1],
                gradients=self.gradients[place : place + 1],
                curvatures=self.curvatures[place : place + 1],
            )
            for place in range(len(self.activations))
        ]


@dataclass(frozen=True)
class Plan:
    """What a program computes; everything in it is fixed when it is compiled.

    Args:
        call: the model's forward pass.
        operations: gives every operation of the model, and the model itself.
        variables: gives the model's variables.
        survey: what happens in that pass.
        structure: the input structure, or None for a single input.
        explained: position of the explained input, or None.
        target: whose `read` gives the scores.
        layers: paths of the layers to read.
        gradients: differentiate at these layers.
        image_gradient: differentiate at the explained input.
        rule: what rectifiers hand back, or None for their own gradient.
        biases: the constants to differentiate at, or None.
        compute: a method's arithmetic, on each class in turn; None to compute scores only.
        curvatures: give second derivatives at these layers too.
        spared: runs that need not run, since a layer behind them is given: see `Survey.spared`.
    """

    call: Callable[[Any], Any]
    operations: Callable[[], Sequence[keras.Operation]]
    variables: Callable[[], Sequence[keras.Variable]]
    survey: Survey
    structure: Any
    explained: int | None
    target: Target
    layers: tuple[str, ...]
    gradients: bool = False
    image_gradient: bool = False
    rule: Rule | None = None
    biases: Biases | None = None
    compute: Callable[[Evidence], Any] | None = None
    curvatures: bool = False
    spared: tuple[Run, ...] = ()

    def moving(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """The tensors that gradients are taken at: zeros to add to activations, and the input itself."""
        moving: dict[str, Any] = {}
        if self.gradients:
            for layer in self.layers:
                run = self.survey.run(layer)
                moving[layer] = ops.zeros(run.shape, run.dtype)
        if self.image_gradient and self.explained is not None:
            moving[INPUT] = tensors[self.explained]
        for site in self._sites():
            moving[BIAS + site.name] = ops.zeros(site.run.shape, site.run.dtype)
        return moving

    @staticmethod
    def watched(moving: Mapping[str, Any]) -> list[str]:
        """Those places that the score must depend on; constants may lie beside the way to it."""
        return [name for name in moving if not name.startswith(BIAS)]

    def _sites(self) -> tuple[Site, ...]:
        return () if self.biases is None else self.biases.sites

    def score(
        self, moving: Mapping[str, Any], tensors: Sequence[Any], arguments: Any, state: Sequence[Any]
    ) -> tuple[Any, tuple[Forward, Reading, Rectifiers | None, BiasTaps | None]]:
        """The scores (N, K) as a function of what moves."""
        tensors = list(tensors)
        deltas = dict(moving)
        given = {name: deltas.pop(REPLACED + name) for name in self.layers if REPLACED + name in deltas}
        pushes = {site.name: deltas.pop(BIAS + site.name) for site in self._sites()}
        taps = BiasTaps(self._sites(), pushes) if self.biases else None
        if INPUT in deltas and self.explained is not None:
            tensors[self.explained] = deltas.pop(INPUT)
        inputs = tensors[0] if self.structure is None else tree.pack_sequence_as(self.structure, tensors)
        names = dict.fromkeys((*self.layers, *self.target.layers))
        runs = {name: self.survey.tapped(self.survey.run(name)) for name in names}
        rectifiers = Rectifiers(self.rule, self.operations()) if self.rule else None
        result = forward(
            self.call,
            self.operations(),
            inputs,
            self.variables(),
            state,
            heads(self.survey),
            runs,
            deltas,
            rectifiers,
            taps,
            given,
            self.spared,
        )
        result = replace(result, output_layouts=self.survey.output_layouts, kinds=self.survey.kinds)
        if (label := self.survey.label) is not None:
            result = result.only(0, lambda tensor: tensor[:, label : label + 1])
        reading = self.target.read(result, arguments)
        return ops.cast(reading.scores, "float32"), (result, reading, rectifiers, taps)

    def __call__(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> dict[str, Any]:
        """Everything about one batch: see `Answer` for what each entry is."""
        notes: dict[str, Any] = {}

        def scored(moving: Any, tensors: Any, arguments: Any, state: Any) -> tuple[Any, Any]:
            scores, (result, reading, rectifiers, taps) = self.score(moving, tensors, arguments, state)
            notes["forward"] = result
            notes["reading"] = reading
            notes["rectifiers"] = rectifiers
            kept = {
                "activations": [result.activations[layer] for layer in self.layers],
                "outputs": tree.flatten(result.outputs),
                "scores": tree.flatten(result.scores),
            }
            kept["chosen"] = dict(reading.choices)
            kept["constants"] = {} if taps is None else dict(taps.constants)
            if reading.labels is not None:
                kept["labels"] = reading.labels
            if reading.undefined is not None:
                kept["undefined"] = reading.undefined
            if reading.columns is not None:
                kept["columns"] = list(reading.columns)
            return scores, kept

        moving = self.moving(tensors)
        bent: list[Any] = []
        if self.curvatures:
            differentiate = backend.current().curvatures(scored, self._directions)
            scores, kept, gradients, bent = differentiate(moving, tensors, arguments, state)
        else:
            differentiate = backend.current().value_and_gradients(scored)
            scores, kept, gradients = differentiate(moving, tensors, arguments, state)
        self._check_connected(moving, gradients)
        if notes["rectifiers"] is not None:
            self._check_rule(notes["rectifiers"])
        answer = {"scores": scores} | predictions(
            kept, notes["forward"], self.survey.opaque, notes["reading"]
        )
        answer |= {CHOSEN + name: value for name, value in kept["chosen"].items()}
        if "undefined" in kept:
            answer["undefined"] = kept["undefined"]
        if self.watched(moving):
            changes = [
                ops.stack([ops.any(ops.not_equal(column[name], 0)) for name in self.watched(moving)])
                for column in gradients
            ]
            answer["alive"] = ops.any(ops.stack(changes), axis=0)
        if self.compute is not None:
            maps = [
                self.compute(
                    self._evidence(tensors, kept, scores[:, number], column, bent[number] if bent else {})
                )
                for number, column in enumerate(gradients)
            ]
            answer["values"] = ops.stack(maps, axis=1) if self.target.class_axis else maps[0]
        return answer

    def depends(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> bool:
        """Whether the scores can depend on every place that gradients are taken at."""
        moving = self.moving(tensors)
        return all(
            backend.current().depends(
                lambda value, name=name: self.score(moving | {name: value}, tensors, arguments, state),
                moving[name],
            )
            for name in self.watched(moving)
        )

    def disconnected(self, name: str) -> errors.DisconnectedError:
        """The error that says that the score does not depend on a place."""
        place = name if name == INPUT else f"the layer {name!r}"
        return errors.DisconnectedError(
            f"the explained score ({self.target.describe()}) must depend on {place}; it does not: the layer "
            "lies on another branch or behind the score, or what lies between has no gradient (rounding, "
            "argmax, integer inputs). Choose a layer on the way to the score, or another target."
        )

    def _check_connected(self, moving: Mapping[str, Any], gradients: Sequence[Any]) -> None:
        for name in self.watched(moving):
            if any(column[name] is None for column in gradients):
                raise self.disconnected(name)

    def _check_rule(self, rectifiers: Rectifiers) -> None:
        if rectifiers.reached:
            return
        places = " and ".join(self.layers or ("the input",))
        rule = self.rule.name if self.rule else ""
        found = (
            f"none of its {rectifiers.matched} rectifiers lies between {places} and the score, so the rule "
            "would change nothing"
            if rectifiers.matched
            else "none was found in this model"
        )
        raise errors.RuleError(
            f"{rule!r} needs a rectifier (ReLU or a relative) on the way from {places} to the score; {found}."
            " Use the plain gradient, or an earlier layer; rectifiers that are called as a backend's own "
            "function, such as tf.nn.relu(x), are not seen: use keras.activations.relu."
        )

    def _directions(self, kept: Any) -> dict[str, Any]:
        """Second derivatives are taken along the activations."""
        return dict(zip(self.layers, kept["activations"], strict=True))

    def _evidence(self, tensors: Any, kept: Any, scores: Any, gradients: Any, bent: Any) -> Evidence:
        layouts = [self.survey.run(layer).layout for layer in self.layers]
        image, image_gradient = None, None
        if self.explained is not None:
            image = channels_last(tensors[self.explained], self.survey.image_layout)
        if INPUT in gradients:
            image_gradient = channels_last(gradients[INPUT], self.survey.image_layout)
        return Evidence(
            tuple(map(channels_last, kept["activations"], layouts)),
            tuple(
                channels_last(gradients[layer], layout)
                for layer, layout in zip(self.layers, layouts, strict=True)
                if layer in gradients
            ),
            image,
            image_gradient,
            scores,
            tuple(
                channels_last(bent[layer], layout)
                for layer, layout in zip(self.layers, layouts, strict=True)
                if layer in bent
            ),
            tuple(self._terms(kept["constants"], gradients)),
        )

    def _terms(self, constants: Mapping[str, Any], gradients: Mapping[str, Any]) -> Iterator[Term]:
        for site in self._sites():
            gradient = gradients[BIAS + site.name]
            if gradient is None or site.name not in constants:
                continue
            values = ops.cast(gradient, "float32") * constants[site.name]
            yield Term(channels_last(values, site.run.layout) if site.drawn else values, site.drawn)


def predictions(
    kept: dict[str, Any], forward: Forward, opaque: Collection[int], reading: Reading
) -> dict[str, Any]:
    """The predicted class, the probability of the explained one, and whether a score looks like one.

    Args:
        kept: what came out, among it the flattened `"outputs"` and `"scores"`.
        forward: what is known of it; its tensors are not used.
        opaque: see `Survey.opaque`.
        reading: of a target; its tensors are not used.
    """
    found = {"labels": kept["labels"]} if "labels" in kept else {}
    place = reading.output
    if place is None:
        place = 0 if len(kept["outputs"]) == 1 else None
    if place is None:
        return found
    raw = kept["outputs"][place]
    if len(raw.shape) not in (1, 2) and "columns" not in kept:
        return found
    kind = forward.kinds[place] if forward.kinds else None
    output, scores = kept.get("columns") or class_columns(raw, kept["scores"][place], kind)
    known = forward.squashed[place] or kind in ("binary", "labels")
    precise = keras.backend.standardize_dtype(raw.dtype) in ("float32", "float64")
    output = ops.cast(output, "float32")
    sums = ops.abs(ops.sum(output, axis=-1) - 1) < (1e-3 if precise else 2e-2)
    rows = ops.logical_and(ops.all(output >= 0, axis=-1), sums)
    several, single = output.shape[-1] > 1, len(output.shape) == 2
    if several and single and kind != "regression":
        # Of the scores: where probabilities are saturated, several are 1.
        scores = ops.cast(scores, "float32")
        best = ops.cast(ops.argmax(scores, axis=-1), "int32")
        found["predictions"] = ops.where(comparable(scores), best, -1)
    if "labels" in found and single and (known or several):
        chosen = ops.take_along_axis(output, found["labels"], axis=1)
        found["probabilities"] = ops.where((ops.ones_like(rows) if known else rows)[:, None], chosen, np.nan)
    if reading.probability and not known:
        found["no_probability"] = ops.logical_not(ops.all(rows))
    asked = reading.output is None or reading.probability
    if not forward.squashed[place] and not asked:
        if place in opaque and known:
            rows = ops.logical_and(raw >= 0, raw <= 1)
        elif place in opaque:
            rows = ops.logical_or(rows, ops.all(ops.logical_and(output >= 0, output <= 1), axis=-1))
        elif not several or known:
            return found
        found["suspect"] = ops.all(rows)
    return found


def comparable(scores: Any) -> Any:
    """bool (N,): whether one of an image's scores is the greatest; NaN and +infinity are no scores.

    -infinity is one: that of a class that is ruled out.
    """
    known = ops.logical_not(ops.any(ops.isnan(scores), axis=-1))
    return ops.logical_and(known, ops.isfinite(ops.max(scores, axis=-1)))


def channels_last(tensor: Any, layout: Layout | None) -> Any:
    """A tensor as a method sees it: float32, and channels last where it has spatial axes."""
    tensor = ops.cast(tensor, "float32")
    return tensor if layout is None else layout.channels_last(tensor)
