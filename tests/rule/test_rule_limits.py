"""Rules: where there is nothing to follow them, and that nothing else changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope import backend
from kerascope.probe import Request
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.typing import Tensor
from tests.helpers.networks.rectifiers import PLACES
from tests.helpers.networks.rules import BACKEND, CLASS, IMAGES, SIZE, WIDTHS, by_hand, conv, dense, relu


def pooled(*steps: Any, sign: float = 1.0) -> keras.Model:
    """Mean over space and a Dense head that is positive, or negative, throughout."""
    head = layers.Dense(3, kernel_initializer=keras.initializers.Constant(sign), name="head")
    image = keras.Input((*SIZE, WIDTHS[0]))
    return keras.Sequential([image, *steps, layers.GlobalAveragePooling2D(), head])


class OwnFunction(layers.Layer):
    """A layer that calls the backend's own ReLU."""

    def call(self, features: Any) -> Any:
        if BACKEND == "tensorflow":
            import tensorflow as tf

            return tf.nn.relu(features)
        if BACKEND == "jax":
            import jax

            return jax.nn.relu(features)
        import torch

        return torch.relu(features)


@pytest.mark.parametrize("method", [ks.GuidedBackprop(), ks.Deconvnet(), ks.GuidedGradCAM()], ids=str)
def test_a_model_without_rectifiers_is_refused(method: ks.Method) -> None:
    for model in (pooled(conv(0), conv(1, "tanh")), pooled(conv(0), OwnFunction(), conv(1, "sigmoid"))):
        probe = ks.Probe(model, compile=False)
        for _ in range(2):
            with pytest.raises(ks.errors.RuleError, match=r"none was found.*tf\.nn\.relu\(x\), are not seen"):
                method(probe, IMAGES, CLASS)


def test_a_rectifier_that_does_not_count_is_refused() -> None:
    model = pooled(conv(0, "relu"), layers.ReLU(), conv(1, "relu"))
    for rule in ("guided", "deconvnet"):
        with pytest.raises(ks.errors.RuleError, match="none of its 3 rectifiers lies between conv1 and the"):
            ks.GradCAM("conv1", backprop=rule)(model, IMAGES, CLASS)
        with pytest.raises(ks.errors.RuleError, match="none of its 3 rectifiers"):
            ks.GradCAM(backprop=rule)(model, IMAGES, CLASS)
        assert ks.GradCAM("conv0", relu=False, backprop=rule)(model, IMAGES, CLASS).values.any()


def test_a_rectifier_on_the_way_to_another_output_is_refused() -> None:
    image = keras.Input((*SIZE, WIDTHS[0]))
    features = conv(0)(image)
    outputs = {
        "plain": layers.Dense(3)(layers.GlobalAveragePooling2D()(features)),
        "rectified": layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.ReLU()(features))),
    }
    model = keras.Model(image, outputs)
    assert ks.GuidedBackprop()(model, IMAGES, ks.Output("rectified", 1)).values.any()
    with pytest.raises(ks.errors.RuleError, match="none of its 1 rectifiers lies between the input and"):
        ks.GuidedBackprop()(model, IMAGES, ks.Output("plain", 1))


@pytest.mark.parametrize("rule", ["Guided", ["guided"], True, ks.GuidedBackprop])
def test_an_unknown_rule_is_refused(rule: Any) -> None:
    for method in (ks.Saliency, ks.GradCAM):
        with pytest.raises(
            ks.errors.ParameterError, match=r"backprop must be None .* \['deconvnet', 'guided'\]"
        ):
            method(backprop=rule)


@pytest.mark.filterwarnings("ignore::kerascope.errors.FlatMapWarning")
@pytest.mark.parametrize("rule", ["guided", "deconvnet"])
def test_a_gradient_that_no_rectifier_lets_through_is_flat(rule: str) -> None:
    model = pooled(conv(0, "relu"), sign=-1.0)
    found = ks.Saliency(backprop=rule)(ks.Probe(model, compile=False), IMAGES, CLASS)
    assert not found.values.any()
    assert "no gradient arrives there" in found.warnings[0]


FUNCTIONS = [(keras.ops, "relu"), (keras.ops.nn, "relu"), (keras.activations, "relu"), (keras.ops, "gelu")]


