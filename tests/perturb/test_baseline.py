"""What an image is compared with, and how paths and noisy copies say what they did."""

from __future__ import annotations

import pickle
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.perturb.baseline import Pixels, as_baseline
from tests.helpers.expected_warnings import warned

IMAGES = np.random.default_rng(0).random((2, 6, 8, 3)).astype("float32")


def network(*first: keras.Layer) -> keras.Model:
    """Linear but for a softmax: the gradient is the same everywhere."""
    keras.utils.set_random_seed(1)
    layers = [keras.Input((6, 8, 3)), *first, keras.layers.Flatten(), keras.layers.Dense(3)]
    return keras.Sequential(layers)


def shared_out(baseline: Any, model: keras.Model | None = None, **options: Any) -> tuple[Any, Any]:
    """The baseline that integrated gradients went from, as a linear model shows it, and the notes."""
    model = network() if model is None else model
    method = ks.IntegratedGradients(steps=2, baseline=baseline, **options)
    found = method(model, IMAGES, 1)
    gradient = ks.Saliency()(model, IMAGES, 1).values
    return IMAGES - found.values / gradient, found.notes


def test_a_number_an_array_and_a_colour() -> None:
    whole = np.random.default_rng(1).random(IMAGES.shape).astype("float32")
    colour = np.array([0.1, 0.2, 0.3])
    for baseline, expected, note in (
        (0.25, 0.25, "baseline: 0.25 everywhere"),
        (whole, whole, "baseline: the given array (2, 6, 8, 3)"),
        (whole[0], whole[:1], "baseline: the given array (6, 8, 3)"),
        (colour, colour, "baseline: the given array (3,)"),
    ):
        found, notes = shared_out(baseline)
        np.testing.assert_allclose(found, np.broadcast_to(expected, IMAGES.shape), atol=2e-3)
        assert notes == (note,)


