"""The gradient at a tensor inside a model; not a module of keras-vis."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.probe import Internals, Probe, Request
from kerascope.rule import get_rule
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.vis.seed import as_given


def gradient_inside(
    probe: Probe, images: Any, target: Target, backprop: str | None
) -> tuple[float, Array, Array]:
    """The score, its gradient at the tensor that a model returns last, and what that is.

    Args:
        probe: of a model whose last output is the tensor.
        images: one of each input, with a batch axis.
        target: whose score is differentiated.
        backprop: what rectifiers hand back, or None for their own gradient.

    Returns:
        A number, the gradient (1, *spatial, C), and the tensor as the model has it.

    Cost:
        1 forward, 1 backward down to the tensor.

    Raises:
        ParameterError: the tensor is an input when the model runs, or has tokens beside those of a grid.
        DisconnectedError: the score does not depend on it.
    """
    graph = probe.graph(images)
    source = graph.outputs[-1].source
    if source < 0:
        raise errors.ParameterError(
            "wrt_tensor must be made by a layer of the model; when that runs, this one is an input; give the "
            "input, one of model.inputs."
        )
    call = graph.calls[source]
    answer = probe.run(
        _both, images, target, Request((graph.name(call),), gradients=True, rule=get_rule(backprop))
    )
    assert answer.values is not None
    gradient, value = answer.values[0]
    if value.size != np.prod(call.shape[1:]):
        raise errors.ParameterError(
            f"wrt_tensor must not hold tokens beside those of a grid; {graph.name(call)!r} returns "
            f"{call.shape[1:]}; ks.Probe(model).gradients(images, target, layer=...) gives those of the grid."
        )
    return float(answer.scores[0]), gradient[None], as_given(value, call.shape[1:])[None]


def _both(internals: Internals) -> Any:
    return ops.stack([internals.gradients[0], internals.activations[0]], axis=1)
