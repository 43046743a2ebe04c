"""What is asked of a model, held against a survey of it: which numbers and which places it is about."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from kerascope import errors
from kerascope.layout import Layout
from kerascope.probe.graph.graph import Run, Survey
from kerascope.probe.graph.head import head_run, heads, score_sources
from kerascope.probe.graph.output_kind import NOT_SAID, Remark
from kerascope.probe.inputs import Batch
from kerascope.probe.intercept.bias import Biases
from kerascope.probe.intercept.bias import biases as biases_of
from kerascope.rule import Rule
from kerascope.target import Context, Target
from kerascope.typing import Array


@dataclass(frozen=True)
class Question:
    """A target and layers that fit the model and the images.

    Args:
        survey: of the model.
        batch: the checked inputs.
        target: what is asked about.
        arguments: the target's, one row per image.
        layers: full paths of the layers that are read.
        gradients: differentiate at these layers.
        image_gradient: differentiate at the explained input.
        rule: what rectifiers hand back, or None for their own gradient.
        curvatures: give second derivatives at these layers too.
        biases: every constant of the model, to be differentiated at too, or None.
        notes: what else there is to know of what is read.
    """

    survey: Survey
    batch: Batch
    target: Target
    arguments: Mapping[str, Array]
    layers: tuple[str, ...]
    gradients: bool
    image_gradient: bool
    rule: Rule | None
    curvatures: bool = False
    biases: Biases | None = None
    notes: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[int, ...]:
        """Numbers of the runs that the explained score is made from."""
        context = context_of(self.survey, self.batch.count, None)
        return tuple(sources_of(self.survey, self.target, context))

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What its program depends on, but for what is computed and the size of a pass."""
        return (
            self.target.key(),
            self.layers,
            self.gradients,
            self.image_gradient,
            self.rule,
            self.curvatures,
            self.biases is not None,
            self.survey.kinds,
            heads(self.survey),
            self.survey.label,
            self.batch.signature,
            self.batch.explained,
        )


def fitted(
    survey: Survey,
    batch: Batch,
    target: Target,
    class_names: tuple[str, ...] | None,
    layers: Sequence[str | None],
    *,
    spatial: bool = False,
    gradients: bool = False,
    image_gradient: bool = False,
    rule: Rule | None = None,
    curvatures: bool = False,
    biases: bool = False,
) -> Question:
    """The question about a target and layers, once both are seen to fit.

    Args:
        survey: of the model.
        batch: the checked inputs.
        target: what is asked about.
        class_names: names of the classes, or None.
        layers: paths of the layers to read; None stands for the automatic layer.
        spatial: the layers must have a height and width.
        gradients: see `Question`; the layers must have one.
        image_gradient: see `Question`; the explained input must have one.
        rule: see `Question`.
        curvatures: see `Question`.
        biases: differentiate at every constant of the model.

    Raises:
        TargetError: the target does not fit the model or the images.
        LayerError: a layer does not exist, or is not fit.
        InputError: there is no gradient at the input.
    """
    context = context_of(survey, batch.count, class_names)
    target = target.resolve(context)
    arguments = target.arguments(context)
    named = []
    for layer in layers:
        run = _automatic(survey, target, context) if layer is None else survey.run(layer)
        if gradients:
            _check_differentiable_layer(survey, run)
        if spatial:
            _check_spatial(survey, run, layer)
        named.append(survey.name(run))
    if image_gradient:
        _ = batch.pixels  # raises where there is none to differentiate at
    found = biases_of(survey) if biases else None
    notes = () if found is None else found.notes
    return Question(
        survey,
        batch,
        target,
        arguments,
        tuple(named),
        gradients,
        image_gradient,
        rule,
        curvatures,
        found,
        (*notes, *_branches(survey, target, context, named)),
    )


def seen_by(survey: Survey, layers: Sequence[str]) -> int | None:
    """Position of the only input that leads to layers; None where several do.

    Args:
        survey: of the model.
        layers: full paths.
    """
    leading = frozenset[int]().union(*(survey.run(layer).inputs for layer in layers))
    return next(iter(leading)) if len(leading) == 1 else None


def unseen(question: Question) -> Question:
    """The question with the note that its map cannot be drawn: several inputs lead to its layers."""
    names = question.batch.names
    note = (
        f"several inputs, {', '.join(map(repr, names))}, lead to {' and '.join(map(repr, question.layers))}; "
        f"choose the one to draw the map on: ks.Probe(model, input={names[0]!r})"
    )
    return replace(question, notes=(*question.notes, note))


