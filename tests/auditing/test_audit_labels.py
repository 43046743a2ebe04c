"""Audits of models of several labels: each a question of its own; labels that go along with each other."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kerascope as ks
from kerascope import errors
from kerascope.auditing.shortcuts.finding import TOO_FEW
from kerascope.typing import Array
from tests.helpers.networks.blobs import NAMES, going_along, network, pictures
from tests.helpers.processes.command_line import Kerascope, runner

once = pytest.mark.once
OPTIONS: dict[str, Any] = {"class_names": NAMES, "sanity": False, "progress": False}


@functools.cache
def data(rate: float) -> tuple[Array, Array]:
    labels = going_along(240, rate, seed=1)
    return pictures(labels, seed=2), labels


model = functools.cache(network)
"""The same network each time, so that an audit of it can be resumed."""


def audit(red_by_green: float, rate: float, **options: Any) -> Any:
    images, labels = data(rate)
    return ks.audit(model(red_by_green), images, labels, **{**OPTIONS, **options})


def companions(found: Any) -> list[tuple[str, str, str]]:
    return [(one.name, one.what, one.verdict) for one in found.findings if one.kind == "companion"]


def test_a_label_that_is_told_by_its_companion_is_confirmed_and_named() -> None:
    found = audit(0.9, 0.9)
    assert list(found) == list(NAMES)
    assert companions(found) == [
        ("red", "what shows 'green', a label that goes along with it", "shortcut"),
    ]
    one = found["red"].confirmed[0]
    assert one.kind == "companion"
    assert one.best is not None
    assert one.best.changed > 0.9
    assert one.best.control == 0
    labels = data(0.9)[1]
    red, green = labels[:, 0] == 1, labels[:, 1] == 1
    counts = [(red & green).sum(), (red & ~green).sum(), (~red & green).sum(), (~red & ~green).sum()]
    words, together = next(iter(one.evidence.items()))
    assert [int(word.strip("(")) for word in words.split() if word.strip("(").isdigit()] == counts
    assert together.value == pytest.approx(green[red].mean() - green[~red].mean())
    words = "without the label: with 'green', beyond images without it, predicted as the label"
    predicted = one.evidence[words]
    assert predicted.value == pytest.approx(1)
    # The audit is right to: every green picture without red is taken for red.
    assert found["red"].accuracy == pytest.approx(1 - (~red & green).mean())


@once
@pytest.mark.parametrize(("red_by_green", "rate"), [(0.0, 0.9), (0.9, 0.5), (0.0, 0.5)])
def test_nothing_is_claimed_where_labels_or_scores_are_independent(red_by_green: float, rate: float) -> None:
    assert companions(audit(red_by_green, rate)) == []


@once
@pytest.mark.parametrize("rate", [0.9, 0.5])
def test_the_absence_of_an_object_is_no_quality(rate: float) -> None:
    """The network looks at the squares alone; pictures of 24 pixels without one are less sharp."""
    assert audit(0.0, rate).shortcuts == ()


@once
def test_labels_that_never_part_are_suspected_and_cannot_be_tried() -> None:
    found = audit(0.9, 1.0)
    words = "what shows {!r}, a label that goes along with it"
    assert companions(found) == [
        ("red", words.format("green"), "untested"),
        ("green", words.format("red"), "untested"),
    ]
    for label in ("red", "green"):
        (finding,) = (each for each in found[label].findings if each.verdict == "untested")
        assert finding.reasons == (TOO_FEW,)


@once
def test_the_audit_of_a_label_is_that_of_its_question() -> None:
    images, labels = data(0.5)
    alone = ks.audit(ks.Probe(network(), class_names=NAMES, label="green"), images, labels, **OPTIONS)
    found = audit(0.0, 0.5, only=["green"])["green"]
    left_out = {"created", "cost", "duplicates", "notes"}  # copies are looked for once for all labels
    one, two = ({k: v for k, v in each.to_json().items() if k not in left_out} for each in (alone, found))
    assert one == two
    assert [each.name for each in found.classes] == ["not green", "green"]


@once
def test_what_is_not_known_of_an_image_counts_as_not_known() -> None:
    images, labels = data(0.5)
    given: list[Any] = [np.flatnonzero(row).tolist() for row in labels]
    given[:40] = [None] * 40
    found = ks.audit(network(), images, given, **OPTIONS, only=["red"])["red"]
    assert sum(one.labelled or 0 for one in found.classes) == 200
    assert found.images == 240


@once
def test_a_label_that_is_never_predicted_has_an_audit() -> None:
    never = network()
    kernel, bias = never.layers[-1].get_weights()
    never.layers[-1].set_weights([kernel, bias - [0, 0, 100]])
    images, labels = data(0.5)
    found = ks.audit(never, images, labels, **OPTIONS, only=[2])["blue"]
    assert found.confirmed == ()
    assert [one.count for one in found.classes] == [240, 0]


@once
def test_audits_by_label_are_written_read_compared_and_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    found = audit(0.9, 0.9, folder=folder)
    assert sorted(one.name for one in folder.iterdir() if one.is_dir()) == ["0-red", "1-green", "2-blue"]
    again = ks.open_audit(folder)
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    page = found.to_html(tmp_path / "report.html").read_text(encoding="utf-8")
    for label in found:
        name = f"report-{found[label].folder.name}.html"
        assert f'href="{name}"' in page
        assert (tmp_path / name).exists()
    honest = audit(0.0, 0.9)
    changes = ks.compare_audits(folder, honest)
    gone = {
        label: [finding.kind for finding in each.gone].count("companion")
        for label, each in changes.labels.items()
    }
    assert gone == {"red": 1, "green": 0, "blue": 0}
    assert "gone:   Class red relies on what shows 'green'" in str(changes)
    json.dumps(changes.to_json())
    with pytest.raises(errors.EvaluationError, match="both be by several labels"):
        ks.compare_audits(found, found["red"])
    with pytest.raises(errors.DatasetError, match="resume it, overwrite it"):
        audit(0.9, 0.9, folder=folder)
    resumed = audit(0.9, 0.9, folder=folder, resume=True)
    assert resumed["red"].cost["explain"]["forwards"] == 0
    assert companions(resumed) == companions(found)
    images, labels = data(0.9)
    one_label = ks.Probe(network(), class_names=NAMES, label="red")
    with pytest.raises(errors.DatasetError, match="one by several labels"):
        ks.audit(one_label, images, labels, folder=folder, sanity=False, progress=False)
    with pytest.raises(errors.DatasetError, match="one of classes"):
        audit(0.9, 0.9, folder=folder / "0-red")
    over = audit(0.9, 0.9, folder=folder / "0-red", only=["blue"], overwrite=True)
    assert not (folder / "0-red" / "manifest.json").exists(), "the audit of classes is gone"
    assert list(ks.open_audit(over.folder)) == ["blue"]


@once
def test_which_labels_must_be_labels_of_the_model() -> None:
    for only, words in ((["rde"], "red"), ([3], "names or indices of the model's 3"), ([], "got none")):
        with pytest.raises(errors.ParameterError, match=words):
            audit(0.0, 0.5, only=only)
    images, labels = data(0.5)
    with pytest.raises(errors.ParameterError, match="is for models of several labels"):
        ks.audit(ks.Probe(network(), label=0), images, labels, only=[0], progress=False)


@once
def test_the_command_line_audits_label_by_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    kerascope: Kerascope = runner(monkeypatch, capsys)
    network(0.9).save("model.keras")
    lines = ["path,label"]
    for number, (image, own) in enumerate(zip(*data(0.9), strict=True)):
        Image.fromarray(np.rint(255 * image).astype("uint8")).save(f"{number:03d}.png")
        lines.append(f"{number:03d}.png,{'|'.join(NAMES[place] for place in np.flatnonzero(own))}")
    Path("list.csv").write_text("\n".join(lines))
    Path("names.txt").write_text("\n".join(NAMES))
    common = ("list.csv", "--classes", "names.txt", "--preprocess", "0-1", "--no-sanity")
    ran = kerascope(
        "audit", "model.keras", *common, "--label", "red", "--fail-on", "0", "--html", "page.html"
    )
    assert ran.code == 4, ran.err
    assert "Class red relies on what shows 'green'" in ran.out
    assert "the answers no and yes to 'red'" in ran.out
    assert Path("page-0-red.html").exists()
    told = json.loads(
        kerascope(
            "audit", "model.keras", *common, "--label", "1", "--out", "two", "--before", "kerascope-audit",
            "--json",
        ).out
    )  # fmt: skip
    assert list(told["labels"]) == ["green"]
    assert told["changes"] == {"labels": {}, "left": ["red"], "came": ["green"]}
    assert "must be names or indices" in kerascope("audit", "model.keras", *common, "--label", "9").err
