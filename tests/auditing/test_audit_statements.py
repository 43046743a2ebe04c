"""What an audit says: never more than is known, and what must be known first, first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

import kerascope as ks
from kerascope import errors
from kerascope.auditing.result import summary
from kerascope.auditing.result.audit_result import ClassAudit
from kerascope.auditing.result.map_health import MapHealth
from kerascope.auditing.result.responses import Responses, hardly_move
from kerascope.auditing.shortcuts.finding import FEWEST, TOO_FEW, Finding
from kerascope.typing import Array
from tests.helpers.expected_warnings import warned
from tests.helpers.processes.command_line import runner

once = pytest.mark.once
layers = keras.layers
HEALTH = MapHealth(0, 0.0, 0.0, 0.0, {})
ANSWERS = Responses(90, 90, 0, "level", 30, (90, 30), (0.4, 1.0), False, 0)
OPTIONS: dict[str, Any] = {"sanity": False, "progress": False}


def network(*between: keras.Layer, after: tuple[keras.Layer, ...] = ()) -> keras.Sequential:
    """An untrained classifier of three classes."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(4, 3),
            *between,
            layers.ReLU(),
            *after,
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def images(count: int = 24) -> Array:
    return np.random.default_rng(0).random((count, 12, 12, 1)).astype("float32")


def made(
    counts: tuple[int, ...] = (30, 30, 30), findings: tuple[Finding, ...] = (), **changes: Any
) -> ks.Audit:
    """An audit with so many images of each class, as though it had been made."""
    names = ("upright", "level", "aslant")
    classes = [
        ClassAudit(place, name, count, count, 1.0, 1.0, (), HEALTH)
        for place, (name, count) in enumerate(zip(names, counts, strict=False))
    ]
    return ks.Audit(
        folder=Path("nowhere"),
        model="functional_1",
        methods=("GradCAM()",),
        target="predicted",
        images=sum(counts),
        failed=0,
        accuracy=None,
        findings=findings,
        classes=tuple(classes),
        health=HEALTH,
        checks=(),
        notes=(),
        cost={},
        settings={},
        created="2026-11-30",
        versions={},
        **{"responses": ANSWERS, **changes},
    )


def finding(verdict: Any, *reasons: str, kind: str = "place", **others: Any) -> Finding:
    return Finding(kind, 1, "level", "the top edge", verdict, (), {}, 1.0, reasons=reasons, **others)


# ---- what was found, and what was not -----------------------------------------------------------


UNTESTED = finding("untested", TOO_FEW)
EXCHANGED = "and a suspicion is tested by exchanging pixels with images of other classes"
LEAST = "a suspicion is tested on 8 images of a class and 8 of others"
NOTHING = "Nothing could be compared: "
FOUND: list[tuple[ks.Audit, list[str]]] = [
    (made(), ["Nothing was suspected."]),
    (made(findings=(UNTESTED,) * 6), ["6 suspicions could not be tested (too few images)."]),
    (
        made(findings=(finding("not confirmed"), UNTESTED, finding("untested", "of six"))),
        [
            "No shortcut was found; 1 suspicion was tested.",
            "2 suspicions could not be tested (1: too few images; 1: of six).",
        ],
    ),
    (
        made(
            findings=(finding("evidence", "it may"), finding("not confirmed", plan="more of others would do"))
        ),
        [
            "Class level relies on the top edge, which may be the object: look.",
            "No shortcut was found; 2 suspicions were tested.",
        ],
    ),
    (
        made(
            findings=(
                finding("untested", TOO_FEW, plan="4 more images would do"),
                finding("untested", TOO_FEW),
            )
        ),
        ["2 suspicions could not be tested (too few images).", "To settle it: 4 more images would do."],
    ),
    (
        made(findings=(finding("evidence"),) * 7),
        [
            *("Class level relies on the top edge, which may be the object: look.",) * 5,
            "2 more findings may be the object, too.",
            "No shortcut was found; 7 suspicions were tested.",
        ],
    ),
    (made((90, 0)), [f"{NOTHING}all 90 images are predicted as class upright, {EXCHANGED}."]),
    (
        replace(made((0, 20)), target="label"),
        [f"{NOTHING}all 20 images are labelled class level, {EXCHANGED}."],
    ),
    (
        made((7, 7, 76)),
        [
            "Nothing was suspected.",
            "2 of 3 classes have too few images to be tested, fewer than 8: upright, level.",
        ],
    ),
    (made((7, 7)), [f"{NOTHING}{LEAST}, and class upright has 7 of 14."]),
    (
        made(responses=replace(ANSWERS, still=True)),
        [f"{NOTHING}the prediction is the same for nearly every image, whatever it shows."],
    ),
]


