"""A mask that is optimised: area, modes, classes, interruption."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.method.extremal import places
from support import warned

# Its arithmetic is NumPy's; that the backends agree is a check of the contract.
pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def planted() -> tuple[ks.testing.Tiny, ks.Probe]:
    tiny = ks.testing.MODELS["planted"]()
    return tiny, ks.Probe(tiny.model)


def test_the_evidence_is_kept_and_removed_within_the_area(planted: tuple[ks.testing.Tiny, ks.Probe]) -> None:
    tiny, probe = planted
    for mode in ("preserve", "delete"):
        method = ks.ExtremalPerturbation(area=0.1, mode=mode)  # type: ignore[arg-type]
        found = method(probe, tiny.images, [0, 1, 2])
        assert np.allclose(found.values.mean(axis=(1, 2)), 0.1, atol=0.06)
        for mask, (top, bottom, left, right) in zip(found.values, tiny.boxes or (), strict=True):
            assert mask[top:bottom, left:right].mean() > 0.6
        assert found.values.min() >= 0
        assert found.values.max() <= 1


def test_a_larger_area_is_a_larger_mask(planted: tuple[ks.testing.Tiny, ks.Probe]) -> None:
    tiny, probe = planted
    shares = [
        ks.ExtremalPerturbation(area=area, steps=200)(probe, tiny.images, [0, 1, 2]).values.mean()
        for area in (0.1, 0.3, 0.6)
    ]
    assert np.allclose(shares, (0.1, 0.3, 0.6), atol=0.08)


def test_what_is_kept_scores_higher_than_as_much_elsewhere() -> None:
    tiny = ks.testing.MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    found = ks.ExtremalPerturbation(baseline=0.0)(probe, tiny.images, [0, 1, 2])
    kept = probe.scores(tiny.images * found.values[..., None], [0, 1, 2])
    for shift in range(2, 16, 2):
        other = np.roll(found.values, shift, axis=2)[..., None]
        assert (kept > probe.scores(tiny.images * other, [0, 1, 2])).all()


def test_each_class_has_a_mask_of_its_own(planted: tuple[ks.testing.Tiny, ks.Probe]) -> None:
    tiny, probe = planted
    method = ks.ExtremalPerturbation(steps=30)
    both = method(probe, tiny.images, ks.Top(2))
    assert both.values.shape == (3, 2, 16, 16)
    for place in range(2):
        alone = method(probe, tiny.images, both.targets[:, place])
        assert np.allclose(both.values[:, place], alone.values, atol=1e-4)


def test_more_images_than_a_pass_are_one_program() -> None:
    tiny = ks.testing.MODELS["functional"]()
    probe = ks.Probe(tiny.model, batch_size=2)
    method = ks.ExtremalPerturbation(steps=4)
    parts = method(probe, tiny.images, 1)
    first = probe.trace_count
    method(probe, tiny.images, 2)
    assert probe.trace_count == first
    whole = method(ks.Probe(tiny.model), tiny.images, 1)
    assert np.allclose(parts.values, whole.values, atol=1e-5)


def test_places_share_the_area() -> None:
    generator = np.random.default_rng(0)
    masks = generator.random((50, 20)).round(1)
    found = places(masks, 0.3)
    assert np.allclose(found.sum(axis=1), 0.3 * 20, atol=1e-9)
    for mask, place in zip(masks, found, strict=True):
        assert (np.diff(place[np.argsort(mask, kind="stable")]) >= -1e-9).all()


def test_an_interruption_keeps_the_masks_so_far() -> None:
    tiny = ks.testing.MODELS["functional"]()
    probe = ks.Probe(tiny.model, compile=False)
    calls = 0

    def target(scores: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise KeyboardInterrupt
        return scores[:, 1]

    with warned(errors.InterruptedWarning, "partial"):
        found = ks.ExtremalPerturbation(steps=50)(probe, tiny.images, target)
    assert found.masks is not None
    assert 0 < found.masks[0] < 50
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"area": 0}, "area"),
        ({"area": 1.0}, "area"),
        ({"mode": "keep"}, "mode"),
        ({"cells": 1}, "cells"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"area_weight": -1}, "area_weight"),
        ({"baseline": "inpaint"}, "baseline"),
        ({"baseline": (0.0, "blur")}, "baseline"),
    ],
)
def test_bad_parameters_are_named(options: dict[str, Any], word: str) -> None:
    with pytest.raises(errors.ParameterError, match=word):
        ks.ExtremalPerturbation(**options)


def test_a_budget_for_no_image_and_a_model_of_bytes_are_refused() -> None:
    tiny = ks.testing.MODELS["functional"]()
    with pytest.raises(errors.MemoryBudgetError, match="forward and back"):
        ks.ExtremalPerturbation(memory="1KB")(tiny.model, tiny.images, 1)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 3), dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten()]
    )
    model.add(layers.Dense(3))
    with pytest.raises(errors.InputError, match="floating-point"):
        ks.ExtremalPerturbation()(model, np.ones((1, 8, 8, 3), "uint8"), 1)
