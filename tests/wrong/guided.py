"""Guided methods that compute something else: each is a mistake that some package has made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

import kerascope as ks
from kerascope.probe import Answer, AnyProbe
from kerascope.resize import resize
from kerascope.rule import RULES, Rule


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

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        cam = ks.GradCAM(self.layer, relu=False).attribute(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().attribute(probe, images, target))


@dataclass(frozen=True)
class EnlargedByNearestNeighbour(ks.GuidedGradCAM):
    """The map is enlarged in blocks, as captum does by default."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        def blocks(maps: Any, size: tuple[int, ...], first: int) -> Any:
            for axis, new in enumerate(size, start=first):
                maps = np.repeat(maps, new // maps.shape[axis], axis=axis)
            return maps

        cam = ks.GradCAM(self.layer).attribute(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().attribute(probe, images, target), blocks)


@dataclass(frozen=True)
class MapOfTheGuidedGradient(ks.GuidedGradCAM):
    """Both halves take the guided gradient, as where the model itself was changed; no rectifier is needed."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        # Behind the last convolution nothing but this gate is left of the rule.
        cam = ks.GradCAM(self.layer, gradients="positive").attribute(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().attribute(probe, images, target))


@dataclass(frozen=True)
class RuleBehindTheLayer(ks.GuidedGradCAM):
    """The map asks for a rectifier behind its layer, where there need be none."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        cam = ks.GradCAM(self.layer, backprop="guided").attribute(probe, images, target)
        return multiplied(cam, ks.GuidedBackprop().attribute(probe, images, target))


@dataclass(frozen=True)
class DetailOfSaliency(ks.GuidedGradCAM):
    """The detail is that of the plain gradient."""

    def attribute(self, probe: AnyProbe, images: Any, target: Any) -> Answer:
        cam = ks.GradCAM(self.layer).attribute(probe, images, target)
        return multiplied(cam, ks.Saliency().attribute(probe, images, target))


WRONG = [
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
]
