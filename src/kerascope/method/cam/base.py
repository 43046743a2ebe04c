"""Class activation maps: a weighted sum of a layer's channels, on the layer's own grid."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from keras import ops

from kerascope import errors
from kerascope.method.base import Method
from kerascope.method.cam.fusion import FUSIONS, fuse
from kerascope.method.gradient.modifier import Modifier, apply_modifier, check_modifier
from kerascope.probe import Answer, AnyProbe, Internals, Request, Scales, require_probe
from kerascope.probe.graph.head_kind import flattening_layers
from kerascope.rule import get_rule
from kerascope.target import Target
from kerascope.validation import check_choice, check_flag


@dataclass(frozen=True)
class ClassActivationMap(Method):
    """Base class: a layer's activations and gradients in, one map out. A member fills one hole, `weigh`.

    Args:
        layer: path of the layer, such as `"backbone/conv2"`, its innermost name where that is unique; None
            for the automatic one, the last with a height and width above 1 on the way to the score. The
            one that was taken is named in the explanation. Where branches meet only behind their pooling,
            each is explained at its last layer, and their maps are added, as contributions to the score; a
            note says so.
        relu: keep positive relevance only, before any resizing, as the papers do; False gives the signed
            map.
        gradients: what to look at of the gradient at the layer, before it is pooled: None for all of it,
            `"positive"`, `"negative"` (what speaks against the class), `"negate"`, `"absolute"`,
            `"invert"`, `"small_values"`, or a function; see `kerascope.method.gradient.modifier`.
        backprop: the gradient rule of rectifiers between layer and score: None for their own gradient,
            `"guided"` or `"deconvnet"`; see `kerascope.rule`.
        layers: paths of several layers instead of one, whose maps are fused; they share one backward pass.
            Each map is enlarged to the finest grid among them, so that values lie on that grid. Default
            None.
        fusion: how the maps of several layers become one: `"mean"` (default) and `"max"` in raw units, so
            that a layer with larger values dominates; `"scaled"`, the largest of tanh(2 M / max |M|), each
            layer's map M of an image on its own scale, so that layers are comparable and values at most 1;
            `"product"`, the product of M / max |M| over layers, values at most 1; `"sum"`, for layers beside
            one another: the values of a cell are shared out over the finer cells that it becomes, and added.

    Raises:
        LayerError: the layer does not exist, cannot be read, has no spatial extent, or the score does not
            depend on it.
        RuleError: `backprop` is given, and no rectifier lies between the layer and the score.

    Cost:
        1 forward, and 1 backward per class from the score down to the layer only.
    """

    layer: str | None = None
    relu: bool = True
    gradients: Modifier = None
    backprop: str | None = None
    layers: Sequence[str] | None = None
    fusion: str = "mean"

    tags: ClassVar[frozenset[str]] = frozenset({"layer", "gradient"})
    hvp: ClassVar[bool] = False
    """Whether Hessian-vector products are needed: `Internals.hvps`."""

    def __post_init__(self) -> None:
        check_layer(self.layer)
        check_flag(self.relu, "relu")
        check_modifier(self.gradients)
        get_rule(self.backprop)
        self._check_layers()
        if "gradient" not in self.tags and (self.gradients is not None or self.backprop is not None):
            raise errors.ParameterError(
                f"gradients and backprop must be None, since {type(self).__name__} takes no gradient; got "
                f"gradients={self.gradients!r}, backprop={self.backprop!r}."
            )

    def _check_layers(self) -> None:
        check_choice(self.fusion, "fusion", FUSIONS)
        if self.layers is None:
            if self.fusion != "mean":
                raise errors.ParameterError(
                    f"fusion must be left out where layers is None: there is one map; got {self.fusion!r}; "
                    "name several layers."
                )
            return
        if self.layer is not None:
            raise errors.ParameterError(
                f"one of layer and layers must be None; got layer={self.layer!r} and layers={self.layers!r}."
            )
        several = isinstance(self.layers, list | tuple) and all(isinstance(path, str) for path in self.layers)
        if not several or not self.layers or len(set(self.layers)) < len(self.layers):
            raise errors.ParameterError(
                f"layers must be a sequence of different layer paths, or None; got {self.layers!r}; "
                "`Probe.layers()` lists them."
            )
        object.__setattr__(self, "layers", tuple(self.layers))

    @property
    def signed(self) -> bool:
        """Without the ReLU, values can be negative."""
        return not self.relu

    @property
    def _reads_every_branch(self) -> bool:
        """Of the automatic layer every branch counts; without a gradient, maps do not add up to a score."""
        return self.layer is None and self.layers is None and "gradient" in self.tags

    def at(self, layer: str | None) -> ClassActivationMap:
        """The same method at one other layer."""
        return replace(self, layer=layer, layers=None, fusion="mean")

    @abstractmethod
    def weigh(self, activations: Any, gradients: Any) -> Any:
        """The channels (N, *spatial, C) that the map is the sum of.

        Args:
            activations: (N, *spatial, C), float32.
            gradients: d score / d activation in the same shape, as `gradients` modifies it; None for a
                member without the tag `"gradient"`.
        """

    def channels(self, internals: Internals) -> Any:
        """The channels (N, *spatial, C) of the first layer in `internals`, weighted, not yet summed."""
        gradients = apply_modifier(internals.gradients[0], self.gradients) if internals.gradients else None
        return self.weigh(internals.activations[0], gradients)

    def combine(self, channels: Any) -> Any:
        """The map (N, *spatial) from the weighted channels: their sum."""
        return ops.sum(channels, axis=-1)

    def to_map(self, internals: Internals, gather: Callable[[Any], Any]) -> Any:
        """The map, from what `gather` makes of each layer's weighted channels."""
        maps = [gather(self.channels(part)) for part in internals.split()]
        return fuse(maps, "sum" if self.layers is None else self.fusion, internals.placements)

    def compute(self, internals: Internals) -> Any:
        """The map of one class, without negative relevance where `relu` says so.

        It is dropped in each layer's own map, but for maps that add up: there what speaks against the class
        in one is weighed against what speaks for it in another, as channels of one layer are.
        """
        if self.layers is None or self.fusion == "sum":
            found = self.to_map(internals, self.combine)
            return ops.relu(found) if self.relu else found
        return self.to_map(
            internals,
            lambda channels: ops.relu(self.combine(channels)) if self.relu else self.combine(channels),
        )

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """One forward, one backward down to the layers."""
        return self.attribute_with(self.compute, self, probe, images, target)

    def scales(self, probe: AnyProbe, images: Any, target: Target) -> Scales:
        """What is read of the model: the layer, all branches, or the layers, and whether the image too."""
        if self._reads_every_branch:
            return require_probe(probe).branches(images, target)
        return Scales((self.layer,) if self.layers is None else tuple(self.layers), image=False)

    def attribute_with(
        self, compute: Callable[[Internals], Any], key: Hashable, probe: AnyProbe, images: Any, target: Target
    ) -> Answer:
        """Ask for something else that is computed from the evidence of this method; see `Probe.run`."""
        places = self.scales(probe, images, target)
        if self._reads_every_branch:
            probe = require_probe(probe).without_refresh()
        return self.attribute_at(places, compute, key, probe, images, target)

    def attribute_at(
        self,
        places: Scales,
        compute: Callable[[Internals], Any],
        key: Hashable,
        probe: AnyProbe,
        images: Any,
        target: Target,
    ) -> Answer:
        """The same, with the places to read of the model."""
        answer = probe.run(
            compute,
            images,
            target,
            Request(
                places.layers,
                spatial=True,
                gradients="gradient" in self.tags,
                image_gradient=places.image,
                rule=get_rule(self.backprop),
                hvp=self.hvp,
                branches=places.branches,
            ),
            key,
        )
        if "averaged" not in self.tags:
            return answer
        flattened = flattening_layers(require_probe(probe).graph(images), answer.layers, target)
        if not flattened:
            return answer
        return replace(
            answer,
            warnings=(*answer.warnings, (errors.FlattenedHeadWarning, _warn_flattened_head(flattened))),
        )


def check_layer(layer: object) -> None:
    """Check that a parameter is a layer path or None; raise `ParameterError` if not."""
    if layer is not None and not isinstance(layer, str):
        raise errors.ParameterError(
            f"layer must be a layer path or None; got {layer!r}; `Probe.layers()` lists them."
        )


def _warn_flattened_head(flattened: Mapping[str, str]) -> str:
    """The warning about an average over positions that the head flattens."""
    where = ", ".join(f"{found!r} behind {layer!r}" for layer, found in flattened.items())
    return (
        "the head should pool places where a gradient is averaged over them, as in Grad-CAM; it flattens "
        f"them ({where}), so that each has weights of its own and the average loses where things are. Use "
        "HiResCAM or MultiScaleCAM, which do not average."
    )


def spatial_axes(tensor: Any) -> tuple[int, ...]:
    """The spatial axes of a tensor (N, *spatial, C)."""
    return tuple(range(1, len(tensor.shape) - 1))


def mean_over_space(gradients: Any) -> Any:
    """The mean over space of (N, *spatial, C), one weight for each channel."""
    return ops.mean(gradients, axis=spatial_axes(gradients), keepdims=True)
