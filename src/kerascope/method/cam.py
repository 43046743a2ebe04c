"""Class activation maps: a weighted sum of a layer's channels, on the layer's own grid."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar

from keras import ops

from kerascope import errors
from kerascope.method.base import Method
from kerascope.method.modifier import Modifier, check_modifier, modified
from kerascope.probe import Answer, Evidence, Probe
from kerascope.rule import rule_named
from kerascope.target import Target


@dataclass(frozen=True)
class ClassActivationMap(Method):
    """The family: activations and gradients at one layer in, one map out. A member fills `combine`.

    Args:
        layer: path of the layer, such as `"backbone/conv2"`, its innermost name where that is unique; None
            for the automatic one, the last with a height and width above 1 on the way to the score. The
            one that was taken is named in the explanation.
        relu: keep positive relevance only, before any resizing, as the papers do; False gives the signed
            map.
        gradients: what to look at of the gradient at the layer, before it is pooled: None for all of it,
            `"positive"`, `"negative"` (what speaks against the class), `"negate"`, `"absolute"`,
            `"invert"`, `"small_values"`, or a function; see `kerascope.method.modifier`.
        backprop: what rectifiers between the layer and the score hand back: None for their own gradient,
            `"guided"` or `"deconvnet"`; see `kerascope.rule`.
    """

    layer: str | None = None
    relu: bool = True
    gradients: Modifier = None
    backprop: str | None = None

    tags: ClassVar[frozenset[str]] = frozenset({"layer", "gradient"})

    def __post_init__(self) -> None:
        if self.layer is not None and not isinstance(self.layer, str):
            raise errors.ParameterError(
                f"layer must be a layer path or None; got {self.layer!r}; `Probe.layers()` lists them."
            )
        if not isinstance(self.relu, bool):
            raise errors.ParameterError(f"relu must be True or False; got {self.relu!r}.")
        check_modifier(self.gradients)
        rule_named(self.backprop)

    @property
    def signed(self) -> bool:
        """Without the ReLU, values can be negative."""
        return not self.relu

    @abstractmethod
    def combine(self, activations: Any, gradients: Any) -> Any:
        """The map (N, *spatial) from activations and gradients (N, *spatial, C)."""

    def channels(self, evidence: Evidence) -> Any:
        """The weighted channels (N, *spatial, C) that the map is the sum of; where not stated, the map."""
        return self.combine(evidence.activations[0], modified(evidence.gradients[0], self.gradients))[
            ..., None
        ]

    def gathered(self, evidence: Evidence, gather: Callable[[Any], Any]) -> Any:
        """What `gather` makes of the weighted channels instead of their sum, not rectified."""
        return gather(self.channels(evidence))

    def compute(self, evidence: Evidence) -> Any:
        """The map of one class, with negative relevance dropped where `relu` says so."""
        gradients = modified(evidence.gradients[0], self.gradients)
        values = self.combine(evidence.activations[0], gradients)
        return ops.relu(values) if self.relu else values

    def ask(self, probe: Probe, images: Any, target: Target) -> Answer:
        """One forward, one backward down to the layer."""
        return self.ask_for(self.compute, self, probe, images, target)

    def ask_for(
        self, compute: Callable[[Evidence], Any], key: Hashable, probe: Probe, images: Any, target: Target
    ) -> Answer:
        """Ask for something else that is computed from the evidence of this method; see `Probe.run`."""
        return probe.run(
            compute,
            images,
            target,
            layers=(self.layer,),
            spatial=True,
            gradients=True,
            rule=rule_named(self.backprop),
            key=key,
        )


@dataclass(frozen=True)
class GradCAM(ClassActivationMap, name="grad_cam"):
    r"""Grad-CAM: channels weighted by their mean gradient.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c w_c A_{ijc}\Big), \qquad
      w_c = \frac{1}{hw} \sum_{ij} \frac{\partial s}{\partial A_{ijc}}$$

    with the activations $A$ of the layer and the pre-softmax score $s$.

    Args:
        layer: see `ClassActivationMap`.
        relu: see `ClassActivationMap`.
        gradients: see `ClassActivationMap`; `"negative"` shows what speaks against the class.
        backprop: see `ClassActivationMap`.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`), in units of the
        score; not normalised.

    Raises:
        LayerError: the layer does not exist, cannot be read, has no spatial extent, or the score does not
            depend on it.
        RuleError: `backprop` is given, and no rectifier lies between the layer and the score.

    Cost:
        1 forward, and 1 backward per class from the score down to the layer only.

    Source:
        Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization,
        ICCV 2017, equations 1 and 2. No deviations by default; the map stays on the layer's grid until
        `heatmaps()`.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.GradCAM(relu=False)(model, images, target=1).values.shape
        (2, 6, 6)
    """

    def combine(self, activations: Any, gradients: Any) -> Any:
        """Equations 1 and 2 of the paper, without the ReLU."""
        return ops.sum(_weighted(activations, gradients), axis=-1)

    def channels(self, evidence: Evidence) -> Any:
        """Equation 1, times the activations."""
        return _weighted(evidence.activations[0], modified(evidence.gradients[0], self.gradients))


def _weighted(activations: Any, gradients: Any) -> Any:
    spatial = tuple(range(1, len(gradients.shape) - 1))
    return ops.mean(gradients, axis=spatial, keepdims=True) * activations
