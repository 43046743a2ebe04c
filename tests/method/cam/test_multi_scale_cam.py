"""Multi-scale CAM by hand, and where scales say nothing, cannot be asked, or are named."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.method.cam.multi_scale_cam import combine_scales
from kerascope.resize import resize
from kerascope.testing.fixture import CLOSE, EXACT, assert_close
from kerascope.typing import Tensor
from tests.helpers.networks.cam import network

# By hand: a line of four pixels, a convolution that hands them on, the larger one of each two, and their sum
# with weights.
LINE = np.array([0.0, 1.0, 0.0, 2.0], "float32").reshape(1, 4, 1)


def on_a_line(*weights: float) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((4, 1)),
            layers.Conv1D(1, 1, activation="relu", name="fine"),
            layers.MaxPooling1D(2, name="deep"),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.set_weights([np.ones((1, 1, 1)), np.zeros(1), np.reshape(weights, (2, 1)), np.zeros(1)])
    return model


def by_array(*maps: Any) -> Tensor:
    return ops.convert_to_numpy(
        combine_scales([ops.convert_to_tensor(np.float32(one)[None]) for one in maps])
    )[0]


@pytest.mark.once
def test_by_hand() -> None:
    found = ks.MultiScaleCAM()(on_a_line(2, 3), LINE, ks.Value())
    # D = (2, 6), enlarged (2, 3, 5, 6); F = (0, 1, 0, 3), since (0, 2, 0, 6) has the mean 2; the image less
    # its median, times the gradient, is (0, 1, 0, 4.5), of the mean 11 / 8: F + I = (0, 19, 0, 69) / 11.
    assert_close(found.values, np.array([[0, 3.06 / 3 * 19 / 69, 0, 6.06]]), EXACT, "D, F and I")
    assert found.layer == "deep"
    assert found.notes == ("where: by fine, the image",)


@pytest.mark.once
@pytest.mark.parametrize(
    "method", [ks.MultiScaleCAM(relu=False), ks.PrincipalComponent(ks.MultiScaleCAM())], ids=repr
)
def test_signed_is_what_speaks_for_the_class_less_what_speaks_against_it(method: ks.Method) -> None:
    """Of a single channel at each scale, the first component is that channel."""
    # For: D = (-2, 6), F and I at the last pixel. Against: ReLU(-D) = (2, 0), enlarged (2, 1.5, 0.5, 0).
    found = method(on_a_line(-2, 3), LINE, ks.Value())
    assert_close(found.values, np.array([[0, -1.56, 0, 6.06]]), CLOSE, "for and against")


@pytest.mark.once
def test_all_against_the_class_is_small_and_not_flat() -> None:
    np.testing.assert_allclose(by_array([-5, -10], [1, 2]), [0.025, 0.1], rtol=1e-5)


@pytest.mark.once
def test_a_blank_scale_changes_nothing() -> None:
    deep, fine = [1.0, 4.0], [3.0, -1.0, 2.0, 5.0]
    np.testing.assert_array_equal(by_array(deep, np.zeros(4), fine), by_array(deep, fine))


@pytest.mark.once
def test_where_every_finer_layer_is_blank_the_image_decides() -> None:
    deep, image = ops.convert_to_tensor([[1.0, 4.0]]), ops.convert_to_tensor([[3.0, 1.0]])
    found = ops.convert_to_numpy(combine_scales([deep, 0 * deep], image))
    np.testing.assert_allclose(found, [[1.04, 4.04 / 3]], rtol=1e-5)


def test_where_no_scale_says_anything_the_deep_map_is_left() -> None:
    np.testing.assert_array_equal(by_array([-1.0, 4.0], [0.0, -2.0]), [0.0, 4.0])


def test_the_ground_of_an_image_counts_for_nothing() -> None:
    """White paper is as black paper, where the network does not tell them apart."""
    parts = [
        layers.Conv2D(4, 1, activation="relu", name="fine"),
        layers.Conv2D(5, 2, strides=2, activation="relu", name="deep"),
        layers.Flatten(),
        layers.Dense(3),
    ]
    probe, images = network(*parts)
    kernel, bias, *others = probe.model.get_weights()
    maps = []
    for added in (0.0, 2.0):
        probe.model.set_weights([kernel, bias - added * kernel.sum(axis=(0, 1, 2)), *others])
        maps.append(ks.MultiScaleCAM()(probe, images + added, 1).values)
    assert_close(maps[1], maps[0], 1e-4, "on other paper")


class Cut(layers.Layer):
    """No gradient passes."""

    def call(self, tensor: Any) -> Any:
        return ops.stop_gradient(tensor)


def convolution(name: str, strides: int = 2) -> layers.Layer:
    return layers.Conv2D(4, 3, strides=strides, padding="same", activation="relu", name=name)


HEAD = (layers.GlobalAveragePooling2D, lambda: layers.Dense(3))
CUT: dict[str, tuple[list[type | str], tuple[str, ...], str]] = {
    "image": (
        [Cut, "fine", "middle", "deep"],
        ("deep", "middle", "fine"),
        "middle, fine; the score has no gradient at the image",
    ),
    "layer": (
        ["fine", Cut, "middle", "deep"],
        ("deep",),
        "the layer alone; the score has no gradient at middle or fine or the image",
    ),
}


@pytest.mark.parametrize("place", CUT)
def test_scales_without_a_gradient_are_left_out_and_named(place: str) -> None:
    parts, left, told = CUT[place]
    made = [convolution(part) if isinstance(part, str) else part() for part in parts]
    probe, images = network(*made, *(part() for part in HEAD), shape=(16, 16, 3))
    probe = ks.Probe(probe.model)
    found = ks.MultiScaleCAM()(probe, images, 1)
    assert found.notes == (f"where: by {told}",)
    assert found.layer == "deep"
    traces = probe.trace_count
    assert_close(ks.MultiScaleCAM()(probe, images, 1).values, found.values, EXACT, "asked again")
    assert probe.trace_count == traces
    assert_close(ks.MultiScaleCAM(layers=left)(probe, images, 1).values, found.values, EXACT, "what is left")


@pytest.mark.once
def test_whole_numbers_have_a_map_of_their_size() -> None:
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3), dtype="uint8"),
            layers.Rescaling(1 / 255),
            convolution("fine"),
            convolution("deep"),
            *(part() for part in HEAD),
        ]
    )
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype("uint8")
    found = ks.MultiScaleCAM()(model, images, 1)
    assert found.values.shape == (2, 16, 16)
    assert found.notes == ("where: by fine",)


@pytest.mark.once
def test_layers_that_are_named_are_taken_in_their_order() -> None:
    probe, images = network(convolution("fine"), convolution("deep"), *(part() for part in HEAD))
    signed = {name: ks.HiResCAM(name, relu=False)(probe, images, 1).values for name in ("fine", "deep")}
    expected = []
    for deep, fine in zip(signed["deep"], signed["fine"], strict=True):
        what = resize(np.maximum(deep, 0)[None], fine.shape, 1)[0] + 0.01 * np.abs(deep).max()
        where = np.maximum(fine, 0) / np.maximum(fine, 0).max()
        expected.append(resize((what * where**2)[None], (8, 10), 1)[0])
    found = ks.MultiScaleCAM(layers=["deep", "fine"])(probe, images, 1)
    assert_close(found.values, np.stack(expected), CLOSE, "by hand")
    assert (found.layer, found.notes) == ("deep, fine", ())
    other = ks.MultiScaleCAM(layers=["fine", "deep"])(probe, images, 1).values
    assert not np.allclose(other, found.values)


@pytest.mark.once
def test_eight_grids_find_a_pixel() -> None:
    parts = [layers.MaxPooling2D(2) for _ in range(7)]
    probe, _ = network(
        layers.Conv2D(1, 1, activation="relu"),
        *parts[:-1],
        layers.Flatten(),
        layers.Dense(1),
        shape=(128, 128, 1),
    )
    probe.model.set_weights([np.ones_like(part) for part in probe.model.get_weights()])
    image = np.zeros((1, 128, 128, 1), "float32")
    image[0, 37, 90] = 1
    found = ks.MultiScaleCAM()(probe, image, ks.Value()).values[0]
    assert np.unravel_index(found.argmax(), found.shape) == (37, 90)


@pytest.mark.once
def test_a_fusion_is_refused() -> None:
    with pytest.raises(ks.errors.ParameterError, match="in its own way"):
        ks.MultiScaleCAM(layers=("a", "b"), fusion="max")
