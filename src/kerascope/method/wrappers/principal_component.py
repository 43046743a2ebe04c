"""The first principal component of channels, instead of their sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope.explanation import Reduction
from kerascope.method.cam.base import ClassActivationMap
from kerascope.method.cam.principal import principal_component
from kerascope.method.wrappers.base import Wrapper
from kerascope.probe import Answer, AnyProbe, Internals
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_flag


@dataclass(frozen=True)
class PrincipalComponent(Wrapper, name="principal_component"):
    r"""First principal component: what the channels of a method have in common.

    $$P = X v_1, \qquad X = \sum_k \sigma_k u_k v_k^\top, \quad \sigma_1 \ge \sigma_2 \ge \dots$$

    with the matrix $X$ of a method's values, a row for each place and a column for each channel: the weighted
    channels of a class activation map, the colours of a method on the input. Noise that each channel has for
    itself drops out. It is not rectified: where channels are not negative themselves, as behind a ReLU, it
    has one sign all over. Its sign, which is free, is that which agrees with the sum of the channels; of a
    method whose heat map is the largest absolute value over the channels, as saliency's, the absolute value
    is taken.

    Args:
        method: the method inside. One without channels is its own first component, and is returned as it is,
            with a note.
        centre: take each channel's mean over all places off first, so that the component has the
            largest variance and has both signs.

    Returns:
        values float32 where those of `method` are, without the channel axis of a method on the input: (N, h,
        w) or (N, H, W). Signed as the sum of channels is, or at least 0; not normalised.

    Cost:
        The cost of `method`, and the eigenvectors of a matrix with as many rows as there are channels or
        places, whichever are fewer.

    Source:
        Muhammad and Yeasin, Eigen-CAM: Class Activation Map using Principal Components, IJCNN 2020, section
        3, applied to the values of any method. Channels are not centred. Deviation: the sign.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.PrincipalComponent(ks.Saliency())(model, images, target=1).values.shape
        (2, 8, 8)
    """

    centre: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_flag(self.centre, "centre")

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the method; on pixels where that was on pixels and channels."""
        tags = super().tags
        return (tags - {"input", "signed"}) | {"pixels"} if "input" in tags else tags

    @property
    def reduction(self) -> Reduction:  # type: ignore[override]
        """There are no channels left."""
        return "none"

    @property
    def signed(self) -> bool:
        """A component has a sign, unless heat maps show absolute values of channels."""
        if isinstance(self.method, ClassActivationMap):
            return True
        return self.method.reduction == "sum" if "input" in self.method.tags else super().signed

    def compute(self, internals: Internals) -> Any:
        """The map of one class, from the weighted channels of a class activation map."""
        assert isinstance(self.method, ClassActivationMap)
        return self.method.to_map(internals, self._collapse)

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """What the method asks, and its channels made one."""
        if isinstance(self.method, ClassActivationMap):
            return self.method.attribute_with(self.compute, self, probe, images, target)
        answer = self.method.attribute(probe, images, target)
        if "input" not in self.method.tags:
            note = f"{self.method.describe()} has no channels, so it is its own first component"
            return replace(answer, notes=(*answer.notes, note))
        assert answer.values is not None
        flat = answer.values.reshape(-1, *answer.values.shape[answer.scores.ndim :])
        values = np.concatenate([self._on_device(part) for part in np.array_split(flat, len(flat))])
        values = np.abs(values) if self.method.reduction == "max_abs" else values
        return replace(answer, values=values.reshape(answer.values.shape[:-1]), completeness_gap=None)

    def _collapse(self, channels: Any) -> Any:
        """The first component (N, *spatial) of channels (N, *spatial, C)."""
        return ops.sum(principal_component(channels, self.centre), axis=-1)

    def _on_device(self, values: Array) -> Array:
        return np.asarray(ops.convert_to_numpy(self._collapse(ops.convert_to_tensor(values))))
