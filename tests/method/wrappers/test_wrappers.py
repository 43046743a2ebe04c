"""Controls, regions and wrappers, beyond what the contract checks of every method."""

from __future__ import annotations

import builtins
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.method.cam.principal import principal_component
from kerascope.method.wrappers.xrai import grow_regions, segment
from kerascope.testing.models import MODELS, fill


def classifier(*shape: int) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    fill(model, 8)
    return model


def test_a_random_map_follows_from_seed_and_image() -> None:
    model, images = classifier(12, 10, 1), np.random.default_rng(0).random((3, 12, 10, 1), "float32")
    images[2] = images[0]
    found = ks.RandomMap()(model, images, 1).values
    np.testing.assert_array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found, ks.RandomMap(seed=1)(model, images, 1).values)
    assert found.min() >= 0
    assert found.max() <= 1
    # Per pixel, neighbours have nothing to do with each other; on a coarse grid they have.
    coarse, fine = (ks.RandomMap(grid)(model, images, 1).values for grid in (3, None))
    assert np.abs(np.diff(coarse, axis=1)).mean() < np.abs(np.diff(fine, axis=1)).mean() / 2


def test_edges_are_slopes() -> None:
    model, images = classifier(16, 16, 2), np.zeros((1, 16, 16, 2), "float32")
    images[0, :, :, 0] = 3 * np.arange(16)
    images[0, :, :, 1] = 4 * np.arange(16)[:, None]
    found = ks.EdgeMap()(model, images, 1).values[0]
    # The kernel is cut off at four standard deviations.
    np.testing.assert_allclose(found[6:10, 6:10], 7, rtol=1e-3)
    assert not ks.EdgeMap().draw(np.ones((8, 6, 2))).any()


def test_the_centre_is_as_wide_as_said() -> None:
    found = ks.CentreGaussian(sigma=0.1)(classifier(11, 31, 1), np.zeros((1, 11, 31, 1)), 1).values[0]
    assert np.unravel_index(found.argmax(), found.shape) == (5, 15)
    np.testing.assert_allclose(found[5, 15 + 3], np.exp(-0.5 * (3 / 3.1) ** 2), rtol=1e-5)
    np.testing.assert_allclose(found[5 + 1, 15], np.exp(-0.5 * (1 / 1.1) ** 2), rtol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_segments_are_what_one_sees(channels: int) -> None:
    picture = np.zeros((12, 20, channels), "float32")
    picture[:, 10:] = 1
    regions = segment(1000 * picture - 500, (50.0, 500.0), 1)
    assert len(np.unique(regions)) == 4, "two halves at each of two scales"
    for scale in regions:
        assert len(np.unique(scale[:, :10])) == len(np.unique(scale[:, 10:])) == 1
    np.testing.assert_array_equal(regions, segment(picture, (50.0, 500.0), 1))


def test_regions_are_taken_in_the_order_of_their_gain() -> None:
    attribution = np.array([[4.0, 4.0, 1.0, 0.0]])
    # A: the first pixel; B: the first three, of which the second and third are left when A is taken.
    regions = np.array([[[0, 1, 1, 1]], [[2, 2, 2, 3]]])
    np.testing.assert_array_equal(grow_regions(attribution, regions), [[4.0, 2.5, 2.5, 0.0]])


def test_growing_is_the_plain_loop() -> None:
    generator = np.random.default_rng(1)
    attribution = generator.normal(size=(9, 7))
    regions = generator.integers(0, 6, size=(3, 9, 7)) + np.array([0, 6, 12])[:, None, None]
    expected, free = np.zeros((9, 7)), np.ones((9, 7), bool)
    while free.any():
        masks = [(regions == label).any(axis=0) & free for label in range(18)]
        gains = [attribution[mask].mean() if mask.any() else -np.inf for mask in masks]
        best = int(np.argmax(gains))
        expected[masks[best]] = gains[best]
        free &= ~masks[best]
    np.testing.assert_allclose(grow_regions(attribution, regions), expected, rtol=1e-12)


def test_regions_need_pictures() -> None:
    tiny = MODELS["conv1d"]()
    with pytest.raises(ks.errors.InputError, match="height and width"):
        ks.XRAI()(tiny.model, tiny.images, 1)


def test_regions_need_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("skimage"):
            raise ImportError(name)
        return plain(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ks.errors.MissingPackageError, match=r"kerascope\[segments\]"):
        ks.XRAI()(classifier(8, 8, 1), np.zeros((1, 8, 8, 1)), 1)


def test_augmentation_pins_the_target() -> None:
    """The predicted class of a mirror image may differ: it is the image's own that is explained."""
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2, use_bias=False)])
    kernel = np.zeros((4, 4, 2), "float32")
    kernel[:, :2, 0] = kernel[:, 2:, 1] = np.arange(4)[:, None]
    model.layers[-1].set_weights([kernel.reshape(16, 2)])
    image = np.zeros((1, 4, 4, 1), "float32")
    image[:, :, 0] = 1
    found = ks.Augmented(ks.Saliency())(model, image)
    assert found.targets.tolist() == [0]
    expected = (kernel[..., 0] + kernel[:, ::-1, 0]) / 2
    np.testing.assert_allclose(found.values[0, ..., 0], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 7, 4), (4, 3, 9)])
