"""Convolutional networks of keras-hub, from tiny configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tests.zoo.axis_truth import AxisTruth, divide, pixels
from tests.zoo.specimen import Specimen, register

SHAPE = (32, 48, 3)
RESNETS = {
    "basic": ("basic_block", False),
    "basic_v2": ("basic_block", True),
    "bottleneck": ("bottleneck_block", False),
    "bottleneck_v2": ("bottleneck_block", True),
    "basic_vd": ("basic_block_vd", False),
    "bottleneck_vd": ("bottleneck_block_vd", False),
}


def hub() -> Any:
    """The models of keras-hub, whose import takes seconds."""
    import keras_hub.models

    return keras_hub.models


def classify(family: str, options: dict[str, Any], **head: Any) -> keras.Model:
    """The classifier of a family on its backbone."""
    backbone = getattr(hub(), f"{family}Backbone")(**options)
    return getattr(hub(), f"{family}ImageClassifier")(backbone=backbone, num_classes=3, **head)


def add(
    name: str, family: str, build: Callable[[], keras.Model], grid: tuple[int, ...] = (4, 6), **truth: Any
) -> None:
    """Put a classifier of keras-hub into the zoo."""
    covers = (f"{family}Backbone", f"{family}ImageClassifier")
    truth = {"shape": SHAPE, "covers": covers, **truth}
    register(Specimen(f"hub_{name}", build, grid=grid, needs="keras_hub", **truth))


def padded(halvings: int) -> tuple[AxisTruth, ...]:
    """The axes behind windows of 3 with a stride of 2 and one padded pixel, as in torch."""
    axes = [pixels(side) for side in SHAPE[:2]]
    for _ in range(halvings):
        axes = [axis.slide(3, 2, 1, 1) for axis in axes]
    return tuple(axes)


def same(*windows: tuple[int, int], sides: tuple[int, ...] = SHAPE[:2]) -> tuple[AxisTruth, ...]:
    """The axes behind windows of (kernel, stride) with the padding that Keras adds."""
    axes = [pixels(side) for side in sides]
    for kernel, stride in windows:
        axes = [axis.same(kernel, stride) for axis in axes]
    return tuple(axes)


def resnet(kind: str, pre_activation: bool) -> keras.Model:
    """A residual network whose cells are 8 pixels wide."""
    convolutions = 3 if kind.endswith("vd") else 1
    options = {
        "input_conv_filters": [64] * convolutions,
        "input_conv_kernel_sizes": [3] * convolutions,
        "stackwise_num_filters": [64, 64],
        "stackwise_num_blocks": [1, 1],
        "stackwise_num_strides": [1, 2],
        "block_type": kind,
        "use_pre_activation": pre_activation,
    }
    return classify("ResNet", {**options, "image_shape": SHAPE})


for _name, (_kind, _pre_activation) in RESNETS.items():
    add(
        f"resnet_{_name}",
        "ResNet",
        lambda kind=_kind, pre_activation=_pre_activation: resnet(kind, pre_activation),
        # The shortcut of the last block is a mean over two positions.
        axes=tuple(axis.slide(2, 2) for axis in padded(2)) if _name.endswith("vd") else padded(3),
    )


def densenet() -> keras.Model:
    return classify("DenseNet", {"stackwise_num_repeats": [1, 2], "growth_rate": 4, "image_shape": SHAPE})


def vgg() -> keras.Model:
    options = {
        "image_shape": (64, 96, 3),
        "stackwise_num_repeats": [1, 1, 1],
        "stackwise_num_filters": [8, 16, 16],
    }
    return classify("VGG", options, pooling_hidden_dim=32)


def xception() -> keras.Model:
    options = {
        "stackwise_conv_filters": [[8, 16], [16, 32], [32, 32]],
        "stackwise_pooling": [False, True, False],
        "image_shape": SHAPE,
    }
    return classify("Xception", options)


def cspnet(kind: str) -> keras.Model:
    options = {
        "stem_filters": 8,
        "stem_kernel_size": 3,
        "stem_strides": 2,
        "stem_padding": "valid",
        "stackwise_depth": [1, 1],
        "stackwise_strides": [2, 2],
        "stackwise_num_filters": [8, 8],
        "block_type": f"{kind}_block",
        "block_ratio": [1.0 if kind == "dark" else 0.5],
        "stage_type": {"dark": "dark", "edge": "csp", "bottleneck": "cs3"}[kind],
        "image_shape": SHAPE,
    }
    return classify("CSPNet", options)


def efficientnet() -> keras.Model:
    options = {
        "stackwise_kernel_sizes": [3, 3],
        "stackwise_num_repeats": [1, 1],
        "stackwise_input_filters": [16, 16],
        "stackwise_output_filters": [16, 16],
        "stackwise_expansion_ratios": [1, 2],
        "stackwise_squeeze_and_excite_ratios": [0.25, 0.25],
        "stackwise_strides": [2, 2],
        "stackwise_block_types": ["fused", "unfused"],
        "width_coefficient": 1.0,
        "depth_coefficient": 1.0,
        "num_features": 16,
        "input_shape": SHAPE,
    }
    return classify("EfficientNet", options)


def mobilenet() -> keras.Model:
    options = {
        "stackwise_expansion": [[16], [16]],
        "stackwise_num_blocks": [1, 1],
        "stackwise_num_filters": [[16], [16]],
        "stackwise_kernel_size": [[3], [5]],
        "stackwise_num_strides": [[2], [2]],
        "stackwise_se_ratio": [[None], [0.25]],
        "stackwise_activation": [["relu"], ["hard_swish"]],
        "stackwise_padding": [[1], [2]],
        "output_num_filters": 16,
        "depthwise_filters": 16,
        "depthwise_stride": 1,
        "depthwise_residual": True,
        "last_layer_filter": 16,
        "squeeze_and_excite": 0.5,
        "input_num_filters": 16,
        "image_shape": SHAPE,
    }
    return classify("MobileNet", options, num_features=16)


def mobilenet_v5(fused: bool) -> keras.Model:
    """With one stage, or with the last stages fused into one map of 4 x 6."""
    kinds, depth = [["er"], ["uir", "uir" if fused else "mqa"]], {"er": 1, "uir": 0, "mqa": 0}

    def each(values: Callable[[str], Any]) -> list[list[Any]]:
        return [[values(kind) for kind in stage] for stage in kinds]

    options = {
        "stackwise_block_types": kinds,
        "stackwise_num_blocks": [len(stage) for stage in kinds],
        "stackwise_num_filters": each(lambda _: 16),
        "stackwise_strides": [[2], [2, 1]],
        "stackwise_act_layers": each(lambda _: "gelu"),
        "stackwise_exp_ratios": each(lambda _: 2.0),
        "stackwise_se_ratios": each(lambda _: 0.0),
        "stackwise_dw_kernel_sizes": each(lambda kind: 0 if kind == "er" else 3),
        "stackwise_dw_start_kernel_sizes": each(lambda _: 0),
        "stackwise_dw_end_kernel_sizes": each(lambda _: 0),
        "stackwise_exp_kernel_sizes": each(lambda kind: 3 * depth[kind]),
        "stackwise_pw_kernel_sizes": each(lambda kind: depth[kind]),
        "stackwise_num_heads": each(lambda kind: 2 * (kind == "mqa")),
        "stackwise_key_dims": each(lambda kind: 4 * (kind == "mqa")),
        "stackwise_value_dims": each(lambda kind: 4 * (kind == "mqa")),
        "stackwise_kv_strides": each(lambda kind: int(kind == "mqa")),
        "stackwise_use_cpe": each(lambda _: False),
        "num_features": 16,
        "stem_size": 16,
        "use_msfa": fused,
        "msfa_output_resolution": 4,
        "image_shape": (32, 32, 3) if fused else SHAPE,
    }
    return classify("MobileNetV5", options, head_hidden_size=16)


def hgnet() -> keras.Model:
    options = {
        "depths": [1, 1],
        "embedding_size": 16,
        "hidden_sizes": [16, 16],
        "stem_channels": [3, 16, 16],
        "hidden_act": "relu",
        "use_learnable_affine_block": True,
        "stackwise_stage_filters": [(16, 16, 16, 1, 1, 3), (16, 16, 16, 1, 1, 3)],
        "apply_downsample": [False, True],
        "use_lightweight_conv_block": [False, True],
        "image_shape": SHAPE,
    }
    return classify("HGNetV2", options, preprocessor=None, head_filters=16)


add("densenet", "DenseNet", densenet, axes=same((7, 2), (3, 2), (2, 2)))
# Behind the convolution of 7 cells, at the head.
add(
    "vgg",
    "VGG",
    vgg,
    (2, 6),
    shape=(64, 96, 3),
    axes=tuple(divide(side, side // 8).slide(7) for side in (64, 96)),
)
add(
    "xception",
    "Xception",
    xception,
    (7, 11),
    axes=tuple(pixels(side).slide(3, 2).slide(3).same(3, 2) for side in SHAPE[:2]),
)
for _kind in ("dark", "edge", "bottleneck"):
    add(f"cspnet_{_kind}", "CSPNet", lambda kind=_kind: cspnet(kind), axes=padded(3))
add("efficientnet", "EfficientNet", efficientnet, axes=tuple(axis.same(3, 2) for axis in padded(2)))
add("mobilenet", "MobileNet", mobilenet, axes=padded(3))
add("mobilenet_v5", "MobileNetV5", lambda: mobilenet_v5(False), axes=same((3, 2), (3, 2), (3, 2)))
add(
    "mobilenet_v5_fused",
    "MobileNetV5",
    lambda: mobilenet_v5(True),
    (4, 4),
    shape=(32, 32, 3),
    axes=same((3, 2), (3, 2), (3, 2), sides=(32, 32)),
)
# Two windows of 2 in the stem look down and to the right.
add(
    "hgnet",
    "HGNetV2",
    hgnet,
    axes=tuple(
        pixels(side).slide(3, 2, 1, 1).slide(2, 1, 0, 1).slide(2, 1, 0, 1).slide(3, 2, 1, 1).slide(3, 2, 1, 1)
        for side in SHAPE[:2]
    ),
)
