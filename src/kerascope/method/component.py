"""The first principal component of channels, instead of their sum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope.explanation import Reduction
from kerascope.method.cam import ClassActivationMap
from kerascope.method.wrapper import Wrapper
from kerascope.probe import Answer, Evidence, Probe
from kerascope.target import Target


@dataclass(frozen=True)
class PrincipalComponent(Wrapper, name="principal_component"):
    r"""First principal component: what the channels of a method have in common.

    $$P = X v_1, \qquad X = \sum_k \sigma_k u_k v_k^\top, \quad \sigma_1 \ge \sigma_2 \ge \dots$$

    with the matrix $X$ of a method's values, a row for each place and a column for each channel: the weighted
    channels of a class activation map, the colours of a method on the input. Noise that each channel has for
    itself drops out. Its sign, which is free, is that which agrees with the sum of the channels.

    Args:
        method: the method inside. One without channels is its own first component, and is returned as it is,
            with a note.

    Returns:
        values float32 where those of `method` are, without the channel axis of a method on the input: (N, h,
        w) or (N, H, W). Signed where the method is signed or has such an axis; not normalised.

    Raises:
        ParameterError: `method` is no method.

    Cost:
        That of `method`, and the eigenvectors of a matrix with as many rows as there are channels or places,
        whichever are fewer.

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

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the method; on pixels where that was on pixels and channels."""
        tags = super().tags
        return (tags - {"input"}) | {"pixels", "signed"} if "input" in tags else tags

    @property
    def reduction(self) -> Reduction:  # type: ignore[override]
        """There are no channels left."""
        return "none"

    @property
    def signed(self) -> bool:
        """A component of colours has both signs, whatever they have."""
        return "input" in self.method.tags or super().signed

    def compute(self, evidence: Evidence) -> Any:
        """The map of one class, from the weighted channels of a class activation map."""
        return self.method.compute(evidence, gather=_gathered)

    def ask(self, probe: Probe, images: Any, target: Target) -> Answer:
        """What the method asks, and its channels made one."""
        if isinstance(self.method, ClassActivationMap):
            return self.method.ask_for(self.compute, self, probe, images, target)
        answer = self.method.ask(probe, images, target)
        if "input" not in self.method.tags:
            note = f"{self.method.written()} has no channels, so it is its own first component"
            return replace(answer, notes=(*answer.notes, note))
        assert answer.values is not None
        flat = answer.values.reshape(-1, *answer.values.shape[answer.scores.ndim :])
        values = np.concatenate([_on_device(part) for part in np.array_split(flat, len(flat))])
        return replace(answer, values=values.reshape(answer.values.shape[:-1]), completeness_gap=None)


def first_component(matrices: Any, sign_from: Any) -> Any:
    """The first principal component of each matrix, by the smaller of its two Gram matrices.

    Args:
        matrices: (N, P, C), float32, not centred.
        sign_from: (N, P), with which the component agrees: their product sums to at least 0.

    Returns:
        (N, P), the matrix times its first right singular vector; zero where it is zero.
    """
    turned = ops.swapaxes(matrices, 1, 2)
    # Powers of numbers far from 1 leave the range of float32.
    largest = ops.max(ops.abs(matrices), axis=(1, 2), keepdims=True)
    scaled = matrices / ops.where(largest > 0, largest, 1)
    back = ops.swapaxes(scaled, 1, 2)
    if turned.shape[1] <= turned.shape[2]:
        vector = ops.eigh(ops.matmul(back, scaled))[1][:, :, -1:]
    else:
        vector = _unit(ops.matmul(back, ops.eigh(ops.matmul(scaled, back))[1][:, :, -1:]))
    # One more step of the power method takes off what rounding in the Gram matrix has put on.
    vector = _unit(ops.matmul(back, ops.matmul(scaled, vector)))
    component = ops.matmul(matrices, vector)[:, :, 0]
    against = ops.sum(component * sign_from, axis=1, keepdims=True) < 0
    return ops.where(against, -component, component)


def _unit(vectors: Any) -> Any:
    length = ops.sqrt(ops.sum(ops.square(vectors), axis=1, keepdims=True))
    return vectors / ops.where(length > 0, length, 1)


def _gathered(channels: Any) -> Any:
    """The first component (N, *spatial) of channels (N, *spatial, C)."""
    shape = tuple(channels.shape)
    matrices = ops.reshape(channels, (shape[0], -1, shape[-1]))
    return ops.reshape(first_component(matrices, ops.sum(matrices, axis=-1)), shape[:-1])


def _on_device(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(ops.convert_to_numpy(_gathered(ops.convert_to_tensor(values))))
