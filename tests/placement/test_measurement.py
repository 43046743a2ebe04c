"""When it is measured where cells look, what it costs, and that methods and metrics use it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import kerascope as ks
from kerascope.probe.placing.doubt import find_doubt
from tests.helpers.expected_warnings import FLATTENED

IMAGES = np.random.default_rng(0).random((2, 40, 40, 3)).astype("float32")
INSIDE = (slice(None), slice(8, 32), slice(8, 32))


def network(*first: Any, padding: str = "same", side: int = 40, seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            *first,
            layers.Conv2D(8, 3, padding=padding, activation="relu", name="conv"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(8, 3, padding=padding, activation="relu", name="last"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, kernel_initializer="ones"),  # no map is flat, whatever the weights
        ]
    )


@pytest.fixture(scope="module")
def cropped() -> tuple[keras.Model, keras.Model]:
    """A network that crops its image, and the same network without the crop."""
    whole, inner = network(layers.CenterCrop(24, 24)), network(side=24)
    inner.set_weights(whole.get_weights())
    return whole, inner


def test_shapes_of_padded_networks_leave_nothing_to_measure() -> None:
    probe = ks.Probe(network())
    found = ks.GradCAM(relu=False)(probe, IMAGES, 1)
    assert (probe.placement_count, probe.forward_count) == (0, 2)
    assert (found.placement.kind, found.placement.trust) == ("stretched", None)


def test_it_is_measured_once_for_each_layer_and_size_and_within_forty_passes() -> None:
    probe = ks.Probe(network(padding="valid"))
    first = ks.GradCAM(relu=False)(probe, IMAGES, 1)
    assert probe.placement_count == 39
    for count in (1, 2):
        again = ks.HiResCAM(relu=False)(probe, IMAGES[:count], 1)
        assert again.placement == first.placement
    assert (probe.placement_count, probe.forward_count) == (39, 5)
    ks.GradCAM(layer="conv", relu=False)(probe, IMAGES, 1)
    assert probe.placement_count == 2 * 39


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="compiled passes cannot be counted in a call")
def test_the_model_runs_no_more_than_it_says() -> None:
    rows: list[int] = []

    class Count(layers.Layer):
        def call(self, tensor: Any) -> Any:
            rows.append(tensor.shape[0])
            return tensor

    probe = ks.Probe(network(Count(), padding="valid"))
    probe.graph(IMAGES)
    rows.clear()
    assert probe.placement(IMAGES).kind == "measured"
    assert sum(rows) == probe.placement_count == 39


@pytest.mark.parametrize("seed", range(3))
def test_unpadded_cells_lie_at_their_centres(seed: int) -> None:
    placement = ks.Probe(network(padding="valid", seed=seed)).placement(IMAGES)
    # 3 x 3, of which two are pooled, and 3 x 3 of these: the first cell sees pixels 0 to 7, the next two on.
    for axis in placement.axes:
        np.testing.assert_allclose(axis.centres, 4 + 2 * np.arange(17), atol=0.5)
    assert placement.trust > 0.9
    plain = ks.Probe(network(padding="valid", seed=seed), placement="stretched")
    assert (plain.placement(IMAGES).kind, plain.placement_count) == ("stretched", 0)


@pytest.mark.parametrize(
    "method",
    [
        ks.GradCAM(relu=False),
        ks.HiResCAM(layers=("pool", "last"), relu=False),
        ks.GuidedGradCAM(),
        ks.ScoreCAM(relu=False, channels=4),
        ks.Augmented(ks.HiResCAM(relu=False)),
        ks.SmoothGrad(ks.HiResCAM(relu=False), sigma=0.0, samples=1),
    ],
    ids=lambda method: type(method).__name__,
)
def test_behind_a_crop_maps_are_those_of_the_crop(cropped: Any, method: ks.Method) -> None:
    whole, inner = cropped
    found = method(ks.Probe(whole), IMAGES, 1)
    expected = method(ks.Probe(inner), IMAGES[INSIDE], 1)
    assert found.placement.kind == ("pixels" if isinstance(method, ks.GuidedGradCAM) else "measured")
    maps = found.heatmaps()
    np.testing.assert_allclose(maps[INSIDE], expected.heatmaps(), rtol=1e-3, atol=1e-5)
    maps[INSIDE] = 0
    assert not maps.any()


def test_the_image_scale_agrees_with_the_layers_behind_a_crop(cropped: Any) -> None:
    found = ks.MultiScaleCAM()(ks.Probe(cropped[0]), IMAGES, 1)
    assert found.placement.kind == "pixels"
    maps = found.heatmaps()
    maps[INSIDE] = 0
    assert not maps.any()


def test_metrics_measure_on_the_placed_map(cropped: Any) -> None:
    probe = ks.Probe(cropped[0])
    found = ks.GradCAM()(probe, IMAGES, 1)
    masks = np.zeros((2, 40, 40), bool)
    masks[INSIDE] = True
    metrics = [ks.metric.EnergyPointingGame()]
    report = ks.evaluate(
        [ks.GradCAM()], probe, IMAGES, metrics=metrics, target=1, masks=masks, controls=(), progress=False
    )
    assert found.heatmaps().max() > 0
    np.testing.assert_allclose(report.values, 1, atol=1e-6)


@FLATTENED
def test_positions_without_places_give_way_and_have_values() -> None:
    image = keras.Input((32, 32, 3))
    keras.utils.set_random_seed(0)
    cells = layers.Conv2D(8, 4, strides=4, activation="relu", name="cells")(image)
    mixed = layers.Dense(16 * 8, name="mix")(layers.Flatten(name="flat")(cells))
    latents = layers.Reshape((16, 8), name="latents")(mixed)
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling1D()(latents)))
    probe = ks.Probe(model)
    found = ks.GradCAM(relu=False)(probe, IMAGES[:, :32, :32], 1)
    assert found.layer == "cells"
    assert ks.layers(probe).automatic.path == "cells"
    named = ks.GradCAM(layer="latents", relu=False)(probe, IMAGES[:, :32, :32], 1)
    assert named.values.shape == (2, 16)
    assert named.placement.trust < 0.5
    with pytest.raises(ks.errors.ExplanationError, match="16 positions of 'latents' are no places"):
        named.heatmaps()
    with pytest.raises(ks.errors.ExplanationError, match="16 positions"):
        named.plot()


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="a check of values needs an eager backend")
def test_a_model_that_refuses_noise_is_stretched_with_a_note() -> None:
    class Checked(layers.Layer):
        strict = False

        def call(self, tensor: Any) -> Any:
            if self.strict and type(tensor).__name__ != "FakeTensor" and float(tensor.max()) > 0.5:
                raise ValueError("pixels must be at most 0.5")
            return tensor

    layer = Checked()
    probe = ks.Probe(network(layer, padding="valid"))
    layer.strict = True
    found = ks.GradCAM(relu=False)(probe, IMAGES / 2, 1)
    assert found.placement.kind == "stretched"
    assert any("could not be measured: the model raised" in note for note in found.notes)


@pytest.mark.parametrize(
    ("parts", "doubt"),
    [
        ([], "none"),
        ([layers.ZeroPadding2D(1), layers.Conv2D(4, 3)], "none"),
        ([layers.Conv2D(4, 4, strides=4)], "none"),
        ([layers.Conv2D(4, 3)], "where"),
        ([layers.ZeroPadding2D(1), layers.Activation("relu"), layers.Conv2D(4, 3)], "where"),
        ([layers.MaxPooling2D(3)], "where"),
        ([layers.Cropping2D(2)], "where"),
        ([layers.Resizing(20, 20)], "none"),
        ([layers.Resizing(20, 20, crop_to_aspect_ratio=True)], "where"),
        ([layers.Permute((2, 1, 3))], "whether"),
        ([layers.Flatten(), layers.Dense(192), layers.Reshape((8, 8, 3))], "whether"),
    ],
    ids=lambda value: (
        None if isinstance(value, str) else "+".join(type(part).__name__ for part in value) or "padded"
    ),
)
@pytest.mark.once
def test_what_shapes_leave_open(parts: list[Any], doubt: str) -> None:
    probe = ks.Probe(network(*parts))
    graph = probe.graph(IMAGES)
    assert find_doubt(graph, graph.find_call("last")) == doubt


def test_branches_of_different_parts_of_the_image_are_drawn_in_their_own_places() -> None:
    image = keras.Input((64, 64, 3))
    keras.utils.set_random_seed(0)

    def pool(part: Any) -> Any:
        cells = layers.Conv2D(4, 4, strides=4, kernel_initializer="ones")(part)
        return layers.GlobalAveragePooling2D()(cells)

    halves = [pool(layers.Cropping2D(((0, 0), sides))(image)) for sides in ((0, 32), (32, 0))]
    model = keras.Model(image, layers.Dense(2, kernel_initializer="ones")(layers.Concatenate()(halves)))
    pictures = np.zeros((2, 64, 64, 3), "float32")
    pictures[0, 40:48, 8:16] = pictures[1, 12:20, 52:60] = 1
    found = ks.HiResCAM()(ks.Probe(model), pictures, 0)
    assert len(found.layer.split(", ")) == 2
    for heat, centre in zip(found.heatmaps(), ((44, 12), (16, 56)), strict=True):
        places = np.indices(heat.shape) + 0.5
        np.testing.assert_allclose((places * heat).sum(axis=(1, 2)) / heat.sum(), centre, atol=1)


def test_a_mirror_image_of_rows_alone_is_not_turned_back() -> None:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 24, 1)),
            layers.Reshape((32, 24)),
            layers.Conv1D(4, 3, padding="same", name="rows"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ]
    )
    pictures = np.random.default_rng(1).random((2, 32, 24, 1)).astype("float32")
    probe, method = ks.Probe(model), ks.GradCAM(layer="rows", relu=False)
    found = ks.Augmented(method, scales=(1.0,))(probe, pictures, 1)
    assert found.placement.axes[1] is None
    both = method(probe, pictures, 1).values + method(probe, pictures[:, :, ::-1], 1).values
    np.testing.assert_allclose(found.values, both / 2, rtol=1e-4, atol=1e-6)


def test_not_a_number_on_noise_is_stretched_with_a_note() -> None:
    # Without pooling, which on TensorFlow takes NaN for the least number.
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((40, 40, 3)),
            layers.Lambda(lambda tensor: keras.ops.log(tensor - 2)),
            layers.Conv2D(4, 3),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, kernel_initializer="ones"),
        ]
    )
    found = ks.GradCAM(relu=False)(ks.Probe(model), IMAGES + 3, 1)
    assert found.placement.kind == "stretched"
    assert any("gave NaN or infinity on pictures of noise" in note for note in found.notes)
