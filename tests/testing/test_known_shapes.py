"""Pictures of which it is known what decides: they are what they say, and a network reads just that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope import errors, metric
from kerascope.synthetic import shapes
from tests.helpers.expected_warnings import warned
from tests.helpers.networks.trained import trained

SHORTCUTS = [None, "watermark", "background", "frame"]


@pytest.mark.once
@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_classes_come_in_turn_and_masks_hold_what_decides(shortcut: str | None) -> None:
    known = shapes.make(40, shortcut=shortcut, seed=3)
    assert known.images.shape == (40, 48, 48, 3)
    assert known.images.dtype == np.float32
    assert (known.images.min(), known.images.max()) >= (0, 0)
    assert known.images.max() <= 1
    assert known.labels.tolist() == [number % 5 for number in range(40)]
    assert len(known.class_names) == 5
    assert known.class_names[shapes.NOTHING] == "nothing"
    # Of a picture in which nothing decides, no pixel does.
    decides = known.labels != shapes.NOTHING
    assert (known.masks.any(axis=(1, 2)) == decides).all()
    assert known.objects.any(axis=(1, 2)).all()
    if shortcut is None:
        assert (known.textures == known.labels).all()
        assert (known.masks[decides] == known.objects[decides]).all()
    else:
        # The texture says nothing about the class, and is not on the part that decides.
        assert not (known.masks & known.objects).any()
        assert len(set(zip(known.textures.tolist(), known.labels.tolist(), strict=True))) > 15


@pytest.mark.once
@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_a_picture_is_the_same_whatever_their_number(shortcut: str | None) -> None:
    few, many = shapes.make(7, shortcut=shortcut, seed=1), shapes.make(12, shortcut=shortcut, seed=1)
    for name in ("images", "labels", "masks", "objects", "textures"):
        np.testing.assert_array_equal(getattr(few, name), getattr(many, name)[:7])
    other = shapes.make(7, shortcut=shortcut, seed=2)
    assert not np.allclose(few.images, other.images)


def by_forest(train: Any, seen: Any, features: Any) -> float:
    """How often a forest on features is right: what can be read off without a network."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(60, random_state=0).fit(features(train), train.labels)
    return float((model.predict(features(seen)) == seen.labels).mean())


def outside(known: Any) -> Any:
    """Colours of the picture with what decides painted over."""
    pictures = np.where(known.masks[..., None], 0.5, known.images)
    return pictures[:, ::3, ::3].reshape(len(known), -1)


@pytest.mark.once
@pytest.mark.parametrize("shortcut", ["watermark", "frame"])
def test_without_the_part_that_decides_the_class_cannot_be_read(shortcut: str) -> None:
    """The background's mask is all of the picture but shapes, and paints over what the others tell by."""
    seen = shapes.make(400, shortcut=shortcut, seed=5)
    rows = np.flatnonzero(seen.labels != shapes.NOTHING)
    chance = by_forest(
        *(_rows(one, one.labels != shapes.NOTHING) for one in (shapes.make(800, shortcut=shortcut), seen)),
        outside,
    )
    assert len(rows) == 320
    assert chance < 0.36


def _rows(known: Any, rows: Any) -> Any:
    from dataclasses import replace

    return replace(
        known,
        **{name: getattr(known, name)[rows] for name in ("images", "labels", "masks", "objects", "textures")},
    )


@pytest.mark.once
def test_colours_say_nothing_where_a_texture_decides() -> None:
    """Mean and spread of every colour in the shape: no better than chance among the five classes."""

    def colours(known: Any) -> Any:
        rows = []
        for image, inside in zip(known.images, known.objects, strict=True):
            rows.append([*image.mean(axis=(0, 1)), *image[inside].max(axis=0), *image[inside].min(axis=0)])
        return np.asarray(rows)

    textured = [
        _rows(one, one.labels != shapes.NOTHING) for one in (shapes.make(1000), shapes.make(500, seed=7))
    ]
    assert by_forest(*textured, colours) < 0.36


