"""Whether a layer is followed by a mean over space and one linear layer alone, as CAM needs it."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from kerascope import errors
from kerascope.probe.execute.request import context_of
from kerascope.probe.graph.graph import Run, Survey
from kerascope.probe.graph.head import head_run, score_maker
from kerascope.target import Target

_UNCHANGING = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.SpatialDropout2D,
    keras.layers.SpatialDropout3D,
    keras.layers.GaussianDropout,
    keras.layers.GaussianNoise,
    keras.layers.AlphaDropout,
    keras.layers.ActivityRegularization,
    keras.layers.Identity,
)
"""Layers that hand on what they are given, when nothing is trained."""
_RESHAPING = (keras.layers.Flatten, keras.layers.Reshape)
_POOLING = (
    keras.layers.GlobalAveragePooling1D,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalAveragePooling3D,
)
_MAXIMA = (
    keras.layers.GlobalMaxPooling1D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.GlobalMaxPooling3D,
)
_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)


def check_pooled_head(survey: Survey, layers: tuple[str, ...], target: Target) -> None:
    """Check that the explained score is linear in the mean over space of each layer.

    Args:
        survey: of the model.
        layers: full paths of the layers.
        target: what is explained. Of a target made of a layer, such as `Unit`, that layer is the end of the
            way, and its mean over space the pooling.

    Raises:
        HeadError: something else lies between a layer and the score, or the way cannot be followed.
    """
    context = context_of(survey, survey.batch, None)
    read = target.outputs(context)
    places = range(len(survey.outputs)) if read is None else read
    for layer in layers:
        named = survey.run(layer)
        explained = survey.runs[named.maker] if named.maker >= 0 else named
        for place in places:
            _Way(survey, explained, layer).follow(score_maker(survey, place))
        for source in target.layers:
            _Way(survey, explained, layer, pooled=True).follow(survey.run(source).number)


def pooling_behind(survey: Survey, run: Run, sources: Sequence[int]) -> tuple[Run, str] | None:
    """What pools a layer's channels to one number each, with nothing else on the way from it to the score.

    Args:
        survey: of the model.
        run: of the layer.
        sources: numbers of the runs that the score is made from.

    Returns:
        The run of the global pooling, and `"mean"` or `"max"`; None where there is none.
    """
    for other in survey.runs[run.number + 1 :]:
        kind = pooling_kind(survey, other)
        if kind is None or other.sources != (run.number,) or other.fault is not None:
            continue
        needed = survey.upstream(sources, other.number)
        if needed is not None and run.number not in needed:
            return other, kind
    return None


def pooling_kind(survey: Survey, run: Run) -> str | None:
    """What a global pooling over space takes of each channel, `"mean"` or `"max"`; None where it is none."""
    if isinstance(run.place.operation, _POOLING) or _means(survey, run):
        return "mean"
    return "max" if isinstance(run.place.operation, _MAXIMA) else None


def _means(survey: Survey, run: Run) -> bool:
    """Whether it is the bare operation of a mean over just the spatial axes."""
    return type(run.place.operation).__name__ == "Mean" and over_space(survey, run)


def over_space(survey: Survey, run: Run) -> bool:
    """Whether the axes of a bare operation are just the spatial ones of what it was given."""
    axes = getattr(run.place.operation, "axis", None)
    if axes is None or run.sources[0] < 0:
        return False
    before = survey.runs[run.sources[0]]
    if before.layout is None:
        return False
    rank = len(before.shape)
    wanted = range(2, rank) if before.layout.kind == "channels_first" else range(1, rank - 1)
    given = axes if isinstance(axes, tuple | list) else (axes,)
    return sorted(axis % rank for axis in given) == list(wanted)


class _Way:
    """The way from a score back to a layer."""

    def __init__(self, survey: Survey, explained: Run, layer: str, pooled: bool = False) -> None:
        self.survey, self.explained, self.layer = survey, explained, layer
        self.pooled, self.linear = pooled, False

    def follow(self, source: int) -> None:
        """Walk back, one run at a time, until the layer."""
        squashing = None if self.pooled else head_run(self.survey, source)
        if squashing is not None and not getattr(squashing.place.operation, "weights", None):
            source = squashing.sources[0]
        while source != self.explained.number:
            if source < 0:
                raise self._refused("an operation that is no layer, or a way that does not come from it")
            run = self.survey.runs[source]
            if run.maker != run.number and run.maker >= 0:
                source = run.maker
                continue
            self._pass(run, squashed=run is squashing)
            if len(run.sources) != 1:
                raise self._refused(f"{self.survey.name(run)!r}, which joins several tensors")
            source = run.sources[0]
        if not self.pooled:
            raise self._refused("no mean over space")

    def _pass(self, run: Run, squashed: bool) -> None:
        operation = run.place.operation
        if isinstance(operation, _UNCHANGING) or (isinstance(operation, _RESHAPING) and self._keeps(run)):
            return
        if not self.pooled and (isinstance(operation, _POOLING) or _means(self.survey, run)):
            self.pooled = True
        elif not self.linear and _is_linear(operation, squashed):
            self.linear = True
        else:
            raise self._refused(f"{self.survey.name(run)!r} ({type(operation).__name__})")

    def _keeps(self, run: Run) -> bool:
        """Whether reshaping keeps channels apart: behind the pooling it may do anything."""
        if not self.pooled:
            return True
        return run.sources[0] >= 0 and self.survey.runs[run.sources[0]].shape[-1] == run.shape[-1]

    def _refused(self, found: str) -> errors.HeadError:
        return errors.HeadError(
            f"CAM needs the layer {self.layer!r} to be followed by global average pooling and one linear "
            f"layer (Dense or 1x1 convolution) alone; found {found}; use HiResCAM, which takes any head, or "
            "another layer."
        )


def _is_linear(operation: keras.Operation, squashed: bool) -> bool:
    """Whether it is a Dense layer or a 1x1 convolution; its activation, where it squashes, is left out."""
    if not squashed and getattr(operation, "activation", None) is not keras.activations.linear:
        return False
    if isinstance(operation, keras.layers.Dense):
        return True
    if not isinstance(operation, _CONVOLUTIONS):
        return False
    return all(size == 1 for size in (*operation.kernel_size, *operation.strides))
