"""Audits of networks that rely on a shortcut, and of one that does not."""

from __future__ import annotations

import functools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import kerascope as ks
from kerascope import errors
from kerascope.auditing.shortcuts import kinds, search
from kerascope.auditing.shortcuts.interventions import samples
from kerascope.synthetic import shortcuts
from kerascope.typing import Array
from tests.helpers.files.photographs import same
from tests.helpers.networks.bars import pictures, planted
from tests.helpers.networks.trained import trained

once = pytest.mark.once
COUNT = 90
"""Pictures that are audited."""


@functools.cache
def known(kind: str | None) -> tuple[ks.Probe, shortcuts.Planted]:
    """A network that relies on a shortcut of class 1, or on none, and pictures that it has not seen."""
    return ks.Probe(trained(kind or "clean")), planted(COUNT, kind, seed=1)


def audit(kind: str | None, **options: Any) -> ks.Audit:
    probe, held = known(kind)
    return ks.audit(probe, held.images, held.labels, **{"sanity": False, "progress": False, **options})


KINDS = [
    pytest.param(kind, marks=[] if kind == "corner" else [once])
    for kind in ("corner", "frame", "tint", "random place", "texture")
]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_planted_is_confirmed_and_located_and_nothing_else_is(kind: str) -> None:
    _, held = known(kind)
    found = audit(kind)
    (finding,) = (each for each in found.confirmed if each.label == 1)
    # A texture of the background shines through at the soft ends of the bars, which may be the object.
    assert finding.verdict == "shortcut" or kind == "texture"
    assert {each.label for each in found.shortcuts} <= {1}
    # What is on all of the background is a quality of the picture, too, and the same cause.
    expected = {
        "corner": {"patch"},
        "frame": {"place"},
        "tint": {"background", "tone"},
        "random place": {"patch"},
        "texture": {"background", "noise", "texture"},
    }
    assert finding.kind in expected[kind]
    best = finding.best
    assert best is not None
    assert best.changed > 0.4
    assert best.control < 0.1
    assert best.count >= 32
    overlaps = []
    for index, (top, left, bottom, right) in finding.places.items():
        box = np.zeros((24, 24), bool)
        box[round(24 * top) : round(24 * bottom), round(24 * left) : round(24 * right)] = True
        true = held.places[index]
        overlaps.append((box & true).sum() / (box | true).sum())
    if kind in ("corner", "random place"):
        assert np.mean(overlaps) > 0.5
    if kind == "frame":
        # The part of it that the network relies on, and nothing near the middle.
        assert finding.region is not None
        assert finding.region[:2].all()
        assert not finding.region[8:16, 8:16].any()


def test_a_clean_model_has_no_confirmed_finding() -> None:
    found = audit(None)
    assert found.confirmed == ()
    assert found.accuracy is not None
    assert found.accuracy > 0.95
    assert "No shortcut was found" in str(found) or "Nothing was suspected" in str(found)
    assert "less than chance" not in str(found)
    assert "less than chance" in str(replace(found, accuracy=0.02))


@once
@pytest.mark.xfail(strict=True, reason="a mark tells a quality; its transfer carries bars")
def test_a_mark_that_a_network_does_not_use_convicts_nobody() -> None:
    held = known("corner")[1]
    found = ks.audit(known(None)[0], held.images, held.labels, sanity=False, progress=False)
    assert found.shortcuts == ()


