"""The way to the score through layers whose `call` ends in operators."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe.graph.head import score_sources
from kerascope.testing.models import MODELS
from tests.helpers.networks.blocks import IMAGES, Encoder, Two, behind_a_stem, conv, draw_weights

# What leads to what is the same on every backend.
pytestmark = pytest.mark.once


def way_to_score(model: keras.Model, images: Any = IMAGES, cut: str | None = None) -> set[str]:
    graph = ks.Probe(model).graph(images)
    number = None if cut is None else graph.find_call(cut).number
    reached = graph.upstream(score_sources(graph, [0]), number)
    assert reached is not None
    return {graph.name(graph.calls[number]) for number in reached}


def test_what_runs_inside_leads_to_what_operators_make_of_it() -> None:
    assert way_to_score(behind_a_stem(Two())) == {"stem", "two/a", "two/b", "two", "pool", "head"}


def test_what_runs_beside_a_layer_is_not_skipped() -> None:
    graph = ks.Probe(behind_a_stem(Two())).graph(IMAGES)
    sources = score_sources(graph, [0])
    skippable = {
        layer: {
            graph.name(graph.calls[number])
            for number in graph.find_skippable(graph.find_call(layer), sources)
        }
        for layer in ("two/b", "two")
    }
    assert skippable == {"two/b": {"two/b"}, "two": {"stem", "two/a", "two/b"}}


def test_the_table_explains_layers_inside_blocks() -> None:
    assert {row.path: row.note for row in ks.layers(behind_a_stem(Two())) if row.grid} == {
        "stem": "",
        "two/a": "",
        "two/b": "",
        "two": "automatic: the last output with more than one position, on the way to the score",
    }


def test_an_encoder_that_pools_by_an_operator_is_explained_inside() -> None:
    model = behind_a_stem(Encoder())
    assert way_to_score(model) == {"stem", "encoder/a", "encoder/b", "encoder", "head"}
    assert ks.HiResCAM(relu=False)(model, IMAGES, 1).layer == "encoder/b"


def test_a_nested_model_keeps_its_exact_way() -> None:
    """Its output is a layer's own tensor: what else runs inside does not lead there."""
    inside = keras.Input((8, 8, 3))
    used = conv("used")(inside)
    nested = keras.Model(inside, [used, conv("aside")(inside)], name="nested")
    image = keras.Input((8, 8, 3))
    pooled = layers.GlobalAveragePooling2D(name="pool")(nested(image)[0])
    assert way_to_score(keras.Model(image, layers.Dense(3, name="head")(pooled))) == {
        "nested/used",
        "pool",
        "head",
    }


def test_a_target_that_reads_a_nested_model_is_fed_by_the_layer_that_made_its_output() -> None:
    graph = ks.Probe(MODELS["nested_fresh"]().model).graph(MODELS["nested_fresh"]().images)
    reached = graph.upstream([graph.find_call("backbone").number])
    assert reached is not None
    names = {graph.name(graph.calls[number]) for number in reached}
    assert names == {"backbone", "backbone/conv2", "backbone/conv1"}


class Shared(layers.Layer):
    """A block around a layer that another block owns."""

    def __init__(self, inner: layers.Layer, name: str) -> None:
        super().__init__(name=name)
        self.inner = inner

    def call(self, tensor: Any) -> Any:
        return ops.tanh(self.inner(tensor)) + 1.0


def test_the_runs_of_a_shared_layer_belong_to_the_block_that_they_ran_in() -> None:
    inner = layers.Conv2D(4, 3, padding="same", name="inner")
    image = keras.Input((8, 8, 4))
    first = Shared(inner, "first")(image)
    second = Shared(inner, "second")(first)
    other = Shared(inner, "other")(image)
    pooled = layers.GlobalAveragePooling2D(name="pool")(second)
    model = keras.Model(image, [layers.Dense(3, name="head")(pooled), other])
    draw_weights(model)
    graph = ks.Probe(model).graph(np.zeros((2, 8, 8, 4), "float32"))
    reached = graph.upstream([graph.find_call("second").number])
    assert reached is not None
    runs = [call for call in graph.calls if call.layer.path.endswith("inner")]
    inside = {name: graph.find_call(name) for name in ("first", "second", "other")}
    expected = {
        call.number: any(
            inside[name].start <= call.number < inside[name].number for name in ("first", "second")
        )
        for call in runs
    }
    assert sorted(expected.values()) == [False, True, True]
    assert {call.number: call.number in reached for call in runs} == expected
