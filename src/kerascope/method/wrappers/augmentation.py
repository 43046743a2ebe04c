"""Test-time augmentation: a method's maps of an image mirrored and in other light, averaged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.method.wrappers.base import Wrapper
from kerascope.perturb.pixels import pixels_of
from kerascope.perturb.variants import run_variants
from kerascope.placement import Placement
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_flag, is_number


@dataclass(frozen=True)
class Augmented(Wrapper, name="augmented"):
    r"""Test-time augmentation: the mean map over an image, its mirror image, and both in other light.

    $$A(x) = \frac{1}{|T|\,|S|} \sum_{t \in T} \sum_{a \in S} t^{-1} m\big(a\, t(x)\big)$$

    with the map $m$ of a method, factors $S$, and $T$ the identity and, with `flips`, the mirror image along
    the last spatial axis. Smoother, and less tied to where the grid of a layer happens to lie. Every variant
    has the target that was chosen on the image itself. A map with fewer axes than the image is turned
    back along its last, which must be the image's columns. The network should see mirror images as it sees
    images: a warning for text and digits.

    Args:
        flips: mirror images count too.
        scales: factors for the pixel values as the model takes them, numbers above 0.

    Returns:
        values float32 as those of `method`, on the same grid or pixels.

    Raises:
        InputError: the model has several inputs and none was chosen, or the input has no spatial axes.

    Cost:
        1 forward, and the cost of `method` for each variant, 6 by default.

    Source:
        Shanmugam et al., Better Aggregation in Test-Time Augmentation, ICCV 2021, section 3, for predictions;
        mirror images and factors for class activation maps as in Gildenblat, pytorch-grad-cam, 2021
        (`aug_smooth`). No deviations.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.Augmented(ks.GradCAM(relu=False))(model, images, target=1).values.shape
        (2, 6, 6)
    """

    flips: bool = True
    scales: tuple[float, ...] = (0.9, 1.0, 1.1)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag(self.flips, "flips")
        listed = isinstance(self.scales, tuple) and len(self.scales) > 0
        if not listed or not all(is_number(scale) and scale > 0 for scale in self.scales):
            raise errors.ParameterError(f"scales must be a tuple of numbers above 0; got {self.scales!r}.")

    @property
    def variants(self) -> tuple[tuple[bool, float], ...]:
        """Whether an image is mirrored, and its factor, for each variant."""
        mirrored = (False, True) if self.flips else (False,)
        return tuple((flip, scale) for flip in mirrored for scale in self.scales)

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One to pin the target, and the passes of the method for each variant."""
        return 1 + len(self.variants) * super().forwards

    @property
    def backwards(self) -> int:  # type: ignore[override]
        """Those of the method for each variant."""
        return len(self.variants) * super().backwards

    @property
    def programs(self) -> int:  # type: ignore[override]
        """One to pin the target, and those of the method."""
        return 1 + super().programs

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The method about each variant, turned back and averaged."""
        first = probe.run(None, images, target)
        pictures = pixels_of(first)
        layout, dtype = first.image_layout, first.batch.pixels.dtype
        assert layout is not None
        # A method on pixels and channels has its columns before the channels.
        columns = -2 if "input" in self.method.tags else -1

        def variant(index: int) -> Array:
            flip, scale = self.variants[index]
            turned = np.flip(pictures, -2) if flip else pictures
            return np.asarray(layout.original(turned * np.float32(scale), np), dtype)

        total: Array | None = None
        alive, last = False, first
        masks = np.zeros(first.batch.count, "int32")
        for index, last, values in run_variants(
            probe, first, len(self.variants), variant, self.method.attribute
        ):
            back = _turn_back(values, columns, last.placement) if self.variants[index][0] else values
            total = back.astype("float64") if total is None else total + back
            alive = alive or last.alive
            masks = masks + (0 if last.masks is None else last.masks)
        assert total is not None
        mean = (total / len(self.variants)).astype("float32")
        return replace(
            first,
            values=mean,
            layers=last.layers,
            placement=last.placement,
            alive=alive,
            notes=last.notes,
            masks=None if last.masks is None else masks,
            warnings=last.warnings,
        )


def _turn_back(values: Array, columns: int, placement: Placement | None) -> Array:
    """The map of a mirror image, where the cells lie on the image itself.

    Args:
        values: of the mirror image.
        columns: position of the axis along which it is mirrored.
        placement: where cells lie. Those that do not lie alike from both sides are interpolated.
    """
    if placement is not None and (placement.obstacle or (placement.axes and placement.axes[-1] is None)):
        return values  # it has no columns
    axis = None if placement is None or not placement.axes else placement.axes[-1]
    if placement is None or axis is None or axis.cells != values.shape[columns]:
        return np.flip(values, columns)
    mirrored = placement.size[-1] - axis.centres
    if np.allclose(mirrored, axis.centres[::-1]):
        return np.flip(values, columns)
    turned = np.tensordot(values, axis.weights(mirrored), axes=(columns % values.ndim, 1))
    return np.moveaxis(turned, -1, columns)