def test_black_is_zero_where_the_model_states_its_range_and_the_lowest_value_elsewhere() -> None:
    found, notes = shared_out("black", network(keras.layers.Rescaling(1 / 255)))
    np.testing.assert_allclose(found, 0, atol=2e-3)
    assert notes == ("baseline: black, 0.0 everywhere",)
    found, notes = shared_out("black")
    lowest = IMAGES.min(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(found, np.broadcast_to(lowest, IMAGES.shape), atol=2e-3)
    assert notes == ("baseline: black, the lowest value of each image, as the model states no range",)


def test_noise_follows_seed_range_and_number_and_not_the_place_in_the_batch() -> None:
    model = network(keras.layers.Rescaling(1 / 255))
    found, notes = shared_out("noise", model, seed=5)
    np.testing.assert_allclose(found[0], found[1], atol=0.5)
    assert found.min() > -0.5
    assert found.max() > 200
    assert notes == ("baseline: uniform noise over 0.0 to 255.0, seed 5",)
    other, _ = shared_out("noise", model, seed=6)
    assert np.abs(other - found).max() > 50
    several, notes = shared_out(("noise", "noise"), model, seed=5)
    assert np.abs(several - found).max() > 25, "two noises are not the same noise"
    assert notes == ("baseline: mean over 2: uniform noise over 0.0 to 255.0, seed 5",)


def test_several_baselines_are_averaged() -> None:
    found, notes = shared_out((0.0, 0.5, "blur"))
    blurred, _ = shared_out("blur")
    np.testing.assert_allclose(found, (0.5 + blurred) / 3, atol=2e-3)
    assert blurred.std() < IMAGES.std()
    assert notes[0].startswith("baseline: mean over 3: 0.0 everywhere; 0.5 everywhere; the image blurred by")


def test_an_array_in_the_models_own_layout() -> None:
    model = keras.Sequential(
        [
            keras.Input((3, 6, 8)),
            keras.layers.Permute((2, 3, 1)),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    images = np.moveaxis(IMAGES, -1, 1)
    own = np.random.default_rng(1).random((3, 6, 8)).astype("float32")
    found = ks.IntegratedGradients(steps=2, baseline=own)(model, images, 1)
    assert found.values.shape == (2, 6, 8, 3)
    last = ks.IntegratedGradients(steps=2, baseline=np.moveaxis(own, 0, -1))
    np.testing.assert_array_equal(found.values, last(model, images, 1).values)


def test_an_array_is_a_value() -> None:
    array = np.ones((6, 8, 3))
    method = ks.IntegratedGradients(baseline=array)
    array[:] = 7
    twin = ks.IntegratedGradients(baseline=np.ones((6, 8, 3)))
    assert method == twin
    assert hash(method) == hash(twin)
    assert pickle.loads(pickle.dumps(method)) == method
    assert method != ks.IntegratedGradients(baseline=np.zeros((6, 8, 3)))
    assert "array (6, 8, 3)" in method.describe()
    assert as_baseline(Pixels(np.ones(3))) == Pixels(np.ones(3))


@pytest.mark.parametrize(
    "baseline", ["grey", (), ((0.0, 1.0),), np.nan, True, np.array([np.inf]), None, np.array(["a"])]
)
def test_what_no_baseline_can_be(baseline: Any) -> None:
    with pytest.raises(ks.errors.ParameterError, match="baseline"):
        ks.IntegratedGradients(baseline=baseline)


def test_an_array_that_does_not_fit() -> None:
    with pytest.raises(ks.errors.InputError, match="must have the shape of one image"):
        ks.IntegratedGradients(baseline=np.ones((5, 8, 3)))(network(), IMAGES, 1)


def test_a_wide_gap_is_told() -> None:
    model = ks.testing.MODELS["flattened"]()
    with warned(ks.errors.CompletenessWarning, "take more steps"):
        found = ks.IntegratedGradients(steps=1)(model.model, model.images, 1)
    assert any("CompletenessWarning" in text for text in found.warnings)
    assert np.abs(found.completeness_gap).max() > 0.05
    assert found[0].completeness_gap.shape == (1,)


@pytest.mark.parametrize(
    "inner", [ks.GradCAM(relu=False), ks.IntegratedGradients(steps=3), ks.InputXGradient()]
)
def test_any_gradient_method_has_noisy_copies(inner: ks.Method) -> None:
    tiny = ks.testing.MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    method = ks.SmoothGrad(inner, samples=2, sigma=0.0)
    assert method.at("conv1") == ks.SmoothGrad(inner.at("conv1"), samples=2, sigma=0.0)
    with warned(ks.errors.CompletenessWarning, "", optional=True):
        expected = inner(probe, tiny.images, ks.Top(2))
        before = probe.forward_count, probe.backward_count
        found = method(probe, tiny.images, ks.Top(2))
    assert probe.forward_count - before[0] == 3 * method.forwards
    assert probe.backward_count - before[1] == 3 * 2 * method.backwards
    np.testing.assert_allclose(found.values, expected.values, atol=1e-6)
    assert (found.signed, found.reduction, found.layer) == (
        expected.signed,
        expected.reduction,
        expected.layer,
    )
    assert found.completeness_gap is None
    assert found.notes == expected.notes


@pytest.mark.parametrize(
    ("parameter", "value"), [("method", ks.Saliency), ("sigma", -0.1), ("samples", 0), ("seed", -1)]
)
def test_what_no_noise_can_be(parameter: str, value: Any) -> None:
    with pytest.raises(ks.errors.ParameterError, match=parameter):
        ks.SmoothGrad(**{parameter: value})


def test_blurring_needs_space() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ks.errors.InputError, match="spatial axes"):
        ks.BlurIntegratedGradients()(model, np.ones((2, 4)), 1)


@pytest.mark.parametrize("samples", [4, 8, 20])
def test_every_member_of_a_background_has_its_turn(samples: int) -> None:
    background = tuple(float(value) for value in range(8))
    counts = np.zeros(8, int)
    for seed in range(30):
        method = ks.ExpectedGradients(samples, baseline=background, seed=seed)
        own = np.bincount(method.draws()[1], minlength=8)
        assert own.sum() == samples
        assert own.max() - own.min() <= 1, "each as often as another or once more"
        counts += own
    assert (counts > 0).all()


@pytest.mark.parametrize("method", [ks.VarGrad, ks.SquareGrad])
def test_squares_have_no_sign(method: type[ks.Method]) -> None:
    found = method(ks.InputXGradient(), samples=3)(network(), IMAGES, 1)  # type: ignore[call-arg]
    assert ks.InputXGradient().signed
    assert not found.signed
    assert (found.values >= 0).all()


# ---- backgrounds, and inputs that are no pictures ---------------------------------------------


@pytest.mark.once
@pytest.mark.parametrize(
    "shape", [(7,), (9, 2), (6, 8), (4, 4, 4, 1)], ids=["row", "signal", "grey", "volume"]
)
def test_a_background_set_has_the_form_of_the_inputs(shape: tuple[int, ...]) -> None:
    """On a linear model, expected gradients are the way from the mean of the background times the weights."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(3)])
    random = np.random.default_rng(0)
    images, background = random.normal(size=(2, *shape)), random.normal(size=(4, *shape))
    found = ks.ExpectedGradients(8, baseline=tuple(background))(model, images, 1).values
    weights = keras.ops.convert_to_numpy(model.layers[-1].kernel)[:, 1].reshape(shape)
    wanted = (images - background.mean(axis=0)) * weights
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, atol=1e-5)


@pytest.mark.once
def test_a_background_of_several_inputs_is_that_of_the_explained_one() -> None:
    one, two = keras.Input((6, 2), name="one"), keras.Input((3,), name="two")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(one), two])
    model = keras.Model({"one": one, "two": two}, keras.layers.Dense(2)(joined))
    random = np.random.default_rng(0)
    images = {"one": random.normal(size=(2, 6, 2)), "two": random.normal(size=(2, 3))}
    background = random.normal(size=(4, 3))
    probe = ks.Probe(model, input="two")
    found = ks.ExpectedGradients(4, baseline=tuple(background))(probe, images, 0).values
    weights = keras.ops.convert_to_numpy(model.layers[-1].kernel)[-3:, 0]
    np.testing.assert_allclose(found, (images["two"] - background.mean(axis=0)) * weights, atol=1e-5)
    with pytest.raises(ks.errors.ParameterError, match="of a model with several inputs"):
        ks.ExpectedGradients(baseline={"two": background})


@pytest.mark.once
def test_a_set_that_is_no_tuple_and_a_member_that_does_not_fit_are_told_before_the_work() -> None:
    probe = ks.Probe(network())
    with pytest.raises(
        ks.errors.InputError, match=r"as a background set, give these 5.*baseline=tuple\(array\)"
    ):
        ks.ExpectedGradients(4, baseline=np.zeros((5, 6, 8, 3)))(probe, IMAGES, 1)
    before = probe.backward_count
    with pytest.raises(ks.errors.InputError, match=r"got \(6, 7, 3\)"):
        ks.ExpectedGradients(1, baseline=(*np.zeros((9, 6, 8, 3)), np.zeros((6, 7, 3))))(probe, IMAGES, 1)
    assert probe.backward_count == before


@pytest.mark.once
def test_a_row_of_numbers_has_no_mean_colour() -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    with pytest.raises(ks.errors.InputError, match="mean colours need an input with spatial axes"):
        ks.IntegratedGradients(baseline="mean")(model, np.arange(8.0).reshape(2, 4), 1)


def test_a_tensor_is_an_array() -> None:
    array = np.random.default_rng(1).random((6, 8, 3)).astype("float32")
    assert as_baseline(keras.ops.convert_to_tensor(array)) == Pixels(array)
