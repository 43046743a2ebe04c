"""The table of layers: which places can be explained, which one is taken, and why."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import keras
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe import LayerRow, LayerTable
from kerascope.probe.layer_ref import find_layers
from kerascope.testing.models import MODELS, pictures


def rows(name: str) -> dict[str, LayerRow]:
    tiny = MODELS[name]()
    return {row.path: row for row in ks.layers(tiny.model, tiny.images)}


def test_the_function_and_the_probe_give_one_table() -> None:
    tiny = MODELS["nested_fresh"]()
    table = ks.layers(tiny.model)
    assert table == ks.layers(ks.Probe(tiny.model)) == ks.Probe(tiny.model).layers(tiny.images)
    assert isinstance(table[0], LayerRow)
    assert isinstance(table[1:], LayerTable)
    assert table[1:] == tuple(table)[1:]
    assert table.automatic is not None
    assert table.automatic.path == "backbone/conv2"
    assert table[:0].automatic is None


def test_a_map_can_be_made_where_the_table_says_so_and_nowhere_else() -> None:
    tested = 0
    for name in ("nested_fresh", "siamese", "transformer", "loop", "normalised", "residual_subclassed"):
        tiny = MODELS[name]()
        # With two images, one has to be chosen for the way there to be known.
        probe = ks.Probe(tiny.model, input=0, compile=False)
        for row in probe.layers(tiny.images):
            method = ks.GradCAM(layer=row.path, relu=False)
            if row.explainable:
                found = method(probe, tiny.images, 1)
                assert found.placement is not None
                # What shapes suggest may turn out to be no places.
                assert found.placement.obstacle or found.values.shape[1:] == row.grid, (name, row)
                assert found.layer == row.path
                tested += 1
            else:
                assert row.note, (name, row)
                with pytest.raises((ks.errors.LayerError, ks.errors.DisconnectedError)):
                    method(probe, tiny.images, 1)
    assert tested > 20


def test_each_place_that_cannot_be_used_says_why() -> None:
    image = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3, name="conv")(image)
    idle = layers.Conv2D(2, 3, name="idle")(features)
    pooled = layers.GlobalAveragePooling2D(keepdims=True, name="pool")(features)
    outputs = {"scores": layers.Dense(3, name="head")(layers.Flatten(name="flat")(pooled))}
    classes = layers.Lambda(lambda tensor: ops.argmax(tensor, axis=-1), name="classes")(idle)
    outputs["classes"] = classes
    notes = {row.path: row.note for row in ks.layers(keras.Model(image, outputs))}
    assert notes["pool"] == "a single position"
    assert notes["head"] == "a vector of 3"
    assert notes["flat"] == "a vector of 4"
    assert rows("transformer")["attention"].note == "same as attention/attention_output"
    assert rows("nested_fresh")["backbone"].note == "same as backbone/conv2"
    assert rows("transformer")["attention/query"].note == "no grid in (8, 2, 4)"


def test_the_reason_for_the_automatic_layer() -> None:
    def reason(name: str, **options: Any) -> str:
        tiny = MODELS[name]()
        automatic = ks.Probe(tiny.model, **options).layers(tiny.images).automatic
        assert automatic is not None
        return automatic.note

    assert reason("residual").endswith("with more than one position, on the way to the score")
    assert "operators in a `call` hide the way" in reason("residual_subclassed")
    assert "that the explained input leads to" in reason("siamese", input="right")
    assert "explained input" not in reason("residual")


def test_the_table_is_of_the_score_in_front_of_the_softmax() -> None:
    image = keras.Input((8, 8, 3))
    features = layers.Conv2D(4, 3, padding="same", name="features")(image)
    model = keras.Model(image, layers.Conv2D(3, 1, activation="softmax", name="scores")(features))
    table = ks.layers(model)
    assert table.automatic is not None
    found = ks.GradCAM(relu=False)(model, pictures(2, 8, 8, 3), lambda scores: ops.mean(scores, (1, 2, 3)))
    assert table.automatic.path == found.layer == "features"
    assert table[-1].note == "not on the way to the score"


def test_the_text_is_aligned_and_marks_the_layer() -> None:
    table = ks.layers(MODELS["nested_fresh"]().model)
    text = str(table)
    header, *lines, footer = text.splitlines()
    assert repr(table) == text
    starts = {name: header.index(name) for name in ("path", "kind", "grid")}
    assert all(line[start - 1] == " " != line[start] for line in lines for start in starts.values())
    marked = [line for line in lines if line.startswith("*")]
    assert len(marked) == 1
    assert re.search(r"\* backbone/conv2 +Conv2D +4 . 8 +6  automatic$", marked[0])
    assert footer.startswith("* automatic: ")
    assert "*" not in str(ks.layers(MODELS["no_spatial"]().model))


def test_a_notebook_shows_names_as_they_are() -> None:
    table = ks.layers(MODELS["linear_map"]().model)
    assert table.automatic is not None
    # Most backends let a layer have any name without a slash.
    page = LayerTable([replace(table.automatic, path="<b>conv&"), table[-1]])._repr_html_()
    assert "&lt;b&gt;conv&amp;" in page
    assert "<b>" not in page
    assert page.count("<tr") == 3
    assert page.count("font-weight:bold") == 1


def test_without_an_input_shape_images_are_asked_for() -> None:
    tiny = MODELS["dynamic_size"]()
    with pytest.raises(ks.errors.InputError, match="full input shape"):
        ks.layers(tiny.model)
    assert ks.layers(tiny.model, tiny.images).automatic
    with pytest.raises(ks.errors.ModelError):
        ks.layers("a model")


@pytest.mark.once
def test_layers_of_one_name_are_numbered() -> None:
    class Model(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.parts = [layers.Dense(2, name="part") for _ in range(4)]

    assert [layer.path for layer in find_layers(Model())] == ["part", "part_1", "part_2", "part_3"]
