"""Batches spread over devices, where the model is: `keras.distribution`, on JAX."""

from __future__ import annotations

from typing import Any

import keras


def shares() -> int:
    """Into how many equal parts a batch is cut: the devices of the data-parallel axis, 1 without any."""
    distribution = keras.distribution.distribution()
    name = getattr(distribution, "batch_dim_name", None)
    if name is None:
        return 1
    mesh = distribution.device_mesh
    return int(mesh.shape[mesh.axis_names.index(name)])


def spread(tensor: Any) -> Any:
    """A tensor with its first axis over the devices; as it is without a distribution.

    Args:
        tensor: whose first axis is a multiple of `shares()`.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return tensor
    layout = distribution.get_data_layout(tuple(tensor.shape))
    return keras.distribution.distribute_tensor(tensor, layout)
