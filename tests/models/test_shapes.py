"""Signals, volumes, frames, several inputs, attention, blocks: each against a model that must agree.

The two are other programs, which may round differently: no unit has a corner.
"""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import fill, pictures
from kerascope.testing.models.structures import ClassToken
from kerascope.typing import Tensor

CAM = ks.GradCAM(relu=False)


def copied(plain: keras.Model, model: keras.Model) -> keras.Model:
    """`plain` with the weights of the layers of these names, in the shapes that it has for them."""
    inner = {layer.name: layer for layer in model._flatten_layers()}
    for layer in plain.layers:
        if layer.weights and layer.name in inner:
            shapes = [variable.shape for variable in layer.weights]
            values = zip(inner[layer.name].get_weights(), shapes, strict=True)
            layer.set_weights([value.reshape(shape) for value, shape in values])
    return plain


def filled(model: keras.Model) -> keras.Model:
    fill(model, 51)
    return model


def test_a_signal_is_a_picture_of_one_column() -> None:
    # As a heartbeat: 2 leads, 64 samples.
    signal = keras.Input((64, 2))
    tensor = layers.Conv1D(4, 7, 2, padding="same", activation="silu", name="conv1")(signal)
    tensor = layers.AveragePooling1D(2, name="pool")(tensor)
    tensor = layers.Conv1D(5, 3, padding="same", activation="silu", name="conv2")(tensor)
    scores = layers.Dense(3, name="head")(layers.GlobalAveragePooling1D()(tensor))
    model = filled(keras.Model(signal, scores))
    image = keras.Input((64, 1, 2))
    tensor = layers.Conv2D(4, (7, 1), (2, 1), padding="same", activation="silu", name="conv1")(image)
    tensor = layers.AveragePooling2D((2, 1), name="pool")(tensor)
    tensor = layers.Conv2D(5, (3, 1), padding="same", activation="silu", name="conv2")(tensor)
    plain = copied(
        keras.Model(image, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(tensor))), model
    )
    signals = pictures(2, 64, 2, seed=52)
    found, expected = CAM(model, signals, 1), CAM(plain, signals[:, :, None], 1)
    assert found.layer == expected.layer == "conv2"
    assert_close(found.values, expected.values[:, :, 0], CLOSE, "map")
    assert found.heatmaps().shape == (2, 64)
    gradients = [
        ks.Saliency()(network, array, 1).values
        for network, array in ((model, signals), (plain, signals[:, :, None]))
    ]
    assert_close(gradients[0], gradients[1][:, :, 0], CLOSE, "gradient")


def test_a_volume_is_a_stack_of_pictures() -> None:
    # Kernels of depth 1: each slice has the map that it has as a picture, of a score that is their mean.
    depth = 3
    volume = keras.Input((depth, 8, 6, 1))
    tensor = layers.Conv3D(4, (1, 3, 3), padding="same", activation="silu", name="conv")(volume)
    scores = layers.Dense(3, name="head")(layers.GlobalAveragePooling3D()(tensor))
    model = filled(keras.Model(volume, scores))
    image = keras.Input((8, 6, 1))
    tensor = layers.Conv2D(4, 3, padding="same", activation="silu", name="conv")(image)
    plain = copied(
        keras.Model(image, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(tensor))), model
    )
    volumes = pictures(2, depth, 8, 6, 1, seed=53)
    for method in (CAM, ks.Saliency()):
        found = method(model, volumes, 1).values
        for place in range(depth):
            expected = method(plain, volumes[:, place], 1).values / depth
            assert_close(found[:, place], expected, CLOSE, f"{method}, slice {place}")


