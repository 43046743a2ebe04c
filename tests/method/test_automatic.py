"""Methods that are chosen for a model: which one, why, and where that is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import kerascope as ks
from kerascope.testing import MODELS
from kerascope.testing.fixture import EXACT, assert_close
from tests.helpers.files.photographs import SMALL, cuttings

# Which one it is depends on the graph, which is the same on every backend.
pytestmark = pytest.mark.once

IMAGES = np.random.default_rng(0).random((4, 12, 12, 1)).astype("float32")


def dense() -> keras.Model:
    return keras.Sequential([keras.Input((12, 12, 1)), layers.Flatten(), layers.Dense(3)])


def convolved(*head: Any) -> keras.Model:
    convolution = layers.Conv2D(4, 3, activation="relu", name="conv")
    return keras.Sequential([keras.Input((12, 12, 1)), convolution, *head, layers.Dense(3)])


def pooled() -> keras.Model:
    return convolved(layers.GlobalAveragePooling2D())


def flattened() -> keras.Model:
    return convolved(layers.Flatten(name="flat"))


def tokens() -> tuple[Any, Any]:
    found = MODELS["transformer"]()
    return found.model, found.images


def halves(images: Any) -> Any:
    return np.stack([images[:, :6].mean(axis=(1, 2, 3)), images[:, 6:].mean(axis=(1, 2, 3))], axis=1)


SAYS = ": it says what, and finer scales say where"
CHOICES: dict[str, tuple[Callable[[], tuple[Any, Any]], str, str]] = {
    "flattened": (
        lambda: (flattened(), IMAGES),
        "MultiScaleCAM()",
        f"MultiScaleCAM, since 'conv' has 10 x 10 cells, which 'flat' flattens{SAYS}",
    ),
    "pooled": (
        lambda: (pooled(), IMAGES),
        "MultiScaleCAM()",
        f"MultiScaleCAM, since 'conv' has 10 x 10 cells{SAYS}",
    ),
    "tokens": (tokens, "MultiScaleCAM()", f"has 2 x 4 tokens{SAYS}"),
    "no layer with places": (
        lambda: (dense(), IMAGES),
        "InputXGradient()",
        "InputXGradient, since no layer has places",
    ),
    "black box": (
        lambda: (ks.BlackBox(halves), IMAGES),
        "Occlusion()",
        "Occlusion, since a black box has no gradients",
    ),
}


@pytest.mark.parametrize("case", CHOICES)
def test_the_default_is_chosen_for_the_model_and_says_why(case: str) -> None:
    made, method, reason = CHOICES[case]
    model, images = made()
    found = ks.explain(model, images, target=1)
    assert found.method == method
    assert found.notes[0].startswith("auto: ")
    assert found.notes[0].endswith(reason)


def test_its_layer_can_be_given() -> None:
    given = MODELS["functional"]()
    found = ks.explain(given.model, given.images, "auto", layer="conv1", target=1)
    assert found.method == "MultiScaleCAM(layer='conv1')"
    with pytest.raises(ks.errors.NoSpatialExtentError, match="'head'"):
        ks.explain(given.model, given.images, "auto", layer="head", target=1)


def test_fast_is_grad_cam_where_the_head_pools() -> None:
    probe = ks.Probe(pooled(), compile=False)
    found = ks.explain(probe, IMAGES, "fast", target=1)
    assert (probe.forward_count, probe.backward_count) == (4, 4)
    assert found.method == "HiResCAM()"
    assert found.notes == ("fast: HiResCAM, at the cost of one forward pass",)
    assert_close(found.values, ks.GradCAM()(probe, IMAGES, 1).values, EXACT, "Grad-CAM")


def test_the_reason_is_kept_in_a_file(tmp_path: Path) -> None:
    found = ks.explain(pooled(), IMAGES, target=1)
    assert ks.load(found.save(tmp_path / "found")).notes == found.notes


def test_both_are_among_the_names_but_not_among_the_methods() -> None:
    with pytest.raises(ks.errors.UnknownMethodError, match=r"'auto', 'fast', .*did you mean 'auto'"):
        ks.explain(dense(), IMAGES, "autos")
    assert not {"auto", "fast"} & set(ks.methods())


@pytest.mark.parametrize("wrapper", [ks.SmoothGrad, ks.Augmented, ks.PrincipalComponent])
def test_a_method_around_it_is_around_the_one_that_is_chosen(wrapper: Any) -> None:
    probe = ks.Probe(dense(), compile=False)
    found = wrapper(ks.Auto())(probe, IMAGES, 1)
    expected = wrapper(ks.InputXGradient())(probe, IMAGES, 1)
    assert found.method == expected.method
    assert found.notes == ("auto: InputXGradient, since no layer has places", *expected.notes)
    np.testing.assert_array_equal(found.heatmaps(), expected.heatmaps())


TABLES: dict[str, Callable[[Any], Any]] = {
    "evaluate": lambda model: ks.evaluate("auto", model, IMAGES, target=1, metrics=["deletion"]).methods[0],
    "recommend": lambda model: ks.recommend(model, IMAGES, target=1, methods=[ks.Auto()]).method.describe(),
    "sanity": lambda model: ks.sanity("auto", model, IMAGES, depths=2, draws=1).method,
}


@pytest.mark.parametrize("table", TABLES)
def test_tables_name_the_one_that_is_chosen(table: str) -> None:
    assert TABLES[table](dense()) == "InputXGradient()"


def test_a_data_set_says_which_and_why(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(2)])
    photographs = cuttings(tmp_path / "photographs", 2)
    results = ks.explain_dataset(
        model, photographs, tmp_path / "maps", preprocessing="0-1", overlay=None, **SMALL
    )
    told = results.manifest["choices"]["method"]
    assert told == "InputXGradient() (auto: InputXGradient, since no layer has places)"
