"""Taps: gone after the block whatever happens, invisible to other threads, and layers are found by path."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope import errors
from kerascope.probe.fingerprint import Fingerprint
from kerascope.probe.intercept import tap
from kerascope.probe.intercept.tap import tap_operations
from kerascope.probe.layer_ref import find_layers, match_paths
from kerascope.testing.models import MODELS


def doubled(run: int, arguments: tuple[Any, ...], output: Any) -> Any:
    return 2 * output


@pytest.fixture
def model() -> keras.Model:
    return MODELS["nested_fresh"]().model


@pytest.fixture
def images() -> np.ndarray:
    return MODELS["nested_fresh"]().images


def scores(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(model(images, training=False)))


def test_a_hook_sees_and_replaces_what_a_nested_layer_returns(model: keras.Model, images: np.ndarray) -> None:
    head = model.get_layer("head")
    before = scores(model, images)
    bias = head.get_weights()[1]
    conv2 = model.get_layer("backbone").get_layer("conv2")
    with tap_operations([], {conv2: doubled}):
        inside = scores(model, images)
    np.testing.assert_allclose(inside - bias, 2 * (before - bias), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(scores(model, images), before)


def test_nothing_is_left_on_a_layer_also_after_an_exception(model: keras.Model, images: np.ndarray) -> None:
    head = model.get_layer("head")
    before = dict(vars(head))

    def explode(run: int, arguments: tuple[Any, ...], output: Any) -> Any:
        raise RuntimeError("in the hook")

    with pytest.raises(RuntimeError, match="in the hook"), tap_operations([], {head: explode}):
        model(images)
    with pytest.raises(RuntimeError, match="in the block"), tap_operations([], {}, {(head, "name"): max}):
        raise RuntimeError("in the block")
    assert vars(head) == before
    assert "call" not in vars(head)


def test_a_call_that_the_user_put_on_the_layer_comes_back(model: keras.Model, images: np.ndarray) -> None:
    head = model.get_layer("head")
    own = head.call
    object.__setattr__(head, "call", own)
    with tap_operations([], {head: doubled}):
        assert head.call is not own
    assert vars(head)["call"] is own


def test_taps_nest(model: keras.Model, images: np.ndarray) -> None:
    head = model.get_layer("head")
    before = scores(model, images)
    with tap_operations([], {head: doubled}), tap_operations([], {head: doubled}):
        np.testing.assert_array_equal(scores(model, images), 4 * before)
    np.testing.assert_array_equal(scores(model, images), before)


def test_runs_are_counted(model: keras.Model, images: np.ndarray) -> None:
    seen = []
    with tap_operations(
        [], {model.get_layer("head"): lambda run, arguments, output: seen.append(run) or output}
    ):
        model(images)
        model(images)
    assert seen == [0, 1]


def test_another_thread_passes_straight_through(model: keras.Model, images: np.ndarray) -> None:
    before = scores(model, images)
    found: list[np.ndarray] = []
    with tap_operations([], {model.get_layer("head"): doubled}):
        thread = threading.Thread(target=lambda: found.append(scores(model, images)))
        thread.start()
        thread.join()  # a foreign forward pass does not wait for the block's end
    np.testing.assert_array_equal(found[0], before)


class Watched:
    """A lock that tells when a thread has to wait for it."""

    def __init__(self, waits: Callable[[], None]) -> None:
        self.lock, self.waits = threading.RLock(), waits

    def __enter__(self) -> None:
        if not self.lock.acquire(blocking=False):
            self.waits()
            self.lock.acquire()

    def __exit__(self, *_: object) -> None:
        self.lock.release()


def test_one_thread_at_a_time_holds_taps(model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    head = model.get_layer("head")
    told: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(tap, "lock", Watched(lambda: told.put("waits")))

    def enter() -> None:
        with tap_operations([], {head: doubled}):
            told.put("enters")

    thread = threading.Thread(target=enter)
    with tap_operations([], {head: doubled}):
        thread.start()
        assert told.get() == "waits"
    assert told.get() == "enters"
    thread.join()


def test_places_are_named_from_the_outside_in(model: keras.Model) -> None:
    paths = [layer.path for layer in find_layers(model)]
    assert [path for path in paths if "pooling" not in path] == [
        "backbone",
        "head",
        "backbone/conv1",
        "backbone/conv2",
    ]


def test_find_takes_whole_paths_and_unique_ends() -> None:
    known = ["a", "a/conv", "b/conv", "b/other"]
    assert match_paths("a", known) == ["a"]
    assert match_paths("other", known) == ["b/other"]
    assert match_paths("conv", known) == ["a/conv", "b/conv"]
    with pytest.raises(errors.UnknownLayerError, match="did you mean 'b/other'"):
        match_paths("othr", known)


def test_a_fingerprint_sees_what_is_not_a_weight(model: keras.Model, images: np.ndarray) -> None:
    before = Fingerprint(model)
    model.set_weights([2 * weight for weight in model.get_weights()])
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((3, 3)), verbose=0)
    model.predict(images, verbose=0)
    with tap_operations([model], {model.get_layer("head"): doubled}):
        assert Fingerprint(model) == before
    assert Fingerprint(model) == before
    head, conv2 = model.get_layer("head"), model.get_layer("backbone").get_layer("conv2")
    for layer, name, value in ((head, "activation", keras.activations.relu), (conv2, "strides", (1, 1))):
        setattr(layer, name, value)
        assert Fingerprint(model) != before
        before = Fingerprint(model)
    layer = keras.layers.Normalization()
    layer.adapt(images)
    normal = keras.Sequential([keras.Input(images.shape[1:]), layer])
    before = Fingerprint(normal)
    assert Fingerprint(normal) == before
    layer.adapt(images + 1)
    assert Fingerprint(normal) != before


class Keeps(keras.layers.Layer):
    """A layer that keeps what it last returned."""

    def call(self, inputs: Any) -> Any:
        self.last = inputs * 2
        return self.last


def test_tensors_that_a_layer_keeps_are_not_replaced_by_symbols() -> None:
    keeps = Keeps(name="keeps")
    model = keras.Sequential([keras.Input((8, 8, 3)), keeps, keras.layers.Flatten(), keras.layers.Dense(3)])
    images = np.ones((2, 8, 8, 3), "float32")
    model(images)
    last = keeps.last
    ks.Saliency()(model, images, 1)
    assert keeps.last is last
