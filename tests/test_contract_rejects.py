"""Methods that are wrong in one way each, and the check of the contract that must find it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope.probe import Answer, Probe
from kerascope.resize import resize
from kerascope.rule import RULES, Rule

# Wrong arithmetic: each is a mistake that some package has made, and that shape and finiteness do not show.


@dataclass(frozen=True)
class SummedWeights(ks.GradCAM):
    """Weights are sums over space, not means: too large by h w."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        return ops.sum(ops.sum(gradients, axis=(1, 2), keepdims=True) * activations, axis=-1)


@dataclass(frozen=True)
class UnpooledWeights(ks.GradCAM):
    """Gradients weigh place by place: that is HiResCAM."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        return ops.sum(gradients * activations, axis=-1)


@dataclass(frozen=True)
class LargestWeights(ks.GradCAM):
    """Weights are the largest gradient, not the mean."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        return ops.sum(ops.max(gradients, axis=(1, 2), keepdims=True) * activations, axis=-1)


@dataclass(frozen=True)
class PositiveWeights(ks.GradCAM):
    """Negative weights are dropped before the sum."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        weights = ops.relu(ops.mean(gradients, axis=(1, 2), keepdims=True))
        return ops.sum(weights * activations, axis=-1)


@dataclass(frozen=True)
class ScaledGradients(ks.GradCAM):
    """Gradients are divided by their maximum: where all are negative, the map's sign flips."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        largest = ops.max(gradients, axis=(1, 2, 3), keepdims=True)
        return super().combine(activations, gradients / (largest + 1e-10))


@dataclass(frozen=True)
class MeanOfChannels(ks.GradCAM):
    """The weighted channels are averaged, not summed."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        return super().combine(activations, gradients) / activations.shape[-1]


@dataclass(frozen=True)
class SwappedAxes(ks.GradCAM):
    """Height and width are exchanged, which a square map would hide."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        return ops.transpose(super().combine(activations, gradients), (0, 2, 1))


@dataclass(frozen=True)
class ForgottenRectifier(ks.GradCAM):
    """The ReLU is missing."""

    def compute(self, evidence: Any) -> Any:
        return self.combine(evidence.activations[0], evidence.gradients[0])


@dataclass(frozen=True)
class NormalisedOverTheBatch(ks.GradCAM):
    """Maps are divided by the largest value of the whole batch."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        values = super().combine(activations, gradients)
        return values / ops.max(ops.abs(values))


@dataclass(frozen=True)
class CentredOverTheBatch(ks.GradCAM):
    """The mean map of the batch is taken off each map."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        values = super().combine(activations, gradients)
        return values - ops.mean(values, axis=0, keepdims=True)


@dataclass(frozen=True)
class WithoutTheTarget(ks.GradCAM):
    """The gradient is not used: channels are averaged."""

    def combine(self, activations: Any, gradients: Any) -> Any:
        return ops.mean(activations, axis=-1)


@dataclass(frozen=True)
class AbsoluteGradient(ks.Saliency):
    """The sign is lost in the values, not in the heat map only."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.abs(gradient)


@dataclass(frozen=True)
class TimesInput(ks.Saliency):
    """Multiplied by the image: that is another method."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return image * gradient


@dataclass(frozen=True)
class ReducedChannels(ks.Saliency):
    """Channels are reduced in the values."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.max(gradient, axis=-1, keepdims=True)


@dataclass(frozen=True)
class MirroredGradient(ks.Saliency):
    """Turned upside down."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.flip(gradient, axis=1)


@dataclass(frozen=True)
class WithoutTheForwardGate(ks.GuidedBackprop):
    """Positive gradients pass where the ReLU was closed too: that is the deconvnet."""

    @property
    def rule(self) -> Rule | None:
        return RULES["deconvnet"]


@dataclass(frozen=True)
class WithoutTheBackwardGate(ks.GuidedBackprop):
    """Negative gradients pass: that is saliency."""

    @property
    def rule(self) -> Rule | None:
        return None


