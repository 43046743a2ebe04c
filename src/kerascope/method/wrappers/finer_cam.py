"""Finer-CAM: a class activation map against the most similar classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kerascope import errors
from kerascope.method.cam.base import ClassActivationMap
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.wrappers.base import Wrapper
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Contrast, Rivals, Target
from kerascope.validation import check_number, check_whole

_PLAIN = GradCAM()


@dataclass(frozen=True)
class FinerCAM(Wrapper, name="finer_cam"):
    r"""Finer-CAM: a class activation map of a class against those whose scores are nearest.

    $$L = \mathrm{CAM}\Big(s_c - \gamma \, \frac1k \sum_{d \in D} s_d\Big), \qquad
      D = \text{the } k \text{ classes with the smallest } |s_d - s_c|$$

    with the pre-softmax scores $s$. What the look-alikes share with the class drops out; what sets it apart
    stays. The score in the explanation is the score of the class itself. Within a method that explains
    variants, such as `SmoothGrad`, each variant has its own look-alikes. A warning: a target that is no
    class, such as a function or a `Unit`, has no look-alikes and is refused (classes).

    Args:
        method: the class activation map. Default `GradCAM()`. Its layer and ReLU apply to the difference.
        similar: number k of look-alikes, at least 1; all other classes where there are fewer. Default 3.
        strength: the factor gamma on the subtracted mean, at least 0, where the method is the plain one.
            Default 1.

    Returns:
        values float32 (N, h, w), as those of the method, of the difference.

    Raises:
        TargetError: the target is no class of the model, or there is no other class.

    Cost:
        The cost of the method, and 1 forward for the class and its score.

    Source:
        Zhang et al., Finer-CAM: Spotting the Difference Reveals Finer Details for Visual Explanation, CVPR
        2025 (arXiv 2501.11309). Deviations: several look-alikes count alike, by the mean of their scores,
        where implementations weigh them by probability; maps of single pairs are not rectified before they
        are averaged, since the difference is explained in one pass.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(5, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.FinerCAM(ks.GradCAM(relu=False))(model, images).values.shape
        (2, 6, 6)
    """

    method: ClassActivationMap = _PLAIN
    similar: int = 3
    strength: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.method, ClassActivationMap) or "target_free" in self.method.tags:
            raise errors.ParameterError(
                f"method must be a class activation map that depends on the class, such as GradCAM(); got "
                f"{self.method!r}."
            )
        check_whole(self.similar, "similar")
        check_number(self.strength, "strength")

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the method; the target must be a class."""
        return super().tags | {"classes"}

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One more, for the class and its score."""
        return 1 + self.method.forwards

    @property
    def programs(self) -> int:  # type: ignore[override]
        """One more, for the class and its score."""
        return 1 + self.method.programs

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The class first, then the contrast with its look-alikes."""
        about = probe.run(None, images, target)
        contrast = Contrast(about.pinned, Rivals(self.similar, about.pinned), strength=self.strength)
        found = self.method.attribute(probe, images, contrast)
        nearest = found.pinned.values["negative rivals"].shape[-1]
        note = f"against the mean of the {nearest} nearest classes, times {self.strength:g}"
        return replace(
            about,
            values=found.values,
            layers=found.layers,
            alive=found.alive,
            notes=(*found.notes, note),
            warnings=found.warnings,
        )