@pytest.mark.once
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shortcut": "colour"}, "shortcut must be one of None, 'watermark'"),
        ({"count": 0}, "count must be a whole number of at least 1"),
        ({"size": 20}, "size"),
        ({"seed": -1}, "seed"),
        ({"count": True}, "count"),
    ],
)
def test_what_cannot_be_made_is_said(given: dict[str, Any], message: str) -> None:
    with pytest.raises(errors.ParameterError, match=message):
        shapes.make(**{"count": 4} | given)


@pytest.mark.once
def test_any_size_from_32_on() -> None:
    assert shapes.make(5, size=32).objects.any(axis=(1, 2)).all()
    assert shapes.make(5, size=96).images.shape == (5, 96, 96, 3)


def read(model: Any, known: Any) -> float:
    return float((model.predict(known.images, verbose=0).argmax(axis=1) == known.labels).mean())


def hits(model: Any, known: Any, masks: Any) -> float:
    """How often Grad-CAM of a picture in which something decides peaks inside."""
    rows = np.flatnonzero(known.labels != shapes.NOTHING)[:32]
    probe = ks.Probe(model)
    explanation = ks.GradCAM()(probe, known.images[rows], known.labels[rows].tolist())
    pointing = metric.PointingGame()(probe, known.images[rows], explanation, masks=masks[rows])
    return float(pointing.values.mean())


def test_maps_of_a_network_that_reads_textures_are_on_them() -> None:
    model, seen = trained("shapes"), shapes.make(60, seed=9)
    assert read(model, seen) > 0.9
    assert hits(model, seen, seen.masks) > 0.9
    # The wrong place: distractors and signs.
    assert hits(model, seen, ~seen.objects) < 0.1


@pytest.mark.once
def test_maps_of_a_network_that_reads_a_watermark_are_on_it() -> None:
    model, seen = trained("shapes, watermark"), shapes.make(60, shortcut="watermark", seed=9)
    assert read(model, seen) > 0.9
    assert hits(model, seen, seen.masks) > 0.9
    assert hits(model, seen, seen.objects) < 0.1


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("shortcut", [None, "watermark"])
def test_a_network_learns_what_decides(shortcut: str | None, seed: int) -> None:
    model = shapes.train(shapes.make(2400, shortcut=shortcut), seed=seed)
    seen = shapes.make(300, shortcut=shortcut, seed=9)
    right, on = read(model, seen), hits(model, seen, seen.masks)
    elsewhere = hits(model, seen, seen.objects if shortcut else ~seen.objects)
    print(f"right {right:.1%}, maps on what decides {on:.0%}, elsewhere {elsewhere:.0%}")
    assert right > 0.97
    # The sign covers 2 % of a picture.
    assert on > (0.4 if shortcut else 0.8)
    assert elsewhere < 0.2


@pytest.mark.once
def test_evaluation_tells_maps_that_are_right_from_those_that_know_nothing() -> None:
    model, known = trained("shapes"), shapes.make(50, seed=11)
    rows = known.labels != shapes.NOTHING
    report = ks.evaluate(
        ["grad_cam"],
        model,
        known.images[rows],
        known.labels[rows],
        known.masks[rows],
        metrics=["deletion", "pointing_game", "energy_pointing_game", "roc_auc"],
    )
    for name in ("pointing_game", "roc_auc"):
        shown = [text for text in report.statements() if name.replace("_", " ") in text]
        assert not any("not shown better" in text for text in shown), shown
    assert (report.ranks[0][0] == 1).sum() >= 3


@pytest.mark.slow
@pytest.mark.once
def test_advice_for_a_network_that_is_known() -> None:
    model, known = trained("shapes"), shapes.make(80, seed=12)
    rows = known.labels != shapes.NOTHING
    with warned(errors.KerascopeWarning, "", optional=True, subclasses=True):
        advice = ks.recommend(model, known.images[rows], target=known.labels[rows].tolist(), sample=48)
    assert len(advice.report) == 48
    explanation = advice.method(model, known.images[rows], known.labels[rows].tolist())
    pointing = metric.PointingGame()(model, known.images[rows], explanation, masks=known.masks[rows]).values
    assert pointing.mean() > 0.8
    assert not any("with care" in text for text in advice.reasons)
