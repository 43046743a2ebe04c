"""Principal components as maps: those of NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from keras import layers

import kerascope as ks
from kerascope.testing import MODELS
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.typing import Tensor
from tests.helpers.networks.cam import network


@pytest.fixture(scope="module")
def probe() -> ks.Probe:
    """Two convolutions, a mean over space, and a Dense layer."""
    return ks.Probe(MODELS["functional"]().model, compile=False)


@pytest.fixture(scope="module")
def images() -> Tensor:
    return MODELS["functional"]().images


def component(table: Tensor, reference: Tensor) -> Tensor:
    """The first component by `numpy.linalg.svd`, its sign that of the reference."""
    left, values, _ = np.linalg.svd(table.astype("float64"), full_matrices=False)
    found = left[:, 0] * values[0]
    return found if found @ reference >= 0 else -found


@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("channels", [3, 40, 100], ids=lambda count: f"{count} channels")
@pytest.mark.parametrize("name", ["eigen_cam", "eigen_grad_cam"])
def test_components_are_those_of_a_singular_value_decomposition(
    name: str, channels: int, centre: bool
) -> None:
    probe, images = network(
        layers.Conv2D(channels, 3, name="conv"), layers.Flatten(), layers.Dense(3), seed=channels
    )
    found = ks.methods()[name](layer="conv", relu=False, centre=centre)(probe, images, 1)  # type: ignore[call-arg]
    tables = probe.activations(images, "conv").astype("float64")
    if name == "eigen_grad_cam":
        tables = tables * probe.gradients(images, 1, "conv")
    assert tables.shape == (2, 6, 8, channels)
    expected = [
        component(table - table.mean(axis=0) if centre else table, table.sum(axis=1))
        for table in tables.reshape(2, 48, channels)
    ]
    assert_close(found.values.reshape(2, 48), np.stack(expected), CLOSE, "first component")


@pytest.mark.parametrize("kernel", ["sigmoid", "rbf", "linear", "cosine", "polynomial"])
def test_kernel_components_are_those_of_scikit_learn(kernel: str) -> None:
    from sklearn.decomposition import KernelPCA

    probe, images = network(
        layers.Conv2D(5, 3, name="conv"), layers.GlobalAveragePooling2D(), layers.Dense(3)
    )
    found = ks.KPCACAM(layer="conv", kernel=kernel, relu=False)(probe, images, 1).values
    tables = probe.activations(images, "conv").reshape(2, 48, 5).astype("float64")
    expected = []
    for table in tables:
        name = {"polynomial": "poly"}.get(kernel, kernel)
        decomposition = KernelPCA(n_components=1, kernel=name, eigen_solver="dense")
        peer = decomposition.fit_transform(table - table.mean(axis=0))[:, 0]
        expected.append(peer if peer @ table.sum(axis=1) >= 0 else -peer)
    assert_close(found.reshape(2, 48), np.stack(expected), CLOSE, kernel)


def test_the_linear_kernel_is_centred_eigen_cam(probe: ks.Probe, images: Tensor) -> None:
    linear = ks.KPCACAM(kernel="linear")(probe, images).values
    assert_close(linear, ks.EigenCAM(centre=True)(probe, images).values, CLOSE, "the linear kernel")


def test_a_kernel_of_too_many_positions_is_refused() -> None:
    probe, images = network(
        layers.Conv2D(2, 3, name="conv"), layers.GlobalAveragePooling2D(), layers.Dense(3), shape=(70, 70, 1)
    )
    with pytest.raises(ks.errors.LayerError, match=r"4096 positions.*4624"):
        ks.KPCACAM()(probe, images)


@pytest.mark.parametrize("parameters", [{"gradients": "positive"}, {"backprop": "guided"}])
@pytest.mark.parametrize("method", [ks.EigenCAM, ks.KPCACAM])
def test_what_takes_no_gradient_says_so(method: type[ks.Method], parameters: dict[str, str]) -> None:
    with pytest.raises(ks.errors.ParameterError, match="takes no gradient"):
        method(**parameters)  # type: ignore[call-arg]


def test_a_target_free_map_is_the_same_for_all(probe: ks.Probe, images: Tensor) -> None:
    maps = [ks.EigenCAM()(probe, images, index).values for index in range(3)]
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[1], maps[2])


@pytest.mark.once
def test_a_component_of_values_whose_size_is_shown_has_no_sign() -> None:
    assert not ks.PrincipalComponent(ks.Saliency()).signed
    assert ks.PrincipalComponent(ks.InputXGradient()).signed