def test_frames_through_one_convolution_and_a_memory() -> None:
    frames = 3
    video = keras.Input((frames, 8, 8, 2))
    conv = layers.Conv2D(4, 3, activation="silu", name="conv")
    tensor = layers.TimeDistributed(conv, name="frames")(video)
    tensor = layers.TimeDistributed(layers.GlobalAveragePooling2D())(tensor)
    model = filled(keras.Model(video, layers.Dense(3, name="head")(layers.LSTM(4, name="lstm")(tensor))))
    pictures_ = [keras.Input((8, 8, 2)) for _ in range(frames)]
    shared, pool = layers.Conv2D(4, 3, activation="silu", name="conv"), layers.GlobalAveragePooling2D()
    stacked = ops.stack([pool(shared(picture)) for picture in pictures_], axis=1)
    plain = keras.Model(pictures_, layers.Dense(3, name="head")(layers.LSTM(4, name="lstm")(stacked)))
    copied(plain, model)
    clip = pictures(2, frames, 8, 8, 2, seed=54)
    inputs = [clip[:, place] for place in range(frames)]
    whole = ks.Probe(model, compile=False)
    assert CAM(whole, clip, 1).layer == "frames"
    gradients = whole.gradients(clip, 1, "frames")
    pixels = ks.Saliency()(whole, clip, 1).values
    for place in range(frames):
        probe = ks.Probe(plain, input=place, compile=False)
        assert_close(
            gradients[:, place], probe.gradients(inputs, 1, f"conv#{place}"), CLOSE, f"frame {place}"
        )
        assert_close(pixels[:, place], ks.Saliency()(probe, inputs, 1).values, CLOSE, f"pixels {place}")


def test_a_recurrent_head_reads_the_rows_of_a_map() -> None:
    def network(**options: Any) -> keras.Model:
        image = keras.Input((8, 12, 1))
        tensor = layers.Conv2D(3, 3, strides=2, padding="same", activation="silu", name="conv")(image)
        tensor = layers.LSTM(4, name="lstm", **options)(layers.Reshape((4, 18), name="rows")(tensor))
        return keras.Model(image, layers.Dense(3, name="head")(tensor))

    model = filled(network())
    unrolled = copied(network(unroll=True), model)
    images = pictures(2, 8, 12, 1, seed=55)
    found, expected = CAM(model, images, 1), CAM(unrolled, images, 1)
    assert found.layer == expected.layer == "conv"
    assert found.values.shape == (2, 4, 6)
    assert_close(found.values, expected.values, CLOSE, "map")


def test_each_run_of_a_shared_encoder_has_its_own_map() -> None:
    def encoder(name: str) -> keras.Model:
        image = keras.Input((8, 8, 3))
        return keras.Model(image, layers.Conv2D(4, 3, activation="silu", name="conv")(image), name=name)

    def network(first: keras.Model, second: keras.Model) -> keras.Model:
        images = [keras.Input((8, 8, 3), name=name) for name in ("left", "right")]
        pool = layers.GlobalAveragePooling2D()
        both = layers.Concatenate()([pool(first(images[0])), pool(second(images[1]))])
        return keras.Model(images, layers.Dense(3, name="head")(both))

    shared, one, other = encoder("encoder"), encoder("one"), encoder("other")
    model = filled(network(shared, shared))
    plain = network(one, other)
    for twin in (one, other):
        twin.set_weights(shared.get_weights())
    plain.get_layer("head").set_weights(model.get_layer("head").get_weights())
    images = [pictures(2, 8, 8, 3, seed=seed) for seed in (56, 57)]
    for place, (side, twin) in enumerate((("left", "one"), ("right", "other"))):
        found = ks.GradCAM(layer=f"encoder/conv#{place}", relu=False)(model, images, 1)
        expected = ks.GradCAM(layer=f"{twin}/conv", relu=False)(plain, images, 1)
        assert_close(found.values, expected.values, CLOSE, side)
        automatic = CAM(ks.Probe(model, input=side), images, 1)
        assert automatic.layer == f"encoder/conv#{place}"
        assert_close(automatic.values, expected.values, CLOSE, f"automatic, {side}")
        pixels = [
            ks.Saliency()(ks.Probe(network_, input=side), images, 1).values for network_ in (model, plain)
        ]
        assert_close(pixels[0], pixels[1], CLOSE, f"pixels, {side}")
        assert found.values.shape == (2, 6, 6)


