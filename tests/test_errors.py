"""What cannot be explained is refused: what must hold, what was got, what to do; nothing is changed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.testing.checks.effects import snapshot
from kerascope.testing.models import MODELS
from tests.helpers.expected_warnings import warned


@pytest.fixture(scope="module")
def network() -> ks.testing.Tiny:
    """Images (3, 8, 16, 3) to three classes."""
    tiny = MODELS["functional"]()
    tiny.model(tiny.images)  # Keras notes a model's first call
    return tiny


@pytest.fixture(scope="module")
def probe(network: ks.testing.Tiny) -> ks.Probe:
    return ks.Probe(network.model, class_names=["tench", "tabby cat", "teapot"])


# name: what is done to good images, the words that the error must hold
BAD_IMAGES: dict[str, tuple[Callable[[np.ndarray], Any], tuple[str, ...]]] = {
    "no batch axis": (lambda x: x[0], ("(N, 8, 16, 3)", "(8, 16, 3)", "images[None]")),
    "no channel axis": (lambda x: x[..., 0], ("(N, 8, 16, 3)", "(3, 8, 16)", "missing axis")),
    "an axis too many": (lambda x: x[None], ("(N, 8, 16, 3)", "(1, 3, 8, 16, 3)")),
    "wrong size": (lambda x: x[:, :, :8], ("(N, 8, 16, 3)", "(3, 8, 8, 3)", "resize")),
    "grey": (lambda x: x[..., :1], ("(3, 8, 16, 1)", "grey and colour")),
    "channels first": (lambda x: np.moveaxis(x, -1, 1), ("(3, 3, 8, 16)", "transpose")),
    "transposed": (lambda x: np.swapaxes(x, 1, 2), ("(3, 16, 8, 3)", "transpose")),
    "text": (lambda x: np.full(x.shape, "a"), ("numbers", "<U1", "float32")),
    "objects": (lambda x: x.astype(object), ("numbers", "object")),
    "complex": (lambda x: x.astype("complex64"), ("numbers", "complex64")),
    "ragged": (lambda x: [x[0], x[1, :4]], ("stack", "one size")),
    "a path": (lambda x: "cat.png", ("numbers", "<U7")),
    "nothing": (lambda x: None, ("numbers",)),
    "an empty batch": (lambda x: x[:0], ("at least one image", "(0, 8, 16, 3)")),
    "NaN": (lambda x: np.where(np.arange(3)[:, None, None, None] == 1, np.nan, x), ("finite", "image [1]")),
    "infinite": (lambda x: x / np.zeros_like(x), ("finite", "[0, 1, 2]")),
}


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("case", BAD_IMAGES)
@pytest.mark.parametrize("method", [ks.GradCAM(), ks.Saliency()], ids=repr)
def test_images_that_do_not_fit(
    probe: ks.Probe, network: ks.testing.Tiny, method: ks.Method, case: str
) -> None:
    make, words = BAD_IMAGES[case]
    with np.errstate(all="ignore"):
        images = make(network.images)
    before = snapshot(network.model)
    with pytest.raises(errors.InputError) as caught:
        method(probe, images, 1)
    assert_says(caught.value, ValueError, *words)
    assert snapshot(network.model) == before


BAD_TARGETS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "past the last class": (3, ("0 to 2", "got 3")),
    "negative": (-1, ("0 to 2", "got -1")),
    "one of several out of range": ([0, 7, 1], ("0 to 2", "got 7")),
    "too few": ([0, 1], ("3 images", "got 2")),
    "too many": ([0, 1, 2, 0], ("3 images", "got 4")),
    "no integer": (1.0, ("class index or name", "1.0")),
    "a truth value": (True, ("class index or name", "True")),
    "a matrix": (np.eye(3, dtype=int), ("class index or name",)),
    "one-hot floats": (np.eye(3), ("class index or name",)),
    "an unknown name": ("tabby", ("'tabby'", "did you mean 'tabby cat'")),
    "names, one unknown": (["tench", "teapod", "teapot"], ("'teapod'", "did you mean 'teapot'")),
    "too many at once": (ks.Top(4), ("number of classes, 3", "got 4")),
    "an output that is not there": (ks.Output("colour"), ("'colour'", "output")),
    "a channel that is not there": (ks.Unit("conv2", channel=6), ("0 to 5", "got 6")),
    "a place off the grid": (ks.Unit("conv2", position=(4, 0)), ("(4, 8)", "(4, 0)")),
    "a function of another shape": (lambda scores: scores, ("(4,)", "(4, 3)")),
    "a function that returns no tensor": (lambda scores: 1.0, ("(4,)", "float")),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_targets_that_do_not_fit(probe: ks.Probe, network: ks.testing.Tiny, case: str) -> None:
    target, words = BAD_TARGETS[case]
    before = snapshot(network.model)
    with pytest.raises(errors.TargetError) as caught:
        ks.GradCAM()(probe, network.images, target)
    assert_says(caught.value, ValueError, *words)
    assert snapshot(network.model) == before


def test_an_unknown_class_name_is_also_a_lookup_error(probe: ks.Probe, network: ks.testing.Tiny) -> None:
    with pytest.raises(LookupError):
        ks.GradCAM()(probe, network.images, "tabby")


def test_a_class_name_needs_names(network: ks.testing.Tiny) -> None:
    with pytest.raises(errors.TargetError, match="class_names="):
        ks.GradCAM()(network.model, network.images, "tabby")


def test_class_names_must_be_as_many_as_classes_and_unique(network: ks.testing.Tiny) -> None:
    with pytest.raises(errors.TargetError, match="got 2 names for 3 classes"):
        ks.GradCAM()(ks.Probe(network.model, class_names=["a", "b"]), network.images, "a")
    with pytest.raises(errors.TargetError, match="names classes 0 and 1"):
        ks.GradCAM()(ks.Probe(network.model, class_names=["a", "a", "b"]), network.images, "a")


BAD_LAYERS: dict[str, tuple[str, str, type[errors.LayerError], tuple[str, ...]]] = {
    "unknown": ("functional", "conv3", errors.UnknownLayerError, ("'conv3'", "did you mean 'conv")),
    "unknown, nested": (
        "nested_fresh",
        "backbone/conv3",
        errors.UnknownLayerError,
        ("did you mean 'backbone/conv",),
    ),
    "no spatial extent": (
        "functional",
        "head",
        errors.NoSpatialExtentError,
        ("height and width above 1", "'head'", "(4, 3)", "'conv2'"),
    ),
    "several runs": ("siamese", "conv", errors.AmbiguousLayerError, ("encoder/conv#0", "encoder/conv#1")),
    "a run that is not there": ("siamese", "conv#2", errors.UnknownLayerError, ("#0 to #1", "#2")),
    "another branch": (
        "two_branches",
        "other",
        errors.DisconnectedError,
        ("'other'", "must depend on", "another branch"),
    ),
    "behind the score": ("two_branches", "behind", errors.DisconnectedError, ("'behind'", "must depend on")),
    "no gradient between": ("stopped", "conv", errors.DisconnectedError, ("'conv'", "no gradient")),
    "did not run": ("unused_layer", "spare", errors.UntappableLayerError, ("'spare'", "did not run")),
    "two of that name": (
        "same_names",
        "conv",
        errors.AmbiguousLayerError,
        ("first/conv", "second/conv"),
    ),
}


class UnusedLayer(keras.Model):
    """A model with a layer that its call leaves out."""

    def __init__(self) -> None:
        super().__init__(name="unused_layer")
        self.conv = keras.layers.Conv2D(2, 3, name="conv")
        self.spare = keras.layers.Conv2D(2, 3, name="spare")
        self.spare.build((None, 8, 8, 3))
        self.head = keras.layers.Dense(3, name="head")

    def call(self, images: Any) -> Any:
        return self.head(keras.ops.mean(self.conv(images), axis=(1, 2)))


class Stopped(keras.Model):
    """A model that stops the gradient behind its convolution."""

    def __init__(self) -> None:
        super().__init__(name="stopped")
        self.conv = keras.layers.Conv2D(2, 3, name="conv")
        self.head = keras.layers.Dense(3, name="head")

    def call(self, images: Any) -> Any:
        stopped = keras.ops.stop_gradient(self.conv(images))
        return self.head(keras.ops.mean(stopped, axis=(1, 2)))


def awkward(name: str) -> tuple[keras.Model, Any, Any]:
    """A model, images and a target; the model has the layer that a case of `BAD_LAYERS` names."""
    images = ks.testing.models.pictures(2, 8, 8, 3)
    layers = keras.layers
    image = keras.Input((8, 8, 3))
    pool = layers.GlobalAveragePooling2D()
    if name == "two_branches":
        conv = layers.Conv2D(2, 3, name="conv")(image)
        other = layers.Conv2D(2, 3, name="other")(image)
        scores = layers.Dense(3, name="scores")(pool(conv))
        behind = layers.UpSampling2D(2, name="behind")(layers.Reshape((1, 1, 3))(scores))
        model = keras.Model(image, {"scores": scores, "other": pool(other), "behind": behind})
        return model, images, ks.Output("scores", 1)
    if name == "stopped":
        model = Stopped()
        model(images)
        return model, images, 1
    if name == "unused_layer":
        model = UnusedLayer()
        model(images)
        return model, images, 1
    if name == "same_names":
        inner = [
            keras.Sequential([keras.Input(shape), layers.Conv2D(2, 3, name="conv")], name=name)
            for name, shape in (("first", (8, 8, 3)), ("second", (6, 6, 2)))
        ]
        return keras.Sequential([keras.Input((8, 8, 3)), *inner, pool, layers.Dense(3)]), images, 1
    tiny = MODELS[name]()
    return tiny.model, tiny.images, 1


@pytest.mark.parametrize("case", BAD_LAYERS)
def test_layers_that_do_not_fit(case: str) -> None:
    name, layer, kind, words = BAD_LAYERS[case]
    model, images, target = awkward(name)
    model(images)
    before = snapshot(model)
    with pytest.raises(kind) as caught:
        ks.GradCAM(layer=layer)(model, images, target)
    assert_says(caught.value, ValueError, *words)
    assert snapshot(model) == before


def test_a_model_without_any_spatial_layer_is_pointed_to_saliency() -> None:
    tiny = MODELS["no_spatial"]()
    with pytest.raises(errors.NoSpatialExtentError, match="Saliency"):
        ks.GradCAM()(tiny.model, tiny.images, 1)


def test_a_score_that_does_not_depend_on_the_input() -> None:
    tiny = MODELS["functional"]()
    with pytest.raises(errors.DisconnectedError, match="must depend on the input"):
        ks.Saliency()(tiny.model, tiny.images, lambda scores: keras.ops.stop_gradient(scores[:, 0]))


def test_one_of_several_layers_that_the_score_does_not_depend_on() -> None:
    model, images, target = awkward("two_branches")
    with pytest.raises(errors.DisconnectedError, match="must depend on"):
        ks.GradCAM(layers=("conv", "other"))(model, images, target)


def test_rounding_is_no_quiet_map() -> None:
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(keras.ops.sign(image))))
    # Backends differ: the gradient of a sign is zero, or it has none.
    with warned(errors.FlatMapWarning, "no gradient arrives", optional=True) as caught:
        try:
            ks.Saliency()(model, ks.testing.models.pictures(2, 8, 8, 3), 1)
        except errors.DisconnectedError:
            return
    assert caught


def test_a_class_needs_a_row_of_classes() -> None:
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    with pytest.raises(errors.TargetError, match=r"\(N, classes\).*function of the outputs"):
        ks.GradCAM()(model, ks.testing.models.pictures(2, 8, 8, 3), 1)


def test_several_outputs_must_be_chosen_from() -> None:
    tiny = MODELS["dict_output"]()
    with pytest.raises(errors.TargetError, match=r"ks\.Output"):
        ks.GradCAM()(tiny.model, tiny.images, 1)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"image": 1}, ("'image'", "'tabular'")),
        (0, ("2 inputs", "dictionary")),
        ({"image": 3, "tabular": 2}, ("same number of images",)),
    ],
)
def test_inputs_that_do_not_fit_together(wrong: Any, words: tuple[str, ...]) -> None:
    tiny = MODELS["dict_input"]()
    images = tiny.images["image"]
    if isinstance(wrong, dict):
        blanks = {"image": np.zeros((9, 8, 8, 3)), "tabular": np.zeros((9, 4))}
        images = {name: blanks[name][:count] for name, count in wrong.items()}
    with pytest.raises(errors.InputError) as caught:
        ks.GradCAM()(tiny.model, images, 1)
    assert_says(caught.value, ValueError, *words)


def test_the_input_to_explain_must_be_one_of_the_model() -> None:
    tiny = MODELS["siamese"]()
    with pytest.raises(errors.InputError, match="'left', 'right'"):
        ks.Saliency()(ks.Probe(tiny.model, input="middle"), tiny.images, 1)
    with pytest.raises(errors.InputError, match=r"ks.Probe\(model, input="):
        ks.Saliency()(tiny.model, tiny.images, 1)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: "model.keras", ("keras.Model", "str", "load_model")),
        (lambda: np.mean, ("keras.Model", "load_model")),
        (lambda: keras.layers.Dense(3), ("keras.Model", "Dense", "keras.Sequential")),
        (lambda: keras.Sequential([keras.layers.Dense(3)]), ("must be built", "model.build")),
        (lambda: UnusedLayer(), ("must be built", "'unused_layer'")),
    ],
    ids=["a path", "a function", "a layer", "an unbuilt model", "an unbuilt subclass"],
)
def test_what_is_no_built_model(model: Callable[[], Any], words: tuple[str, ...]) -> None:
    with pytest.raises(errors.ModelError) as caught:
        ks.explain(model(), np.zeros((1, 8, 8, 3)))
    assert_says(caught.value, TypeError, *words)


@pytest.mark.once
@pytest.mark.slow
def test_a_backend_that_is_not_supported() -> None:
    program = textwrap.dedent("""
        import keras, numpy as np, kerascope as ks
        assert keras.backend.backend() == "numpy"
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(3)])
        try:
            ks.explain(model, np.zeros((1, 8, 8, 3)))
        except ks.errors.BackendError as error:
            assert isinstance(error, RuntimeError)
            print(error)
    """)
    command = [sys.executable, "-c", program]
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"KERAS_BACKEND": "numpy", "PATH": ""}
    )
    for word in ("tensorflow, jax, torch", "'numpy'", "KERAS_BACKEND"):
        assert word in ran.stdout


@pytest.mark.parametrize(
    ("options", "word"),
    [({"batch_size": 0}, "batch_size"), ({"batch_size": 2.5}, "batch_size"), ({"batch_size": True}, "True")],
)
def test_parameters_of_a_probe(network: ks.testing.Tiny, options: dict[str, Any], word: str) -> None:
    with pytest.raises(errors.ParameterError, match=word):
        ks.Probe(network.model, **options)


def test_methods_and_their_parameters(network: ks.testing.Tiny) -> None:
    with pytest.raises(errors.UnknownMethodError, match="did you mean 'grad_cam'") as caught:
        ks.explain(network.model, network.images, "gradcam")
    assert isinstance(caught.value, LookupError)
    with pytest.raises(errors.ParameterError, match="'depth'"):
        ks.explain(network.model, network.images, "grad_cam", depth=3)
    with pytest.raises(errors.ParameterError, match="parameters go with a method"):
        ks.explain(network.model, network.images, ks.GradCAM(), relu=False)
    with pytest.raises(errors.ParameterError, match="layer"):
        ks.GradCAM(layer=3)  # type: ignore[arg-type]


def test_a_probability_is_explained_with_a_warning(network: ks.testing.Tiny) -> None:
    tiny = MODELS["mixture"]()
    with warned(errors.ProbabilityWarning, r"ks\.Probability"):
        found = ks.Saliency()(tiny.model, tiny.images, 1)
    (stored,) = found.warnings
    assert stored.startswith("ProbabilityWarning: ")
    # Asked for on purpose, it is no surprise; warnings are errors here.
    assert not ks.Saliency()(tiny.model, tiny.images, ks.Probability(1)).warnings


def test_a_flat_map_is_named_with_its_reason() -> None:
    tiny = MODELS["flat"]()
    with warned(errors.FlatMapWarning, r"2 of 2 maps \(images 0, 1\)"):
        found = ks.GradCAM()(tiny.model, tiny.images, 1)
    assert found.flat.all()
    with warned(errors.FlatMapWarning, "no gradient arrives"):
        ks.Saliency()(tiny.model, tiny.images, 1)


def test_a_map_that_is_not_finite_is_named() -> None:
    tiny = MODELS["functional"]()
    head = tiny.model.get_layer("head")
    kernel, bias = head.get_weights()
    head.set_weights([kernel * np.nan, bias])
    with warned(errors.NonFiniteMapWarning, "3 of 3 maps"):
        found = ks.GradCAM()(tiny.model, tiny.images, 1)
    assert found.flat.all()


def test_warnings_point_at_the_callers_line() -> None:
    tiny = MODELS["flat"]()
    with warned(errors.FlatMapWarning, "") as caught:
        ks.explain(tiny.model, tiny.images, target=1)
    assert caught[0].filename == __file__


def test_a_model_that_fails_says_how(network: ks.testing.Tiny) -> None:
    class Fails(keras.Model):
        def call(self, images: Any) -> Any:
            if images.shape[1] != 8:
                raise RuntimeError("the weather is bad")
            return keras.ops.mean(images, axis=(1, 2))

    model = Fails()
    model(np.zeros((1, 8, 8, 3), "float32"))
    with pytest.raises(errors.InputError, match=r"(?s)RuntimeError.*the weather is bad"):
        ks.Saliency()(model, np.ones((1, 9, 8, 3)), 1)


@pytest.mark.once
def test_every_error_and_warning_is_in_the_tree_that_the_docstring_draws() -> None:
    drawn = [line.strip("| `-").split()[0] for line in (errors.__doc__ or "").splitlines() if "--" in line]
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    named = {kind.__name__ for kind in kinds if issubclass(kind, errors.KerascopeError | Warning)}
    assert named == {*drawn, "KerascopeError", "KerascopeWarning"}
    for kind in kinds:
        if issubclass(kind, errors.KerascopeError) and kind is not errors.KerascopeError:
            builtin = [base for base in kind.__mro__ if base.__module__ == "builtins"]
            assert len(builtin) > 3, (
                f"{kind.__name__} inherits no built-in exception that a caller would guess"
            )


def assert_says(error: Exception, builtin: type[Exception], *words: str) -> None:
    """The error is also the built-in one that a caller would guess, and its message holds the words."""
    assert isinstance(error, builtin)
    for word in words:
        assert word in str(error), f"{word!r} is not in: {error}"
