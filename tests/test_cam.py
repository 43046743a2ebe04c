"""Class activation maps: several layers fused, heads that CAM is exact for, components, curvature, rivals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascope as ks
from kerascope.probe import Evidence
from kerascope.resize import resize
from kerascope.testing import MODELS
from kerascope.testing.bench import CLOSE, EXACT, same

Array = Any

BOTH = ("conv1", "conv2")
FUSED = ks.LayerCAM(layers=BOTH, fusion="scaled")


@pytest.fixture(scope="module")
def probe() -> ks.Probe:
    """Two convolutions, a mean over space, and a Dense layer."""
    return ks.Probe(MODELS["functional"]().model, compile=False)


@pytest.fixture(scope="module")
def images() -> Array:
    return MODELS["functional"]().images


def network(*parts: Any, shape: tuple[int, ...] = (8, 10, 3), seed: int = 0) -> tuple[ks.Probe, Array]:
    """A probe of layers with drawn weights, and two images for it."""
    model = keras.Sequential([keras.Input(shape), *parts])
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.5, part.shape) for part in model.get_weights()])
    return ks.Probe(model, compile=False), random.random((2, *shape)).astype("float32")


# Several layers


def by_hand(maps: list[Array], fusion: str) -> Array:
    """Maps of several layers, enlarged and fused in NumPy, each image by itself."""
    large = [resize(values, (8, 16)).astype("float64") for values in maps]
    if fusion == "scaled":
        large = [
            np.stack([np.tanh(2 * one / max(np.abs(one).max(), 1e-300)) for one in each]) for each in large
        ]
    return np.mean(large, axis=0) if fusion == "mean" else np.max(large, axis=0)


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("fusion", ["mean", "max", "scaled"])
def test_several_layers_are_enlarged_and_fused(
    probe: ks.Probe, images: Array, fusion: str, relu: bool
) -> None:
    found = ks.LayerCAM(layers=list(BOTH), fusion=fusion, relu=relu)(probe, images, 1)
    single = [ks.LayerCAM(layer=layer, relu=relu)(probe, images, 1).values for layer in BOTH]
    assert found.layer == "conv1, conv2"
    same(found.values, by_hand(single, fusion), CLOSE, fusion)


def test_each_way_to_fuse_is_another(probe: ks.Probe, images: Array) -> None:
    names = ("mean", "max", "scaled")
    maps = [ks.GradCAM(layers=BOTH, fusion=name)(probe, images, 1).values for name in names]
    assert not np.allclose(maps[0], maps[1])
    assert not np.allclose(maps[1], maps[2])
    assert maps[2].max() <= 1


def test_several_layers_cost_one_backward(images: Array) -> None:
    counted = ks.Probe(MODELS["functional"]().model, compile=False)
    ks.GradCAM(layers=BOTH)(counted, images, 1)
    assert (counted.forward_count, counted.backward_count) == (3, 3)
    ks.EigenCAM(layers=BOTH)(counted, images, 1)
    assert (counted.forward_count, counted.backward_count) == (6, 3)


@dataclass(frozen=True)
class ScaledOverTheBatch(ks.LayerCAM):
    """Each layer's maps are scaled by the largest value of the whole batch."""

    def compute(self, evidence: Evidence) -> Any:
        maps = [ops.relu(self.combine(self.channels(part))) for part in evidence.parts()]
        small = maps[1] / ops.max(maps[1])
        return ops.repeat(ops.repeat(small, 2, axis=1), 2, axis=2) + maps[0] / ops.max(maps[0])


@pytest.mark.parametrize(
    ("method", "passes"),
    [(FUSED, True), (ScaledOverTheBatch(layers=BOTH), False)],
    ids=["each image", "over the batch"],
)
def test_fusing_looks_at_each_image_by_itself(method: ks.Method, passes: bool) -> None:
    check = next(check for check in ks.testing.checks(method) if check.name == "batch")
    if passes:
        assert check().status == "passed"
    else:
        with pytest.raises(ks.testing.ContractError, match="batch"):
            check()


