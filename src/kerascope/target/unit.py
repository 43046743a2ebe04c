"""Targets on a unit inside the model: a layer, a channel or a neuron."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.typing import Array


@dataclass(frozen=True)
class Unit(Target):
    """The mean activation of a layer, of one of its channels, or of a single neuron.

    Args:
        layer: path of the layer.
        channel: a channel, or several for a class axis over them; None for the mean over all channels.
        position: on the layer's grid, such as `(row, column)`; None for the mean over all positions.

    Example:
        >>> import kerascope as ks
        >>> ks.Unit("conv2", channel=5).describe()
        'channel 5 of conv2'
    """

    layer: str
    channel: int | Sequence[int] | None = None
    position: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.channel is not None:
            channels = np.asarray(self.channel)
            if channels.dtype.kind not in "iu" or channels.ndim > 1 or not channels.size:
                raise errors.TargetError(
                    f"a channel must be a whole number, or a list of whole numbers; got {self.channel!r}."
                )
            object.__setattr__(self, "channel", tuple(channels.tolist()) if channels.ndim else int(channels))
        if self.position is not None:
            object.__setattr__(self, "position", tuple(int(index) for index in self.position))

    @property
    def class_axis(self) -> bool:  # type: ignore[override]
        return isinstance(self.channel, tuple)

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return (self.layer,)

    def _channels(self) -> tuple[int, ...]:
        if self.channel is None:
            return ()
        return self.channel if isinstance(self.channel, tuple) else (int(self.channel),)  # type: ignore[arg-type]

    def key(self) -> Hashable:
        return (
            "unit",
            self.layer,
            self.class_axis,
            self.channel is None,
            len(self._channels()),
            self.position,
        )

    def outputs(self, context: Context) -> tuple[int, ...]:
        return ()

    def arguments(self, context: Context) -> dict[str, Array]:
        layout, channels = context.layer(self.layer)
        if layout is None and self.position is not None:
            raise errors.TargetError(
                f"a position needs a layer with spatial axes; {self.layer!r} has none; omit the position."
            )
        if layout is not None and self.position is not None:
            inside = len(self.position) == len(layout.spatial) and all(
                0 <= index < size for index, size in zip(self.position, layout.spatial, strict=True)
            )
            if not inside:
                raise errors.TargetError(
                    f"a position must lie on the grid {layout.spatial} of {self.layer!r}; got "
                    f"{self.position}."
                )
        for channel in self._channels():
            if not 0 <= channel < channels:
                raise errors.TargetError(
                    f"a channel of {self.layer!r} must be from 0 to {channels - 1}; got {channel}."
                )
        indices = np.asarray(self._channels(), "int32")
        return {"channel": np.broadcast_to(indices, (context.count, len(indices))).copy()}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        activation = forward.activations[self.layer]
        layout = forward.layouts[self.layer]
        if layout is not None:
            activation = layout.channels_last(activation)
        activation = ops.cast(activation, "float32")
        if self.position is not None:
            activation = activation[(slice(None), *self.position)]
        elif len(activation.shape) > 2:
            activation = ops.mean(activation, axis=tuple(range(1, len(activation.shape) - 1)))
        if self.channel is None:
            return Reading(ops.mean(activation, axis=-1, keepdims=True))
        return Reading(ops.take_along_axis(activation, arguments["channel"], axis=1))

    def describe(self) -> str:
        part = f"channel {self.channel} of " if self.channel is not None else ""
        return f"{part}{self.layer}{f' at {self.position}' if self.position is not None else ''}"
