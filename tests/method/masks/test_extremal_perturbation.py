"""Extremal perturbations: the area, the two modes, scales of scores, passes, interruptions, bad input."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.method.masks.extremal_perturbation import ExtremalPerturbation, target_mask
from kerascope.testing.models import MODELS
from tests.helpers.expected_warnings import warned

# Its arithmetic is NumPy's; that the backends agree is a check of the contract.
pytestmark = pytest.mark.once

SMALL = ExtremalPerturbation(steps=4, cells=4, learning_rate=0.003)


@pytest.fixture(scope="module")
def tiny() -> ks.testing.Tiny:
    return MODELS["functional"]()


@pytest.fixture(scope="module")
def smooth() -> ks.testing.Tiny:
    """No unit has a corner, on the other side of which another batch size might put it."""
    return MODELS["smooth_functional"]()


@pytest.fixture(scope="module")
def planted() -> tuple[ks.testing.Tiny, ks.Probe]:
    tiny = MODELS["planted"]()
    return tiny, ks.Probe(tiny.model)


@pytest.fixture(scope="module")
def probe(tiny: ks.testing.Tiny) -> ks.Probe:
    return ks.Probe(tiny.model)


def linear(shape: tuple[int, ...], seed: int = 0, scale: float = 1.0) -> tuple[keras.Model, Any]:
    """A linear model of three scores, and its kernel (*shape, 3)."""
    kernel = scale * np.random.default_rng(seed).normal(size=(*shape, 3)).astype("float32")
    inputs = keras.Input(shape)
    head = keras.layers.Dense(3, use_bias=False)
    model = keras.Model(inputs, head(keras.layers.Flatten()(inputs)))
    head.set_weights([kernel.reshape(-1, 3)])
    return model, kernel


# -- the mask ----------------------------------------------------------------------------------------------


def test_entries_of_a_sorted_mask() -> None:
    masks = np.random.default_rng(0).permuted(np.arange(20) / 20)[None]
    expected = (masks > 0.77).astype(float)  # 0.8, 0.85, 0.9, 0.95
    np.testing.assert_allclose(target_mask(masks, 0.2), expected, atol=1e-6)


def test_equal_cells_share_their_places_and_a_part_of_a_cell_is_one() -> None:
    np.testing.assert_allclose(target_mask(np.zeros((1, 8)), 0.25), 0.25)
    np.testing.assert_allclose(target_mask(np.array([[0.1, 0.5, 0.9]]), 0.5), [[0, 0.5, 1]])


def test_entries_do_not_jump_where_two_cells_change_places() -> None:
    steps = np.linspace(0.4, 0.6, 401)
    found = np.concatenate([target_mask(np.array([[0.5, step, 0.0, 1.0]]), 0.5) for step in steps])
    assert np.abs(np.diff(found, axis=0)).max() < 0.03
    np.testing.assert_allclose(found.sum(axis=1), 2, atol=1e-9)


@pytest.mark.parametrize("area", [0.05, 0.25, 0.6])
@pytest.mark.parametrize("mode", ["preserve", "delete"])
def test_the_area_is_met(planted: tuple[ks.testing.Tiny, ks.Probe], area: float, mode: Any) -> None:
    tiny, probe = planted
    method = ExtremalPerturbation(area=area, mode=mode, cells=16)
    found = method(probe, tiny.images, [0, 1, 2]).values
    np.testing.assert_allclose(found.mean(axis=(1, 2)), area, atol=0.04)
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("baseline", ["blur", "black"])
@pytest.mark.parametrize("mode", ["preserve", "delete"])
def test_the_evidence_is_found(planted: tuple[ks.testing.Tiny, ks.Probe], mode: Any, baseline: str) -> None:
    """Half of a patch over black does not reach the detector's threshold: a mask of 1/2 has no gradient."""
    tiny, probe = planted
    found = ExtremalPerturbation(mode=mode, baseline=baseline)(probe, tiny.images, [0, 1, 2]).values
    for mask, (top, bottom, left, right) in zip(found, tiny.boxes or (), strict=True):
        assert mask[top:bottom, left:right].mean() > 0.6


def test_what_is_preserved_keeps_the_score_and_what_is_deleted_takes_it(
    tiny: ks.testing.Tiny, probe: ks.Probe
) -> None:
    images, targets = tiny.images, [0, 1, 2]

    def score(kept: Any) -> Any:
        return probe.scores(kept[..., None] * images, targets)

    def found(mode: Any) -> Any:
        return ExtremalPerturbation(area=0.25, mode=mode, baseline=0.0)(probe, images, targets).values

    kept, removed = found("preserve"), found("delete")
    others = [np.roll(kept, shift, axis=(1, 2)) for shift in ((4, 8), (0, 8), (4, 0))]
    assert all((score(kept) > score(other)).all() for other in others)
    others = [np.roll(removed, shift, axis=(1, 2)) for shift in ((4, 8), (0, 8), (4, 0))]
    assert all((score(1 - removed) < score(1 - other)).all() for other in others)