def test_layers_are_part_of_the_value() -> None:
    method = ks.GradCAM(layers=["conv1", "conv2"])
    assert method.layers == BOTH
    assert hash(method) == hash(ks.GradCAM(layers=BOTH))
    assert method.written() == "GradCAM(layers=('conv1', 'conv2'))"
    assert method.at("conv1") == ks.GradCAM(layer="conv1")


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"layer": "conv1", "layers": BOTH}, "one of layer and layers"),
        ({"layers": ()}, "layers must be"),
        ({"layers": "conv1"}, "layers must be"),
        ({"layers": ("conv1", "conv1")}, "different"),
        ({"layers": BOTH, "fusion": "sum"}, "fusion must be one of"),
        ({"fusion": "max"}, "fusion must be left out"),
    ],
)
def test_layers_that_cannot_be_fused_are_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ks.errors.ParameterError, match=words):
        ks.GradCAM(**parameters)


def test_grids_of_different_rank_are_not_fused() -> None:
    probe, images = network(
        layers.Conv3D(4, 3, name="frames"),
        layers.TimeDistributed(layers.GlobalAveragePooling2D()),
        layers.Conv1D(4, 2, name="line"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(3),
        shape=(6, 8, 8, 1),
    )
    with pytest.raises(ks.errors.LayerError, match="as many axes"):
        ks.GradCAM(layers=("frames", "line"))(probe, images, 1)


# CAM

CONVOLUTION = {"filters": 4, "kernel_size": 3, "activation": "relu", "name": "conv"}
ACCEPTED: dict[str, Any] = {
    "dense": lambda: [layers.GlobalAveragePooling2D(), layers.Dense(3, name="head")],
    "softmax": lambda: [layers.GlobalAveragePooling2D(), layers.Dense(3, "softmax", name="head")],
    "softmax layer": lambda: [
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.5),
        layers.Dense(3, name="head"),
        layers.Softmax(),
    ],
    "convolution behind": lambda: [
        layers.GlobalAveragePooling2D(keepdims=True),
        layers.Reshape((1, 1, 4)),
        layers.Dropout(0.5),
        layers.Conv2D(3, 1, name="head"),
        layers.Flatten(),
        layers.Activation("softmax"),
    ],
    "convolution before": lambda: [
        layers.SpatialDropout2D(0.1),
        layers.Conv2D(3, 1, name="head"),
        layers.GlobalAveragePooling2D(),
    ],
}
REFUSED: dict[str, tuple[Any, str]] = {
    "flattened": (lambda: [layers.Flatten(), layers.Dense(3)], "no mean over space"),
    "hidden": (
        lambda: [layers.GlobalAveragePooling2D(), layers.Dense(5, "relu"), layers.Dense(3)],
        r"\(Dense\)",
    ),
    "largest": (lambda: [layers.GlobalMaxPooling2D(), layers.Dense(3)], "GlobalMaxPooling2D"),
    "curved": (
        lambda: [layers.GlobalAveragePooling2D(), layers.Activation("tanh"), layers.Dense(3)],
        "Activation",
    ),
    "wide": (
        lambda: [layers.Conv2D(3, 3, name="wide"), layers.GlobalAveragePooling2D()],
        r"'wide' \(Conv2D\)",
    ),
}


@pytest.mark.parametrize("head", ACCEPTED)
def test_cam_is_exact(head: str) -> None:
    probe, images = network(layers.Conv2D(**CONVOLUTION), *ACCEPTED[head]())
    kernel, bias = probe.model.get_layer("head").get_weights()
    kernel = kernel.reshape(4, 3)
    activations = probe.activations(images, "conv")
    for index in range(3):
        found = ks.CAM(layer="conv")(probe, images, index)
        same(found.values, activations @ kernel[:, index], CLOSE, f"map of class {index}")
        same(found.values.mean(axis=(1, 2)) + bias[index], found.scores, CLOSE, f"score of class {index}")


