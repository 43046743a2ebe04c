"""Class activation maps whose weights come from asking again: Score-CAM and Ablation-CAM."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.testing.models import fill
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import warned

once = pytest.mark.once
"""What is done on the host, or is the same on every backend by the contract."""


@pytest.fixture(scope="module")
def tiny() -> ks.testing.Tiny:
    return ks.testing.MODELS["functional"]()


@once
def test_fewer_channels_are_those_that_vary_most(tiny: ks.testing.Tiny) -> None:
    probe = ks.Probe(tiny.model)
    every = ks.ScoreCAM(channels=6, relu=False)(probe, tiny.images, 1)
    assert np.array_equal(every.values, ks.ScoreCAM(relu=False)(probe, tiny.images, 1).values)
    few = ks.ScoreCAM(channels=2, relu=False)(probe, tiny.images, 1)
    assert few.masks is not None
    assert few.masks.tolist() == [3, 3, 3]
    clusters = ks.ScoreCAM(channels=2, choice="clusters", relu=False)(probe, tiny.images, 1)
    assert np.abs(clusters.values - few.values).max() > 1e-3 * np.abs(few.values).max()


@once
def test_clusters_bring_like_maps_together() -> None:
    from kerascope.method.cam.gradient_free.score_cam import cluster_means

    generator = np.random.default_rng(0)
    kinds = np.eye(3).repeat(4, axis=1)
    maps = kinds[[0, 1, 2, 0, 1, 2, 0]] + 0.05 * generator.random((7, 12))
    found = cluster_means(maps, 3)
    assert sorted(found.argmax(axis=1) // 4) == [0, 1, 2]
    assert cluster_means(maps, 7).shape == (7, 12)
    assert np.isfinite(cluster_means(np.zeros((4, 6)), 2)).all()


@once
def test_smoothing_without_noise_and_of_one_step_is_score_cam(tiny: ks.testing.Tiny) -> None:
    probe = ks.Probe(tiny.model)
    plain = ks.ScoreCAM(relu=False)(probe, tiny.images, 1).values
    for smooth in (
        ks.ScoreCAM(relu=False, smoothing="noise", samples=2, sigma=0.0),
        ks.ScoreCAM(relu=False, smoothing="integrated", samples=1),
    ):
        assert np.allclose(smooth(probe, tiny.images, 1).values, plain, atol=1e-5 * np.abs(plain).max())
    noisy = ks.ScoreCAM(relu=False, smoothing="noise", samples=3)(probe, tiny.images, 1)
    assert noisy.masks is not None
    assert noisy.masks.tolist() == [19, 19, 19]


@once
def test_integrated_score_cam_of_a_linear_model_weighs_the_mean_share() -> None:
    found = ks.testing.MODELS["linear_map"]()
    probe = ks.Probe(found.model)
    plain = ks.ScoreCAM(relu=False, baseline=0.0)(probe, found.images, 1).values
    steps = ks.ScoreCAM(relu=False, baseline=0.0, smoothing="integrated", samples=4)(probe, found.images, 1)
    # Of a linear model the increase is in proportion to the mask: the mean of 1/4, 2/4, 3/4 and 1.
    assert np.allclose(steps.values, 0.625 * plain, atol=1e-4 * np.abs(plain).max())


@once
def test_softmax_weights_are_positive_and_lose_the_baseline(tiny: ks.testing.Tiny) -> None:
    probe = ks.Probe(tiny.model)
    one = ks.ScoreCAM(softmax=True, baseline=0.0)(probe, tiny.images, 1)
    assert (one.values >= 0).all()
    assert not np.allclose(one.values, ks.ScoreCAM(baseline=0.0)(probe, tiny.images, 1).values)


def heads() -> dict[str, list[keras.Layer]]:
    layers = keras.layers
    return {
        "linear": [
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.5),
            layers.Dense(5, activation="softmax"),
        ],
        "hidden": [layers.GlobalAveragePooling2D(), layers.Dense(7, activation="relu"), layers.Dense(5)],
        "largest": [layers.GlobalMaxPooling2D(), layers.Dense(7, activation="relu"), layers.Dense(5)],
        "kept": [
            layers.GlobalAveragePooling2D(keepdims=True),
            layers.Conv2D(5, 1, activation="tanh"),
            layers.Flatten(),
        ],
        "flat": [layers.Flatten(), layers.Dense(7, activation="relu"), layers.Dense(5)],
        "more": [
            layers.Conv2D(4, 3, activation="relu", name="later"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5),
        ],
    }


@pytest.mark.parametrize(
    ("name", "target"),
    [
        *((name, 1) for name in heads()),
        *(
            pytest.param(name, target, marks=once)
            for name in ("linear", "hidden")
            for target in (ks.Top(2), ks.Contrast(1, 0), ks.LogOdds(1))
        ),
    ],
    ids=str,
)
def test_ablation_cam_is_that_of_really_zeroing_each_channel_in_the_whole_model(
    name: str, target: Any
) -> None:
    layers = keras.layers
    inputs = keras.Input((10, 12, 3))
    before = layers.Conv2D(6, 3, activation="relu", name="before")(inputs)
    x = layers.Conv2D(6, 3, padding="same", name="conv")(before)
    x = layers.Activation("relu", name="place")(layers.Add()([before, x]))
    channels = keras.Input((1, 1, 6))
    whole, masked = x, layers.Multiply()([x, channels])
    for layer in heads()[name]:
        whole, masked = layer(whole), layer(masked)
    model, twin = keras.Model(inputs, whole), keras.Model([inputs, channels], masked)
    fill(model, 31)
    images = np.random.default_rng(0).random((3, 10, 12, 3)).astype("float32")
    probe = ks.Probe(model)
    found = ks.AblationCAM(layer="place", relu=False)(probe, images, target)
    activations = probe.activations(images, "place")
    other = ks.Probe(twin, input=0)

    def scores(kept: Tensor) -> Tensor:
        pinned = probe.run(None, images, ks.target.as_target(target)).pinned
        return other.scores([images, np.broadcast_to(kept, (3, 1, 1, 6)).astype("float32")], pinned)

    full = scores(np.ones(6))
    weights = np.stack([full - scores(1.0 - np.eye(6)[channel]) for channel in range(6)], axis=-1)
    expected = np.einsum("nhwc,n...c->n...hw", activations, weights)
    assert np.allclose(found.values, expected, atol=1e-4 * np.abs(expected).max())


@once
def test_ablation_cam_asks_only_what_is_behind_the_layer() -> None:
    """Counted where it is said: what lies in front of the layer runs on the images alone."""
    calls: dict[str, int] = {}

    class Counting(keras.layers.Conv2D):
        def call(self, inputs: Any) -> Any:
            calls[self.name] = calls.get(self.name, 0) + int(inputs.shape[0])
            return super().call(inputs)

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            Counting(4, 3, name="front"),
            Counting(4, 3, name="place"),
            Counting(4, 2, activation="relu", name="back"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    probe = ks.Probe(model, compile=False)
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    method = ks.AblationCAM(layer="place", relu=False)
    method(probe, images, 1)
    calls.clear()
    found = method(probe, images, 1)
    assert calls["front"] == calls["place"] == 2
    assert calls["back"] >= 2 + 8
    assert "behind 'place'" in found.notes[-1]


def test_ablation_cam_within_a_skip_connection_runs_what_it_must() -> None:
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(inputs)
    y = layers.Conv2D(4, 3, padding="same", activation="relu", name="branch")(x)
    y = layers.Flatten()(layers.Add()([x, y]))
    model = keras.Model(inputs, layers.Dense(3, activation="tanh")(y))
    fill(model, 32)
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    probe = ks.Probe(model)
    found = ks.AblationCAM(layer="branch", relu=False)(probe, images, 1)
    stem = keras.Model(inputs, x)
    channels = probe.activations(images, "branch")
    head = keras.Sequential([keras.Input((8, 8, 4)), layers.Flatten(), model.layers[-1]])
    front = keras.ops.convert_to_numpy(stem(images))

    def score(kept: Tensor) -> Tensor:
        return keras.ops.convert_to_numpy(head(front + channels * kept))[:, 1]

    # tanh is not a head that is seen through, so the score is what it returns.
    weights = np.stack([score(np.ones(4)) - score(1 - np.eye(4)[one]) for one in range(4)], axis=-1)
    expected = np.einsum("nhwc,nc->nhw", channels, weights)
    assert np.allclose(found.values, expected, atol=1e-4 * np.abs(expected).max())


@once
def test_score_cam_asks_about_the_baseline_first_so_that_a_part_is_a_map(tiny: ks.testing.Tiny) -> None:
    calls = 0

    def target(scores: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 4:
            raise KeyboardInterrupt
        return scores[:, 1]

    probe = ks.Probe(tiny.model, compile=False, batch_size=4)
    with warned(errors.InterruptedWarning, "partial"):
        found = ks.ScoreCAM(relu=False)(probe, tiny.images, target)
    assert found.masks is not None
    assert 1 < found.masks.min() <= found.masks.max() < 7
    assert np.isfinite(found.values).all()
    assert np.abs(found.values).max() > 0


@once
def test_a_pooled_class_token_is_not_taken_for_a_channel() -> None:
    layers = keras.layers

    class Tokens(layers.Layer):
        def build(self, shape: Any) -> None:
            self.token = self.add_weight(shape=(1, 1, shape[-1]), name="token")

        def call(self, grid: Any) -> Any:
            flat = keras.ops.reshape(grid, (-1, 16, 6))
            front = keras.ops.broadcast_to(self.token, (keras.ops.shape(flat)[0], 1, 6))
            return keras.ops.concatenate([front, flat], axis=1)

    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(6, 2, strides=2, activation="relu"),
            Tokens(),
            layers.Dense(6, activation="gelu", name="mixed"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(5, activation="relu"),
            layers.Dense(3),
        ]
    )
    fill(model, 33)
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype("float32")
    probe = ks.Probe(model)
    found = ks.AblationCAM(layer="mixed", relu=False)(probe, images, 1)
    assert "whole model" in found.notes[-1]
    x = keras.ops.convert_to_tensor(images)
    for layer in model.layers[:3]:
        x = layer(x)
    tokens = keras.ops.convert_to_numpy(x)

    def score(kept: Tensor) -> Tensor:
        changed = tokens.copy()
        changed[:, 1:] *= kept
        x = changed.mean(axis=1)
        for layer in model.layers[-2:]:
            x = layer(x)
        return keras.ops.convert_to_numpy(x)[:, 1]

    weights = np.stack([score(np.ones(6)) - score(1 - np.eye(6)[one]) for one in range(6)], axis=-1)
    expected = np.einsum("npc,nc->np", tokens[:, 1:], weights).reshape(2, 4, 4)
    assert np.allclose(found.values, expected, atol=1e-4 * np.abs(expected).max())
