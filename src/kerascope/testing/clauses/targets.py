"""Every way of saying what is explained gives the same map, and what cannot be explained is refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascope import errors
from kerascope.probe import Probe
from kerascope.target import Class, Contrast, Output, Top, Unit
from kerascope.testing.bench import CLOSE, Bench, refused, same
from kerascope.testing.clause import clause

NAMES = ("tench", "tabby", "teapot")


def second_score(scores: Any) -> Any:
    """The score of class 2, as a user's function."""
    return scores[:, 2]


@clause(8)
def target_forms(bench: Bench) -> None:
    """2, [2, 2, 2], an array, a name, a Class and a function of the scores are the same target."""
    tiny = bench.tiny("functional")
    probe = Probe(tiny.model, class_names=NAMES)
    expected = bench.method(probe, tiny.images, 2)
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
    if "classes" in bench.method.tags:
        with refused(errors.TargetError, "class"):
            bench.method(probe, tiny.images, forms.pop("function"))
    for name, form in forms.items():
        found = bench.method(probe, tiny.images, form)
        same(found.values, expected.values, CLOSE, name)
        same(found.scores, expected.scores, CLOSE, f"scores of {name}")
        if name != "function":
            assert found.targets.tolist() == [2, 2, 2], f"{name}: targets are {found.targets}"
    own = bench.method(probe, tiny.images, [2, 0, 1])
    assert own.targets.tolist() == [2, 0, 1], f"targets per image are {own.targets}"
    same(own.values[0], expected.values[0], CLOSE, "a class per image")


@clause(8)
def predicted_class(bench: Bench) -> None:
    """No target is the predicted class of each image."""
    predicted = list(bench.tiny("functional").targets or ())
    found = bench.explain("functional")
    assert found.targets.tolist() == predicted, f"must explain {predicted}; got {found.targets}"
    same(found.values, bench.explain("functional", predicted).values, 0.0, "predicted class")


@clause(8)
def several_classes(bench: Bench) -> None:
    """Top(k) gives a class axis behind the images, in the order of the scores."""
    found = bench.explain("functional", Top(2))
    single = bench.explain("functional", 0)
    assert found.class_axis, "an explanation of Top(k) must have a class axis"
    assert found.values.shape == (3, 2, *single.values.shape[1:]), f"got {found.values.shape}"
    assert found.scores.shape == found.targets.shape == (3, 2), "scores and targets must be (3, 2)"
    assert (found.scores[:, 0] >= found.scores[:, 1]).all(), "the best class must come first"
    assert found.heatmaps().shape == (3, 2, 8, 16), f"heat maps are {found.heatmaps().shape}"
    for place in range(2):
        each = bench.explain("functional", found.targets[:, place])
        same(found.values[:, place], each.values, CLOSE, f"Top(2), place {place}")


@clause(8, unless="target_free")
def contrasts_and_units(bench: Bench) -> None:
    """A contrast with itself is zero; a contrast and a unit are explained with no class named, or refused."""
    if "classes" in bench.method.tags:
        for target in (Contrast(1, 0), Unit("conv2", channel=2)):
            with refused(errors.TargetError, "class"):
                bench.explain("functional", target)
        return
    contrast = bench.explain("functional", Contrast(1, 0))
    scores = [bench.explain("functional", index).scores for index in (1, 0)]
    same(contrast.scores, scores[0] - scores[1], CLOSE, "score of a contrast")
    if "gradient" in bench.method.tags:
        nothing = bench.explain("functional", Contrast(1, 1))
        assert not nothing.values.any(), "class 1 rather than class 1 must give zero"
    unit = bench.explain("functional", Unit("conv2", channel=2))
    assert np.isfinite(unit.values).all(), "the map of a unit must be finite"
    assert (unit.targets == -1).all(), f"a unit has no class; targets are {unit.targets}"


@clause(8)
def several_outputs(bench: Bench) -> None:
    """An output is chosen by name or position; without a choice the error lists them."""
    by_name = bench.explain("dict_output", Output("shape", 1))
    by_place = bench.explain("list_output", Output(0, 1))
    same(by_name.values, by_place.values, CLOSE, "dict against list of outputs")
    if "classes" not in bench.method.tags:
        score = bench.explain("dict_output", _shape_score)
        same(score.values, by_name.values, CLOSE, "a function of the outputs")
    colour = bench.explain("dict_output", Output("colour", 1))
    told = [text for text in colour.warnings if "ProbabilityWarning" in text]
    assert not told, f"the softmax of one output must be found; got {told}"
    for target in (1, Output("size", 1)):
        with refused(errors.TargetError, "colour"):
            bench.explain("dict_output", target)


def _shape_score(outputs: Any) -> Any:
    return outputs["shape"][:, 1]


@clause(8)
def bad_targets(bench: Bench) -> None:
    """A class out of range, a wrong number of classes and an unknown name are refused."""
    for target, word in ((3, "2"), (-1, "-1"), ([0, 1], "3"), (1.5, "1.5")):
        with refused(errors.TargetError, word):
            bench.explain("functional", target)
    probe = Probe(bench.tiny("functional").model, class_names=NAMES)
    with refused(errors.UnknownClassError, "tabby"):
        bench.method(probe, bench.tiny("functional").images, "taby")
