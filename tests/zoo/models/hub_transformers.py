"""Transformers of keras-hub, from tiny configurations."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from tests.zoo.axis_truth import pixels
from tests.zoo.models.hub_convolutions import add, classify, hub
from tests.zoo.specimen import Specimen, as_it_is, register, tokens

SHAPE = (32, 48, 3)
SQUARE = (32, 32, 3)
SMALL = {"num_layers": 2, "num_heads": 2, "hidden_dim": 32}
ENCODER = {**SMALL, "patch_size": 8, "intermediate_dim": 64}


def vit(pooling: str, class_token: bool) -> keras.Model:
    options = {**SMALL, "patch_size": 8, "mlp_dim": 64, "use_class_token": class_token, "image_shape": SHAPE}
    return classify("ViT", options, pooling=pooling)


add("vit", "ViT", lambda: vit("token", True), read=tokens(4, 6, front=1))
add("vit_without_class_token", "ViT", lambda: vit("gap", False), read=tokens(4, 6))
add(
    "deit",
    "DeiT",
    lambda: classify("DeiT", {**ENCODER, "image_shape": SHAPE}),
    read=tokens(4, 6, front=2),
)


def swin() -> keras.Model:
    options = {"embed_dim": 16, "depths": (2, 2), "num_heads": (2, 2), "window_size": 4, "patch_size": 4}
    return classify("SwinTransformer", {**options, "image_shape": SQUARE})


add("swin", "SwinTransformer", swin, (4, 4), shape=SQUARE, read=tokens(4, 4))


def mit_backbone(shape: tuple[int, ...] = SQUARE) -> keras.Model:
    return hub().MiTBackbone(
        image_shape=shape,
        num_layers=2,
        hidden_dims=[16, 32],
        layerwise_depths=[1, 1],
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
        max_drop_path_rate=0.1,
    )


# Its attention takes every sequence for a square.
add(
    "mit",
    "MiT",
    lambda: hub().MiTImageClassifier(backbone=mit_backbone(), num_classes=3),
    (4, 4),
    shape=SQUARE,
    axes=(pixels(32).slide(7, 4, 3, 3).slide(3, 2, 1, 1),) * 2,
)


def dino(family: str, registers: int) -> keras.Model:
    options = {**ENCODER, "num_register_tokens": registers}
    if family == "DINOV2":
        options.update(image_shape=SQUARE, position_embedding_shape=SQUARE)
    else:
        options.update(image_shape=SHAPE)
    backbone = getattr(hub(), f"{family}Backbone")(**options)
    output = backbone.output
    sequence = output["sequence_output"] if isinstance(output, dict) else output
    (image,) = keras.tree.flatten(backbone.input)
    return keras.Model(image, layers.Dense(3, name="head")(sequence[:, 0]))


def encoder(name: str, build: Any, front: int, covers: tuple[str, ...], **truth: Any) -> None:
    """Put an encoder of keras-hub into the zoo, with a linear head."""
    truth = {"shape": SHAPE, "grid": (4, 6), "read": tokens(4, 6, front=front), **truth}
    register(Specimen(f"hub_{name}", build, needs="keras_hub", covers=covers, **truth))


for _registers in (0, 4):
    encoder(
        f"dinov2_with_{_registers}_registers",
        lambda registers=_registers: dino("DINOV2", registers),
        1 + _registers,
        ("DINOV2Backbone",),
        shape=SQUARE,
        grid=(4, 4),
        read=tokens(4, 4, front=1 + _registers),
    )
    encoder(
        f"dinov3_with_{_registers}_registers",
        lambda registers=_registers: dino("DINOV3", registers),
        1 + _registers,
        ("DINOV3Backbone",),
        layers=("encoder/layers_0", "encoder/layers_1/norm1"),
    )


def vision_encoder(family: str) -> Any:
    """The half of a model of pictures and texts that sees."""
    return getattr(hub(), f"{family}VisionEncoder")(**ENCODER, image_shape=SQUARE)


def text_encoder(family: str) -> Any:
    """The half that reads."""
    options = {"vocabulary_size": 20, "embedding_dim": 32, "max_sequence_length": 5}
    return getattr(hub(), f"{family}TextEncoder")(**options, **SMALL, intermediate_dim=64)


def zero_shot(family: str) -> keras.Model:
    """Pictures against three texts: the likeness to each is the score of a class."""
    halves = {"vision_encoder": vision_encoder(family), "text_encoder": text_encoder(family)}
    projection = {} if family == "SigLIP" else {"projection_dim": 8}
    pair = getattr(hub(), f"{family}Backbone")(**halves, **projection)
    texts = pair.get_text_embeddings(
        ops.convert_to_tensor([[3, 7, 5, 6, 19], [4, 2, 8, 5, 19], [9, 1, 7, 7, 19]], "int32")
    )
    read = 10 * ops.convert_to_numpy(ops.transpose(ops.normalize(texts, axis=-1)))
    image = keras.Input(SQUARE, name="images")
    return keras.Model(image, ops.normalize(pair.get_vision_embeddings(image), axis=-1) @ read)


for _family, _front in (("CLIP", 1), ("SigLIP", 0), ("MetaCLIP2", 1)):
    encoder(
        _family.lower(),
        lambda family=_family: zero_shot(family),
        _front,
        tuple(f"{_family}{part}" for part in ("VisionEncoder", "TextEncoder", "Backbone")),
        shape=SQUARE,
        grid=(4, 4),
        read=tokens(4, 4, front=_front),
    )


def vit_det(shape: tuple[int, ...] = SQUARE) -> keras.Model:
    return hub().ViTDetBackbone(
        hidden_size=16,
        num_layers=2,
        intermediate_dim=32,
        num_heads=2,
        global_attention_layer_indices=[1],
        patch_size=8,
        num_output_channels=16,
        window_size=2,
        image_shape=shape,
    )


def _pooled(backbone: keras.Model) -> keras.Model:
    return keras.Model(backbone.input, layers.Dense(3)(layers.GlobalAveragePooling2D()(backbone.output)))


encoder(
    "vit_det",
    lambda: _pooled(vit_det()),
    0,
    ("ViTDetBackbone",),
    shape=SQUARE,
    grid=(4, 4),
    read=as_it_is,
)
