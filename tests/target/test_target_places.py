"""Targets at places of the outputs: regions of a segmentation, and detections."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.target import Forward, Reading
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import fill, pictures
from kerascope.testing.models.outputs import anchors
from kerascope.testing.target_cases import masks, mean_score
from tests.helpers.targets import MODELS, Array, known, pinned_scores

# Regions


def test_a_region_has_a_class_and_a_mask_per_image_and_weights() -> None:
    tiny, probe, (scores,) = known("segmentation_softmax")
    weights = np.random.default_rng(0).random((3, 8, 12)).astype("float32")
    found = probe.run(None, tiny.images, ks.Region([2, 0, 1], weights))
    each = [
        (scores[n, ..., index] * weights[n]).sum() / weights[n].sum() for n, index in enumerate((2, 0, 1))
    ]
    assert_close(found.scores, np.array(each), CLOSE, "weights per image")
    assert found.labels.tolist() == [2, 0, 1]
    inside = probe.run(None, tiny.images, ks.Region(mask=masks()[0]))
    votes = [np.bincount(one[masks()[0]].argmax(axis=-1), minlength=3).argmax() for one in scores]
    assert inside.labels.tolist() == votes
    assert_close(
        inside.scores,
        np.array([mean_score(one, index, masks()[0]) for one, index in zip(scores, votes, strict=True)]),
        CLOSE,
        "the most frequent class inside a mask",
    )


def test_a_region_is_pinned() -> None:
    tiny, _, (first,) = known("segmentation_softmax")
    found, (scores,), pinned = pinned_scores("segmentation_softmax", ks.Region())
    predicted = first.argmax(axis=-1)
    labels = [np.bincount(one.ravel(), minlength=3).argmax() for one in predicted]
    expected = [mean_score(scores[n], labels[n], predicted[n] == labels[n]) for n in range(3)]
    assert_close(found, np.array(expected), CLOSE, "on other images")
    again = [np.bincount(one.ravel(), minlength=3).argmax() for one in scores.argmax(axis=-1)]
    anew = [mean_score(scores[n], again[n], scores[n].argmax(axis=-1) == again[n]) for n in range(3)]
    assert np.abs(found - anew).max() > 1e-3, "the other images would be asked about other regions"
    assert set(pinned.values) == {"index", "mask"}
    assert len(pinned.tile(2).values["mask"]) == 2 * len(tiny.images)


def test_the_gradient_of_a_region_is_that_of_its_mean() -> None:
    tiny, probe, _ = known("segmentation_softmax")
    found = probe.gradients(tiny.images, ks.Region(1), "larger")
    by_hand = probe.gradients(tiny.images, ks.Region(1, raw_masks()), "larger")
    assert_close(found, by_hand, CLOSE, "the own mask, given")


def raw_masks() -> Array:
    """Where class 1 is predicted."""
    return known("segmentation_softmax")[2][0].argmax(axis=-1) == 1


def test_a_class_that_is_predicted_nowhere_is_named() -> None:
    tiny = MODELS.tiny("segmentation")
    model = keras.models.clone_model(tiny.model)
    model.set_weights(tiny.model.get_weights())
    model.get_layer("head").bias.assign([-1000.0, 0.0, 0.0])
    probe = ks.Probe(model)
    with pytest.raises(
        ks.errors.TargetError, match=r"class 0 where it is predicted.* give a mask.*\[0, 1, 2\]"
    ):
        ks.Saliency()(probe, tiny.images, ks.Region(0))
    assert np.isfinite(probe.scores(tiny.images, ks.Region(0, masks()[0]))).all()


def test_the_probability_of_a_region_is_chosen_by_scores() -> None:
    tiny, probe, (scores,) = known("segmentation_binary")
    final = ops.convert_to_numpy(tiny.model(tiny.images))[..., 0]
    found = probe.scores(tiny.images, ks.Probability(ks.Region()))
    expected = [final[n][scores[n, ..., 0] > 0].mean() for n in range(3)]
    assert_close(found, np.array(expected), CLOSE, "one channel")
    tiny, probe, (scores,) = known("segmentation_softmax_layer")
    final = ops.convert_to_numpy(tiny.model(tiny.images))
    expected = [mean_score(final[n], 2, masks()[1]) for n in range(3)]
    assert_close(
        probe.scores(tiny.images, ks.Probability(ks.Region(2, masks()[1]))), np.array(expected), CLOSE, ""
    )
    with pytest.raises(ks.errors.TargetError, match="probability must come out"):
        MODELS.probe("segmentation").scores(tiny.images, ks.Probability(ks.Region(2)))


def test_saturated_probabilities_do_not_choose_the_class() -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, "sigmoid", kernel_initializer="zeros")])
    model.layers[0].bias.assign([30.0, 40.0, 35.0])
    found = ks.Probe(model).run(None, np.ones((1, 4)), ks.Probability())
    assert found.labels.tolist() == [1]
    assert found.scores.tolist() == [1.0]


def test_regions_of_signals_volumes_and_channels_first() -> None:
    for rank, convolution in ((1, layers.Conv1D), (3, layers.Conv3D)):
        size = (6, 5, 4)[:rank]
        model = keras.Sequential([keras.Input((*size, 2)), convolution(3, 1, activation="softmax")])
        linear = keras.Sequential([keras.Input((*size, 2)), convolution(3, 1)])
        fill(model, 3)
        fill(linear, 3)
        images = pictures(2, *size, 2)
        mask = np.zeros(size, bool)
        mask[1:3] = True
        scores = ops.convert_to_numpy(linear(images))
        expected = np.array([mean_score(one, 1, mask) for one in scores])
        assert_close(ks.Probe(model).scores(images, ks.Region(1, mask)), expected, CLOSE, f"{rank} axes")
    image = keras.Input((5, 4, 3))
    turned = layers.Permute((3, 1, 2))(layers.Conv2D(2, 1)(image))
    model = keras.Model(image, layers.Softmax(axis=1)(turned))
    fill(model, 4)
    images, mask = pictures(2, 5, 4, 3), np.arange(20).reshape(5, 4)
    scores = ops.convert_to_numpy(keras.Model(image, turned)(images))
    expected = (scores[:, 1] * mask).sum(axis=(1, 2)) / mask.sum()
    assert_close(ks.Probe(model).scores(images, ks.Region(1, mask)), expected, CLOSE, "channels first")
    flat = keras.Model(image, layers.Reshape((20, 2))(model.layers[1](image)))
    expected = (ops.convert_to_numpy(flat(images))[..., 1] * mask.ravel()).sum(axis=1) / mask.sum()
    assert_close(ks.Probe(flat).scores(images, ks.Region(1, mask)), expected, CLOSE, "a grid in one axis")


def test_the_automatic_layer_lies_in_front_of_the_pixels_own_scores() -> None:
    for name in ("segmentation", "segmentation_softmax", "segmentation_softmax_layer"):
        tiny, probe, _ = known(name)
        found = ks.GradCAM(relu=False)(probe, tiny.images, ks.Region(1, masks()[0]))
        assert found.layer == "larger", name
    tiny, probe, _ = known("detector")
    assert ks.GradCAM(relu=False)(probe, tiny.images, ks.Box(anchors()[8], 1)).layer == "rows"
    tiny, probe, _ = known("segmentation")
    both = ks.Contrast(ks.Region(1), ks.Region(2))
    assert ks.GradCAM(relu=False)(probe, tiny.images, both).layer == "larger"
    # What is made of all places is explained at them.
    for target, layer in (
        (ks.Unit("conv2", 1), "conv2"),
        (ks.Similarity(np.ones(3)), "head"),
        (lambda scores: ops.mean(scores[..., 1], axis=(1, 2)), "head"),
    ):
        assert ks.GradCAM(relu=False)(probe, tiny.images, target).layer == layer


@dataclass(frozen=True, eq=False)
class ChoosesAgain(ks.Region):
    """A region that is chosen anew on each variant."""

    def key(self) -> Hashable:
        return ("again", super().key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        return super().read(forward, {})


def test_a_target_that_chooses_again_is_seen() -> None:
    right = pinned_scores("segmentation_softmax", ks.Region())[0]
    wrong = pinned_scores("segmentation_softmax", ChoosesAgain())[0]
    assert np.abs(right - wrong).max() > 1e-3


# Detections


def test_a_box_per_image_in_each_format() -> None:
    tiny, probe, (rows,) = known("detector")
    corner = anchors()[[8, 15, 3]]
    start, size = corner[:, :2], corner[:, 2:] - corner[:, :2]
    forms = {
        "xyxy": corner,
        "xywh": np.concatenate([start, size], axis=1),
        "cxcywh": np.concatenate([start + size / 2, size], axis=1),
    }
    asked = ks.Box(corner, iou=0.3)
    expected = probe.run(None, tiny.images, asked)
    anchor = expected.pinned.values["anchor"]
    best = rows[np.arange(3), anchor, 4:]
    assert_close(expected.scores, best.max(axis=1), CLOSE, "the best class")
    assert expected.labels.tolist() == best.argmax(axis=1).tolist()
    for format, boxes in forms.items():
        target = ks.Box(boxes, iou=0.3, format=format, model_format="xyxy")
        assert_close(probe.scores(tiny.images, target), expected.scores, 0.0, format)
        low, high = rows[..., :2], rows[..., 2:4]
        turned = {"xywh": [low, high - low], "cxcywh": [(low + high) / 2, high - low], "xyxy": [low, high]}
        model = _returns(np.concatenate([*turned[format], rows[..., 4:]], axis=-1))
        own = ks.Box(boxes, iou=0.3, format=format)
        assert_close(
            ks.Probe(model).scores(np.arange(3.0)[:, None], own), expected.scores, CLOSE, f"model's {format}"
        )


def _returns(rows: Array, columns: tuple[int, ...] | None = None) -> keras.Model:
    """A model that returns row n of an array for the number n."""
    number = keras.Input((1,))
    flat = layers.Embedding(len(rows), int(np.prod(rows.shape[1:])))
    found = layers.Reshape(rows.shape[1:])(flat(number))
    model = keras.Model(number, found)
    flat.set_weights([rows.reshape(len(rows), -1)])
    return model


def test_columns_and_names_of_detections_are_the_users() -> None:
    tiny, probe, (rows,) = known("detector")
    target = ks.Box(anchors()[8], 1)
    expected = probe.scores(tiny.images, target)
    moved = np.concatenate([np.ones((3, 24, 1)), rows[..., :4], np.ones((3, 24, 1)), rows[..., 4:]], axis=-1)
    numbers = np.arange(3.0)[:, None]
    behind = ks.Box(anchors()[8], 1, box_column=1, class_column=6)
    assert_close(ks.Probe(_returns(moved)).scores(numbers, behind), expected, CLOSE, "other columns")
    source = MODELS.tiny("detector_dict").facts["linear"]
    boxes, scores = source.output["boxes"], source.output["scores"]
    for output, options in (
        ([boxes, scores], {}),
        ((boxes, scores), {}),
        ([scores, boxes], {"boxes": 1, "scores": 0}),
        ({"box": boxes, "cls": scores}, {"boxes": "box", "scores": "cls"}),
    ):
        model = keras.Model(source.input, output)
        found = ks.Probe(model).scores(tiny.images, ks.Box(anchors()[8], 1, **options))
        assert_close(found, expected, CLOSE, str(options))
    single = keras.Model(source.input, {"boxes": boxes, "scores": scores[..., 0]})
    assert_close(
        ks.Probe(single).scores(tiny.images, ks.Box(anchors()[8])),
        probe.scores(tiny.images, ks.Box(anchors()[8], 0)),
        CLOSE,
        "one class",
    )


def test_a_detection_is_pinned_and_its_gradient_is_that_of_the_score() -> None:
    _, _, (first,) = known("detector")
    found, (rows,), pinned = pinned_scores("detector", ks.Box(anchors()[8]))
    anchor = pinned.values["anchor"]
    labels = first[np.arange(3), anchor, 4:].argmax(axis=1)
    assert_close(found, rows[np.arange(3), anchor, 4 + labels], CLOSE, "on other images")
    tiny, probe, _ = known("detector_dict")
    gradient = probe.gradients(tiny.images, ks.Box(anchors()[8], 1), "rows")
    kernel = tiny.model.get_layer("scores").get_weights()[0][:, 1]
    expected = np.zeros((3, 24, 5))
    expected[np.arange(3), anchor] = kernel
    assert_close(gradient.reshape(3, 24, 5), expected, CLOSE, "the score's own weights, at one place")


def test_a_box_far_from_all_detections_is_named() -> None:
    tiny, probe, _ = known("detector")
    near = anchors()[[8, 15, 3]]
    far = near.copy()
    far[1] += 100
    with pytest.raises(ks.errors.TargetError, match=r"union of at least 0.3; give a box.*images \[1\]"):
        ks.Saliency()(probe, tiny.images, ks.Box(far, iou=0.3))
    ks.Saliency()(probe, tiny.images, ks.Box(near, iou=0.3))


def test_the_probability_of_a_detection() -> None:
    tiny, probe, _ = known("detector_dict")
    final = ops.convert_to_numpy(tiny.model(tiny.images)["scores"])
    found = ks.Saliency()(probe, tiny.images, ks.Probability(ks.Box(anchors()[8], 1)))
    anchor = probe.run(None, tiny.images, ks.Box(anchors()[8], 1)).pinned.values["anchor"]
    assert_close(found.scores, final[np.arange(3), anchor, 1], CLOSE, "behind the sigmoid")
    assert_close(found.probabilities, found.scores, CLOSE, "its probability")
