"""Models of keras-hub that find and outline things, from tiny configurations, and those of films."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

import kerascope as ks
from tests.zoo.axis_truth import AxisTruth, pixels
from tests.zoo.models.hub_convolutions import hub
from tests.zoo.models.hub_transformers import ENCODER, SQUARE, mit_backbone, vit_det
from tests.zoo.specimen import Specimen, register, tokens


def add(name: str, build: Any, covers: str, **truth: Any) -> None:
    """Put a model of keras-hub into the zoo."""
    register(Specimen(f"hub_{name}", build, needs="keras_hub", covers=tuple(covers.split()), **truth))


def _everywhere(side: int, column: int = 1) -> dict[str, Any]:
    """The target of a class over a whole square mask, and the same number apart."""
    return {
        "target": ks.Region(column, np.ones((side, side), bool)),
        "score": lambda outputs: ops.mean(outputs[..., column], axis=(1, 2)),
    }


def segformer() -> keras.Model:
    backbone = hub().SegFormerBackbone(image_encoder=mit_backbone(), projection_filters=16)
    return hub().SegFormerImageSegmenter(backbone=backbone, num_classes=3)


add(
    "segformer",
    segformer,
    "SegFormerBackbone SegFormerImageSegmenter",
    shape=SQUARE,
    grid=(8, 8),
    axes=(pixels(32).slide(7, 4, 3, 3),) * 2,
    **_everywhere(32),
)


def residual(shape: tuple[Any, ...] = SQUARE, stages: int = 2) -> keras.Model:
    return hub().ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64] * stages,
        stackwise_num_blocks=[1] * stages,
        stackwise_num_strides=[1, *[2] * (stages - 1)],
        block_type="basic_block",
        image_shape=shape,
    )


def deeplab() -> keras.Model:
    backbone = hub().DeepLabV3Backbone(
        image_encoder=residual(),
        projection_filters=8,
        low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P3",
        upsampling_size=2,
        dilation_rates=[1],
        image_shape=SQUARE,
    )
    return hub().DeepLabV3ImageSegmenter(backbone=backbone, num_classes=3)


add(
    "deeplab",
    deeplab,
    "DeepLabV3Backbone DeepLabV3ImageSegmenter",
    shape=SQUARE,
    grid=(32, 32),
    unmeasured="it is enlarged from maps of 8 and 4 cells, which lie around each other",
    **_everywhere(32),
)


def retinanet() -> keras.Model:
    backbone = hub().RetinaNetBackbone(
        image_encoder=residual((64, 64, 3), 3),
        min_level=3,
        max_level=4,
        use_p5=False,
        image_shape=(64, 64, 3),
    )
    return hub().RetinaNetObjectDetector(backbone=backbone, num_classes=3, pre_logits_num_conv_layers=1)


add(
    "retinanet",
    retinanet,
    "RetinaNetBackbone RetinaNetObjectDetector",
    shape=(64, 64, 3),
    grid=(8, 8),
    axes=(AxisTruth(8, 0.5, 8),) * 2,
    target=ks.Output("cls_logits", lambda output: ops.mean(output[..., 1], axis=1)),
    score=lambda outputs: ops.mean(outputs["cls_logits"][..., 1], axis=1),
    slow=True,
)


def d_fine() -> keras.Model:
    network = hub().HGNetV2Backbone(
        depths=[1, 1],
        embedding_size=8,
        hidden_sizes=[8, 16],
        stem_channels=[3, 8, 8],
        hidden_act="relu",
        use_learnable_affine_block=False,
        stackwise_stage_filters=[(8, 8, 8, 1, 1, 3), (8, 8, 16, 1, 1, 3)],
        apply_downsample=[False, True],
        use_lightweight_conv_block=[False, False],
        out_features=["stage1", "stage2"],
        image_shape=(64, 64, 3),
    )
    backbone = hub().DFineBackbone(
        backbone=network,
        decoder_in_channels=[16, 16],
        encoder_hidden_dim=16,
        num_labels=3,
        num_denoising=0,
        learn_initial_query=False,
        num_queries=10,
        anchor_image_size=(64, 64),
        feat_strides=[4, 8],
        num_feature_levels=2,
        hidden_dim=16,
        encoder_in_channels=[8, 16],
        encode_proj_layers=[1],
        num_attention_heads=2,
        encoder_ffn_dim=16,
        num_encoder_layers=1,
        hidden_expansion=0.5,
        depth_multiplier=0.5,
        eval_idx=-1,
        num_decoder_layers=1,
        decoder_attention_heads=2,
        decoder_ffn_dim=16,
        decoder_n_points=[2, 2],
        lqe_hidden_dim=8,
        num_lqe_layers=2,
        image_shape=(64, 64, 3),
    )
    return hub().DFineObjectDetector(backbone=backbone, num_classes=3, bounding_box_format="yxyx")


add(
    "d_fine",
    d_fine,
    "DFineBackbone DFineObjectDetector",
    shape=(64, 64, 3),
    grid=(8, 8),
    unmeasured="maps of two scales are added, whose cells lie around each other",
    target=ks.Output("logits", lambda output: ops.mean(output[..., 1], axis=1)),
    score=lambda outputs: ops.mean(outputs["logits"][..., 1], axis=1),
)


def depth_anything() -> keras.Model:
    encoder = hub().DINOV2Backbone(
        **{**ENCODER, "num_layers": 4}, image_shape=(64, 64, 3), position_embedding_shape=(64, 64, 3)
    )
    backbone = hub().DepthAnythingBackbone(
        image_encoder=encoder,
        reassemble_factors=[4, 2, 1, 0.5],
        neck_hidden_dims=[8, 8, 16, 16],
        fusion_hidden_dim=16,
        head_hidden_dim=8,
        head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    )
    return hub().DepthAnythingDepthEstimator(backbone=backbone, depth_estimation_type="relative")


add(
    "depth_anything",
    depth_anything,
    "DepthAnythingBackbone DepthAnythingDepthEstimator",
    shape=(64, 64, 3),
    grid=(64, 64),
    unmeasured="random maps of four scales cancel in one channel",
    target=ks.Output("depths", lambda output: ops.mean(output, axis=(1, 2, 3))),
    score=lambda outputs: ops.mean(outputs["depths"], axis=(1, 2, 3)),
)


def sam() -> keras.Model:
    layers_of_hub = hub_layers()
    backbone = hub().SAMBackbone(
        image_encoder=vit_det((64, 64, 3)),
        prompt_encoder=layers_of_hub.SAMPromptEncoder(
            hidden_size=16, image_embedding_size=(8, 8), input_image_size=(64, 64), mask_in_channels=16
        ),
        mask_decoder=layers_of_hub.SAMMaskDecoder(
            num_layers=2,
            hidden_size=16,
            intermediate_dim=32,
            num_heads=2,
            embedding_dim=16,
            num_multimask_outputs=3,
            iou_head_depth=2,
            iou_head_hidden_dim=16,
        ),
    )
    return hub().SAMImageSegmenter(backbone=backbone)


def hub_layers() -> Any:
    """The layers of keras-hub."""
    import keras_hub.layers

    return keras_hub.layers


def with_prompts(images: Any) -> dict[str, Any]:
    """A point and a box for each image, and no mask."""
    rows = np.ones((len(images), 1), "float32")
    return {
        "images": images,
        "points": 20 * rows[..., None] * np.ones(2, "float32"),
        "labels": rows,
        "boxes": rows[..., None, None] * np.asarray([[8.0, 8.0], [40.0, 40.0]], "float32"),
        "masks": np.zeros((len(images), 0, 64, 64, 1), "float32"),
    }


add(
    "sam",
    sam,
    "SAMBackbone SAMImageSegmenter",
    shape=(64, 64, 3),
    grid=(8, 8),
    read=tokens(8, 8),
    inputs=with_prompts,
    options={"input": "images"},
    target=ks.Output("iou_pred", 1),
    score=lambda outputs: outputs["iou_pred"][:, 1],
)


def video_prism() -> keras.Model:
    backbone = hub().VideoPrismBackbone(
        num_frames=2,
        patch_size=8,
        hidden_dim=32,
        intermediate_dim=64,
        num_heads=2,
        num_spatial_layers=1,
        num_temporal_layers=1,
        num_auxiliary_layers=1,
        image_shape=SQUARE,
    )
    return keras.Model(backbone.input, layers.Dense(3)(ops.mean(backbone.output, axis=(1, 2))))


add(
    "video_prism",
    video_prism,
    "VideoPrismBackbone",
    shape=(2, 32, 32, 3),
    grid=(2, 4, 4),
    read=tokens(2, 4, 4),
)
