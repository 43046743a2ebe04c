"""What shapes leave open about where the cells of a layer look: nothing behind padded convolutions.

There every layer keeps the order of rows and columns and covers its whole input, so that the grid covers the
image. How the cells of *trained* weights then lie was measured: 4 to 6 px from the stretched ones, a sixth of
a cell, where the arithmetic of receptive fields says 15.5 (docs/placement.md).
"""

from __future__ import annotations

from typing import Literal

from keras import layers

from kerascope.layout import CHANNELS_FIRST
from kerascope.probe.graph.graph import UNKNOWN, Graph, LayerCall

_POINTWISE = (
    *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, layers.Softmax),
    *(
        layers.BatchNormalization,
        layers.GroupNormalization,
        layers.LayerNormalization,
        layers.UnitNormalization,
    ),
    *(layers.Dropout, layers.SpatialDropout2D, layers.SpatialDropout1D, layers.SpatialDropout3D),
    *(layers.GaussianNoise, layers.GaussianDropout, layers.AlphaDropout, layers.ActivityRegularization),
    *(layers.Rescaling, layers.Normalization, layers.Identity, layers.Add, layers.Multiply, layers.Subtract),
    *(layers.Average, layers.Maximum, layers.Minimum, layers.Concatenate),
)
_POOLED = (
    *(layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D),
    *(layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D),
)
_WINDOWS = (
    *(layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.SeparableConv1D, layers.SeparableConv2D),
    *(layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose),
    *(layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D),
    *(layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D),
)
_CROPPING = (layers.Cropping1D, layers.Cropping2D, layers.Cropping3D, layers.CenterCrop)
_RESIZING = (layers.Resizing, layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D)
_PADDING = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)
_OPERATIONS = frozenset(
    [
        "add",
        "multiply",
        "subtract",
        "divide",
        "relu",
        "relu6",
        "sigmoid",
        "hardsigmoid",
        "silu",
        "swish",
        "gelu",
        "tanh",
        "softmax",
        "clip",
        "mean",
        "max",
        "cast",
        "hardsilu",
        "elu",
        "leakyrelu",
        "concatenate",
        "maximum",
        "minimum",
        "negative",
        "square",
        "sqrt",
    ]
)


Doubt = Literal["none", "where", "whether"]
"""What shapes leave open: nothing; where cells look, but not that they are places in the order of the image's
axes, as behind an unpadded convolution or a crop; or whether they are places at all."""


def find_doubt(graph: Graph, call: LayerCall) -> Doubt:
    """What the shapes on the way from the image to a layer leave open: see `Doubt`.

    Args:
        graph: of the model.
        call: of the layer.
    """
    key = ("doubt", call.number)
    if key not in graph.memo:
        graph.memo[key] = _find_doubt(graph, call)
    found: Doubt = graph.memo[key]
    return found


def _find_doubt(graph: Graph, call: LayerCall) -> Doubt:
    rank = len(graph.image or ())
    way = graph.upstream([call.number])
    if way is None or call.layout is None or len(call.layout.spatial) != rank or len(call.shape) != rank + 2:
        return "whether"
    steps = [_judge(graph, graph.calls[number]) for number in way]
    return "whether" if "whether" in steps else "where" if "where" in steps else "none"


def _judge(graph: Graph, call: LayerCall) -> Doubt:
    """What one call leaves open: whether its output covers its input, in the same order."""
    operation = call.layer.operation
    if call.producer != call.number:
        return "none"  # it returns the tensor of another call, which is judged by itself
    if UNKNOWN in call.sources:
        return "whether"
    if isinstance(operation, _POOLED) or call.layout is None or call.layout.positions < 2:
        return "none"  # it has no places that could have moved
    befores = [graph.image if source < 0 else _spatial(graph.calls[source]) for source in call.sources]
    sides = [before for before in befores if before and max(before) > 1]
    if not sides or any(len(before) != len(call.layout.spatial) for before in sides):
        return "whether"
    if isinstance(operation, _WINDOWS):
        return "none" if _covers(graph, call, sides[0]) else "where"
    if isinstance(operation, _PADDING):
        return "none" if _is_made_up_for(graph, call) else "where"
    if isinstance(operation, _RESIZING):
        plain = not getattr(operation, "crop_to_aspect_ratio", False)
        return "none" if plain and not getattr(operation, "pad_to_aspect_ratio", False) else "where"
    if isinstance(operation, layers.Dense):
        return "none" if call.layout.kind != CHANNELS_FIRST else "whether"
    if isinstance(operation, _CROPPING):
        return "where"
    kind = type(operation)
    applications = kind.__module__.startswith("keras.") and ".applications." in kind.__module__
    pointwise = isinstance(operation, _POINTWISE) or kind.__name__.lower() in _OPERATIONS or applications
    same = all(before == call.layout.spatial for before in sides)
    return "none" if pointwise and same else "whether"


def _spatial(call: LayerCall) -> tuple[int, ...]:
    return call.layout.spatial if call.layout else ()


def _covers(graph: Graph, call: LayerCall, before: tuple[int, ...]) -> bool:
    """Whether the windows of a convolution or pooling cover their input, padded on both sides alike.

    An explicit padding in front counts as the layer's own.
    """
    source = call.sources[0]
    if getattr(call.layer.operation, "padding", None) == "causal":
        return False
    if source >= 0 and isinstance(graph.calls[source].layer.operation, _PADDING):
        outer = graph.calls[source].sources[0]
        before = (graph.image or ()) if outer < 0 else _spatial(graph.calls[outer])
    after = _spatial(call)
    strides = getattr(call.layer.operation, "strides", 1)
    strides = (strides,) * len(after) if isinstance(strides, int) else strides
    transposed = "Transpose" in type(call.layer.operation).__name__
    return len(before) == len(after) and all(
        new == (old * stride if transposed else -(-old // stride))
        for old, new, stride in zip(before, after, strides, strict=True)
    )


def _is_made_up_for(graph: Graph, call: LayerCall) -> bool:
    """Whether a padding is read by windows alone, which it belongs to."""
    padding = call.layer.operation.padding
    sides = [padding] if isinstance(padding[0], int) else padding
    readers = [other for other in graph.calls if call.number in other.sources and other is not call]
    even = all(abs(before - after) < 2 for before, after in sides)
    return even and bool(readers) and all(isinstance(other.layer.operation, _WINDOWS) for other in readers)