def test_a_mask_is_smooth_and_made_of_cells(tiny: ks.testing.Tiny, probe: ks.Probe) -> None:
    assert SMALL.grid((8, 16)) == (2, 4)
    assert SMALL.grid((3, 100)) == (1, 4)
    found = SMALL(probe, tiny.images, 1).values
    # Between the middles of cells, which are 4 pixels apart, it is linear.
    np.testing.assert_allclose(np.diff(found[:, :, 2:6], n=2, axis=2), 0, atol=1e-6)


def test_a_score_that_nothing_changes_has_no_mask() -> None:
    model, kernel = linear((6, 6, 1))
    kernel[..., 1] = 0
    model.layers[-1].set_weights([kernel.reshape(-1, 3)])
    images = np.random.default_rng(0).random((1, 6, 6, 1))
    with warned(errors.FlatMapWarning, "no gradient"):
        assert not SMALL(model, images, 1).values.any()


# -- scores ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [2.0**-20, 2.0**20])
def test_the_scale_of_the_scores_does_not_matter(scale: float) -> None:
    images = np.random.default_rng(1).random((2, 12, 10, 1)).astype("float32")
    (one, _), (other, _) = linear((12, 10, 1)), linear((12, 10, 1), scale=scale)
    method = ExtremalPerturbation(steps=20)
    np.testing.assert_allclose(method(other, images, 1).values, method(one, images, 1).values, atol=1e-5)


def test_a_baseline_with_the_score_of_the_image_is_no_trouble() -> None:
    model, kernel = linear((6, 6, 1))
    image = np.random.default_rng(1).random((1, 6, 6, 1)).astype("float32")
    weights = kernel[..., 0]
    baseline = image[0] - 1.0
    # Move one pixel of the baseline until both scores are one.
    gap = float((weights * (image[0] - baseline)[..., 0]).sum())
    baseline[2, 3, 0] += gap / weights[2, 3, 0]
    method = ExtremalPerturbation(cells=6, baseline=baseline)
    values = method(model, image, 0).values
    assert np.isfinite(values).all()
    np.testing.assert_allclose(values.mean(), 0.1, atol=0.05)


def test_a_score_that_is_no_number_is_told_and_spoils_no_neighbour() -> None:
    inputs = keras.Input((8, 8, 1))
    head = keras.layers.Dense(3)
    model = keras.Model(inputs, keras.ops.log(head(keras.layers.Flatten()(inputs))))
    head.set_weights([np.random.default_rng(0).random((64, 3), "float32"), np.ones(3, "float32")])
    images = np.random.default_rng(1).random((2, 8, 8, 1), "float32")
    method = replace(SMALL, baseline=0.0)
    alone = method(model, images[:1], 1).values
    assert np.isfinite(alone).all()
    images[1] -= 2
    with warned(errors.NonFiniteMapWarning, "1 of 2 maps"):
        found = method(model, images, 1)
    np.testing.assert_allclose(found.values[0], alone[0], atol=1e-5)


# -- passes ------------------------------------------------------------------------------------------------


def test_each_class_of_each_image_has_its_own_mask_in_one_program(smooth: ks.testing.Tiny) -> None:
    probe = ks.Probe(smooth.model, batch_size=4)
    found = SMALL(probe, smooth.images, ks.Top(3))
    assert found.values.shape == (3, 3, 8, 16)
    # One that pins the target, and one for the nine masks, four at a time.
    assert probe.trace_count == 2
    assert probe.forward_count == 3 + 9 * 5
    assert probe.backward_count == 9 * 5
    assert found.masks is not None
    assert found.masks.tolist() == [15, 15, 15]
    for place in range(3):
        alone = SMALL(probe, smooth.images, found.targets[:, place]).values
        np.testing.assert_allclose(found.values[:, place], alone, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 11, 3), (4, 6, 5, 1)])
def test_pictures_and_volumes(shape: tuple[int, ...]) -> None:
    model, kernel = linear(shape)
    images = np.random.default_rng(1).random((2, *shape)).astype("float32")
    slow: dict[str, Any] = {"learning_rate": 0.0002, "area_weight": 200.0}
    method = ExtremalPerturbation(cells=max(shape[:-1]), baseline=0.0, area=0.2, **slow)
    found = method(model, images, 2).values
    assert found.shape == (2, *shape[:-1])
    brought = (images * kernel[..., 2]).sum(axis=-1).reshape(2, -1)
    for mask, share in zip(found.reshape(2, -1), brought, strict=True):
        count = int(0.2 * len(share))
        assert set(np.argsort(-share)[:count]) <= set(np.flatnonzero(mask > 0.9))