@pytest.mark.parametrize("head", REFUSED)
def test_cam_refuses_other_heads(head: str) -> None:
    parts, words = REFUSED[head]
    probe, images = network(layers.Conv2D(**CONVOLUTION), *parts())
    assert ks.GradCAM(layer="conv", relu=False)(probe, images, 1).values.any()
    with pytest.raises(ks.errors.HeadError, match=words):
        ks.CAM(layer="conv")(probe, images, 1)


def test_cam_takes_a_mean_that_is_a_bare_operation() -> None:
    image = keras.Input((8, 10, 3))
    features = layers.Conv2D(**CONVOLUTION)(image)
    for axes, exact in (((1, 2), True), ((2, -3), True), ((1,), False)):
        pooled = ops.mean(features, axis=axes)
        model = keras.Model(image, layers.Dense(3)(pooled if exact else layers.Flatten()(pooled)))
        images = np.random.default_rng(0).random((2, 8, 10, 3)).astype("float32")
        if exact:
            assert ks.CAM(layer="conv")(model, images, 1).values.any()
        else:
            with pytest.raises(ks.errors.HeadError, match="Mean"):
                ks.CAM(layer="conv")(model, images, 1)


def test_cam_refuses_a_way_it_cannot_follow() -> None:
    tiny = MODELS["subclassed"]()
    with pytest.raises(ks.errors.HeadError, match="no layer"):
        ks.CAM()(tiny.model, tiny.images, 1)


# Weights that must not be divided by nothing


def test_grad_cam_plus_plus_divides_by_no_zero() -> None:
    activations = ops.convert_to_tensor(np.full((1, 2, 2, 2), [-0.5, 0.5], "float32"))
    gradients = ops.convert_to_tensor(np.full((1, 2, 2, 2), [1.0, 1e-15], "float32"))
    found = ops.convert_to_numpy(ks.GradCAMPlusPlus().weigh(activations, gradients))
    assert not found[..., 0].any()  # 2 g^2 - 2 g^3 is zero for g = 1
    # 4 positions of alpha g = g / 2; the cube of the gradient is no number of float32
    same(found[..., 1], np.full((1, 2, 2), 4 * 0.5e-15 * 0.5), EXACT, "of a small gradient")


def test_xgrad_cam_divides_by_no_zero() -> None:
    channel = np.array([[1.0, -1.0], [3.0, -3.0 + 1e-6]])
    activations = np.stack([channel, np.zeros((2, 2)), np.ones((2, 2))], axis=-1)[None].astype("float32")
    gradients = np.arange(12.0).reshape(1, 2, 2, 3).astype("float32")
    found = ks.XGradCAM().weigh(ops.convert_to_tensor(activations), ops.convert_to_tensor(gradients))
    found = ops.convert_to_numpy(found)
    assert not found[..., :2].any()
    same(found[..., 2], np.full((1, 2, 2), gradients[..., 2].mean()), EXACT, "of a channel of ones")


# Components


def component(table: Array, reference: Array) -> Array:
    """The first component by `numpy.linalg.svd`, its sign that of the reference."""
    left, values, _ = np.linalg.svd(table.astype("float64"), full_matrices=False)
    found = left[:, 0] * values[0]
    return found if found @ reference >= 0 else -found


