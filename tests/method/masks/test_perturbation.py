"""Images under masks: streamed, counted, bounded, and exact where the answer is known."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.method.masks import rise
from kerascope.perturb import Stream, Sums, WindowMasks
from kerascope.perturb.memory import activation_bytes, budget
from kerascope.typing import Tensor
from tests.helpers.expected_warnings import warned

once = pytest.mark.once
"""What is done on the host, or is the same on every backend by the contract."""


@pytest.fixture(scope="module")
def tiny() -> ks.testing.Tiny:
    return ks.testing.MODELS["functional"]()


def linear() -> tuple[keras.Model, Tensor, Tensor]:
    """A linear model, images, and its kernel for class 1 (8, 8, 3)."""
    found = ks.testing.MODELS["linear"]()
    return found.model, found.images, found.facts["gradients"][1]


def test_several_targets_share_the_forwards_of_one(tiny: ks.testing.Tiny) -> None:
    for method in (ks.Occlusion(window=4), ks.RISE(masks=40), ks.ScoreCAM(relu=False)):
        counts = []
        for target in (1, ks.Top(3)):
            probe = ks.Probe(tiny.model)
            method(probe, tiny.images, target)
            counts.append((probe.forward_count, probe.backward_count, probe.trace_count))
        assert counts[0] == counts[1]
        assert counts[0][1:] == (0, 2)


@once
def test_one_trace_whatever_the_number_of_masks_and_images(tiny: ks.testing.Tiny) -> None:
    probe = ks.Probe(tiny.model, batch_size=8)
    ks.RISE(masks=50)(probe, tiny.images, 1)
    first = probe.trace_count
    for masks, images in ((500, 3), (17, 3), (64, 4)):
        ks.RISE(masks=masks)(probe, np.tile(tiny.images, (2, 1, 1, 1))[:images], 2)
    assert probe.trace_count == first


@once
def test_images_beyond_a_pass_are_asked_in_groups(tiny: ks.testing.Tiny) -> None:
    many = np.concatenate([tiny.images] * 3)
    whole = ks.RISE(masks=30)(ks.Probe(tiny.model, batch_size=32), many, 1)
    parts = ks.RISE(masks=30)(ks.Probe(tiny.model, batch_size=2), many, 1)
    assert np.allclose(whole.values, parts.values, atol=1e-5 * np.abs(whole.values).max())
    assert parts.masks is not None
    assert parts.masks.tolist() == [30] * 9


@once
def test_every_pass_but_the_last_is_full(tiny: ks.testing.Tiny) -> None:
    sizes: list[int] = []

    def predict(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return images.mean(axis=(1, 2))

    ks.RISE(masks=50)(ks.BlackBox(predict, batch_size=16), tiny.images, 1)
    assert sizes == [3, *[16] * 9, 6]


@once
def test_several_baselines_are_averaged(tiny: ks.testing.Tiny) -> None:
    probe = ks.Probe(tiny.model)
    both = ks.Occlusion(window=4, baseline=(0.0, "blur"))(probe, tiny.images, 1)
    each = [ks.Occlusion(window=4, baseline=one)(probe, tiny.images, 1).values for one in (0.0, "blur")]
    assert np.allclose(both.values, np.mean(each, axis=0), atol=1e-6)
    assert both.notes[0].startswith("baseline: mean over 2")


@once
def test_a_model_of_bytes_is_asked_about_bytes() -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 3), dtype="uint8"), layers.Rescaling(1 / 255), layers.Flatten()]
    )
    model.add(layers.Dense(3))
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("uint8")
    found = ks.Occlusion(window=2, baseline=0.0)(model, images, 1)
    scaled = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3)]
    )
    scaled.set_weights(model.get_weights())
    expected = ks.Occlusion(window=2, baseline=0.0)(scaled, images.astype("float32"), 1)
    assert np.allclose(found.values, expected.values, atol=1e-6)


def test_other_inputs_go_with_their_image() -> None:
    found = ks.testing.MODELS["dict_input"]()
    probe = ks.Probe(found.model, input=found.facts.get("input"))
    together = ks.RISE(masks=20)(probe, found.images, 1).values
    for image in range(len(together)):
        alone = {name: value[image : image + 1] for name, value in found.images.items()}
        assert np.allclose(ks.RISE(masks=20)(probe, alone, 1).values[0], together[image], atol=1e-5)


@once
def test_inpainted_windows_of_a_uniform_picture_change_nothing(tiny: ks.testing.Tiny) -> None:
    images = np.full_like(tiny.images, 0.5)
    with warned(errors.FlatMapWarning, "constant", optional=True):
        found = ks.Occlusion(window=4, baseline="inpaint")(tiny.model, images, 1)
    assert np.abs(found.values).max() < 1e-5


def test_occlusion_of_an_additive_model_is_what_each_window_brings() -> None:
    model, images, kernel = linear()
    found = ks.Occlusion(window=(2, 4), stride=(2, 4), baseline=0.5)(model, images, 1).values
    shares = ((images - 0.5) * kernel).sum(axis=-1)
    expected = shares.reshape(2, 4, 2, 2, 4).sum(axis=(2, 4))
    assert np.allclose(found, expected.repeat(2, axis=1).repeat(4, axis=2), atol=1e-4)


@once
def test_rise_converges_at_the_rate_of_its_standard_error() -> None:
    model, images, _ = linear()
    probe = ks.Probe(model, batch_size=256)
    best = ks.RISE(masks=16384, cells=4, seed=9)(probe, images[:1], 1).values
    apart = [
        np.sqrt(np.mean((ks.RISE(masks=masks, cells=4, seed=1)(probe, images[:1], 1).values - best) ** 2))
        for masks in (128, 2048)
    ]
    assert 2 < apart[0] / apart[1] < 8  # 4 is the square root of 16


@once
def test_tolerance_stops_an_image_by_itself_and_keeps_its_word() -> None:
    model, images, _ = linear()
    probe = ks.Probe(model, batch_size=256)
    method = ks.RISE(masks=10_000, cells=3, tolerance=0.04)
    found = method(probe, images, 1)
    assert found.masks is not None
    assert (found.masks < 10_000).all()
    assert (found.masks % 256 == 0).all()
    assert probe.forward_count == 2 + found.masks.sum()
    best = ks.RISE(masks=16_384, cells=3, seed=5)(probe, images, 1).values
    error = np.sqrt(((found.values - best) ** 2).mean(axis=(1, 2)))
    assert (error < 2 * 0.04 * np.ptp(best, axis=(1, 2))).all()
    loose = ks.RISE(masks=10_000, cells=3, tolerance=0.5)(probe, images, 1)
    assert loose.masks is not None
    assert loose.masks.tolist() == [1024, 1024]


@once
def test_the_error_of_a_map_is_that_of_all_its_pixels_together() -> None:
    steady = rise.RunningMap()
    for sign in (1, -1) * 4:
        # One pixel of four moves by 1 around 0; the range of the map is 10.
        part = Sums(np.ones(4), np.array([[sign, 0.0, 0.0, 10.0]]), np.zeros(1), 1)
        steady.add(part, whole=True)
    error = np.sqrt(8 / 7 / 8 / 4) / 10
    assert steady.has_converged(1.01 * error)
    assert not steady.has_converged(0.99 * error)


@once
def test_another_seed_is_another_map_and_the_same_seed_the_same() -> None:
    model, images, _ = linear()
    probe = ks.Probe(model)
    one, again, other = (ks.RISE(masks=60, seed=seed)(probe, images, 1).values for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert np.abs(one - other).max() > 0.01 * np.abs(one).max()


@once
def test_a_small_budget_makes_small_passes_and_the_same_map(tiny: ks.testing.Tiny) -> None:
    first = ks.Probe(tiny.model).run(None, tiny.images, 1)
    pictures = np.asarray(tiny.images, "float64")

    def rows(memory: str) -> int:
        stream = Stream(
            ks.Probe(tiny.model),
            first,
            WindowMasks((8, 16), (1, 1)),
            pictures,
            [pictures * 0],
            resident={},
            memory=memory,
            progress=False,
            expected=100,
            title="",
        )
        return stream.rows

    assert rows("100KB") < rows("300KB") < rows("1GB") == 32
    small = ks.RISE(masks=20, memory="100KB")(tiny.model, tiny.images, 1).values
    assert np.allclose(small, ks.RISE(masks=20)(tiny.model, tiny.images, 1).values, atol=1e-5)


@once
def test_sizes_in_words() -> None:
    assert [budget(size) for size in ("1GB", "1.5 MB", "2KiB", 7)] == [10**9, 1_500_000, 2048, 7]
    assert budget(None) > 10**7


@once
def test_what_a_row_takes_is_what_is_wanted_at_a_time() -> None:
    layers = keras.layers
    inputs = keras.Input((4, 4, 1))
    x = layers.Conv2D(10, 1)(inputs)  # 640 bytes
    y = layers.Conv2D(20, 1)(x)  # 1280, beside x, which is wanted again
    z = layers.Conv2D(10, 1)(y)  # 640, beside x and y
    model = keras.Model(inputs, layers.Flatten()(layers.Add()([x, z])))
    graph = ks.Probe(model).graph(np.zeros((1, 4, 4, 1)))
    assert activation_bytes(graph) == 2 * (640 + 1280 + 640)
    assert activation_bytes(graph, {call.number for call in graph.calls}) == 0


@once
def test_a_progress_bar_is_drawn_and_switched_off(
    tiny: ks.testing.Tiny, capsys: pytest.CaptureFixture[str]
) -> None:
    ks.RISE(masks=40, progress=True)(tiny.model, tiny.images, 1)
    seen = capsys.readouterr()
    assert "RISE" in seen.err
    assert "120/120" in seen.err
    ks.RISE(masks=40, progress=False)(tiny.model, tiny.images, 1)
    ks.RISE(masks=40)(tiny.model, tiny.images, 1)
    assert capsys.readouterr().err == ""


@once
def test_the_number_of_masks_is_saved(tiny: ks.testing.Tiny, tmp_path: Any) -> None:
    found = ks.RISE(masks=16)(tiny.model, tiny.images, 1)
    again = ks.load(found.save(tmp_path / "rise.npz"))
    assert again.masks is not None
    assert again.masks.tolist() == [16, 16, 16]
    assert found[1].masks.tolist() == [16]  # type: ignore[union-attr]


@once
def test_masks_of_another_make_are_another_program_and_the_same_are_not(tiny: ks.testing.Tiny) -> None:
    probe = ks.Probe(tiny.model)
    first = ks.KernelSHAP(segments=(2, 2))(probe, tiny.images, 1)
    before = probe.trace_count
    ks.KernelSHAP(segments=(1, 4))(probe, tiny.images, 2)
    assert probe.trace_count == before
    for method in (
        ks.LIME(segments=(4, 8), masks=100),
        ks.ScoreCAM(relu=False, channels=2),
        ks.ScoreCAM(relu=False, channels=3),
    ):
        method(probe, tiny.images, 0)
        before += 1
    # The two of Score-CAM have a first pass in common.
    assert probe.trace_count == before + 1
    again = ks.KernelSHAP(segments=(2, 2))(probe, tiny.images, 1)
    assert np.array_equal(again.values, first.values)
