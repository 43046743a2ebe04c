"""Rules: every kind of rectifier follows them, wherever it is, and nothing else changes."""

from __future__ import annotations

import functools
import itertools
import math
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope import backend
from kerascope.probe.rectifier import RECTIFIERS
from kerascope.testing.bench import CLOSE, difference, same

Array = Any
Function = Callable[[Array], Array]

BACKEND = os.environ["KERAS_BACKEND"]
SIZE = (2, 3)
CLASS = 1

# The network: three times a convolution of one pixel and a rectifier, then a Dense head on all positions.
random = np.random.RandomState(4)
WIDTHS = (4, 4, 4, 4)
WEIGHTS = [
    (random.normal(0, 1.2, (before, after)), random.normal(0, 0.5, after))
    for before, after in itertools.pairwise(WIDTHS)
]
HEAD = random.normal(0, 1, (SIZE[0] * SIZE[1] * WIDTHS[-1], 3))
IMAGES = random.normal(0, 1.5, (2, *SIZE, WIDTHS[0])).astype("float32")


# By hand


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def relu(z: Array) -> Array:
    return np.maximum(z, 0)


def relu6(z: Array) -> Array:
    return np.clip(z, 0, 6)


def leaky(alpha: Any) -> Function:
    return lambda z: np.where(z > 0, z, alpha * z)


def elu(z: Array) -> Array:
    return np.where(z > 0, z, np.expm1(z))


def selu(z: Array) -> Array:
    return 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z))


def gelu(z: Array) -> Array:
    return z * (1 + np.vectorize(math.erf)(z / math.sqrt(2))) / 2


def gelu_by_tanh(z: Array) -> Array:
    return z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2


def silu(z: Array) -> Array:
    return z * sigmoid(z)


def softplus(z: Array) -> Array:
    return np.log1p(np.exp(z))


def mish(z: Array) -> Array:
    return z * np.tanh(softplus(z))


def squareplus(z: Array) -> Array:
    return (z + np.sqrt(z**2 + 4)) / 2


def sparse_plus(z: Array) -> Array:
    return np.where(z <= -1, 0, np.where(z < 1, (z + 1) ** 2 / 4, z))


def hard_silu(z: Array) -> Array:
    return z * np.clip(z + 3, 0, 6) / 6


def slope(function: Function, z: Array) -> Array:
    """f'(z), from a central difference in float64."""
    return (function(z + 1e-6) - function(z - 1e-6)) / 2e-6


WAYS_BACK: dict[str | None, Callable[[Array, Array], Array]] = {
    None: lambda gradient, slopes: gradient * slopes,
    "guided": lambda gradient, slopes: np.maximum(gradient, 0) * slopes,
    "deconvnet": lambda gradient, slopes: np.maximum(gradient, 0),
}


def by_hand(
    rule: str | None,
    functions: Sequence[Function],
    weights: Sequence[tuple[Array, Array]] = WEIGHTS,
    index: int = CLASS,
) -> Array:
    """The gradient at the images."""
    values, given = IMAGES.astype("float64"), []
    for (kernel, bias), function in zip(weights, functions, strict=True):
        given.append(values @ kernel + bias)
        values = function(given[-1])
    gradient = np.broadcast_to(HEAD[:, index].reshape(values.shape[1:]), values.shape)
    for (kernel, _), function, z in reversed(list(zip(weights, functions, given, strict=True))):
        assert (gradient > 0).any(), "with gradients of one sign a rule would not show"
        assert (gradient < 0).any(), "with gradients of one sign a rule would not show"
        gradient = WAYS_BACK[rule](gradient, slopes(function, z)) @ kernel.T
    return gradient


def slopes(function: Function, z: Array) -> Array:
    assert np.abs(z).min() > 1e-3, "a rectifier should not be asked at its kink"
    return slope(function, z)


# In Keras


def conv(number: int, activation: Any = None, **options: Any) -> keras.Layer:
    kernel, bias = WEIGHTS[number]
    return layers.Conv2D(
        len(bias),
        1,
        activation=activation,
        kernel_initializer=keras.initializers.Constant(kernel.astype("float32")),
        bias_initializer=keras.initializers.Constant(bias.astype("float32")),
        name=f"conv{number}",
        **options,
    )


def dense() -> keras.Layer:
    initializer = keras.initializers.Constant(HEAD.astype("float32"))
    return layers.Dense(3, kernel_initializer=initializer, name="head", dtype="float32")


def chain(*steps: Any) -> keras.Model:
    """A functional model of these steps and the head."""
    image = keras.Input((*SIZE, WIDTHS[0]))
    tensor = image
    for step in steps:
        tensor = step(tensor)
    return keras.Model(image, dense()(layers.Flatten()(tensor)))