@once
@pytest.mark.parametrize(("audit", "lines"), FOUND)
def test_nothing_is_said_to_be_clean_that_could_not_be_tried(audit: ks.Audit, lines: list[str]) -> None:
    assert audit.conclusions() == lines
    assert [line for line in audit.summary() if line in lines] == lines
    assert str(audit).startswith("\n".join(audit.summary()))
    assert ("\n  " in str(audit)) == bool(audit.confirmed), "details are of what is confirmed"
    assert bool(audit.obstacles) == lines[0].startswith(NOTHING)


@once
def test_a_suspect_with_too_few_images_says_so() -> None:
    found = finding("untested").judge([], 1)
    assert (found.verdict, found.reasons) == ("untested", (TOO_FEW,))
    assert finding("untested", "of six").judge([], 1).reasons == ("of six",)


@once
def test_labels_say_together_what_could_not_be_tried() -> None:
    one, two = made(findings=(finding("untested", TOO_FEW),)), made((90, 0))
    both = ks.LabelAudits(Path("nowhere"), "blobs", {"snow": one, "sea": two}, "", {})
    assert len(both.untested) == 1
    assert both.obstacles == [f"sea: {two.obstacles[0]}"]
    assert "snow: 1 suspicion could not be tested (too few images)." in both.summary()
    still = ks.LabelAudits(
        Path(), "b", {"snow": made(responses=replace(ANSWERS, still=True)), "sea": one}, "", {}
    )
    assert still.summary()[0].startswith("snow: The scores hardly move")


@once
def test_a_model_is_called_by_its_file_or_by_a_name_that_somebody_gave_it() -> None:
    assert made(model_file="runs/birds.keras").title == "birds.keras"
    assert made().title == "the model"
    assert replace(made(), model="birds").title == "birds"
    assert "birds.keras on 90 images" in repr(made(model_file="runs/birds.keras"))


@once
def test_what_one_of_two_audits_could_not_try_is_neither_gone_nor_new() -> None:
    found = ks.audit(network(), images(), **OPTIONS)  # for its table
    known = replace(made(), folder=found.folder)
    confirmed = replace(known, findings=(finding("shortcut"),))
    for other, reason in (
        (
            replace(
                known, findings=(finding("untested", TOO_FEW, kind="patch"), finding("untested", "of six"))
            ),
            "of six",
        ),
        (replace(known, responses=replace(ANSWERS, still=True)), "nothing could be compared"),
        (replace(known, classes=made((60, FEWEST - 1)).classes), TOO_FEW),
    ):
        changes = ks.compare_audits(confirmed, other)
        assert changes.gone == ()
        assert [why for _, why in changes.untried_now] == [reason]
        assert f"not tested now: {reason}" in str(changes)
        assert changes.to_json()["untried_now"][0]["reason"] == reason
        back = ks.compare_audits(other, confirmed)
        assert back.new == ()
        assert [why for _, why in back.untried_before] == [reason]
        assert f"not tested before: {reason}" in str(back)
    assert len(ks.compare_audits(confirmed, known).gone) == 1
    assert len(ks.compare_audits(known, confirmed).new) == 1


# ---- scores that hardly move ---------------------------------------------------------------------


