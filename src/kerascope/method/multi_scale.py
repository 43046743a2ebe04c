"""A class activation map of all scales: the deepest layer says what, finer ones and the image say where."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from keras import ops

from kerascope.method.cam import ClassActivationMap, over_space
from kerascope.method.fusion import enlarged
from kerascope.method.modifier import modified
from kerascope.probe import Answer, Evidence, Probe
from kerascope.target import Target

POWER = 2
"""By how much the finer scales sharpen: chosen by measurement, see docs/one-pass.md."""
FLOOR = 0.01
"""What is left where the deepest layer has nothing to say, so that the finer ones still order the pixels."""
_MOST = 16
"""Places along each axis from which the ground of a channel is taken."""


@dataclass(frozen=True)
class MultiScaleCAM(ClassActivationMap, name="multi_scale_cam"):
    layer: str | None = None

    def weigh(self, activations: Any, gradients: Any) -> Any:
        return gradients * activations

    def compute(self, evidence: Evidence) -> Any:
        parts = evidence.parts()
        deep = self.combine(self.channels(parts[0]))
        shallow = [self._standing_out(part.activations[0], modified(part.gradients[0], self.gradients)) for part in parts[1:]]
        if evidence.image_gradient is not None:
            shallow.append(self._standing_out(evidence.image, modified(evidence.image_gradient, self.gradients)))
        speaking = fused(deep, shallow)
        return speaking if self.relu else speaking - fused(-deep, [-one for one in shallow])

    def _standing_out(self, activations, gradients):
        return self.combine(self.weigh(activations - ground(activations), gradients))

    def ask_for(self, compute, key, probe, images, target):
        from kerascope.rule import rule_named
        found = probe.scales(images, target, self.layer)
        import os
        return probe.run(compute, images, target, layers=found.layers, spatial=True, gradients=True, image_gradient=found.image and not os.environ.get("NOIMAGE"), rule=rule_named(self.backprop), key=key)


def fused(deep, shallow):
    """(N, h, w) at least 0."""
    space = tuple(range(1, len(deep.shape)))
    if not shallow:
        return ops.relu(deep)
    finest = tuple(shallow[-1].shape[1:])
    size = ops.max(ops.abs(deep), axis=space, keepdims=True)
    what = enlarged(ops.relu(deep), finest) + FLOOR * size
    total = 0.0
    for one in shallow:
        mean = ops.mean(ops.abs(one), axis=space, keepdims=True)
        total = total + enlarged(ops.relu(one) / ops.where(mean > 0, mean, 1.0), finest)
    largest = ops.max(total, axis=space, keepdims=True)
    where = total / ops.where(largest > 0, largest, 1.0)
    return what * where**POWER


def ground(activations: Any) -> Any:
    """The median of each channel over space."""
    thinned = activations
    for axis in over_space(activations):
        length = activations.shape[axis]
        step = -(-length // _MOST)
        places = range(step // 2, length, step)
        if step > 1:
            thinned = ops.take(thinned, ops.convert_to_tensor(list(places)), axis=axis)
    rows = ops.sort(ops.reshape(thinned, (activations.shape[0], -1, activations.shape[-1])), axis=1)
    count = rows.shape[1]
    median = (rows[:, (count - 1) // 2] + rows[:, count // 2]) / 2
    return ops.reshape(median, (median.shape[0], *(1 for _ in over_space(activations)), median.shape[-1]))
