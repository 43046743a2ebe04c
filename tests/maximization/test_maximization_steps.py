"""Activation maximisation: the step against an oracle in loops, and what it is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope import backend
from kerascope.maximization.ascent import gram_similarity
from kerascope.maximization.parametrization import Parametrization
from kerascope.maximization.transforms import rotate, shift_matrices
from kerascope.testing.fixture import CLOSE, assert_close
from kerascope.testing.models import MODELS
from kerascope.typing import Array
from tests.helpers.maximization import STILL, maximize

# The step, again in loops over NumPy float64 numbers. The network is linear: s = sum of kernel times image.


def oracle(
    kernel: Array,
    coefficients: Array,
    steps: int,
    *,
    weight: float = 0.0,
    low: float = 0.0,
    high: float = 1.0,
    views: list[dict[str, Array]] | None = None,
    wrong: str = "",
) -> tuple[Array, list[float]]:
    """Coefficients (C, H, W) of pixels after some steps, and the score of each step, for one image.

    Kingma and Ba 2015, algorithm 1, uphill; Mahendran and Vedaldi 2015, section 3, beta = 2, as a mean.
    """
    height, width, channels = kernel.shape
    values = coefficients.astype("float64")
    mean, square = np.zeros_like(values), np.zeros_like(values)
    scores = []
    for step in range(1, steps + 1):
        rows, columns, turn = np.eye(height), np.eye(width), np.eye(height * width)
        if views is not None:
            view = views[step - 1]
            rows = looped_placement(height, view["shift"][0, 0], view["zoom"][0])
            columns = looped_placement(width, view["shift"][0, 1], view["zoom"][0])
            turn = looped_turn(height, width, view["angle"][0])
        seen = np.zeros((height, width, channels))
        for c in range(channels):
            seen[:, :, c] = (turn @ (rows @ values[c] @ columns.T).ravel()).reshape(height, width)
        picture = 1 / (1 + np.exp(-seen))
        scores.append(float(np.sum(kernel * (low + (high - low) * picture))))
        at_picture = kernel * (high - low)
        count = (height - 1) * (width - 1) * channels
        for i in range(height - 1):
            for j in range(width - 1):
                for c in range(channels):
                    for other in ((i + 1, j, c), (i, j + 1, c)):
                        slope = 2 * weight * (picture[other] - picture[i, j, c]) / count
                        at_picture[other] -= slope
                        at_picture[i, j, c] += slope
        at_values = at_picture * picture * (1 - picture)
        at_places = (turn.T @ at_values.reshape(-1, channels)).reshape(at_values.shape)
        gradient = np.stack([rows.T @ at_places[:, :, c] @ columns for c in range(channels)])
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        corrected = mean if wrong == "bias" else mean / (1 - 0.9**step)
        change = corrected / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        values += -0.05 * change if wrong == "sign" else 0.05 * change
    return values, scores


def looped_placement(size: int, shift: float, zoom: float) -> Array:
    """Row i shows what lies at zoom (i - middle) + middle + shift size, by linear interpolation."""
    matrix = np.zeros((size, size))
    middle = (size - 1) / 2
    for i in range(size):
        place = float(np.float32(zoom)) * (i - middle) + middle + float(np.float32(shift)) * size
        for j in range(size):
            matrix[i, j] = max(0.0, 1 - abs(place - j))
    return matrix


def looped_turn(height: int, width: int, angle: float) -> Array:
    """Pixel p shows what lies at p turned by an angle around the middle, bilinear; zero outside."""
    matrix = np.zeros((height, width, height, width))
    for i, j, k, m in np.ndindex(matrix.shape):
        down, across = i - (height - 1) / 2, j - (width - 1) / 2
        row = np.sin(angle) * across + np.cos(angle) * down + (height - 1) / 2
        column = np.cos(angle) * across - np.sin(angle) * down + (width - 1) / 2
        matrix[i, j, k, m] = max(0.0, 1 - abs(row - k)) * max(0.0, 1 - abs(column - m))
    return matrix.reshape(height * width, -1)


def begin(shape: tuple[int, ...], seed: int = 0) -> Array:
    """The coefficients that the first copy of a target begins from."""
    return Parametrization("pixels", shape[:-1], shape[-1]).random(1, np.random.default_rng([seed, 0]))[0]


def final_coefficients(result: ks.Maximization, low: float = 0.0, high: float = 1.0) -> Array:
    picture = (result.images[0].astype("float64") - low) / (high - low)
    return np.moveaxis(np.log(picture / (1 - picture)), -1, 0)


@pytest.fixture(scope="module")
def linear() -> ks.testing.Tiny:
    return MODELS["linear"]()


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_steps_are_those_of_the_oracle(linear: ks.testing.Tiny, weight: float) -> None:
    kernel = linear.facts["gradients"][1].astype("float64")
    penalties = (ks.TotalVariation(weight),) if weight else ()
    found = maximize(
        linear.model, 1, steps=5, snapshots=1, transforms=STILL, penalties=penalties, input_range=(-1, 3)
    )
    expected, scores = oracle(kernel, begin((8, 8, 3)), 5, weight=weight, low=-1, high=3)
    assert_close(found.history[:, 0], np.array(scores), 1e-4, "scores")
    assert_close(final_coefficients(found, -1, 3), expected, 1e-4, "coefficients")
    for wrong in ("sign", "bias"):
        other, _ = oracle(kernel, begin((8, 8, 3)), 5, weight=weight, low=-1, high=3, wrong=wrong)
        with pytest.raises(AssertionError, match="relative difference"):
            assert_close(final_coefficients(found, -1, 3), other, 1e-4, wrong)


def test_steps_with_transforms_are_those_of_the_oracle(linear: ks.testing.Tiny) -> None:
    transforms = ks.Transforms(jitter=0.2, scale=1.3, pad=0.1, rotate=40)
    generator = np.random.default_rng([7, 0])
    first = Parametrization("pixels", (8, 8), 3).random(1, generator)[0]
    views = [transforms.draw(1, 2, generator) for _ in range(4)]
    kernel = linear.facts["gradients"][0].astype("float64")
    found = maximize(linear.model, 0, snapshots=1, seed=7, transforms=transforms, penalties=())
    expected, scores = oracle(kernel, first, 4, views=views)
    assert_close(found.history[:, 0], np.array(scores), 1e-4, "scores")
    assert_close(final_coefficients(found), expected, 1e-4, "coefficients")


def test_a_picture_becomes_coefficients_and_back() -> None:
    pictures = np.random.default_rng(0).uniform(0.01, 0.99, (2, 7, 5, 3))
    for kind in ("fourier", "pixels"):
        shape = Parametrization(kind, (7, 5), 3)  # type: ignore[arg-type]
        values = shape.values(ops.convert_to_tensor(shape.coefficients(pictures)), shape.bases)
        found = np.moveaxis(ops.convert_to_numpy(ops.sigmoid(values)), 1, -1)
        assert_close(found, pictures, 1e-4, kind)


def test_waves_are_cosines_scaled_by_their_length() -> None:
    shape = Parametrization("fourier", (6, 4), 1)
    coefficients = np.random.default_rng(1).normal(size=(1, 1, 6, 4)).astype("float32")
    expected = np.zeros((6, 4))
    for i, j, k, m in np.ndindex(6, 4, 6, 4):
        frequency = max(np.hypot(k / 12, m / 8), 1 / 6)
        wave = np.cos(np.pi * k * (i + 0.5) / 6) * np.sqrt((2 - (k == 0)) / 6)
        wave *= np.cos(np.pi * m * (j + 0.5) / 4) * np.sqrt((2 - (m == 0)) / 4)
        expected[i, j] += coefficients[0, 0, k, m] * wave / (4 * frequency)
    found = shape.values(ops.convert_to_tensor(coefficients), shape.bases)
    assert_close(ops.convert_to_numpy(found)[0, 0], expected, CLOSE, "waves")


def test_a_placement_is_that_of_loops() -> None:
    shift, zoom = np.array([0.1, -0.25], "float32"), np.array([1.2, 0.8], "float32")
    found = ops.convert_to_numpy(shift_matrices(9, ops.convert_to_tensor(shift), ops.convert_to_tensor(zoom)))
    for row in range(2):
        assert_close(found[row], looped_placement(9, shift[row], zoom[row]), CLOSE, f"row {row}")


def pulled_back(view: Callable[[Any], Any], picture: Array, weights: Array) -> tuple[Array, Array]:
    """What a view shows of a picture, and the gradient of its product with weights, compiled."""

    def product(variables: Any, weights: Any) -> tuple[Any, Any]:
        shown = view(variables["picture"])
        total = ops.sum(ops.cast(shown * weights, "float32"))
        return ops.reshape(total, (1, 1)), {"shown": shown}

    current = backend.current()
    differentiate = current.value_and_gradients(product)
    differentiate = current.compile(differentiate) if current.compiles else differentiate
    given = {"picture": ops.convert_to_tensor(picture)}
    _, extra, (gradients,) = differentiate(given, ops.convert_to_tensor(weights))
    return ops.convert_to_numpy(extra["shown"]), ops.convert_to_numpy(gradients["picture"])


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float16", 1e-2)])
def test_a_turn_is_that_of_loops_and_its_gradient_the_transpose(dtype: str, tolerance: float) -> None:
    generator = np.random.default_rng(4)
    angles = np.array([0.3, -1.1, np.pi / 2, 3.0], "float32")
    picture, weights = generator.normal(size=(2, 4, 2, 5, 6)).astype(dtype)
    shown, gradient = pulled_back(
        lambda values: rotate(values, ops.convert_to_tensor(angles)), picture, weights
    )
    assert shown.dtype == gradient.dtype == dtype
    for place, angle in enumerate(angles):
        matrix = looped_turn(5, 6, angle)
        expected = (picture[place].reshape(2, -1).astype("float64") @ matrix.T).reshape(2, 5, 6)
        assert_close(shown[place].astype("float64"), expected, tolerance, f"turned by {angle}")
        back = (weights[place].reshape(2, -1).astype("float64") @ matrix).reshape(2, 5, 6)
        assert_close(gradient[place].astype("float64"), back, tolerance, f"turned back by {angle}")


@pytest.mark.parametrize("kind", ["fourier", "pixels"])
@pytest.mark.parametrize(("shift", "zoom", "angle"), [(0.0, 1.0, 0.0), (0.2, 1.5, 0.3), (-0.3, 0.6, -2.0)])
def test_the_gradient_of_every_view_is_its_transpose(
    kind: str, shift: float, zoom: float, angle: float
) -> None:
    generator = np.random.default_rng(5)
    shape = Parametrization(kind, (7, 5), 3)  # type: ignore[arg-type]
    number = {"shift": shift, "zoom": zoom, "angle": angle}
    shift, zoom, angle = (ops.full((2,), number[name]) for name in ("shift", "zoom", "angle"))

    def view(coefficients: Any) -> Any:
        bases = [
            ops.matmul(shift_matrices(size, shift, zoom), ops.convert_to_tensor(basis))
            for size, basis in zip(shape.size, shape.bases, strict=True)
        ]
        return rotate(shape.values(coefficients, bases), angle)

    x, y = generator.normal(size=(2, 2, 3, 7, 5)).astype("float32")
    shown, gradient = pulled_back(view, x, y)
    terms = shown.astype("float64") * y
    assert abs(terms.sum() - (x.astype("float64") * gradient).sum()) < 1e-6 * np.abs(terms).sum()


def test_transforms_are_symmetric_and_seeded() -> None:
    transforms = ks.Transforms(jitter=0.1, scale=1.5, rotate=20)
    draws = transforms.draw(20000, 2, np.random.default_rng(0))
    assert np.abs(draws["shift"]).max() <= 0.1
    assert abs(draws["shift"].mean()) < 1e-3
    assert abs(np.log(draws["zoom"]).mean()) < 5e-3
    assert abs(draws["angle"].mean()) < 5e-3
    assert np.abs(np.rad2deg(draws["angle"])).max() <= 20.001
    padded = ks.Transforms(jitter=0, scale=1, pad=0.25).draw(3, 2, np.random.default_rng(0))
    assert np.allclose(padded["zoom"], 1.5)


def test_penalties_are_those_of_loops() -> None:
    pictures = np.random.default_rng(2).random((2, 4, 5, 3))
    for beta in (1.0, 2.0):
        expected = np.zeros(2)
        for n, i, j, c in np.ndindex(2, 3, 4, 3):
            down = pictures[n, i + 1, j, c] - pictures[n, i, j, c]
            right = pictures[n, i, j + 1, c] - pictures[n, i, j, c]
            expected[n] += 0.5 * (down**2 + right**2) ** (beta / 2) / (3 * 4 * 3)
        found = ks.TotalVariation(0.5, beta)(pictures.astype("float32"))
        assert_close(ops.convert_to_numpy(found), expected, 1e-4, f"total variation {beta}")
    expected = np.zeros(2)
    for n in range(2):
        for value in pictures[n].ravel():
            expected[n] += abs(2 * (value - 0.25)) ** 6 / 60
        expected[n] = 2 * expected[n] ** (1 / 6)
    found = ks.LPNorm(2, p=6, rest=0.25)(pictures.astype("float32"))
    assert_close(ops.convert_to_numpy(found), expected, 1e-4, "Lp")
    flat = ops.convert_to_numpy(ks.LPNorm(2)(np.full((1, 2, 2, 1), 0.5, "float32")))
    assert flat.tolist() == [0.0]


def test_likeness_is_that_of_loops() -> None:
    activations = np.random.default_rng(3).normal(size=(3, 4, 5)).astype("float32")
    kin = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], "float32")
    gram = [one.astype("float64").T @ one for one in activations]
    cosine = np.sum(gram[0] * gram[1]) / np.linalg.norm(gram[0]) / np.linalg.norm(gram[1])
    found = gram_similarity(ops.convert_to_tensor(activations), ops.convert_to_tensor(kin))
    assert_close(ops.convert_to_numpy(found), np.array([cosine, cosine, 0]), CLOSE, "likeness")