@dataclass(frozen=True)
class GatedAtTheImage(ks.GuidedBackprop):
    """The gradient is rectified once more, where there is no ReLU."""

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.relu(gradient)


@dataclass(frozen=True)
class GatedAtTheImageOnly(ks.GuidedBackprop):
    """Negative gradients are dropped at the end, not on the way."""

    @property
    def rule(self) -> Rule | None:
        return None

    def combine(self, image: Any, gradient: Any) -> Any:
        return ops.relu(gradient)


@dataclass(frozen=True)
class WithTheForwardGate(ks.Deconvnet):
    """Nothing passes where the ReLU was closed: that is guided backpropagation."""

    @property
    def rule(self) -> Rule | None:
        return RULES["guided"]


@dataclass(frozen=True)
class OpenBothWays(Rule):
    """The gradient passes a ReLU as it is."""

    def route(self, before: Any, after: Any, backwards: Any) -> Any:
        backwards()
        return before + ops.stop_gradient(after - before)


@dataclass(frozen=True)
class WithoutAnyGate(ks.Deconvnet):
    """Negative gradients pass too: the network is taken for a linear one."""

    @property
    def rule(self) -> Rule | None:
        return OpenBothWays()


def multiplied(cam: Answer, guided: Answer, enlarge: Any = resize) -> Answer:
    """What guided Grad-CAM does with its two halves."""
    assert cam.values is not None
    assert guided.values is not None
    first = cam.scores.ndim
    enlarged = enlarge(cam.values, guided.values.shape[first:-1], first)
    return replace(cam, values=enlarged[..., None] * guided.values)