def test_numbers_beside_an_image_shift_the_score_and_not_the_map() -> None:
    image, numbers = keras.Input((8, 8, 3), name="image"), keras.Input((4,), name="numbers")
    tensor = layers.Conv2D(5, 3, activation="silu", name="conv")(image)
    pooled = layers.GlobalAveragePooling2D()(tensor)
    both = layers.Concatenate()([pooled, numbers])
    model = filled(keras.Model({"image": image, "numbers": numbers}, layers.Dense(3, name="head")(both)))
    kernel, bias = model.get_layer("head").get_weights()
    plain = keras.Model(image, layers.Dense(3, name="alone")(pooled))  # the same convolution
    plain.get_layer("alone").set_weights([kernel[:5], bias])
    inputs = {"image": pictures(2, 8, 8, 3, seed=58), "numbers": pictures(2, 4, seed=59)}
    found, expected = CAM(model, inputs, 1), CAM(plain, inputs["image"], 1)
    assert_close(found.values, expected.values, CLOSE, "map")
    assert_close(found.scores, expected.scores + inputs["numbers"] @ kernel[5:, 1], CLOSE, "score")
    assert_close(
        ks.Saliency()(model, inputs, 1).values,
        ks.Saliency()(plain, inputs["image"], 1).values,
        CLOSE,
        "gradient",
    )
    row = ks.Saliency()(ks.Probe(model, input="numbers"), inputs, 1).values
    assert_close(row, np.broadcast_to(kernel[5:, 1], (2, 4)), CLOSE, "gradient of the numbers")


GRID, PATCH = (3, 4), 4


def transformer(registers: int, class_token: bool) -> keras.Model:
    """Two blocks on a grid of 3 x 4 patches, without positions: where a patch lies does not matter."""
    image = keras.Input((GRID[0] * PATCH, GRID[1] * PATCH, 3))
    tensor = layers.Conv2D(8, PATCH, PATCH, name="patches")(image)
    tensor = layers.Reshape((GRID[0] * GRID[1], 8), name="tokens")(tensor)
    for place in range(registers + class_token):
        tensor = ClassToken(name=f"prefix{place}")(tensor)
    for block in (1, 2):
        normal = layers.LayerNormalization(name=f"block{block}_norm1")(tensor)
        attended = layers.MultiHeadAttention(2, 4, name=f"block{block}_attention")(normal, normal)
        tensor = layers.Add(name=f"block{block}_add1")([tensor, attended])
        normal = layers.LayerNormalization(name=f"block{block}_norm2")(tensor)
        hidden = layers.Dense(8, activation="gelu", name=f"block{block}_mlp")(normal)
        tensor = layers.Add(name=f"block{block}_add2")([tensor, hidden])
    tensor = layers.LayerNormalization(name="norm")(tensor)
    front = registers + class_token
    pooled = tensor[:, 0] if class_token else ops.mean(tensor[:, front:] if front else tensor, axis=1)
    return filled(keras.Model(image, layers.Dense(3, activation="softmax", name="head")(pooled)))


@pytest.mark.parametrize(
    ("registers", "class_token"),
    [
        (0, False),
        (4, True),
        *(pytest.param(*case, marks=pytest.mark.once) for case in ((0, True), (2, False))),
    ],
)
def test_the_tokens_of_a_transformer_lie_where_its_patches_do(registers: int, class_token: bool) -> None:
    model = ks.Probe(transformer(registers, class_token), compile=False)
    images = pictures(2, GRID[0] * PATCH, GRID[1] * PATCH, 3, seed=60)
    result = CAM(model, images, 1)
    # Behind the last attention, the class token has seen the patches, and nobody reads them any more.
    last = "block2_norm1" if class_token else "get_item" if registers else "norm"
    assert (result.layer or "").startswith(last)
    assert result.values.shape == (2, *GRID)
    # Neither the reshaping nor what is put in front moves a patch.
    expected = ks.GradCAM(layer="patches", relu=False)(model, images, 1).values
    for layer in ["tokens", *(f"prefix{place}" for place in range(registers + class_token))]:
        found = ks.GradCAM(layer=layer, relu=False)(model, images, 1)
        assert_close(found.values, expected, CLOSE, layer)
    # Without positions, patches that change places take their relevance along.
    rows, columns = np.array([2, 0, 1]), np.array([1, 3, 0, 2])
    pieces = images.reshape(2, GRID[0], PATCH, GRID[1], PATCH, 3)
    moved = pieces[:, rows][:, :, :, columns].reshape(images.shape)
    assert_close(CAM(model, moved, 1).values, result.values[:, rows][:, :, columns], CLOSE, "moved patches")


