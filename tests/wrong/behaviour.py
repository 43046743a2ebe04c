"""Methods that compute the right thing and do not behave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops, tree

import kerascope as ks
from kerascope.probe import Answer, AnyProbe, Probe, Request
from kerascope.target import Function


@dataclass(frozen=True)
class ChangesWeights(ks.Saliency):
    """A weight moves by a little."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        weight = probe.model.weights[0]
        weight.assign(weight.value * 1.001)
        return super().attribute(probe, images, target)


@dataclass(frozen=True)
class LeavesAnAttribute(ks.Saliency):
    """Something is left on a layer."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        object.__setattr__(probe.model.layers[0], "leftover", 1)
        return super().attribute(probe, images, target)


@dataclass(frozen=True)
class LeavesItAfterFailures(ks.Saliency):
    """Something is left on a layer, if the question fails."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        object.__setattr__(probe.model.layers[0], "leftover", 1)
        answer = super().attribute(probe, images, target)
        object.__delattr__(probe.model.layers[0], "leftover")
        return answer


@dataclass(frozen=True)
class WritesToTheImages(ks.Saliency):
    """The caller's array is changed."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        images *= 0.5
        return super().attribute(probe, images, target)


@dataclass(frozen=True)
class DrawsFromTheGlobalGenerator(ks.Saliency):
    """NumPy's global random state moves on."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        np.random.rand()  # noqa: NPY002
        return super().attribute(probe, images, target)


@dataclass(frozen=True)
class Unseeded(ks.Saliency):
    """Noise without a seed."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        answer = super().attribute(probe, images, target)
        assert answer.values is not None
        noise = np.random.default_rng().normal(size=answer.values.shape)
        return replace(answer, values=answer.values + noise.astype("float32"))


@dataclass(frozen=True)
class CompilesAnew(ks.Saliency):
    """Every question has a key of its own."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return probe.run(self.compute, images, target, Request(image_gradient=True), object())


@dataclass(frozen=True)
class ProbesAnew(ks.Saliency):
    """A bare model is compiled anew at each call."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        return super().__call__(Probe(getattr(probe, "model", probe)), images, target)


@dataclass(frozen=True)
class RemembersTheFirstAnswer(ks.Saliency):
    """An answer is kept on the probe and given again when the weights have changed."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        kept: dict[str, Answer] = probe.__dict__.setdefault("kept", {})
        return kept.setdefault("answer", super().attribute(probe, images, target))


@dataclass(frozen=True)
class AsksTwice(ks.Saliency):
    """Twice the declared cost."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        super().attribute(probe, images, target)
        return super().attribute(probe, images, target)


@dataclass(frozen=True)
class FirstImageOnly(ks.Saliency):
    """Each image gets the values of the first."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        answer = super().attribute(probe, images, target)
        assert answer.values is not None
        return replace(answer, values=np.repeat(answer.values[:1], len(answer.values), 0))


@dataclass(frozen=True)
class WrongReduction(ks.Saliency):
    """The heat map is drawn from signed sums, whatever the explanation says."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        return Summing(**vars(super().__call__(probe, images, target)))


class Summing(ks.Explanation):
    """An explanation whose heat maps are not those of its reduction."""

    def heatmaps(self, size: tuple[int, ...] | None = None) -> Any:
        return replace(ks.Explanation(**vars(self)), reduction="sum").heatmaps(size)


@dataclass(frozen=True)
class HidesItsWarnings(ks.GradCAM):
    """Warnings are not stored."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        return replace(super().__call__(probe, images, target), warnings=())


@dataclass(frozen=True)
class ForgetsItsLayer(ks.GradCAM):
    """The explanation does not say which layer was taken."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        return replace(super().__call__(probe, images, target), layer=None)


@dataclass(frozen=True)
class AlwaysTheLastConvolution(ks.GradCAM):
    """The layer is not the one that was asked for, and skips what comes behind a merge."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        rows = probe.layers(images)
        last = [row.path for row in rows if row.kind == "Conv2D"][-1]
        return ks.GradCAM(layer=last).attribute(probe, images, target)


@dataclass(frozen=True)
class NeverRefuses(ks.GradCAM):
    """What cannot be explained is replaced by something that can, without a word."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        try:
            return super().__call__(probe, images, target)
        except ks.errors.LayerError:
            return ks.GradCAM()(probe, images, target)
        except ks.errors.TargetError:
            return super().__call__(probe, images, ks.Output(0, 0))


@dataclass(frozen=True)
class AddsTheBatchAxis(ks.Saliency):
    """A single image is taken for a batch."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        single = isinstance(images, np.ndarray) and images.ndim == 3
        return super().__call__(probe, images[None] if single else images, target)


@dataclass(frozen=True)
class RescalesIntegers(ks.Saliency):
    """Integers are taken for pixels from 0 to 255, whatever the model's own preprocessing does."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        whole = isinstance(images, np.ndarray) and images.dtype.kind == "u"
        return super().attribute(probe, images / 255 if whole else images, target)


@dataclass(frozen=True)
class DiffersWhenEager(ks.Saliency):
    """Twice as large where nothing is compiled."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        answer = super().attribute(probe, images, target)
        assert answer.values is not None
        return replace(answer, values=answer.values * (1 if probe.compile else 2))


