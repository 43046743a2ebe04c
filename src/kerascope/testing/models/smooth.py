"""Twins of tiny networks without a corner: SiLU in the place of ReLU, with the same weights.

Where backends, processors and libraries are compared, a unit within a rounding of a corner may fall on either
side of it, and the map differs with it by more than any rounding does. These networks have no corner.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
from keras import layers

from kerascope.testing.models import structures, topology
from kerascope.testing.models.base import Tiny, tiny


def smooth_twin(known: Tiny) -> Tiny:
    """A tiny model, Functional or Sequential, with SiLU for each ReLU."""
    model = keras.models.clone_model(known.model, clone_function=_without_corner)
    model.set_weights(known.model.get_weights())
    return replace(known, model=model, targets=None)


def _without_corner(layer: keras.Layer) -> keras.Layer:
    config = layer.get_config()
    if isinstance(layer, layers.ReLU):
        return layers.Activation("silu", name=layer.name)
    if config.get("activation") == "relu":
        config["activation"] = "silu"
    copy: Any = type(layer).from_config(config)
    return copy


@tiny("smooth")
def smooth_functional() -> Tiny:
    """The network of `topology`."""
    return smooth_twin(topology.functional())


@tiny("smooth")
def smooth_flattened() -> Tiny:
    """The network with a Flatten, whose gradient differs from place to place."""
    return smooth_twin(topology.flattened())


@tiny("smooth")
def smooth_residual() -> Tiny:
    """A skip connection."""
    return smooth_twin(structures.residual())


@tiny("smooth")
def smooth_conv3d() -> Tiny:
    """Volumes."""
    return smooth_twin(structures.conv3d())


def _mix_precision(policy: str) -> Tiny:
    parts = conv1, conv2, head = topology.network_layers(dtype=policy)
    pool = layers.GlobalAveragePooling2D(dtype=policy)
    model = keras.Sequential([keras.Input(topology.INPUT), conv1, conv2, pool, head])
    return smooth_twin(topology.twin(model, parts))


@tiny("mixed_precision")
def mixed_float16() -> Tiny:
    """The network computing in float16 on float32 weights."""
    return _mix_precision("mixed_float16")


@tiny("mixed_precision")
def mixed_bfloat16() -> Tiny:
    """The network computing in bfloat16 on float32 weights."""
    return _mix_precision("mixed_bfloat16")
