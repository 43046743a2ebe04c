"""Branches that meet only behind their pooling: all of them are explained, and their maps added."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.testing.fixture import CLOSE, EXACT, assert_close
from tests.helpers.networks.blocks import IMAGES, array, conv, draw_weights


def branches(pool_last: bool, strides: int = 1) -> keras.Model:
    """Two branches, pooled and joined; or the same numbers, joined and pooled."""
    image = keras.Input((8, 8, 3))
    trunk = layers.AveragePooling2D(2)(conv("stem", activation="relu")(image))
    left = conv("left", activation="relu")(trunk)
    right = layers.Conv2D(5, 3, strides, padding="same", activation="tanh", name="right")(trunk)
    if pool_last:
        pooled = layers.GlobalAveragePooling2D()(layers.Concatenate(name="joined")([left, right]))
    else:
        pooled = layers.Concatenate()([layers.GlobalAveragePooling2D()(part) for part in (left, right)])
    return keras.Model(image, layers.Dense(3, name="head")(pooled))


def twins() -> tuple[keras.Model, keras.Model]:
    apart, joined = branches(pool_last=False), branches(pool_last=True)
    draw_weights(joined)
    for name in ("stem", "left", "right", "head"):
        apart.get_layer(name).set_weights(joined.get_layer(name).get_weights())
    return apart, joined


@pytest.mark.parametrize(
    "method",
    [
        ks.HiResCAM(relu=False),
        ks.HiResCAM(),
        ks.GradCAM(relu=False),
        ks.GradCAMPlusPlus(relu=False),
        ks.ElementWiseCAM(),
        ks.ShapleyCAM(relu=False),
        ks.MultiScaleCAM(relu=False),
        ks.SmoothGrad(ks.HiResCAM(relu=False), samples=2),
    ],
    ids=repr,
)
def test_the_map_is_that_of_the_network_that_joins_before_it_pools(method: ks.Method) -> None:
    apart, joined = twins()
    found, expected = method(apart, IMAGES, 1), method(joined, IMAGES, 1)
    assert_close(found.values, expected.values, CLOSE, "joined")
    assert sorted(str(found.layer).split(", ")) == ["left", "right"]
    assert expected.layer == "joined"


def test_the_map_sums_to_the_score_on_grids_of_different_sizes() -> None:
    model = draw_weights(branches(pool_last=False, strides=2))
    found = ks.HiResCAM(relu=False)(model, IMAGES, 1)
    kernel, bias = (array(weight) for weight in model.get_layer("head").weights)
    trunk = ops.average_pool(model.get_layer("stem")(IMAGES), 2, 2)
    left, right = (array(model.get_layer(name)(trunk)) for name in ("left", "right"))
    shares = [left @ kernel[:4, 1] / 16, np.kron(right @ kernel[4:, 1] / 4, np.full((2, 2), 1 / 4))]
    assert found.values.shape == (2, 4, 4)
    total = left.mean(axis=(1, 2)) @ kernel[:4, 1] + right.mean(axis=(1, 2)) @ kernel[4:, 1]
    assert_close(found.values.sum(axis=(1, 2)), total, CLOSE, "the sum")
    assert_close(found.scores - bias[1], total, CLOSE, "the score")
    # Interpolation smooths what is shared out among the cells of one coarser cell; the corner is exact.
    assert_close(found.values[:, 0, 0], (shares[0] + shares[1])[:, 0, 0], CLOSE, "a corner")
    named = ks.HiResCAM(relu=False, layers=["left", "right"], fusion="sum")(model, IMAGES, 1)
    assert_close(named.values, found.values, EXACT, "by name")


@pytest.mark.once
def test_a_note_names_the_branches() -> None:
    model = twins()[0]
    probe = ks.Probe(model, compile=False)
    first, second = str(ks.HiResCAM(relu=False)(probe, IMAGES, 1).layer).split(", ")
    note = f"the map adds up 2 branches of equal standing, {first!r} and {second!r}; layer= takes one of them"
    assert ks.HiResCAM(relu=False)(probe, IMAGES, 1).notes == (note,)
    automatic = ks.explain(probe, IMAGES, target=1)
    assert automatic.notes[1:] == ("where: by stem, the image", note)
    assert automatic.notes[0] == (
        f"auto: MultiScaleCAM, since {first!r} has 4 x 4 cells and {second!r} has 4 x 4 cells: "
        "they say what, and finer scales say where"
    )
    assert probe.notes(IMAGES, 1, (None,), every_branch=True) == (note,)
    calls = probe.resolve_layers(IMAGES, 1, (None,), every_branch=True)
    assert [call.layer.path for call in calls] == [first, second]


@pytest.mark.once
def test_in_front_of_branches_a_finer_layer_of_one_alone_says_nothing_of_where() -> None:
    image = keras.Input((8, 8, 3))
    pooled = []
    for name in ("left", "right"):
        fine = conv(f"fine_{name}", activation="relu")(image)
        pooled.append(layers.GlobalAveragePooling2D()(conv(name, strides=2)(fine)))
    model = draw_weights(keras.Model(image, layers.Dense(3)(layers.Concatenate()(pooled))))
    scales = ks.Probe(model, compile=False).scales(IMAGES, 1)
    assert sorted(map(str, scales.layers)) == ["left", "right"]
    assert (scales.image, scales.branches) == (True, 2)


class Hidden(keras.Model):
    """Two branches that operators pool and join; something behind one of them is computed for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.head = conv("left"), conv("right"), layers.Dense(3)
        self.spare = conv("spare")

    def call(self, images: Any) -> Any:
        left, right = self.left(images), self.right(images)
        self.spare(left)
        pooled = [ops.mean(part, axis=(1, 2)) for part in (left, right)]
        return self.head(ops.concatenate(pooled, axis=-1))


def test_branches_that_operators_join_are_added_too() -> None:
    model = Hidden()
    model(IMAGES)
    draw_weights(model)
    found = ks.HiResCAM(relu=False)(model, IMAGES, 1)
    assert found.layer == "right, left"
    bias = array(model.head.bias)[1]
    assert_close(found.values.sum(axis=(1, 2)), found.scores - bias, CLOSE, "the score")


@pytest.mark.once
def test_maps_on_different_pictures_are_not_added() -> None:
    inputs = [keras.Input((8, 8, 3), name=name) for name in ("one", "two")]
    pooled = [layers.GlobalAveragePooling2D()(conv(f"of_{given.name}")(given)) for given in inputs]
    model = draw_weights(keras.Model(inputs, layers.Dense(3)(layers.Concatenate()(pooled))))
    found = ks.HiResCAM(relu=False)(model, [IMAGES, IMAGES], 1)
    assert found.layer in ("of_one", "of_two")
    assert "is one of 2 branches of equal standing" in found.notes[0]