def test_the_first_component_is_that_of_a_singular_value_decomposition(shape: tuple[int, ...]) -> None:
    matrices = np.random.default_rng(2).normal(size=shape).astype("float32")
    matrices[1] *= 1e-20
    matrices[2] = 0
    sums = matrices.sum(axis=-1)
    found = ops.convert_to_numpy(ops.sum(principal_component(ops.convert_to_tensor(matrices)), axis=-1))
    for matrix, total, component in zip(matrices.astype("float64"), sums, found, strict=True):
        left, sizes, _ = np.linalg.svd(matrix, full_matrices=False)
        expected = left[:, 0] * sizes[0]
        expected *= -1 if expected @ total < 0 else 1
        np.testing.assert_allclose(component, expected, atol=2e-5 * np.abs(expected).max(initial=1e-30))


def test_a_method_without_channels_is_its_own_component() -> None:
    tiny = MODELS["functional"]()
    found = ks.PrincipalComponent(ks.EdgeMap())(tiny.model, tiny.images, 1)
    np.testing.assert_array_equal(found.values, ks.EdgeMap()(tiny.model, tiny.images, 1).values)
    assert "no channels" in " ".join(found.notes)


def test_a_centred_component_is_that_of_the_largest_variance() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    found = ks.PrincipalComponent(ks.GradCAM(), centre=True)(probe, tiny.images, 1).values
    activations = probe.activations(tiny.images).astype("float64")
    weights = probe.gradients(tiny.images, 1, layer="conv2").mean(axis=(1, 2), keepdims=True)
    for component, channels in zip(found, activations * weights, strict=True):
        rows = channels.reshape(-1, channels.shape[-1])
        variances = np.linalg.eigvalsh(np.cov(rows.T, bias=True))
        assert component.mean() == pytest.approx(0, abs=1e-6)
        assert component.astype("float64").var() == pytest.approx(variances[-1], rel=1e-4)
        assert (component.ravel() * rows.sum(axis=1)).sum() >= 0


@pytest.mark.parametrize("wrapper", [ks.Augmented, ks.PrincipalComponent, ks.XRAI])
def test_a_wrapper_is_what_is_inside(wrapper: Any) -> None:
    assert wrapper(ks.GradCAM()).at("conv2") == wrapper(ks.GradCAM(layer="conv2"))
    assert wrapper(ks.Saliency()).at("conv2") == wrapper(ks.Saliency())
    assert wrapper(ks.RandomMap(seed=5)).seed == 5
    assert "layer" in wrapper(ks.GradCAM()).tags
    assert "target_free" in wrapper(ks.EdgeMap()).tags
    assert wrapper(ks.EdgeMap()).backwards == 0
    with pytest.raises(ks.errors.ParameterError, match=r"method must be a kerascope method"):
        wrapper("grad_cam")


@pytest.mark.parametrize("method", [ks.RandomMap(), ks.CentreGaussian(), ks.EdgeMap(), ks.XRAI(ks.GradCAM())])
def test_what_needs_no_gradient_at_the_input_takes_integers(method: ks.Method) -> None:
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    fill(model, 5)
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("uint8")
    assert method(model, images, 1).values.shape == (2, 8, 8)
    with pytest.raises(ks.errors.InputError, match="floating-point"):
        ks.Augmented(ks.GradCAM())(model, images, 1)
