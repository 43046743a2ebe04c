"""Guided Grad-CAM: guided backpropagation times Grad-CAM."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from kerascope.explanation import Reduction
from kerascope.method.base import Method
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.gradient.base import InputGradient
from kerascope.method.gradient.guided_backprop import GuidedBackprop
from kerascope.perturb.pixels import on_pixels
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target


@dataclass(frozen=True)
class GuidedGradCAM(Method, name="guided_grad_cam"):
    r"""Guided Grad-CAM: guided backpropagation where Grad-CAM is warm.

    $$V_{ijc} = U(L)_{ij} \, G_{ijc}$$

    with Grad-CAM $L$, enlarged by $U$ to the image's size, and guided backpropagation $G$: fine detail, in
    the region that speaks for the class. A warning: the detail comes from guided backpropagation, which
    hardly depends on the weights of later layers; the region (averaged), as with `GradCAM`, is lost behind
    a Flatten.

    Args:
        layer: path of the layer that Grad-CAM explains; see `ClassActivationMap`.

    Returns:
        values float32 (N, H, W, C), signed, channels last; not normalised. The heat map is the largest
        absolute value over the channels.

    Raises:
        LayerError: the layer does not exist, cannot be read, has no spatial extent, or the score does not
            depend on it.
        RuleError: no rectifier lies between the input and the score; see
        `kerascope.probe.intercept.rectifier`. ExplanationError: the layer's grid has another dimension than
        the input. InputError: the model has several inputs and none was chosen.

    Cost:
        2 forwards, and 2 backwards per class: Grad-CAM takes the plain gradient, the other half the guided
        one.

    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017, section 3.2. Deviation: none; the enlargement is bilinear at
        half pixels.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)),
        ...     keras.layers.Conv2D(4, 3, activation="relu", kernel_initializer="ones", name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(),
        ...     keras.layers.Dense(3, activation="softmax", kernel_initializer="ones")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.GuidedGradCAM()(model, images, target=1).values.shape
        (2, 8, 8, 3)
    """

    layer: str | None = None

    tags: ClassVar[frozenset[str]] = InputGradient.tags | {"averaged", "layer", "rectifier"}
    forwards: ClassVar[int] = 2
    backwards: ClassVar[int] = 2
    programs: ClassVar[int] = 2
    reduction: ClassVar[Reduction] = "max_abs"

    def __post_init__(self) -> None:
        GradCAM(layer=self.layer)

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """Grad-CAM and guided backpropagation, multiplied at the image's size."""
        cam_method = GradCAM(layer=self.layer)
        cam = cam_method.attribute(probe, images, target)
        guided = GuidedBackprop().attribute(probe, images, target)
        assert guided.values is not None
        values = on_pixels(cam, cam_method.reduction)[..., None] * guided.values
        return replace(cam, values=values, alive=cam.alive and guided.alive, placement=guided.placement)