def test_signals() -> None:
    inputs = keras.Input((20, 2))
    mix = keras.layers.Conv1D(3, 1, use_bias=False)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(mix(inputs)))
    signals = np.random.default_rng(1).random((2, 20, 2), "float32")
    method = ExtremalPerturbation(cells=20, baseline=0.0, area=0.25, area_weight=200, learning_rate=0.0002)
    found = method(model, signals, 2).values
    assert found.shape == (2, 20)
    brought = signals @ keras.ops.convert_to_numpy(mix.kernel)[0, :, 2]
    for mask, share in zip(found, brought, strict=True):
        assert set(np.flatnonzero(mask > 0.9)) == set(np.argsort(-share)[:5])


def test_memory_bounds_a_pass(smooth: ks.testing.Tiny) -> None:
    probe = ks.Probe(smooth.model)
    expected = SMALL(probe, smooth.images, 1).values
    for memory in ("1MB", "60KB"):
        small = replace(SMALL, memory=memory)
        np.testing.assert_allclose(small(probe, smooth.images, 1).values, expected, atol=1e-5)
    with pytest.raises(errors.MemoryBudgetError, match="forward and back"):
        ExtremalPerturbation(memory=1000)(probe, smooth.images, 1)


def test_an_interruption_returns_the_masks_so_far(
    tiny: ks.testing.Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = ks.Probe(tiny.model, batch_size=2, compile=False)
    asked = 0
    original = probe.routine

    def routine(*rest: Any, **more: Any) -> Any:
        run = original(*rest, **more)

        def stopped(*given: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked == 4:
                raise KeyboardInterrupt
            return run(*given)

        return stopped

    monkeypatch.setattr(probe, "routine", routine)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = SMALL(probe, tiny.images, 1)
    kinds = {one.category for one in caught if issubclass(one.category, errors.KerascopeWarning)}
    assert kinds == {errors.InterruptedWarning, errors.NonFiniteMapWarning}
    assert any("after 0 to 2 steps" in text for text in found.warnings)
    assert found.masks is not None
    assert found.masks.tolist() == [3, 3, 0]
    whole = SMALL(ks.Probe(tiny.model, compile=False), tiny.images, 1)
    assert np.isfinite(found.values[:2]).all()
    assert not np.array_equal(found.values[:2], whole.values[:2])
    assert np.isnan(found.values[2]).all()


# -- bad input ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("area", value) for value in (0, 1, -0.1, True, "0.1", float("nan"))),
        *(("mode", value) for value in ("keep", None, 1)),
        *(("cells", value) for value in (1, 2.0, True)),
        *(("steps", value) for value in (0, 1.5)),
        *(("learning_rate", value) for value in (0, -1, float("inf"))),
        ("area_weight", 0),
        *(("baseline", value) for value in ("inpaint", ("black", "white"), ("inpaint",), "grey")),
    ],
)
def test_a_bad_parameter_is_named(name: str, value: Any) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(errors.ParameterError, match=name):
        ExtremalPerturbation(**given)


def test_a_black_box_has_no_gradients() -> None:
    box = ks.BlackBox(lambda images: images.mean(axis=(1, 2)))
    with pytest.raises(errors.ModelError, match="black box"):
        SMALL(box, np.ones((1, 8, 8, 3), "float32"), 0)  # type: ignore[arg-type]


def test_whole_numbers_have_no_gradient() -> None:
    inputs = keras.Input((8, 8, 1), dtype="uint8")
    features = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(features))
    with pytest.raises(errors.InputError, match="floating-point"):
        SMALL(model, np.ones((1, 8, 8, 1), "uint8"), 0)


def test_a_score_that_does_not_depend_on_the_image() -> None:
    inputs = keras.Input((8, 8, 1))
    features = keras.layers.Flatten()(keras.ops.round(inputs))
    model = keras.Model(inputs, keras.layers.Dense(3)(features))
    images = np.random.default_rng(0).random((1, 8, 8, 1))
    if keras.backend.backend() == "torch":
        # Its rounding has a gradient, of zeros.
        with warned(errors.FlatMapWarning, "no gradient"):
            SMALL(model, images, 0)
        return
    with pytest.raises(errors.DisconnectedError, match="depend on"):
        SMALL(model, images, 0)