def alternating(*rectifiers: Any) -> keras.Model:
    """Each convolution and what stands behind it."""
    steps: list[Any] = []
    for number, rectifier in enumerate(rectifiers):
        steps += [conv(number), rectifier]
    return chain(*steps)


def check(
    model: keras.Model,
    functions: Sequence[Function],
    weights: Sequence[tuple[Array, Array]] = WEIGHTS,
    tolerance: float = CLOSE,
    compile: bool | None = False,
) -> None:
    """Both rules are those by hand; compiled where that is asked for, which takes longer."""
    probe = ks.Probe(model, compile=compile)
    unruled = by_hand(None, functions, weights)
    for rule in ("guided", "deconvnet"):
        expected = by_hand(rule, functions, weights)
        assert difference(unruled, expected) > 0.1, "the rule must show"
        found = ks.Saliency(backprop=rule)(probe, IMAGES, CLASS)
        same(found.values, expected, tolerance, f"{rule} of {model.name}")


class Calls(layers.Layer):
    """A layer whose call is a function of Keras, looked up by the name that is written there."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.wanted = name

    def call(self, features: Any) -> Any:
        module = keras.ops if hasattr(keras.ops, self.wanted) else keras.activations
        return getattr(module, self.wanted)(features)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


BY_HAND: dict[str, Function] = {
    "relu": relu,
    "relu6": relu6,
    "leaky_relu": leaky(0.2),
    "elu": elu,
    "selu": selu,
    "celu": elu,
    "gelu": gelu_by_tanh,
    "silu": silu,
    "swish": silu,
    "mish": mish,
    "softplus": softplus,
    "sparse_plus": sparse_plus,
    "squareplus": squareplus,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
}


@pytest.mark.parametrize("name", BY_HAND)
def test_every_function(name: str) -> None:
    # As the activation of a layer, as an operation in the graph, and as a call inside a layer of one's own.
    known = hasattr(keras.activations, name)
    first = [conv(0, name)] if known else [conv(0), layers.Activation(getattr(ops, name))]
    operation = getattr(ops, name, None) or layers.Activation(name)  # mish is no operation
    model = chain(*first, conv(1), operation, conv(2), Calls(name))
    exact = gelu if name == "gelu" else BY_HAND[name]
    check(model, [exact, BY_HAND[name], BY_HAND[name]])


@pytest.mark.once
def test_every_function_is_in_the_table() -> None:
    with_parameters = {"threshold", "prelu"}
    assert set(BY_HAND) | with_parameters == RECTIFIERS


def test_the_kinks_are_reached() -> None:
    values, met = IMAGES.astype("float64"), []
    for kernel, bias in WEIGHTS:
        met.append(values @ kernel + bias)
        values = relu(met[-1])
    assert all((z < -1).any() and (z > 1).any() for z in met)
    assert any((z > 6).any() for z in met)


def test_layers() -> None:
    rectifiers = [layers.ReLU(), layers.ReLU(max_value=6), layers.LeakyReLU()]
    check(alternating(*rectifiers), [relu, relu6, leaky(0.3)])
    alpha = np.array([0.1, 0.2, 0.3, 0.4])
    prelu = layers.PReLU(keras.initializers.Constant(alpha), shared_axes=[1, 2])
    rectifiers = [layers.ELU(alpha=0.5), prelu, layers.ReLU(negative_slope=0.1, max_value=4)]
    half = lambda z: np.where(z > 0, z, np.expm1(z) / 2)  # noqa: E731
    slanted = lambda z: np.where(z > 0, np.minimum(z, 4), z / 10)  # noqa: E731
    check(alternating(*rectifiers), [half, leaky(alpha), slanted])


def test_parameters_of_an_operation() -> None:
    rectifiers = [
        lambda tensor: ops.threshold(tensor, 0.5, 0.25),
        lambda tensor: keras.activations.relu(tensor, negative_slope=0.1, max_value=4, threshold=0.5),
        lambda tensor: ops.leaky_relu(tensor, negative_slope=0.4),
    ]
    above = lambda z: np.where(z > 0.5, z, 0.25)  # noqa: E731
    cut = lambda z: np.where(z > 0.5, np.minimum(z, 4), (z - 0.5) / 10)  # noqa: E731
    check(alternating(*rectifiers), [above, cut, leaky(0.4)])


# Wherever it is


class OwnReLU(layers.ReLU):
    """A subclass."""


class Holds(layers.Layer):
    """A layer that holds its function under a name of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.act = keras.activations.relu

    def call(self, features: Any) -> Any:
        return self.act(features)


class CallsActivation(layers.Layer):
    """A layer whose call names a function of `keras.activations`."""

    def call(self, features: Any) -> Any:
        return keras.activations.relu(features)


class CallsByKeyword(layers.Layer):
    """The same, with the tensor given by name."""

    def call(self, features: Any) -> Any:
        return keras.ops.relu(x=features)


