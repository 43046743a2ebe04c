"""Shapley-CAM: channels weighted by gradient and curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kerascope import errors
from kerascope.method.cam.base import ClassActivationMap, mean_over_space
from kerascope.method.gradient.modifier import apply_modifier
from kerascope.probe import Internals


@dataclass(frozen=True)
class ShapleyCAM(ClassActivationMap, name="shapley_cam"):
    r"""Shapley-CAM: Grad-CAM with weights that take the score's curvature into account.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c w_c A_{ijc}\Big), \qquad
      w_c = \frac{1}{hw} \sum_{ij} \Big(\nabla s - \tfrac12 \nabla^2 s \, A\Big)_{ijc}$$

    with the activations $A$ of the layer and the pre-softmax score $s$; gradient and Hessian are at $A$. Then
    $(\nabla s - \frac12 \nabla^2 s\, A) \cdot A$ are the Shapley values, to second order, of the game that
    switches activations off. Where the network behind the layer is piecewise linear, as with ReLU alone, the
    Hessian is zero and the map is Grad-CAM's. A curved utility shows more: the paper's ReST is
    `target=lambda scores: ...`, a class's score plus the logarithm of its probability. A warning (averaged):
    as `GradCAM`, it loses where things are behind a Flatten.

    Args:
        gradients: see `ClassActivationMap`; it looks at the gradient less half the curvature.
        backprop: None, nothing else.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`), in units of the
        score; not normalised.

    Raises:
        ParameterError: `backprop` is given: a rule for gradients says nothing of second ones.

    Cost:
        1 forward, and 2 backwards per class from the score down to the layer only; with `layers`, 1 and 1
        more for each layer.

    Source:
        Cai, CAMs as Shapley Value-based Explainers, 2025 (arXiv 2501.06261), the closed form of ShapleyCAM.
        Deviations: the pre-softmax score is explained unless another target is given, where the paper
        proposes its ReST utility; of several layers each has its own block of the Hessian.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> def rest(scores):
        ...     return scores[:, 1] + keras.ops.log_softmax(scores)[:, 1]
        >>> curved = ks.ShapleyCAM(relu=False)(model, images, target=rest).values
        >>> bool(np.allclose(curved, ks.GradCAM(relu=False)(model, images, target=rest).values))
        False
    """

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"averaged"}
    hvp: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.backprop is not None:
            raise errors.ParameterError(
                "backprop must be None: a rule for gradients says nothing of second ones; got "
                f"{self.backprop!r}; use GradCAM with it."
            )

    @property
    def backwards(self) -> int:  # type: ignore[override]
        """One for the gradient, and one for the curvature at each layer."""
        return 1 + (1 if self.layers is None else len(self.layers))

    def channels(self, internals: Internals) -> Any:
        """The gradient less half the curvature is pooled."""
        slopes = internals.gradients[0] - internals.hvps[0] / 2
        return self.weigh(internals.activations[0], apply_modifier(slopes, self.gradients))

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """The mean over space of the gradients, times the activations."""
        return mean_over_space(gradients) * activations
