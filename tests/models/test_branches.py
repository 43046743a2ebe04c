"""Branches: which input a map is drawn on where a model takes several, and what stands beside a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import kerascope as ks
from tests.helpers.networks.blocks import draw_weights

OMIC = np.random.default_rng(0).normal(size=(2, 20, 1)).astype("float32")
DRUG = np.random.default_rng(1).normal(size=(2, 12, 5)).astype("float32")


def branch(tensor: Any, name: str) -> Any:
    return layers.GlobalAveragePooling1D()(layers.Conv1D(4, 3, name=f"conv_{name}")(tensor))


def two_inputs(structure: type) -> keras.Model:
    """Two branches that meet once they have no places."""
    given = {"omic": keras.Input((20, 1), name="omic"), "drug": keras.Input((12, 5), name="drug")}
    pooled = [branch(tensor, name) for name, tensor in given.items()]
    head = layers.Dense(3)(layers.Concatenate()(pooled))
    return keras.Model(given if structure is dict else list(given.values()), head)


@pytest.mark.parametrize("structure", [list, dict])
@pytest.mark.parametrize(("name", "signal"), [("omic", OMIC), ("drug", DRUG)])
def test_the_layer_says_which_input_a_map_is_drawn_on(structure: type, name: str, signal: Any) -> None:
    model = two_inputs(structure)
    images = {"omic": OMIC, "drug": DRUG} if structure is dict else [OMIC, DRUG]
    method = ks.MultiScaleCAM(layer=f"conv_{name}", relu=False)
    found = method(ks.Probe(model), images, target=1)
    chosen = method(ks.Probe(model, input=name), images, target=1)
    np.testing.assert_array_equal(found.images, signal)
    np.testing.assert_array_equal(found.values, chosen.values)
    assert found.heatmaps().shape == signal.shape[:2]
    found.plot()


def test_an_input_that_two_lead_to_must_be_chosen_to_draw_and_not_to_explain() -> None:
    one, two = keras.Input((12, 2), name="one"), keras.Input((12, 2), name="two")
    merged = layers.Conv1D(4, 3, name="merged")(layers.Concatenate()([one, two]))
    model = keras.Model([one, two], layers.Dense(3)(layers.GlobalAveragePooling1D()(merged)))
    images = [DRUG[..., :2], DRUG[..., 2:4]]
    found = ks.GradCAM(relu=False)(model, images, target=1)
    (note,) = found.notes
    assert note.startswith("several inputs, 'one', 'two', lead to 'merged'; choose the one to draw")
    assert found.heatmaps(size=(12,)).shape == (2, 12)
    for draw in (found.plot, found.overlay, found.heatmaps, lambda: ks.render.sheet(found)):
        with pytest.raises(ks.errors.ExplanationError, match=r"more than one leads to 'merged'; choose it"):
            draw()  # type: ignore[operator]


def test_a_branch_beside_the_automatic_layer_is_said() -> None:
    image = keras.Input((12, 5))
    first = layers.Conv1D(5, 3, padding="same", name="first")(image)
    trunk = layers.Add(name="trunk")([image, first])  # a skip is no branch
    model = keras.Model(
        image, layers.Dense(3)(layers.Concatenate()([branch(trunk, "left"), branch(trunk, "right")]))
    )
    probe = ks.Probe(model)
    own, other = ("conv_left", "conv_right")[:: 1 if probe.layers().automatic.path == "conv_left" else -1]
    beside = (
        f"{own!r} is one of 2 branches of equal standing: the map does not show what goes through "
        f"{other!r}; choose another one with layer="
    )
    assert ks.GradCAM(relu=False, layer=own)(probe, DRUG, target=1).notes == (beside,)
    assert ks.EigenCAM()(probe, DRUG, target=1).notes == (beside,)
    assert beside in ks.AblationCAM(relu=False)(probe, DRUG, target=1).notes
    assert f"other branches end in {other!r}" in str(probe.layers())
    both = ks.GradCAM(relu=False, layers=["conv_left", "conv_right"])
    for method in (ks.GradCAM(relu=False, layer="trunk"), both):
        assert method(probe, DRUG, target=1).notes == ()


def test_a_note_of_branches_is_kept_where_the_layer_says_which_input() -> None:
    (note,) = ks.GradCAM(relu=False)(two_inputs(list), [OMIC, DRUG], target=1).notes
    assert "is one of 2 branches of equal standing" in note


@pytest.mark.once
def test_a_data_set_is_explained_on_the_finest_grid_of_the_branches(tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    strides = {"fine": 1, "coarse": 2}
    scaled = layers.Rescaling(1 / 255)(image)
    parts = [layers.Conv2D(4, 2, step, padding="same", name=name)(scaled) for name, step in strides.items()]
    pooled = layers.Concatenate()([layers.GlobalAveragePooling2D()(part) for part in parts])
    model = draw_weights(keras.Model(image, layers.Dense(3)(pooled)))
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), "uint8")
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    method = ks.HiResCAM(relu=False)
    results = ks.explain_dataset(
        model, tmp_path / "picture.png", tmp_path / "out", method=method, target=1, progress=False
    )
    (row,) = results.rows()
    expected = method(model, pixels[None].astype("float32"), target=1)
    assert expected.values.shape == (1, 8, 8)
    np.testing.assert_allclose(row["map"], expected.values[0], rtol=1e-4, atol=1e-4)
    assert "the map adds up 2 branches of equal standing" in str(results.manifest)