@pytest.mark.parametrize("centre", [False, True])
@pytest.mark.parametrize("channels", [3, 40, 100], ids=lambda count: f"{count} channels")
@pytest.mark.parametrize("name", ["eigen_cam", "eigen_grad_cam"])
def test_components_are_those_of_a_singular_value_decomposition(
    name: str, channels: int, centre: bool
) -> None:
    probe, images = network(
        layers.Conv2D(channels, 3, name="conv"), layers.Flatten(), layers.Dense(3), seed=channels
    )
    found = ks.methods()[name](layer="conv", relu=False, centre=centre)(probe, images, 1)  # type: ignore[call-arg]
    tables = probe.activations(images, "conv").astype("float64")
    if name == "eigen_grad_cam":
        tables = tables * probe.gradients(images, 1, "conv")
    assert tables.shape == (2, 6, 8, channels)
    expected = [
        component(table - table.mean(axis=0) if centre else table, table.sum(axis=1))
        for table in tables.reshape(2, 48, channels)
    ]
    same(found.values.reshape(2, 48), np.stack(expected), CLOSE, "first component")


@pytest.mark.parametrize("kernel", ["sigmoid", "rbf", "linear", "cosine", "polynomial"])
def test_kernel_components_are_those_of_scikit_learn(kernel: str) -> None:
    from sklearn.decomposition import KernelPCA

    probe, images = network(
        layers.Conv2D(5, 3, name="conv"), layers.GlobalAveragePooling2D(), layers.Dense(3)
    )
    found = ks.KPCACAM(layer="conv", kernel=kernel, relu=False)(probe, images, 1).values
    tables = probe.activations(images, "conv").reshape(2, 48, 5).astype("float64")
    expected = []
    for table in tables:
        name = {"polynomial": "poly"}.get(kernel, kernel)
        decomposition = KernelPCA(n_components=1, kernel=name, eigen_solver="dense")
        peer = decomposition.fit_transform(table - table.mean(axis=0))[:, 0]
        expected.append(peer if peer @ table.sum(axis=1) >= 0 else -peer)
    same(found.reshape(2, 48), np.stack(expected), CLOSE, kernel)


def test_the_linear_kernel_is_centred_eigen_cam(probe: ks.Probe, images: Array) -> None:
    linear = ks.KPCACAM(kernel="linear")(probe, images).values
    same(linear, ks.EigenCAM(centre=True)(probe, images).values, CLOSE, "the linear kernel")


def test_a_kernel_of_too_many_positions_is_refused() -> None:
    probe, images = network(
        layers.Conv2D(2, 3, name="conv"), layers.GlobalAveragePooling2D(), layers.Dense(3), shape=(70, 70, 1)
    )
    with pytest.raises(ks.errors.LayerError, match=r"4096 positions.*4624"):
        ks.KPCACAM()(probe, images)


@pytest.mark.parametrize("parameters", [{"gradients": "positive"}, {"backprop": "guided"}])
@pytest.mark.parametrize("method", [ks.EigenCAM, ks.KPCACAM])
def test_what_takes_no_gradient_says_so(method: type[ks.Method], parameters: dict[str, str]) -> None:
    with pytest.raises(ks.errors.ParameterError, match="takes no gradient"):
        method(**parameters)  # type: ignore[call-arg]


def test_a_target_free_map_is_the_same_for_all(probe: ks.Probe, images: Array) -> None:
    maps = [ks.EigenCAM()(probe, images, index).values for index in range(3)]
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[1], maps[2])


# Curvature


def residual_softmax(scores: Any) -> Any:
    """The paper's utility: the score of class 1 and the logarithm of its probability."""
    return scores[:, 1] + ops.log_softmax(scores)[:, 1]


def pooled(weights: Array, activations: Array) -> Array:
    return (weights.mean(axis=(1, 2), keepdims=True) * activations).sum(axis=-1)