@dataclass(frozen=True)
class TheImageItself(ks.Saliency):
    """A picture that looks like an explanation."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return image


@dataclass(frozen=True)
class Nothing(ks.GradCAM):
    """Zeros everywhere."""

    def combine(self, channels: Any) -> Any:
        return 0 * super().combine(channels)


@dataclass(frozen=True)
class ExplainsProbabilities(ks.Saliency):
    """What comes out of the softmax is explained."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return super().attribute(probe, images, ks.Probability(target))


def mean_of_the_outputs(outputs: Any) -> Any:
    """One number that is there in any model."""
    return ops.mean(ops.reshape(tree.flatten(outputs)[-1], (tree.flatten(outputs)[-1].shape[0], -1)), axis=1)


@dataclass(frozen=True)
class ExplainsTheMean(ks.Saliency):
    """Whatever the target, the mean of the outputs is explained."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return super().attribute(probe, images, Function(mean_of_the_outputs))


@dataclass(frozen=True)
class BakesTheTargetIn(ks.Saliency):
    """Each number in a target is a program of its own."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        return probe.run(self.compute, images, target, Request(image_gradient=True), repr(target))


@dataclass(frozen=True)
class ChoosesAgain(ks.Saliency):
    """A variant of each image is asked about whatever class is predicted there."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        super().attribute(probe, 1 - images, target)
        return super().attribute(probe, images, target)


@dataclass(frozen=True)
class AlwaysClassZero(ks.Saliency):
    """Where no class is given, the first is taken."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        unnamed = isinstance(target, ks.Class) and target.index is None
        return super().attribute(probe, images, ks.Class(0) if unnamed else target)


@dataclass(frozen=True)
class OneMapForAllClasses(ks.Saliency):
    """Of several classes, only the first is explained."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        answer = super().attribute(probe, images, target)
        if not target.class_axis:
            return answer
        assert answer.values is not None
        first = np.broadcast_to(answer.values[:, :1], answer.values.shape)
        return replace(answer, values=first)


@dataclass(frozen=True)
class ForgetsTheImages(ks.Saliency):
    """The explanation cannot be drawn."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        return replace(super().__call__(probe, images, target), images=None)


@dataclass(frozen=True)
class KeepsWhatCannotBeSaved(ks.Saliency):
    """Something in the explanation is not what a file can hold."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        versions: Any = {"kerascope": (0, 1)}
        return replace(super().__call__(probe, images, target), versions=versions)


class NotADataclass(ks.GradCAM):
    """Not decorated, so parameters of its own would be ignored."""


@dataclass(frozen=True)
class UncheckedParameter(ks.Saliency):
    """A parameter takes anything."""

    sigma: Any = 0.1


@dataclass(frozen=True)
class Undocumented(ks.Saliency):
    """Saliency, with nothing said."""


@dataclass(frozen=True)
class FalseExample(ks.Saliency):
    """S = gradient.

    Returns:
        values.

    Raises:
        nothing.

    Cost:
        1 forward.

    Source:
        2013.

    Example:
        >>> 1 + 1
        3
    """


WRONG = [
    (ChangesWeights, "leaves_the_model_alone"),
    (LeavesAnAttribute, "leaves_the_model_alone"),
    (LeavesItAfterFailures, "leaves_the_model_alone_on_errors"),
    (WritesToTheImages, "leaves_the_input_alone"),
    (DrawsFromTheGlobalGenerator, "leaves_random_state_alone"),
    (Unseeded, "deterministic"),
    (Unseeded, "dummy_channel"),
    (CompilesAnew, "traces"),
    (ProbesAnew, "traces_of_a_bare_model"),
    (RemembersTheFirstAnswer, "new_weights"),
    (RemembersTheFirstAnswer, "target_forms"),
    (AsksTwice, "cost"),
    (FirstImageOnly, "batch"),
    (WrongReduction, "heatmaps"),
    (HidesItsWarnings, "flat_maps_are_named"),
    (HidesItsWarnings, "flattened_heads_are_named"),
    (HidesItsWarnings, "hidden_head"),
    (ForgetsItsLayer, "provenance"),
    (ForgetsItsLayer, "topology"),
    (AlwaysTheLastConvolution, "merges"),
    (AlwaysTheLastConvolution, "no_spatial_extent"),
    (NotADataclass, "is_a_value"),
    (UncheckedParameter, "bad_parameters"),
    (Undocumented, "documented"),
    (FalseExample, "example_runs"),
    (NeverRefuses, "bad_targets"),
    (NeverRefuses, "several_outputs"),
    (NeverRefuses, "inside_a_loop"),
    (NeverRefuses, "shared_layers"),
    (AddsTheBatchAxis, "batch_of_one"),
    (RescalesIntegers, "integer_images"),
    (DiffersWhenEager, "compiled_is_eager"),
    (TheImageItself, "depends_on_the_weights"),
    (Nothing, "obstacles"),
    (ExplainsProbabilities, "heads"),
    (AlwaysClassZero, "predicted_class"),
    (ExplainsTheMean, "outputs_of_every_kind"),
    (BakesTheTargetIn, "outputs_of_every_kind"),
    (ChoosesAgain, "choices_are_made_once"),
    (OneMapForAllClasses, "several_classes"),
    (ForgetsTheImages, "layout"),
    (ForgetsTheImages, "grey_pictures"),
    (KeepsWhatCannotBeSaved, "saves_and_loads"),
    (LeavesAnAttribute, "concurrent"),
    (ForgetsItsLayer, "layer_paths"),
]