@dataclass(frozen=True)
class UnrectifiedMap(ks.GuidedGradCAM):
    """The map keeps what speaks against the class, which then turns the sign of the detail."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        cam = ks.GradCAM(self.layer, relu=False).ask(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().ask(probe, images, target))


@dataclass(frozen=True)
class EnlargedByNearestNeighbour(ks.GuidedGradCAM):
    """The map is enlarged in blocks, as captum does by default."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        def blocks(maps: Any, size: tuple[int, ...], first: int) -> Any:
            for axis, new in enumerate(size, start=first):
                maps = np.repeat(maps, new // maps.shape[axis], axis=axis)
            return maps

        cam = ks.GradCAM(self.layer).ask(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().ask(probe, images, target), blocks)


@dataclass(frozen=True)
class MapOfTheGuidedGradient(ks.GuidedGradCAM):
    """Both halves take the guided gradient, as where the model itself was changed; no rectifier is needed."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        # Behind the last convolution nothing but this gate is left of the rule.
        cam = ks.GradCAM(self.layer, gradients="positive").ask(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().ask(probe, images, target))


@dataclass(frozen=True)
class RuleBehindTheLayer(ks.GuidedGradCAM):
    """The map asks for a rectifier behind its layer, where there need be none."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        cam = ks.GradCAM(self.layer, backprop="guided").ask(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().ask(probe, images, target))


@dataclass(frozen=True)
class DetailOfSaliency(ks.GuidedGradCAM):
    """The detail is that of the plain gradient."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        cam = ks.GradCAM(self.layer).ask(probe, images, target)
        return multiplied(cam, ks.Saliency().ask(probe, images, target))


# Wrong behaviour.


@dataclass(frozen=True)
class ChangesWeights(ks.Saliency):
    """A weight moves by a little."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        weight = probe.model.weights[0]
        weight.assign(weight.value * 1.001)
        return super().ask(probe, images, target)


@dataclass(frozen=True)
class LeavesAnAttribute(ks.Saliency):
    """Something is left on a layer."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        object.__setattr__(probe.model.layers[0], "leftover", 1)
        return super().ask(probe, images, target)


@dataclass(frozen=True)
class LeavesItAfterFailures(ks.Saliency):
    """Something is left on a layer, if the question fails."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        object.__setattr__(probe.model.layers[0], "leftover", 1)
        answer = super().ask(probe, images, target)
        object.__delattr__(probe.model.layers[0], "leftover")
        return answer


@dataclass(frozen=True)
class WritesToTheImages(ks.Saliency):
    """The caller's array is changed."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        images *= 0.5
        return super().ask(probe, images, target)


@dataclass(frozen=True)
class DrawsFromTheGlobalGenerator(ks.Saliency):
    """NumPy's global random state moves on."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        np.random.rand()  # noqa: NPY002
        return super().ask(probe, images, target)


@dataclass(frozen=True)
class Unseeded(ks.Saliency):
    """Noise without a seed."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        answer = super().ask(probe, images, target)
        assert answer.values is not None
        noise = np.random.default_rng().normal(size=answer.values.shape)
        return replace(answer, values=answer.values + noise.astype("float32"))


@dataclass(frozen=True)
class CompilesAnew(ks.Saliency):
    """Every question has a key of its own."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        return probe.run(self.compute, images, target, image_gradient=True, key=object())


@dataclass(frozen=True)
class ProbesAnew(ks.Saliency):
    """A bare model is compiled anew at each call."""

    def __call__(self, probe: Any, images: Any, target: Any = None) -> ks.Explanation:
        return super().__call__(Probe(getattr(probe, "model", probe)), images, target)


@dataclass(frozen=True)
class RemembersTheFirstAnswer(ks.Saliency):
    """An answer is kept on the probe and given again when the weights have changed."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        kept: dict[str, Answer] = probe.__dict__.setdefault("kept", {})
        return kept.setdefault("answer", super().ask(probe, images, target))


@dataclass(frozen=True)
class AsksTwice(ks.Saliency):
    """Twice the declared cost."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        super().ask(probe, images, target)
        return super().ask(probe, images, target)


@dataclass(frozen=True)
class FirstImageOnly(ks.Saliency):
    """Each image gets the values of the first."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        answer = super().ask(probe, images, target)
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

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        rows = probe.layers(images)
        last = [row.path for row in rows if row.kind == "Conv2D"][-1]
        return ks.GradCAM(layer=last).ask(probe, images, target)


@dataclass(frozen=True)
class NeverRefuses(ks.GradCAM):
    """What cannot be explained is replaced by something that can, without a word."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        try:
            return super().ask(probe, images, target)
        except ks.errors.LayerError:
            return ks.GradCAM().ask(probe, images, target)
        except ks.errors.TargetError:
            return super().ask(probe, images, ks.Output(0, 0))


@dataclass(frozen=True)
class AddsTheBatchAxis(ks.Saliency):
    """A single image is taken for a batch."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        single = isinstance(images, np.ndarray) and images.ndim == 3
        return super().ask(probe, images[None] if single else images, target)


@dataclass(frozen=True)
class RescalesIntegers(ks.Saliency):
    """Integers are taken for pixels from 0 to 255, whatever the model's own preprocessing does."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        whole = isinstance(images, np.ndarray) and images.dtype.kind == "u"
        return super().ask(probe, images / 255 if whole else images, target)


@dataclass(frozen=True)
class DiffersWhenEager(ks.Saliency):
    """Twice as large where nothing is compiled."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        answer = super().ask(probe, images, target)
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

    def combine(self, activations: Any, gradients: Any) -> Any:
        return 0 * super().combine(activations, gradients)


@dataclass(frozen=True)
class ExplainsProbabilities(ks.Saliency):
    """What comes out of the softmax is explained."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        return super().ask(probe, images, ks.Probability(target))


@dataclass(frozen=True)
class AlwaysClassZero(ks.Saliency):
    """Where no class is given, the first is taken."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        unnamed = isinstance(target, ks.Class) and target.index is None
        return super().ask(probe, images, ks.Class(0) if unnamed else target)


@dataclass(frozen=True)
class OneMapForAllClasses(ks.Saliency):
    """Of several classes, only the first is explained."""

    def ask(self, probe: Probe, images: Any, target: Any) -> Answer:
        answer = super().ask(probe, images, target)
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
    (SummedWeights, "oracle"),
    (UnpooledWeights, "oracle"),
    (LargestWeights, "oracle"),
    (PositiveWeights, "oracle"),
    (ScaledGradients, "oracle"),
    (MeanOfChannels, "oracle"),
    (MeanOfChannels, "identities"),
    (MeanOfChannels, "golden"),
    (SwappedAxes, "shape"),
    (ForgottenRectifier, "shape"),
    (NormalisedOverTheBatch, "batch"),
    (WithoutTheTarget, "depends_on_the_target"),
    (WithoutTheTarget, "planted_evidence"),
    (AbsoluteGradient, "oracle"),
    (TimesInput, "oracle"),
    (TimesInput, "identities"),
    (ReducedChannels, "shape"),
    (MirroredGradient, "oracle"),
    (MirroredGradient, "planted_evidence"),
    (WithoutTheForwardGate, "oracle"),
    (WithoutTheForwardGate, "identities"),
    (WithoutTheForwardGate, "golden"),
    (WithoutTheBackwardGate, "oracle"),
    (GatedAtTheImage, "oracle"),
    (GatedAtTheImageOnly, "oracle"),
    (WithTheForwardGate, "oracle"),
    (WithTheForwardGate, "golden"),
    (WithoutAnyGate, "oracle"),
    (UnrectifiedMap, "oracle"),
    (EnlargedByNearestNeighbour, "oracle"),
    (EnlargedByNearestNeighbour, "golden"),
    (MapOfTheGuidedGradient, "oracle"),
    (RuleBehindTheLayer, "oracle"),
    (DetailOfSaliency, "oracle"),
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
    (HidesItsWarnings, "hidden_head"),
    (ForgetsItsLayer, "provenance"),
    (ForgetsItsLayer, "topology"),
    (AlwaysTheLastConvolution, "merges"),
    (AlwaysTheLastConvolution, "no_spatial_extent"),
    (NotADataclass, "is_a_value"),
    (UncheckedParameter, "bad_parameters"),
    (Undocumented, "documented"),
    (FalseExample, "example_runs"),
    (SummedWeights, "registered"),
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
    (OneMapForAllClasses, "several_classes"),
    (ForgetsTheImages, "layout"),
    (ForgetsTheImages, "grey_pictures"),
    (KeepsWhatCannotBeSaved, "saves_and_loads"),
    (LeavesAnAttribute, "concurrent"),
    (WithoutTheTarget, "contrasts_and_units"),
    (CentredOverTheBatch, "inference_mode"),
    (CentredOverTheBatch, "sizes"),
    (ForgetsItsLayer, "layer_paths"),
    (ForgottenRectifier, "mixed_precision"),
    (ForgottenRectifier, "several_inputs"),
    (SwappedAxes, "rank"),
    (SwappedAxes, "sequences"),
    (SwappedAxes, "tokens"),
]


@pytest.mark.parametrize(("method", "check"), WRONG, ids=lambda value: getattr(value, "__name__", value))
def test_a_wrong_method_is_rejected(method: type[ks.Method], check: str, golden: Path) -> None:
    oracle = ks.testing.oracles.ORACLES[method.name]
    known = {found.name: found for found in ks.testing.checks(method, oracle=oracle, golden=golden)}
    failure = "it passed"
    try:
        outcome = known[check]()
        if outcome.status == "skipped":
            pytest.skip(outcome.reason)
    except ks.testing.ContractError as error:
        failure = str(error)
    assert f"-{check}: " in failure


@pytest.mark.once
def test_every_check_has_been_seen_to_fail() -> None:
    applying = {check.name for method in ks.methods().values() for check in ks.testing.checks(method)}
    assert applying == {check for _, check in WRONG}
