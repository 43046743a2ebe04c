"""A target and layers held against a survey: which numbers and which places a question is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kerascope import errors
from kerascope.layout import Layout
from kerascope.probe.head import head_run
from kerascope.probe.inputs import Batch
from kerascope.probe.survey import Survey
from kerascope.target import Context, Target


def context_of(survey: Survey, count: int, class_names: tuple[str, ...] | None) -> Context:
    """What a target may know of a model that was surveyed."""
    shapes = {output.name: output.shape for output in survey.outputs}

    def look_up(layer: str) -> tuple[Layout | None, int]:
        run = survey.run(layer)
        return run.layout, run.layout.channels if run.layout else run.shape[-1]

    return Context(count, shapes, class_names, look_up)


def named_layers(
    survey: Survey,
    layers: Sequence[str | None],
    target: Target,
    context: Context,
    *,
    spatial: bool = False,
    gradients: bool = False,
) -> tuple[str, ...]:
    """Full paths of the layers that a question reads.

    Args:
        survey: of the model.
        layers: paths; None stands for the automatic layer.
        target: what is asked about.
        context: of the target.
        spatial: the layers must have a height and width.
        gradients: the layers must have a gradient.

    Raises:
        LayerError: one does not exist, or is not fit.
    """
    named = []
    for layer in layers:
        run = survey.automatic(_sources(survey, target, context)) if layer is None else survey.run(layer)
        if gradients and not run.dtype.startswith(("float", "bfloat")):
            raise errors.UntappableLayerError(
                "a layer must return floating-point numbers to have a gradient; "
                f"{survey.name(run)!r} returns {run.dtype}; choose a layer behind it."
            )
        if spatial and (run.layout is None or run.layout.positions < 2):
            usable = [survey.name(other) for other in survey.runs if survey.explainable(other)]
            raise errors.NoSpatialExtentError(
                f"a class activation map needs a layer with a height and width above 1; {layer!r} "
                f"returns {run.shape}; choose one before pooling or flattening, such as "
                f"{usable[-1] if usable else 'none here'!r}."
            )
        named.append(survey.name(run))
    return tuple(named)


def check_differentiable(batch: Batch) -> None:
    """Check that there is a gradient at the explained input.

    Raises:
        InputError: which input is explained is not clear, or it holds whole numbers.
    """
    if batch.explained is None:
        raise errors.InputError(
            f"the input to explain must be chosen among {list(batch.names)}; make the probe with "
            f"ks.Probe(model, input={batch.names[0]!r})."
        )
    name, kind = batch.names[batch.explained], batch.arrays[batch.explained].dtype
    if kind.kind != "f":
        raise errors.InputError(
            f"a gradient at the input needs floating-point numbers; {name!r} takes {kind}; explain a "
            "layer behind it, or rebuild the model on a float input."
        )


def _sources(survey: Survey, target: Target, context: Context) -> Iterable[int]:
    """Runs that the explained score is made from: before a softmax, and before a layer that ends in one."""
    read = target.outputs(context)
    sources = [survey.run(layer).number for layer in target.layers]
    for place in range(len(survey.outputs)) if read is None else read:
        source = survey.outputs[place].source
        squashing = head_run(survey, source)
        sources += [source] if squashing is None else squashing.sources
    return sources
