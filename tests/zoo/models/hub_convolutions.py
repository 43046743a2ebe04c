"""Convolutional networks of keras-hub, from tiny configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

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


def resnet(kind: str, pre_activation: bool) -> keras.Model:
    """A residual network whose cells are 8 pixels wide."""
    convolutions = 3 if kind.endswith("vd") else 1
    options = {
        "input_conv_filters": [8] * convolutions,
        "input_conv_kernel_sizes": [3] * convolutions,
        "stackwise_num_filters": [8, 8],
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
    )


def densenet() -> keras.Model:
    return classify("DenseNet", {"stackwise_num_repeats": [1, 2], "growth_rate": 4, "image_shape": SHAPE})


def vgg() -> keras.Model:
    options = {"stackwise_num_repeats": [1, 1, 1], "stackwise_num_filters": [4, 6, 8], "image_shape": SHAPE}
    return classify("VGG", options, pooling_hidden_dim=8)


def xception() -> keras.Model:
    options = {
        "stackwise_conv_filters": [[4, 8], [8, 8], [8, 8]],
        "stackwise_pooling": [True, True, False],
        "image_shape": SHAPE,
    }
    return classify("Xception", options)


def cspnet(kind: str) -> keras.Model:
    options = {
        "stem_filters": 8,
        "stem_kernel_size": 3,
        "stem_strides": 2,
        "stem_padding": "same",
        "stackwise_depth": [1, 1],
        "stackwise_strides": [2, 2],
        "stackwise_num_filters": [8, 8],
        "block_type": f"{kind}_block",
        "stage_type": {"dark": "dark", "edge": "csp", "bottleneck": "cs3"}[kind],
        "image_shape": SHAPE,
    }
    return classify("CSPNet", options)


def efficientnet() -> keras.Model:
    options = {
        "stackwise_kernel_sizes": [3, 3],
        "stackwise_num_repeats": [1, 1],
        "stackwise_input_filters": [8, 8],
        "stackwise_output_filters": [8, 8],
        "stackwise_expansion_ratios": [1, 2],
        "stackwise_squeeze_and_excite_ratios": [0.25, 0.25],
        "stackwise_strides": [2, 2],
        "stackwise_block_types": ["fused", "unfused"],
        "width_coefficient": 1.0,
        "depth_coefficient": 1.0,
        "num_features": 8,
        "input_shape": SHAPE,
    }
    return classify("EfficientNet", options)


def mobilenet() -> keras.Model:
    options = {
        "stackwise_expansion": [[8], [8]],
        "stackwise_num_blocks": [1, 1],
        "stackwise_num_filters": [[8], [8]],
        "stackwise_kernel_size": [[3], [5]],
        "stackwise_num_strides": [[2], [2]],
        "stackwise_se_ratio": [[None], [0.25]],
        "stackwise_activation": [["relu"], ["hard_swish"]],
        "stackwise_padding": [[1], [2]],
        "output_num_filters": 8,
        "depthwise_filters": 8,
        "depthwise_stride": 1,
        "depthwise_residual": True,
        "last_layer_filter": 8,
        "squeeze_and_excite": 0.5,
        "input_num_filters": 8,
        "image_shape": SHAPE,
    }
    return classify("MobileNet", options, num_features=8)


def mobilenet_v5(fused: bool) -> keras.Model:
    """With one stage, or with the last stages fused into one map of 4 x 6."""
    kinds, depth = [["er"], ["uir", "mqa"]], {"er": 1, "uir": 0, "mqa": 0}

    def each(values: Callable[[str], Any]) -> list[list[Any]]:
        return [[values(kind) for kind in stage] for stage in kinds]

    options = {
        "stackwise_block_types": kinds,
        "stackwise_num_blocks": [len(stage) for stage in kinds],
        "stackwise_num_filters": each(lambda _: 8),
        "stackwise_strides": [[2], [2, 1]],
        "stackwise_act_layers": each(lambda _: "relu"),
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
        "num_features": 8,
        "stem_size": 8,
        "use_msfa": fused,
        "msfa_output_resolution": 4,
        "image_shape": (32, 32, 3) if fused else SHAPE,
    }
    return classify("MobileNetV5", options, head_hidden_size=8)


def hgnet() -> keras.Model:
    options = {
        "depths": [1, 1],
        "embedding_size": 8,
        "hidden_sizes": [8, 8],
        "stem_channels": [3, 8, 8],
        "hidden_act": "relu",
        "use_learnable_affine_block": True,
        "stackwise_stage_filters": [(8, 8, 8, 1, 1, 3), (8, 8, 8, 1, 1, 3)],
        "apply_downsample": [False, True],
        "use_lightweight_conv_block": [False, True],
        "image_shape": SHAPE,
    }
    return classify("HGNetV2", options, preprocessor=None, head_filters=8)


add("densenet", "DenseNet", densenet)
add("vgg", "VGG", vgg)
add("xception", "Xception", xception)
for _kind in ("dark", "edge", "bottleneck"):
    add(f"cspnet_{_kind}", "CSPNet", lambda kind=_kind: cspnet(kind))
add("efficientnet", "EfficientNet", efficientnet)
add("mobilenet", "MobileNet", mobilenet)
add("mobilenet_v5", "MobileNetV5", lambda: mobilenet_v5(False))
add("mobilenet_v5_fused", "MobileNetV5", lambda: mobilenet_v5(True), (4, 4), shape=(32, 32, 3))
add("hgnet", "HGNetV2", hgnet)