@once
def test_scores_that_hardly_move_are_told_from_those_of_one_class() -> None:
    rng, count = np.random.default_rng(0), 200
    several, one = np.arange(count) % 3, np.zeros(count, int)
    logits = rng.normal(0, 1, count)
    chance = 1 / (1 + np.exp(-logits))
    sure = np.ones(count)

    def still(scores: Array, probabilities: Array, groups: Array, different: int = count) -> bool:
        return hardly_move(scores, probabilities, groups, different)

    assert not still(logits, chance, one), "a good model on a data set of one class"
    assert not still(logits + 9, sure, one), "so sure that probabilities are rounded"
    assert not still(sure, sure, one), "nothing is known but rounded probabilities"
    quiet = 0.34 + 0.002 * logits
    assert still(np.log(quiet), quiet, one)
    assert still(np.log(quiet), quiet, several), "which of near ties is predicted is chance"
    assert still(40 * logits, quiet, one), "scores that move together move nothing"
    assert still(np.full(count, 9.0), sure, one)
    assert not still(np.log(quiet), quiet, one, different=15), "too few to tell"
    unknown = np.full(count, np.nan)
    assert not still(0.9 + 0.1 * logits, unknown, one)
    assert still(0.9 + 0.001 * logits, unknown, one)


@once
def test_one_class_for_everything_is_told_where_labels_differ() -> None:
    assert not ANSWERS.constant
    wrong = replace(ANSWERS, count=85)
    assert wrong.constant
    assert wrong.doubts()[0].startswith(
        "Nearly all is one class: 85 of 90 images are predicted as class level"
    )
    assert not replace(wrong, labelled=(90, 80)).constant, "a data set that is mostly of this class"
    alone = replace(wrong, count=90, labelled=(0, 0))
    assert not alone.constant, "of which nothing is known"
    assert alone.doubts()[0].startswith("All is one class: 90 of 90 images are predicted as class level, at")
    assert "unless all of them are of it, usually the head was not trained" in alone.doubts()[0]
    assert replace(ANSWERS, count=90, labelled=(90, 90)).doubts() == []
    assert replace(ANSWERS, unlearnt=3).doubts()[0].startswith("Every BatchNormalization (3) has its initial")
    assert not replace(wrong, different=1).constant, "copies of one image"
    assert summary.find_misnaming(replace(made(), accuracy=0.0))
    assert not summary.find_misnaming(replace(made(responses=wrong), accuracy=0.0)), (
        "the same reason is not told twice"
    )


@once
def test_a_network_that_was_never_trained_is_told_first_and_why() -> None:
    given, labels = images(), np.arange(24) % 3
    unlearnt = ks.audit(network(layers.BatchNormalization()), given, labels, **OPTIONS)
    first = unlearnt.summary()[0]
    assert first.startswith("The scores hardly move from image to image: ")
    assert "every BatchNormalization (1) has its initial statistics" in first
    assert "Nothing was suspected." not in str(unlearnt)
    dead = network()
    dead.layers[0].set_weights([dead.layers[0].get_weights()[0], np.full(4, -100.0)])
    found = ks.audit(dead, given, labels, **OPTIONS)
    assert (
        "24 of 24 images are predicted as class 0, at a probability of 0.333 to 0.333" in found.summary()[0]
    )
    assert "a layer is dead" in found.summary()[0]
    assert ks.open_audit(found.folder).summary() == found.summary()


# ---- scores that are none ------------------------------------------------------------------------


class Brightest(layers.Layer):
    """Features over the greatest, which those of a black image do not have."""

    def call(self, features: Any) -> Any:
        return features / keras.ops.max(features, axis=(1, 2, 3), keepdims=True)


def test_scores_that_are_not_finite_are_no_predictions() -> None:
    some = network(after=(Brightest(),))
    given, labels = images(), np.arange(24) % 3
    given[:5] = 0
    with warned(errors.NonFiniteMapWarning, "5 of 24 maps"):
        assert (ks.explain(some, given, "grad_cam").predictions < 0).tolist() == [True] * 5 + [False] * 19
    found = ks.audit(some, given, labels, **OPTIONS)
    assert found.summary()[0].startswith("The scores of 5 of 24 images are not finite (NaN or infinity): ")
    assert (found.images, found.failed) == (19, 5)
    right = [
        row["prediction"] == row["label_index"]
        for row in found.results.image_rows(["prediction", "label_index"])
    ]
    assert found.accuracy == np.mean(right)
    failed = list(found.results.failures())
    assert len(failed) == 5
    assert all("scores of an image must be finite" in error for _, error in failed)


