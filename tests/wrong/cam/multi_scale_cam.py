"""Multi-scale CAMs that compute something else: each forgets what one part of the formula is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

import kerascope as ks
from kerascope.method.cam.multi_scale_cam import combine_scales, ground


@dataclass(frozen=True)
class WithoutTheImage(ks.MultiScaleCAM):
    """The finest scale is the first layer's."""

    def scales(self, probe: Any, images: Any, target: Any) -> Any:
        found = super().scales(probe, images, target)
        return type(found)(found.layers, image=False)


@dataclass(frozen=True)
class WithoutTheGround(ks.MultiScaleCAM):
    """The image is multiplied by its gradient as it is: white paper counts."""

    def compute(self, internals: Any) -> Any:
        maps = [self.combine(self.channels(part)) for part in internals.split()]
        image = ops.sum(internals.image * internals.image_gradient, axis=-1)
        return combine_scales(maps, image)


@dataclass(frozen=True)
class OverTheWholeBatch(ks.MultiScaleCAM):
    """Maps are normalised over all images, so that one depends on the others."""

    def compute(self, internals: Any) -> Any:
        found = super().compute(internals)
        return found / ops.max(found)


@dataclass(frozen=True)
class OnlyWhere(ks.MultiScaleCAM):
    """What the deep layer says is left out."""

    def compute(self, internals: Any) -> Any:
        image = ops.sum((internals.image - ground(internals.image)) * internals.image_gradient, axis=-1)
        return ops.relu(image)


WRONG = [
    (WithoutTheImage, "oracle"),
    (WithoutTheGround, "oracle"),
    (OverTheWholeBatch, "batch"),
    (OnlyWhere, "oracle"),
]
