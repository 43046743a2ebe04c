"""Batches sharded over the devices of a model: `keras.distribution`, on JAX."""

from __future__ import annotations

from typing import Any

import keras


def num_shards() -> int:
    """Number of shards of a batch: the devices of the data-parallel axis, 1 without any."""
    distribution = keras.distribution.distribution()
    name = getattr(distribution, "batch_dim_name", None)
    if name is None:
        return 1
    mesh = distribution.device_mesh
    return int(mesh.shape[mesh.axis_names.index(name)])


def shard(tensor: Any) -> Any:
    """Shard the first axis of a tensor over the devices; without a distribution, return it unchanged.

    Args:
        tensor: whose first axis is a multiple of `num_shards()`.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return tensor
    layout = distribution.get_data_layout(tuple(tensor.shape))
    return keras.distribution.distribute_tensor(tensor, layout)