class MapsOver(layers.Layer):
    """A layer that rectifies one image after the other, or all in one go."""

    def __init__(self, over: Any) -> None:
        super().__init__()
        self.over = over

    def call(self, features: Any) -> Any:
        return self.over(lambda row: keras.ops.relu(row), features)


def nested(number: int) -> keras.Model:
    """One step, two models deep."""
    inner = keras.Sequential([keras.Input((*SIZE, WIDTHS[number])), conv(number, "relu")])
    outer = keras.Input((*SIZE, WIDTHS[number]))
    return keras.Model(outer, inner(outer))


PLACES: dict[str, Callable[[], keras.Model]] = {
    "argument": lambda: chain(*[conv(number, "relu") for number in range(3)]),
    "function as argument": lambda: chain(*[conv(number, keras.activations.relu) for number in range(3)]),
    "layer as argument": lambda: chain(*[conv(number, layers.ReLU()) for number in range(3)]),
    "partial": lambda: alternating(
        *[layers.Activation(functools.partial(keras.activations.relu, threshold=0.0)) for _ in range(3)]
    ),
    "Activation": lambda: alternating(*[layers.Activation("relu") for _ in range(3)]),
    "Activation of a layer": lambda: alternating(*[layers.Activation(layers.ReLU()) for _ in range(3)]),
    "Lambda": lambda: alternating(*[layers.Lambda(keras.activations.relu) for _ in range(3)]),
    "Lambda of a call": lambda: alternating(*[layers.Lambda(lambda x: ops.nn.relu(x)) for _ in range(3)]),
    "operation": lambda: alternating(*[ops.relu] * 3),
    "function in a graph": lambda: alternating(*[keras.activations.relu] * 3),
    "subclass": lambda: alternating(*[OwnReLU() for _ in range(3)]),
    "TimeDistributed": lambda: alternating(*[layers.TimeDistributed(layers.ReLU()) for _ in range(3)]),
    "TimeDistributed call": lambda: alternating(*[layers.TimeDistributed(Calls("relu")) for _ in range(3)]),
    "attribute": lambda: alternating(*[Holds() for _ in range(3)]),
    "call of an activation": lambda: alternating(*[CallsActivation() for _ in range(3)]),
    "call by keyword": lambda: alternating(*[CallsByKeyword() for _ in range(3)]),
    "loop": lambda: alternating(*[MapsOver(ops.map) for _ in range(3)]),
    "shared layer": lambda: alternating(*[layers.ReLU()] * 3),
    "nested": lambda: chain(*[nested(number) for number in range(3)]),
    "subclassed model": lambda: Whole(),
}