def test_a_model_full_of_nan_is_refused_and_one_with_a_broken_class_predicts_nothing() -> None:
    broken = network()
    kernel, bias = broken.layers[-1].get_weights()
    given, labels = images(), np.arange(24) % 3
    broken.layers[-1].set_weights([kernel * [1, 1, np.nan], bias])
    for target in ("predicted", "label"):
        with pytest.raises(errors.EvaluationError, match="the scores of 24 of 24 images are not finite"):
            ks.audit(broken, given, labels, target=target, **OPTIONS)  # type: ignore[arg-type]
    with warned(errors.NonFiniteScoreWarning, "24 of 24 maps"):
        found = ks.RandomMap()(broken, given, 2)
    assert found.predictions is not None
    assert (found.predictions == -1).all()
    # What is asked about may be a number beside others that are none.
    assert np.isfinite(ks.RandomMap()(broken, given, 1).scores).all()


@once
def test_a_row_whose_class_is_not_predicted_says_so(tmp_path: Path) -> None:
    for number, one in enumerate(images(3)):
        Image.fromarray(np.rint(255 * one.squeeze()).astype("uint8")).save(tmp_path / f"{number}.png")
    broken = network()
    kernel, bias = broken.layers[-1].get_weights()
    broken.layers[-1].set_weights([kernel * [1, 1, np.nan], bias])
    options: dict[str, Any] = {
        "method": "random_map",
        "preprocessing": "0-1",
        "overlay": None,
        "progress": False,
    }
    given = ks.explain_dataset(broken, tmp_path, tmp_path / "given", target=1, **options)
    for row in given.rows():
        assert (row["status"], row["prediction"]) == ("explained", None)
        assert "no class is predicted" in row["warnings"][-1]
    chosen = ks.explain_dataset(broken, tmp_path, tmp_path / "chosen", **options)
    assert [row["status"] for row in chosen.rows()] == ["failed"] * 3


# ---- labels that are no classes, and the command line --------------------------------------------


@once
def test_labels_that_are_no_classes_are_counted_and_named() -> None:
    labels = np.asarray([-1, 7, 7, 7, *(np.arange(20) % 3)])
    with warned(errors.KerascopeWarning, "4 of the first 24 are not"):
        found = ks.audit(network(), images(), labels, **OPTIONS)
    said = "4 labels are no classes of the model, and count as not known: '7' (3), '-1' (1)."
    assert said in found.summary()
    assert "of the 20 whose label is a class right" in str(found)
    assert found.results.counts["strange_labels"] == 4
    assert found.results.manifest["warnings"][-1] == f"KerascopeWarning: {said}"


@once
def test_the_command_fails_on_what_could_not_be_tried_where_it_is_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    kerascope = runner(monkeypatch, capsys)
    network().save("birds.keras")
    Path("photos").mkdir()
    for number, one in enumerate(images()):
        Image.fromarray(np.rint(255 * one.squeeze()).astype("uint8")).save(f"photos/{number:02d}.png")
    common = ("audit", "birds.keras", "photos", "--preprocess", "0-1", "--no-sanity", "--method", "grad_cam")
    ran = kerascope(*common, "--fail-on", "0", "--html", "page.html")
    assert ran.code == 0
    assert "Nothing could be compared" in ran.out
    assert "Nothing was suspected" not in ran.out
    page = Path("page.html").read_text(encoding="utf-8")
    assert "<h1>What birds.keras looks at</h1>" in page
    assert page.index("The scores hardly move") < page.index("24 images in 1 class were explained")
    assert "<p>Nothing could be compared" in page
    strict = kerascope(*common, "--resume", "--fail-on-untested")
    assert strict.code == 4
    assert "Nothing could be compared" in strict.err


@once
def test_a_model_that_is_as_sure_of_several_classes_moves() -> None:
    chance = np.linspace(0.90, 0.91, 90)
    assert not hardly_move(np.log(chance), chance, np.arange(90) % 3, 90)
    assert hardly_move(np.log(chance), chance, np.zeros(90), 90)


@once
def test_names_are_not_doubted_for_one_wrong_label() -> None:
    labels = np.full(24, -1)
    labels[0] = 2
    with warned(errors.KerascopeWarning, "23 of the first 24 are not"):
        found = ks.audit(network(), images(), labels, **OPTIONS)
    assert "less than chance" not in str(found)


@once
def test_images_that_are_not_finite_fail_alone() -> None:
    given = images()
    given[:3] = np.nan
    found = ks.audit(network(), given, **OPTIONS)
    assert (found.images, found.failed) == (21, 3)
