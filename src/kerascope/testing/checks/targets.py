"""Every form of a target gives the same map, and a target that cannot be explained is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascope import errors
from kerascope.probe import Probe
from kerascope.target import Class, Contrast, Output, Top, Unit
from kerascope.testing.fixture import CLOSE, Fixture, assert_close, expect_error
from kerascope.testing.registry import check

NAMES = ("tench", "tabby", "teapot")


def second_score(scores: Any) -> Any:
    """The score of class 2, as a user's function."""
    return scores[:, 2]


@check(8)
def target_forms(fixture: Fixture) -> None:
    """2, [2, 2, 2], an array, a name, a Class and a function of the scores are the same target."""
    tiny = fixture.tiny("functional")
    probe = Probe(tiny.model, class_names=NAMES)
    expected = fixture.method(probe, tiny.images, 2)
    assert expected.targets.tolist() == [2, 2, 2], f"targets must be 2; got {expected.targets}"
    assert expected.class_name(2) == "teapot", "the class name must be known"
    forms = {
        "list": [2, 2, 2],
        "tuple": (2, 2, 2),
        "array": np.array([2, 2, 2]),
        "NumPy integer": np.int64(2),
        "class name": "teapot",
        "Class": Class(2),
        "function": second_score,
    }
    if "classes" in fixture.method.tags:
        with expect_error(errors.TargetError, "class"):
            fixture.method(probe, tiny.images, forms.pop("function"))
    for name, form in forms.items():
        found = fixture.method(probe, tiny.images, form)
        assert_close(found.values, expected.values, CLOSE, name)
        assert_close(found.scores, expected.scores, CLOSE, f"scores of {name}")
        if name != "function":
            assert found.targets.tolist() == [2, 2, 2], f"{name}: targets are {found.targets}"
    own = fixture.method(probe, tiny.images, [2, 0, 1])
    assert own.targets.tolist() == [2, 0, 1], f"targets per image are {own.targets}"
    assert_close(own.values[0], expected.values[0], CLOSE, "a class per image")


@check(8)
def predicted_class(fixture: Fixture) -> None:
    """No target is the predicted class of each image."""
    predicted = list(fixture.tiny("functional").targets or ())
    found = fixture.explain("functional")
    assert found.targets.tolist() == predicted, f"must explain {predicted}; got {found.targets}"
    assert_close(found.values, fixture.explain("functional", predicted).values, 0.0, "predicted class")


@check(8)
def several_classes(fixture: Fixture) -> None:
    """Top(k) gives a class axis behind the images, in the order of the scores."""
    found = fixture.explain("functional", Top(2))
    single = fixture.explain("functional", 0)
    assert found.class_axis, "an explanation of Top(k) must have a class axis"
    assert found.values.shape == (3, 2, *single.values.shape[1:]), f"got {found.values.shape}"
    assert found.scores.shape == found.targets.shape == (3, 2), "scores and targets must be (3, 2)"
    assert (found.scores[:, 0] >= found.scores[:, 1]).all(), "the best class must come first"
    assert found.heatmaps().shape == (3, 2, 8, 16), f"heat maps are {found.heatmaps().shape}"
    for column in range(2):
        each = fixture.explain("functional", found.targets[:, column])
        assert_close(found.values[:, column], each.values, CLOSE, f"Top(2), place {column}")


@check(8, unless="target_free")
def contrasts_and_units(fixture: Fixture) -> None:
    """A contrast with itself is zero; a contrast and a unit are explained with no class named, or refused."""
    if "classes" in fixture.method.tags:
        for target in (Contrast(1, 0), Unit("conv2", channel=2)):
            with expect_error(errors.TargetError, "class"):
                fixture.explain("functional", target)
        return
    contrast = fixture.explain("functional", Contrast(1, 0))
    scores = [fixture.explain("functional", index).scores for index in (1, 0)]
    assert_close(contrast.scores, scores[0] - scores[1], CLOSE, "score of a contrast")
    if "gradient" in fixture.method.tags:
        nothing = fixture.explain("functional", Contrast(1, 1))
        assert not nothing.values.any(), "class 1 rather than class 1 must give zero"
    unit = fixture.explain("functional", Unit("conv2", channel=2))
    assert np.isfinite(unit.values).all(), "the map of a unit must be finite"
    assert (unit.targets == -1).all(), f"a unit has no class; targets are {unit.targets}"


@check(8)
def several_outputs(fixture: Fixture) -> None:
    """An output is chosen by name or position; without a choice the error lists them."""
    by_name = fixture.explain("dict_output", Output("shape", 1))
    by_place = fixture.explain("list_output", Output(0, 1))
    assert_close(by_name.values, by_place.values, CLOSE, "dict against list of outputs")
    if "classes" not in fixture.method.tags:
        score = fixture.explain("dict_output", _shape_score)
        assert_close(score.values, by_name.values, CLOSE, "a function of the outputs")
    colour = fixture.explain("dict_output", Output("colour", 1))
    stored = [text for text in colour.warnings if "ProbabilityWarning" in text]
    assert not stored, f"the softmax of one output must be found; got {stored}"
    for target in (1, Output("size", 1)):
        with expect_error(errors.TargetError, "colour"):
            fixture.explain("dict_output", target)


def _shape_score(outputs: Any) -> Any:
    return outputs["shape"][:, 1]


@check(8)
def bad_targets(fixture: Fixture) -> None:
    """A class out of range, a wrong number of classes and an unknown name are refused."""
    for target, word in ((3, "2"), (-1, "-1"), ([0, 1], "3"), (1.5, "1.5")):
        with expect_error(errors.TargetError, word):
            fixture.explain("functional", target)
    probe = Probe(fixture.tiny("functional").model, class_names=NAMES)
    with expect_error(errors.UnknownClassError, "tabby"):
        fixture.method(probe, fixture.tiny("functional").images, "taby")
