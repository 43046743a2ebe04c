"""Automatic methods: `"auto"` and `"fast"` choose a method for the model, and note which and why."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from kerascope import errors
from kerascope.layout import TOKENS
from kerascope.method.base import Method
from kerascope.method.cam.hires_cam import HiResCAM
from kerascope.method.cam.multi_scale_cam import MultiScaleCAM
from kerascope.method.gradient.saliency import InputXGradient
from kerascope.method.masks.occlusion import Occlusion
from kerascope.probe import Answer, AnyProbe, BlackBox, Probe, require_probe
from kerascope.probe.graph.graph import LayerCall
from kerascope.probe.graph.head_kind import flattening_layers
from kerascope.target import Target, TargetLike, as_target


@dataclass(frozen=True)
class Choice(Method, kind="choice"):
    """Base class: another method, chosen once model, images and target are known. It is no method of its own.

    Args:
        layer: path of the layer, for methods that explain one; None for the automatic one.
    """

    layer: str | None = None

    @abstractmethod
    def choose(self, probe: AnyProbe, images: Any, target: TargetLike = None) -> tuple[Method, str]:
        """The method, and the reason, in a sentence without a full stop."""

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """As the method that is chosen."""
        method, reason = self.choose(probe, images, target)
        answer = method.attribute(probe, images, target)
        return replace(answer, notes=(reason, *answer.notes))


@dataclass(frozen=True)
class Auto(Choice, name="auto"):
    """The method that shows most in one pass, whatever the model: the default of kerascope.

    `MultiScaleCAM`, whose deep layer says what and whose finer ones and the image say where. No other map of
    one pass was as good on all networks and measures: few cells or many, heads that pool and heads that
    flatten, and token grids (docs/one-pass.md). Where no layer has places, as in a network of Dense
    layers alone, `InputXGradient`; of a `BlackBox`, which has no gradients, `Occlusion`.

    Returns:
        What the chosen method returns. Its name is in the explanation, and the reason is its first note.

    Raises:
        What the chosen method raises.

    Cost:
        1 forward, and 1 backward per class; for a black box, the cost of `Occlusion`.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.MaxPooling2D(2, name="pool"), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> found = ks.explain(model, np.random.default_rng(0).random((2, 8, 8, 1)))
        >>> found.method
        'MultiScaleCAM()'
        >>> print(found.notes[0].partition(", which")[0])
        auto: MultiScaleCAM, since 'pool' has 3 x 3 cells
    """

    tags: ClassVar[frozenset[str]] = MultiScaleCAM.tags

    def choose(self, probe: AnyProbe, images: Any, target: TargetLike = None) -> tuple[Method, str]:
        """By whether there is a gradient, and a layer that has places."""
        if isinstance(probe, BlackBox) and self.layer is None:
            return Occlusion(), "auto: Occlusion, since a black box has no gradients"
        probe = require_probe(probe)
        try:
            deepest = probe.resolve_layers(images, target, (self.layer,), every_branch=True)
        except errors.NoSpatialExtentError:
            if self.layer is not None:
                raise
            return InputXGradient(), "auto: InputXGradient, since no layer has places"
        reason = _describe_layers(probe.without_refresh(), images, target, deepest)
        return MultiScaleCAM(layer=self.layer), f"auto: MultiScaleCAM, since {reason}"


def _describe_layers(probe: Probe, images: Any, target: TargetLike, deepest: Sequence[LayerCall]) -> str:
    """What is coarse about the deepest layer, or about those of several branches."""
    graph = probe.graph(images)
    names = [graph.name(call) for call in deepest]
    flattened = flattening_layers(graph, names, as_target(target))
    parts = []
    for name, call in zip(names, deepest, strict=True):
        assert call.layout is not None
        cells = " x ".join(map(str, call.layout.spatial))
        kind = "tokens" if call.layout.kind == TOKENS else "cells"
        head = f", which {flattened[name]!r} flattens" if name in flattened else ""
        parts.append(f"{name!r} has {cells} {kind}{head}")
    scales = probe.scales(images, target, None if len(names) > 1 else names[0])
    finer = scales.image or len(scales.layers) > len(names)
    says = "it says" if len(names) == 1 else "they say"
    return f"{' and '.join(parts)}: {says} what{', and finer scales say where' if finer else ''}"


@dataclass(frozen=True)
class Fast(Choice, name="fast"):
    """What costs hardly more than the forward pass: `HiResCAM` at the last layer with places.

    It is Grad-CAM where the head pools, and right where the head flattens, too.

    Returns:
        What `HiResCAM` returns.

    Raises:
        What `HiResCAM` raises.

    Cost:
        1 forward, and 1 backward per class from the score down to the layer only.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> ks.explain(model, np.random.default_rng(0).random((2, 8, 8, 1)), "fast").method
        'HiResCAM()'
    """

    tags: ClassVar[frozenset[str]] = HiResCAM.tags

    def choose(self, probe: AnyProbe, images: Any, target: TargetLike = None) -> tuple[Method, str]:
        """Always the same."""
        return HiResCAM(layer=self.layer), "fast: HiResCAM, at the cost of one forward pass"