def test_shapley_cam_with_a_hessian_by_hand() -> None:
    probe, images = network(
        layers.Conv2D(4, 3, activation="relu", name="conv"), layers.GlobalAveragePooling2D(), layers.Dense(3)
    )
    kernel, bias = (part.astype("float64") for part in probe.model.layers[-1].get_weights())
    activations = probe.activations(images, "conv").astype("float64")
    expected = []
    for each in activations:
        positions = each.shape[0] * each.shape[1]
        scores = each.mean(axis=(0, 1)) @ kernel + bias
        chances = np.exp(scores - scores.max())
        chances /= chances.sum()
        slope = kernel @ (2 * np.eye(3)[1] - chances) / positions
        # d2/dz2 of -log sum exp z, along the change of z that the activations are.
        bent = -(np.diag(chances) - np.outer(chances, chances)) @ (scores - bias)
        expected.append(each @ (slope - kernel @ bent / positions / 2))
    found = ks.ShapleyCAM(relu=False)(probe, images, residual_softmax).values
    same(found, np.stack(expected), CLOSE, "with the Hessian of the softmax")
    plain = ks.GradCAM(relu=False)(probe, images, residual_softmax).values
    assert np.abs(found - plain).max() > 0.01 * np.abs(plain).max()


def test_shapley_cam_with_differences_of_gradients() -> None:
    """Behind a curved hidden layer, the curvature is what central differences of gradients say."""
    head = [layers.Flatten(), layers.Dense(6, "softplus"), layers.Dense(3)]
    probe, images = network(layers.Conv2D(4, 3, activation="tanh", name="conv"), *head)
    activations = probe.activations(images, "conv").astype("float64")
    first, second = (part.get_weights() for part in head[1:])

    def gradient(values: Array) -> Array:
        before = values.reshape(len(values), -1) @ first[0].astype("float64") + first[1]
        return ((second[0][:, 1] / (1 + np.exp(-before))) @ first[0].T).reshape(values.shape)

    same(probe.gradients(images, 1, "conv"), gradient(activations), CLOSE, "the gradient by hand")
    step = 1e-4
    bent = (gradient(activations * (1 + step)) - gradient(activations * (1 - step))) / (2 * step)
    found = ks.ShapleyCAM(layer="conv", relu=False)(probe, images, 1).values
    same(found, pooled(gradient(activations) - bent / 2, activations), CLOSE, "by differences")
    assert np.abs(pooled(bent, activations)).max() > 0.01 * np.abs(found).max()


def test_shapley_cam_takes_each_layer_by_itself() -> None:
    probe, images = network(
        layers.Conv2D(4, 3, activation="tanh", name="conv1"),
        layers.Conv2D(4, 3, activation="tanh", name="conv2"),
        layers.Flatten(),
        layers.Dense(3),
    )
    single = [ks.ShapleyCAM(layer=layer, relu=False)(probe, images, 1).values for layer in BOTH]
    before = probe.backward_count
    found = ks.ShapleyCAM(layers=BOTH, relu=False)(probe, images, 1).values
    assert probe.backward_count - before == 2 * ks.ShapleyCAM(layers=BOTH).backwards == 6
    same(found, (single[0] + resize(single[1], (6, 8))) / 2, CLOSE, "the mean of both")
    assert not np.allclose(single[0], ks.GradCAM(layer="conv1", relu=False)(probe, images, 1).values)


def test_shapley_cam_takes_no_rule() -> None:
    with pytest.raises(ks.errors.ParameterError, match="second ones"):
        ks.ShapleyCAM(backprop="guided")


# Rivals


@pytest.fixture(scope="module")
def five() -> tuple[ks.Probe, Array]:
    """A network of five classes."""
    return network(
        layers.Conv2D(4, 3, activation="relu", name="conv"),
        layers.AveragePooling2D(3),
        layers.Flatten(),
        layers.Dense(5, "softmax"),
    )


def all_scores(probe: ks.Probe, images: Array) -> Array:
    return np.stack([probe.scores(images, index) for index in range(5)], axis=1)


def nearest(scores: Array, index: int, count: int) -> list[int]:
    others = [other for other in range(len(scores)) if other != index]
    return sorted(others, key=lambda other: abs(scores[other] - scores[index]))[:count]