def _branches(survey: Survey, target: Target, context: Context, layers: Sequence[str]) -> list[str]:
    """That the automatic layer is one of several, where branches meet only once their places are gone."""
    if not layers:
        return []
    sources = tuple(sources_of(survey, target, context))
    # A walk through the whole network, which every explanation would pay for.
    key = ("branches", sources, target.outputs(context) is None)
    if key not in survey.known:
        survey.known[key] = _found_branches(survey, target, context, sources)
    chosen, every = survey.known[key]
    others = [name for name in every if name not in layers]
    if chosen not in layers or not others:
        return []
    shown = ", ".join(map(repr, others[:3])) + (", ..." if len(others) > 3 else "")
    note = (
        f"{chosen!r} is one of {len(every) + 1} branches of equal standing: the map does not show what goes "
        f"through {shown}; choose another one with layer="
    )
    return [note]


def _found_branches(
    survey: Survey, target: Target, context: Context, sources: Sequence[int]
) -> tuple[str | None, list[str]]:
    try:
        run = _automatic(survey, target, context)
    except errors.NoSpatialExtentError:
        return None, []
    return survey.name(run), [survey.name(other) for other in survey.beside(run, sources)]


def context_of(survey: Survey, count: int, class_names: tuple[str, ...] | None) -> Context:
    """What a target may know of a model and of `count` images."""
    shapes = {output.name: output.shape for output in survey.outputs}
    layouts = dict(zip(shapes, survey.output_layouts, strict=True))

    def look_up(layer: str) -> tuple[Layout | None, int]:
        run = survey.run(layer)
        return run.layout, run.layout.channels if run.layout else run.shape[-1]

    kinds = dict(zip(shapes, survey.kinds, strict=True)) if survey.kinds else {}
    return Context(count, shapes, class_names, look_up, layouts, kinds)


def resolve_target(
    survey: Survey, target: Target, class_names: tuple[str, ...] | None
) -> tuple[Target, tuple[Remark, ...]]:
    """What a target stands for with a model, and what there is to say on the outputs that it is about."""
    context = context_of(survey, survey.batch, class_names)
    fitted_one = target.resolve(context)
    read = fitted_one.outputs(context)
    remarks = [survey.remarks[place] for place in (range(len(survey.outputs)) if read is None else read)]
    # Who asks for a number of the model's knows that it is one.
    known = fitted_one.key() == target.key()
    said = (one for one in remarks if one is not None and not (known and one is NOT_SAID))
    return fitted_one, tuple(said)


def _check_differentiable_layer(survey: Survey, run: Run) -> None:
    if not run.dtype.startswith(("float", "bfloat")):
        raise errors.UntappableLayerError(
            "a layer must return floating-point numbers to have a gradient; "
            f"{survey.name(run)!r} returns {run.dtype}; choose a layer behind it."
        )


def _check_spatial(survey: Survey, run: Run, layer: str | None) -> None:
    if run.layout is None or run.layout.positions < 2:
        usable = [survey.name(other) for other in survey.runs if survey.explainable(other)]
        raise errors.NoSpatialExtentError(
            f"a class activation map needs a layer with a height and width above 1; {layer!r} "
            f"returns {run.shape}; choose one before pooling or flattening, such as "
            f"{usable[-1] if usable else 'none here'!r}."
        )


def _automatic(survey: Survey, target: Target, context: Context) -> Run:
    """The layer for a target: see `Survey.automatic`.

    Where a target picks places of outputs that are spatial themselves, as in segmentation, a map of a score
    at the score would only show where it was asked about: the layer is taken in front of the last ones with
    weights, and of all of them, so that the score depends on it whichever pixels or detections it is made
    of. What a function does with outputs is not known: it may mix all places, and is explained at them.
    """
    sources = sources_of(survey, target, context)
    if target.outputs(context) is None:
        return survey.automatic(sources)
    squashing = [head_run(survey, output.source) for output in survey.outputs]
    # The layer with weights is passed already where its own activation is the softmax. A unit's own layer
    # is the end of the way.
    passed = {number for run in squashing if run and _has_weights(run) for number in run.sources}
    passed |= {survey.run(layer).number for layer in target.layers}
    behind = [[source] if source in passed else _read_by_weights(survey, source) for source in sources]
    try:
        return survey.automatic(
            number
            for numbers in behind
            for number in (survey.shared(numbers) if len(numbers) > 1 else numbers)
        )
    except errors.NoSpatialExtentError:
        return survey.automatic(sources)


def _has_weights(run: Run) -> bool:
    return bool(getattr(run.place.operation, "weights", None))


def _read_by_weights(survey: Survey, source: int) -> list[int]:
    """What the last layers with weights on the way to a spatial run read; a run without axes as it is."""
    if source < 0 or (layout := survey.runs[source].layout) is None or layout.positions < 2:
        return [source]
    run = survey.runs[source]
    if _has_weights(run):
        return list(run.sources)
    return [number for before in run.sources for number in _read_by_weights(survey, before)]


def sources_of(survey: Survey, target: Target, context: Context) -> list[int]:
    """Numbers of the runs that a score is made from: before a softmax, or a layer that ends in one."""
    read = target.outputs(context)
    sources = [survey.run(layer).number for layer in target.layers]
    return sources + score_sources(survey, range(len(survey.outputs)) if read is None else read)