class ReadsItsClassToken(keras.Model):
    """The blocks in a `call`, where no operation shows that only the class token is read."""

    def __init__(self) -> None:
        super().__init__(name="reads_its_class_token")
        self.patches = layers.Conv2D(8, PATCH, PATCH, name="patches")
        self.token = ClassToken(name="token")
        self.attention = layers.MultiHeadAttention(2, 4, name="attention")
        self.normal = layers.LayerNormalization(name="normal")
        self.head = layers.Dense(3, name="head")

    def call(self, images: Tensor) -> Tensor:
        tokens = self.token(ops.reshape(self.patches(images), (-1, GRID[0] * GRID[1], 8)))
        return self.head(self.normal(tokens + self.attention(tokens, tokens))[:, 0])


def test_a_class_token_that_is_read_inside_a_call() -> None:
    model = ReadsItsClassToken()
    images = pictures(2, GRID[0] * PATCH, GRID[1] * PATCH, 3, seed=61)
    model(images)
    filled(model)
    notes = {row.path: row.note for row in ks.layers(model, images)}
    assert notes["normal"] == notes["attention"] == "its patches do not reach the score"
    result = CAM(model, images, 1)
    assert result.layer == "token"
    expected = ks.GradCAM(layer="patches", relu=False)(model, images, 1).values
    assert_close(result.values, expected, CLOSE, "map")


def test_a_block_of_convnext_is_explained_behind_its_sum() -> None:
    def network(pointwise: Any) -> keras.Model:
        image = keras.Input((12, 12, 3))
        stem = layers.LayerNormalization(name="stem_norm")(layers.Conv2D(4, 4, 4, name="stem")(image))
        tensor = layers.DepthwiseConv2D(7, padding="same", name="depthwise")(stem)
        tensor = layers.LayerNormalization(name="norm")(tensor)
        tensor = pointwise(16, name="expand")(tensor)
        tensor = pointwise(4, name="project")(layers.Activation("gelu")(tensor))
        tensor = layers.Add(name="sum")([stem, tensor])
        return keras.Model(image, layers.Dense(3, name="head")(layers.GlobalAveragePooling2D()(tensor)))

    model = filled(network(layers.Dense))
    plain = copied(network(lambda units, name: layers.Conv2D(units, 1, name=name)), model)
    images = pictures(2, 12, 12, 3, seed=62)
    for method in (CAM, ks.GradCAM(layer="depthwise", relu=False), ks.Saliency()):
        found, expected = method(model, images, 1), method(plain, images, 1)
        assert_close(found.values, expected.values, CLOSE, str(method))
    assert CAM(model, images, 1).layer == "sum"


def quantised(model: keras.Model) -> keras.Model:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras lists the layers that stay as they are
        model.quantize("int8")
    return model


def test_a_model_in_int8_has_the_gradient_of_its_rounded_weights() -> None:
    image = keras.Input((6, 6, 3))
    model = filled(keras.Model(image, layers.Dense(3, name="head")(layers.Flatten()(image))))
    images = pictures(2, 6, 6, 3, seed=63)
    kernel = model.get_layer("head").get_weights()[0]
    found = ks.Saliency()(quantised(model), images, 1).values
    step = np.abs(kernel[:, 1]).max() / 127
    # Each weight is rounded to one of 255 steps, and the gradient passes through the rounding of the pixels.
    error = np.abs(found - kernel[:, 1].reshape(6, 6, 3)).max()
    assert 0 < error <= 0.51 * step


def test_a_network_in_int8_is_explained_nearly_like_itself() -> None:
    image = keras.Input((12, 12, 3))
    tensor = layers.Conv2D(4, 3, activation="silu", name="conv")(image)
    tensor = layers.Dense(8, activation="silu", name="mix")(tensor)
    hidden = layers.Dense(8, activation="silu", name="hidden")(layers.GlobalAveragePooling2D()(tensor))
    model = filled(keras.Model(image, layers.Dense(3, name="head")(hidden)))
    images = pictures(2, 12, 12, 3, seed=64)
    methods = (CAM, ks.GradCAM(layer="conv", relu=False), ks.Saliency())
    before = [method(model, images, 1).values for method in methods]
    quantised(model)
    for method, expected in zip(methods, before, strict=True):
        found = method(model, images, 1).values
        assert 0 < np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected), method