@pytest.mark.parametrize("count", [1, 3, 9])
def test_rivals_are_the_classes_of_the_nearest_scores(five: tuple[ks.Probe, Array], count: int) -> None:
    scores = all_scores(*five)
    for index in range(5):
        expected = np.array([row[nearest(row, index, count)].mean() for row in scores])
        same(five[0].scores(five[1], ks.Rivals(count, index)), expected, CLOSE, f"rivals of class {index}")
    best = five[0].scores(five[1], ks.Rivals(count, ks.Top(2)))
    for place, index in enumerate(np.argsort(-scores[0])[:2]):
        same(best[:1, place], scores[0, nearest(scores[0], index, count)].mean()[None], CLOSE, "of the best")


def test_rivals_of_a_probability_are_probabilities(five: tuple[ks.Probe, Array]) -> None:
    probe, images = five
    chances = np.asarray(ops.convert_to_numpy(probe.model(images)))
    expected = np.array([row[nearest(row, 2, 2)].mean() for row in chances])
    same(probe.scores(images, ks.Rivals(2, ks.Probability(2))), expected, CLOSE, "probabilities")


@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_finer_cam_is_the_map_of_the_difference(five: tuple[ks.Probe, Array], strength: float) -> None:
    probe, images = five
    signed = ks.GradCAM(relu=False)
    maps = np.stack([signed(probe, images, index).values for index in range(5)], axis=1).astype("float64")
    scores = all_scores(probe, images)
    found = ks.FinerCAM(signed, similar=2, strength=strength)(probe, images, 3)
    expected = [
        each[3] - strength * each[nearest(row, 3, 2)].mean(axis=0)
        for each, row in zip(maps, scores, strict=True)
    ]
    same(found.values, np.stack(expected), CLOSE, "the difference of maps")
    same(found.scores, scores[:, 3], CLOSE, "the score of the class itself")
    assert found.targets.tolist() == [3, 3]
    assert found.notes == (f"against the mean of the 2 nearest classes, times {strength:g}",)


def test_finer_cam_of_several_classes(five: tuple[ks.Probe, Array]) -> None:
    method = ks.FinerCAM(ks.HiResCAM(relu=False))
    found = method(*five, ks.Top(2))
    for place in range(2):
        each = method(*five, found.targets[:, place])
        same(found.values[:, place], each.values, CLOSE, f"place {place}")


def test_a_strength_is_no_constant_of_the_program(five: tuple[ks.Probe, Array]) -> None:
    probe = ks.Probe(five[0].model, compile=False)
    values = [probe.scores(five[1], ks.Contrast(1, 2, strength=strength)) for strength in (1.0, 0.5, 0.0)]
    assert probe.trace_count == 1
    same(values[1], (values[0] + values[2]) / 2, CLOSE, "half the strength")
    same(values[2], probe.scores(five[1], 1), CLOSE, "no strength")
    assert ks.Contrast(1, 2, strength=0.5).describe() == "class 1 rather than 0.5 times class 2"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"method": ks.EigenCAM()}, "depends on the class"),
        ({"method": ks.Saliency()}, "class activation map"),
        ({"similar": 0}, "similar"),
        ({"strength": -1.0}, "strength"),
        ({"strength": float("nan")}, "strength"),
    ],
)
def test_a_finer_cam_that_means_nothing_is_refused(parameters: dict[str, Any], words: str) -> None:
    with pytest.raises(ks.errors.ParameterError, match=words):
        ks.FinerCAM(**parameters)


def test_rivals_need_a_class_and_others(five: tuple[ks.Probe, Array]) -> None:
    with pytest.raises(ks.errors.TargetError, match="is a class of the model"):
        five[0].scores(five[1], ks.Rivals(2, ks.Unit("conv", channel=1)))
    with pytest.raises(ks.errors.TargetError, match="whole number"):
        ks.Rivals(0)
    with pytest.raises(ks.errors.TargetError, match="finite"):
        ks.Contrast(1, 2, strength=float("inf"))
    lonely, images = network(layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(1))
    with pytest.raises(ks.errors.TargetError, match="several classes"):
        ks.FinerCAM()(lonely, images, 0)