class Interrupted(keras.Model):
    """A model that does something in the middle of its call."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = [conv(number) for number in range(3)]
        self.rectify, self.act = layers.ReLU(), keras.activations.relu
        self.flat, self.head = layers.Flatten(), dense()
        self.interruptions: list[Callable[[], None]] = []
        self(IMAGES)

    def call(self, images: Any) -> Any:
        features = self.rectify(self.convs[0](images))
        features = keras.ops.relu(self.convs[1](features))
        for interrupt in list(self.interruptions):
            interrupt()
        features = self.act(self.convs[2](features))
        return self.head(self.flat(features))


def plain(model: keras.Model) -> tuple[Tensor, Tensor]:
    """Scores and the gradient at the image, of the model by itself."""
    run = backend.current().value_and_gradients(lambda images: (model(images, training=False), None))
    scores, _, gradients = run(ops.convert_to_tensor(IMAGES))
    return ops.convert_to_numpy(scores), ops.convert_to_numpy(gradients[CLASS])


def state(model: keras.Model) -> dict[str, Any]:
    """Every attribute of every layer, and the functions of Keras."""
    parts = [model, *model._flatten_layers(include_self=False)]
    found = {f"{part.name}.{name}": value for part in parts for name, value in vars(part).items()}
    return found | {f"{module.__name__}.{name}": getattr(module, name) for module, name in FUNCTIONS}


def unchanged(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] is not after[name]] == []


def test_nothing_is_left_behind() -> None:
    model = Interrupted()
    scores, gradient = plain(model)
    assert_close(gradient, by_hand(None, [relu] * 3), CLOSE, "plain")
    before = state(model)
    inside: list[bool] = []
    model.interruptions.append(lambda: inside.append(keras.ops.relu is before["keras.ops.relu"]))
    assert_close(
        ks.GuidedBackprop()(ks.Probe(model), IMAGES, CLASS).values,
        by_hand("guided", [relu] * 3),
        CLOSE,
        "guided",
    )
    assert False in inside, "the function must have been another one during the explanation"
    model.interruptions.clear()
    unchanged(before, state(model))
    after = plain(model)
    np.testing.assert_array_equal(after[0], scores)
    np.testing.assert_array_equal(after[1], gradient)


def test_nothing_is_left_behind_by_a_failure() -> None:
    model = Interrupted()
    before = state(model)
    rounds = []

    def fail() -> None:
        rounds.append(keras.ops.relu is before["keras.ops.relu"])
        if not rounds[-1]:
            raise RuntimeError("in the middle")

    model.interruptions.append(fail)
    for method in (ks.GuidedBackprop(), ks.Deconvnet(), ks.GradCAM("conv0", backprop="guided")):
        with pytest.raises(RuntimeError, match="in the middle"):
            method(ks.Probe(model), IMAGES, CLASS)
        unchanged(before, state(model))
    assert rounds.count(False) == 3
    model.interruptions.clear()
    assert_close(plain(model)[1], by_hand(None, [relu] * 3), CLOSE, "plain")


def test_another_thread_gets_plain_results_and_plain_gradients() -> None:
    model = Interrupted()
    expected = plain(model)
    found: list[tuple[Tensor, Tensor]] = []
    owner = threading.get_ident()

    def interrupt() -> None:
        if threading.get_ident() == owner:
            thread = threading.Thread(target=lambda: found.append(plain(model)))
            thread.start()
            thread.join()  # a foreign pass does not wait

    model.interruptions.append(interrupt)
    values = ks.GuidedBackprop()(ks.Probe(model), IMAGES, CLASS).values
    assert_close(values, by_hand("guided", [relu] * 3), CLOSE, "guided")
    assert found
    for scores, gradient in found:
        np.testing.assert_array_equal(scores, expected[0])
        np.testing.assert_array_equal(gradient, expected[1])


def test_a_function_kept_during_an_explanation_is_plain_afterwards() -> None:
    model = Interrupted()
    kept: list[Any] = []
    model.interruptions.append(lambda: kept.append(keras.ops.relu))
    ks.GuidedBackprop()(ks.Probe(model, compile=False), IMAGES, CLASS)
    run = backend.current().value_and_gradients(lambda values: (-kept[-1](values), None))
    _, _, gradients = run(ops.convert_to_tensor(np.array([[1.0, 2.0, 3.0]], "float32")))
    np.testing.assert_array_equal(ops.convert_to_numpy(gradients[1]), [[0, -1, 0]])


def test_rules_are_programs_of_their_own_with_the_same_scores() -> None:
    probe = ks.Probe(PLACES["subclassed model"]())
    scores = probe.scores(IMAGES, CLASS)
    for _ in range(2):
        for rule in (None, "guided", "deconvnet"):
            found = ks.Saliency(backprop=rule)(probe, IMAGES, CLASS)
            assert_close(found.values, by_hand(rule, [relu] * 3), CLOSE, f"{rule}")
            np.testing.assert_array_equal(found.scores, scores)  # the same bits
        assert probe.trace_count == 4


def image_gradient_of(evidence: Any) -> Any:
    return evidence.image_gradient


def test_a_rule_is_part_of_the_question_also_where_the_function_is_the_same() -> None:
    probe = ks.Probe(PLACES["argument"](), compile=False)
    for rule in (None, "guided", "deconvnet", None, "guided"):
        chosen = None if rule is None else ks.rule.RULES[rule]
        found = probe.run(image_gradient_of, IMAGES, CLASS, Request(image_gradient=True, rule=chosen))
        assert_close(found.values, by_hand(rule, [relu] * 3), CLOSE, f"{rule}")
    assert probe.trace_count == 3
