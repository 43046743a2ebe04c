"""The gradient at a tensor inside a model; not in keras-vis."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.probe import Internals, Probe, Request
from kerascope.rule import get_rule
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.vis.seed_inputs import to_shape


def gradient_inside(
    probe: Probe, images: Any, target: Target, backprop: str | None
) -> tuple[float, Array, Array]:
    """Return the score, its gradient at the last output of a model, and the value of that output.

    Args:
        probe: of a model whose last output is the tensor.
        images: one of each input, with a batch axis.
        target: whose score is differentiated.
        backprop: gradient of rectifiers, or None for their own.

    Returns:
        A number, the gradient (1, *spatial, C), and the tensor in the layout of the model.

    Cost:
        1 forward, 1 backward down to the tensor.

    Raises:
        ParameterError: the tensor is an input when the model runs, or has tokens outside the grid.
        DisconnectedError: the score does not depend on the tensor.
    """
    graph = probe.graph(images)
    source = graph.outputs[-1].source
    if source < 0:
        raise errors.ParameterError(
            "wrt_tensor must be the output of a layer of the model; got an input of a model inside it; use "
            "one of model.inputs."
        )
    call = graph.calls[source]
    answer = probe.run(
        _both, images, target, Request((graph.name(call),), gradients=True, rule=get_rule(backprop))
    )
    assert answer.values is not None
    gradient, value = answer.values[0]
    if value.size != np.prod(call.shape[1:]):
        raise errors.ParameterError(
            f"wrt_tensor must not hold tokens outside the grid; {graph.name(call)!r} returns "
            f"{call.shape[1:]}; ks.Probe(model).gradients(images, target, layer=...) returns the gradients "
            "of the grid."
        )
    return float(answer.scores[0]), gradient[None], to_shape(value, call.shape[1:])[None]


def _both(internals: Internals) -> Any:
    return ops.stack([internals.gradients[0], internals.activations[0]], axis=1)