class Whole(keras.Model):
    """A subclassed model with three ways to rectify."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = [conv(number) for number in range(3)]
        self.act = keras.activations.relu
        self.flat, self.head = layers.Flatten(), dense()
        self(IMAGES)

    def call(self, images: Any) -> Any:
        features = keras.ops.relu(self.convs[0](images))
        features = keras.activations.relu(self.convs[1](features))
        features = self.act(self.convs[2](features))
        return self.head(self.flat(features))


@pytest.mark.parametrize("place", PLACES)
def test_every_place(place: str) -> None:
    check(PLACES[place](), [relu] * 3)


def test_compiled() -> None:
    check(chain(nested(0), conv(1), ops.relu, conv(2), Holds()), [relu] * 3, compile=None)


def test_a_shared_layer_with_an_activation() -> None:
    shared = conv(0, "relu")
    check(chain(shared, shared, shared), [relu] * 3, [WEIGHTS[0]] * 3)


def test_mixed_precision() -> None:
    steps = [conv(number, "relu", dtype="mixed_float16") for number in range(3)]
    check(chain(*steps), [relu] * 3, tolerance=1e-2)


def test_inside_a_recurrent_layer() -> None:
    kernel, recurrent = (np.random.RandomState(seed).normal(0, 1, (3, 3)) for seed in (1, 2))
    head = np.random.RandomState(3).normal(0, 1, (3, 3))
    cell = layers.SimpleRNN(3, activation="relu", use_bias=False)
    model = keras.Sequential([keras.Input((4, 3)), cell, layers.Dense(3, use_bias=False)])
    cell.set_weights([kernel, recurrent])
    model.layers[-1].set_weights([head])
    probe = ks.Probe(model)
    signals = np.random.RandomState(5).normal(0, 1, (2, 4, 3)).astype("float32")
    state, given = np.zeros((2, 3)), []
    for step in range(4):
        given.append(signals[:, step] @ kernel + state @ recurrent)
        state = relu(given[-1])
    for rule, back in WAYS_BACK.items():
        gradient = np.broadcast_to(head[:, CLASS], (2, 3))
        expected = np.zeros(signals.shape)
        for step in reversed(range(4)):
            before = back(gradient, given[step] > 0)
            expected[:, step] = before @ kernel.T
            gradient = before @ recurrent.T
        same(ks.Saliency(backprop=rule)(probe, signals, CLASS).values, expected, CLOSE, f"{rule}")


def test_inside_a_vectorised_map() -> None:
    model = alternating(*[MapsOver(ops.vectorized_map) for _ in range(3)])
    if BACKEND == "tensorflow":  # it takes the functions apart and drops their gradients
        with pytest.raises(ks.errors.RuleError, match="none of its 3 rectifiers"):
            ks.GuidedBackprop()(ks.Probe(model, compile=False), IMAGES, CLASS)
    else:
        check(model, [relu] * 3)


def test_a_class_activation_map_follows_the_rule_behind_its_layer() -> None:
    probe = ks.Probe(PLACES["argument"](), compile=False)
    kernels = [kernel for kernel, _ in WEIGHTS]
    values, given = IMAGES.astype("float64"), []
    for kernel, bias in WEIGHTS:
        given.append(values @ kernel + bias)
        values = relu(given[-1])
    for rule, back in WAYS_BACK.items():
        gradient = np.broadcast_to(HEAD[:, CLASS].reshape(values.shape[1:]), values.shape)
        for number in (2, 1):
            gradient = back(gradient, given[number] > 0) @ kernels[number].T
        activations = relu(given[0])
        expected = (gradient.mean(axis=(1, 2), keepdims=True) * activations).sum(axis=-1)
        found = ks.GradCAM("conv0", relu=False, backprop=rule)(probe, IMAGES, CLASS)
        same(found.values, expected, CLOSE, f"{rule}")


def test_several_classes_at_once() -> None:
    probe = ks.Probe(PLACES["argument"](), compile=False)
    found = ks.GuidedBackprop()(probe, IMAGES, ks.Top(3))
    for image in range(len(IMAGES)):
        for column, index in enumerate(found.targets[image]):
            expected = by_hand("guided", [relu] * 3, index=int(index))[image]
            same(found.values[image, column], expected, CLOSE, f"class {index}")


def test_the_methods_are_the_rules() -> None:
    probe = ks.Probe(PLACES["layer as argument"](), compile=False)
    for method, rule in ((ks.GuidedBackprop(), "guided"), (ks.Deconvnet(), "deconvnet")):
        found = method(probe, IMAGES, CLASS)
        assert found.signed
        same(found.values, by_hand(rule, [relu] * 3), CLOSE, rule)
    cam = ks.GradCAM("conv1")(probe, IMAGES, CLASS).heatmaps()
    expected = cam[..., None] * by_hand("guided", [relu] * 3)
    same(ks.GuidedGradCAM("conv1")(probe, IMAGES, CLASS).values, expected, CLOSE, "guided Grad-CAM")


# Nothing to follow it


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


# Nothing else changes

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


def plain(model: keras.Model) -> tuple[Array, Array]:
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
    same(gradient, by_hand(None, [relu] * 3), CLOSE, "plain")
    before = state(model)
    inside: list[bool] = []
    model.interruptions.append(lambda: inside.append(keras.ops.relu is before["keras.ops.relu"]))
    same(
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
    same(plain(model)[1], by_hand(None, [relu] * 3), CLOSE, "plain")


def test_another_thread_gets_plain_results_and_plain_gradients() -> None:
    model = Interrupted()
    expected = plain(model)
    found: list[tuple[Array, Array]] = []
    owner = threading.get_ident()

    def interrupt() -> None:
        if threading.get_ident() == owner:
            thread = threading.Thread(target=lambda: found.append(plain(model)))
            thread.start()
            thread.join(timeout=60)
            assert not thread.is_alive(), "a foreign pass must not wait"

    model.interruptions.append(interrupt)
    values = ks.GuidedBackprop()(ks.Probe(model), IMAGES, CLASS).values
    same(values, by_hand("guided", [relu] * 3), CLOSE, "guided")
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
            same(found.values, by_hand(rule, [relu] * 3), CLOSE, f"{rule}")
            np.testing.assert_array_equal(found.scores, scores)  # the same bits
        assert probe.trace_count == 4


def image_gradient_of(evidence: Any) -> Any:
    return evidence.image_gradient


def test_a_rule_is_part_of_the_question_also_where_the_function_is_the_same() -> None:
    probe = ks.Probe(PLACES["argument"](), compile=False)
    for rule in (None, "guided", "deconvnet", None, "guided"):
        chosen = None if rule is None else ks.rule.RULES[rule]
        found = probe.run(image_gradient_of, IMAGES, CLASS, image_gradient=True, rule=chosen)
        same(found.values, by_hand(rule, [relu] * 3), CLOSE, f"{rule}")
    assert probe.trace_count == 3