@once
def test_a_wrong_place_would_not_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What convicts is the intervention: the same suspects, shifted, go free."""

    probe, held = known("corner")
    find = kinds.place.find

    def shifted(material: Any, found: Any) -> list[Any]:
        return [replace(one, region=np.roll(one.region, (12, 12), (0, 1))) for one in find(material, found)]

    def as_found(material: Any, found: Any) -> list[Any]:
        return find(material, found)

    confirmed = {}
    for wrong in (as_found, shifted):
        monkeypatch.setattr(search, "KINDS", {"place": kinds.place})
        monkeypatch.setattr(kinds.place, "find", wrong)
        result = ks.audit(probe, held.images, held.labels, sanity=False, progress=False)
        confirmed[wrong.__name__] = [finding.label for finding in result.shortcuts]
    assert confirmed == {"as_found": [1], "shifted": []}


def test_nothing_of_the_model_changes_and_images_are_not_touched() -> None:
    probe, held = known("corner")
    model = probe.model
    before = [np.array(one) for one in model.get_weights()]
    given = held.images.copy()
    ks.audit(probe, held.images, held.labels, progress=False)
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))
    np.testing.assert_array_equal(given, held.images)


def test_the_cost_is_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    # Only a style is read from features before it is tested, which costs forwards without a trial.
    own = {kind: module for kind, module in kinds.KINDS.items() if kind != "style"}
    monkeypatch.setattr(search, "KINDS", own)
    held = known("frame")[1]
    probe = ks.Probe(trained("frame"), batch_size=32)
    found = ks.audit(probe, held.images, held.labels, sanity=False, progress=False)
    # Every image by Grad-CAM, and its features; and to begin with one image without data.
    assert found.cost["explain"] == {"forwards": 2 * COUNT, "backwards": COUNT}
    trials = sum(trial.count for one in found.findings for trial in one.trials)
    # What an exchange shows is predicted once more as it was; with two causes, there would be more trials.
    shown = sum(len(one.exchanges) for one in found.findings)
    assert shown
    assert found.cost["try"] == {"forwards": 2 * trials + shown, "backwards": 0}
    counted = found.cost["explain"]["forwards"] + found.cost["try"]["forwards"]
    assert probe.forward_count == counted + 1, "a blank image, which shows that there are classes"
    # At most twice what explaining and the interventions cost alone.
    assert counted + COUNT <= 2 * (2 * COUNT + 2 * trials)
    traces = probe.trace_count
    ks.audit(probe, held.images[:80], held.labels[:80], sanity=False, progress=False)
    assert probe.trace_count == traces


@once
def test_an_audit_is_written_and_read_again(tmp_path: Path) -> None:
    found = audit("corner", folder=tmp_path, method=["grad_cam", "saliency"], sanity=True)
    again = ks.open_audit(tmp_path)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    assert again.summary() == found.summary()
    first, second = found.confirmed[0], again.confirmed[0]
    assert first.statement == second.statement
    if first.region is not None:
        np.testing.assert_array_equal(first.region, second.region)
    assert again.to_html(tmp_path / "page.html").stat().st_size > 20_000
    assert len(list(again.results.rows(["path"]))) == COUNT
    assert {check.method for check in again.checks} == {"GradCAM()", "Saliency()"}
    for wrong, words in (("{", "whole audit.json"), ('{"format": 99}', "newer"), ('{"format": 1}', "whole")):
        (tmp_path / "audit.json").write_text(wrong)
        with pytest.raises(errors.DatasetError, match=words):
            ks.open_audit(tmp_path)
    with pytest.raises(errors.DatasetError, match="make one first"):
        ks.open_audit(tmp_path / "nowhere")


@once
def test_what_an_earlier_audit_left_is_not_shown_by_a_later_one(tmp_path: Path) -> None:
    audit("corner", folder=tmp_path)
    ours = next((tmp_path / "audit-pictures").glob("*.png"))
    shutil.copy(ours, tmp_path / "audit-pictures" / "000089.png")
    (tmp_path / "audit-pictures" / "mine.txt").write_text("the user's")
    probe, held = known("corner")
    images = held.images[:60]
    found = ks.audit(probe, images, sanity=False, progress=False, folder=tmp_path, overwrite=True)
    names = {path.name for path in (tmp_path / "audit-pictures").iterdir()}
    assert "mine.txt" in names
    assert "000089.png" not in names
    assert found.images == 60
    found.to_html(tmp_path / "page.html")
    with pytest.raises(errors.InputError):
        ks.audit(probe, images[:, :20], folder=tmp_path, overwrite=True, progress=False)


@once
def test_an_audit_that_was_stopped_goes_on_and_ends_alike(tmp_path: Path) -> None:
    probe, held = known("corner")
    options: dict[str, Any] = {"sanity": False, "progress": False, "shard_size": 30}
    whole = ks.audit(probe, held.images, held.labels, folder=tmp_path / "whole", **options)
    ks.audit(probe, held.images, held.labels, folder=tmp_path / "part", **options)
    (tmp_path / "part" / "data" / "part-00002.parquet").unlink()
    (tmp_path / "part" / "audit.json").unlink()
    with pytest.raises(errors.DatasetError, match="resume it, overwrite it"):
        ks.audit(probe, held.images, held.labels, folder=tmp_path / "part", **options)
    part = ks.audit(probe, held.images, held.labels, folder=tmp_path / "part", resume=True, **options)
    assert part.cost["explain"]["forwards"] == 2 * 30
    same(tmp_path / "whole", tmp_path / "part")
    left_out = {"created", "cost"}
    one, two = ({k: v for k, v in a.to_json().items() if k not in left_out} for a in (whole, part))
    assert one == two
    # With other images, or a further method, it is another audit.
    for images, more in ((held.images[:89], {}), (held.images, {"method": ["grad_cam", "saliency"]})):
        labels = held.labels[: len(images)]
        with pytest.raises(errors.DatasetError, match="must be resumed with"):
            ks.audit(probe, images, labels, folder=tmp_path / "part", resume=True, **{**options, **more})


@once
def test_threads_and_batches_do_not_matter() -> None:
    one = audit("frame", threads=0).to_json()
    two = audit("frame", threads=3, batch_size=16).to_json()
    findings = [[(f["kind"], f["label"], f["verdict"], f["what"]) for f in a["findings"]] for a in (one, two)]
    assert findings[0] == findings[1]


def saved(folder: Path, images: Array, names: list[str], labels: Array) -> Path:
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = folder / names[label] / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(255 * image.squeeze()).astype("uint8")).save(path)
    return folder


@once
def test_a_folder_with_masks_tells_what_lies_outside_the_object(tmp_path: Path) -> None:
    probe, held = known("texture")
    names = ["aslant", "level", "upright"]
    photographs = saved(tmp_path / "photos", held.images, names, held.labels)
    inside = [np.where(place, 0.0, 1.0) for place in held.places]
    plain = known(None)[1]
    inside = [
        (picture[..., 0] > 0.2).astype("float32") if not has else one
        for one, has, picture in zip(inside, held.has, plain.images, strict=True)
    ]
    masks = saved(tmp_path / "masks", np.stack(inside)[..., None], names, held.labels)
    (photographs / "level" / "broken.png").write_bytes(b"no picture")
    found = ks.audit(
        probe,
        photographs,
        masks=masks,
        class_names=names,
        preprocessing="0-1",
        sanity=False,
        progress=False,
        folder=tmp_path / "audit",
    )
    assert (found.images, found.failed) == (COUNT, 1)
    outside = [one for one in found.confirmed if one.kind == "outside"]
    assert [one.name for one in outside] == ["level"]
    evidence = outside[0].evidence["share of the relevance outside the object"]
    assert evidence.value > (evidence.usual or 0) - 0.1
    assert {one.name for one in found.confirmed} == {"level"}
    assert any((tmp_path / "audit" / "audit-pictures").iterdir())


@once
def test_groups_are_of_what_is_predicted_or_of_labels() -> None:
    probe, held = known(None)
    wrong = held.labels.copy()
    wrong[:9] = (wrong[:9] + 1) % 3
    options: dict[str, Any] = {"sanity": False, "progress": False}
    by_label = ks.audit(probe, held.images, wrong, target="label", **options)
    assert [one.count for one in by_label.classes] == np.bincount(wrong).tolist()
    by_prediction = ks.audit(probe, held.images, wrong, **options)
    assert sum(one.count for one in by_prediction.classes) == COUNT
    mistakes = [m for one in by_prediction.classes for group in one.strategies for m in group.mistakes]
    assert sum(count for _, _, count in mistakes) >= 9
    unknown = ks.audit(probe, held.images, **options)
    assert unknown.accuracy is None
    assert all(one.recall is None and one.labelled is None for one in unknown.classes)
    assert "right" not in str(unknown).splitlines()[0]


@once
def test_strategies_share_out_the_images_and_have_prototypes() -> None:
    found = audit("corner", clustering="hdbscan")
    for one in found.classes:
        assert sum(group.count for group in one.strategies) == one.count - round(one.health.flat * one.count)
        for group in one.strategies:
            assert 1 <= len(group.prototypes) <= 4
            assert group.position.sum() == pytest.approx(1, abs=1e-3)
            assert 0 <= group.elsewhere <= 1


@once
def test_two_audits_are_compared() -> None:
    with_mark, clean = audit("corner"), audit(None)
    held = known("corner")[1]
    # Trained on pictures of which half have the mark, whatever their class.
    mended = ks.audit(trained("mended"), held.images, held.labels, sanity=False, progress=False)
    changes = ks.compare_audits(with_mark, mended)
    gone = [(finding.label, finding.kind) for finding in changes.gone if finding.verdict == "shortcut"]
    assert gone == [(1, "patch")]
    assert "patch" not in {finding.kind for finding in (*changes.new, *mended.shortcuts)}
    assert changes.stayed == ()
    assert changes.shared == COUNT
    assert "gone:   Class 1 relies on" in str(changes)
    back = ks.compare_audits(mended, with_mark)
    new = [(finding.label, finding.kind) for finding in back.new if finding.verdict == "shortcut"]
    assert new == [(1, "patch")]
    stayed = ks.compare_audits(with_mark, with_mark)
    assert len(stayed.stayed) == len(with_mark.confirmed)
    assert stayed.predictions == 0
    assert all(one.moved == pytest.approx(0, abs=1e-6) for one in stayed.classes)
    json.dumps(changes.to_json())
    # Other images are no shared ones, but for those of the two classes without the mark.
    assert ks.compare_audits(with_mark, clean).shared == 2 * COUNT // 3


@once
def test_what_cannot_be_audited_is_refused(tmp_path: Path) -> None:
    layers = keras.layers
    one_output = keras.Sequential([keras.Input((24, 24, 1)), layers.Conv2D(2, 3), layers.Flatten()])
    values = keras.Sequential(
        [keras.Input((24, 24, 1)), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(1)]
    )
    images = np.random.default_rng(0).random((20, 24, 24, 1)).astype("float32")
    with pytest.raises(errors.EvaluationError, match="two or more classes"):
        ks.audit(values, images, folder=tmp_path / "audit", progress=False)
    assert not (tmp_path / "audit").exists(), "refused before the first image"
    probe = known(None)[0]
    for options, words in (
        ({"target": 3}, "target must be"),
        ({"clustering": "k-means"}, "clustering must be"),
        ({"images_per_trial": 2}, "images_per_trial"),
        ({"method": []}, "there must be a method"),
        ({"masks": "nowhere.txt"}, "masks must be"),
        ({"masks": np.ones((19, 24, 24))}, "one for each of the 20 images; got 19"),
    ):
        with pytest.raises(errors.ParameterError, match=words):
            ks.audit(probe, images, progress=False, **options)  # type: ignore[arg-type]
    with pytest.raises(errors.ParameterError, match="with arrays only"):
        ks.audit(probe, ["photos"], [1])
    assert one_output.built


@once
def test_a_model_without_places_is_audited_by_a_method_on_pixels() -> None:
    held = known("corner")[1]
    found = ks.audit(
        trained("placeless"),
        held.images,
        held.labels,
        method="input_x_gradient",
        sanity=False,
        progress=False,
    )
    assert {one.label for one in found.confirmed} == {1}
    assert any("no layer with places" in note for note in found.notes)


@once
def test_maps_that_show_nothing_and_sets_of_few_are_audited_and_said_to_be() -> None:
    layers = keras.layers
    dead = keras.Sequential(
        [
            keras.Input((24, 24, 1)),
            layers.Conv2D(4, 1, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    # Not blank: every map is positive everywhere, and varies by some 2 %.
    dead.set_weights([np.full((1, 1, 1, 4), 0.02), np.ones(4), np.ones((4, 3)), np.zeros(3)])
    images, labels = pictures(60)
    found = ks.audit(dead, images, labels, method=["grad_cam", "layer_cam"], progress=False)
    assert (found.health.flat, found.health.saturated) == (1, 0)
    assert np.isnan(found.health.agreement["LayerCAM()"].value)
    assert any("show nothing" in doubt for doubt in found.doubts)
    assert found.confirmed == ()
    assert all(one.strategies == () for one in found.classes)
    assert [check.verdict for check in found.checks] == ["undecided"] * 2
    for count in (4, 1):
        few = ks.audit(known(None)[0], images[:count], labels[:count], progress=False)
        assert few.images == count
        assert few.confirmed == ()
        assert few.to_html(few.folder / "page.html").exists()


@once
def test_a_trial_asks_about_as_many_images_as_it_may() -> None:
    found = audit("frame", images_per_trial=16)
    assert max(trial.count for one in found.findings for trial in one.trials) == 16
    assert samples.IMAGES_PER_TRIAL == 96
