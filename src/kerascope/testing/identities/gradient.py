"""What theory says about gradients at the input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kerascope.method import Method
from kerascope.method.gradient.saliency import Saliency
from kerascope.method.path.integrated_gradients import IntegratedGradients
from kerascope.method.wrappers.smooth_grad import SmoothGrad, VarGrad
from kerascope.testing.bench import CLOSE, EXACT, Bench, same
from kerascope.testing.oracles import STARTS, networks


def saliency_is_the_kernel(bench: Bench) -> None:
    """On a linear model, saliency is the kernel's column, whatever the image."""
    gradients = bench.tiny("linear").facts["gradients"]
    for index in range(3):
        found = bench.explain("linear", index).values
        expected = np.broadcast_to(gradients[index], found.shape)
        same(found, expected, EXACT, f"kernel of class {index}")
    mapped = bench.explain("linear_map", 2).values
    expected = np.broadcast_to(bench.tiny("linear_map").facts["gradients"][2], mapped.shape)
    same(mapped, expected, EXACT, "two linear layers")


def guided_is_saliency(bench: Bench) -> None:
    """Where every gradient that arrives at a rectifier is positive, guided backpropagation is saliency."""
    for index in range(3):
        found = bench.explain("planted", index).values
        expected = Saliency()(bench.probe("planted"), bench.tiny("planted").images, index).values
        same(found, expected, EXACT, f"saliency of class {index}")


def input_x_gradient_is_the_share(bench: Bench) -> None:
    """On a linear model without bias, a pixel times the kernel; the values sum to the score."""
    tiny = bench.tiny("linear")
    for index in range(3):
        found = bench.explain("linear", index)
        same(found.values, tiny.images * tiny.facts["gradients"][index], EXACT, f"class {index}")
        same(found.values.sum(axis=(1, 2, 3)), found.scores, EXACT, f"sum of class {index}")


def path_is_input_x_gradient(bench: Bench) -> None:
    """On a linear model, the way from the baseline times the kernel, whatever the path; from 0, the share."""
    tiny = bench.tiny("linear")
    for baseline in (0.0, 0.25, (0.0, 0.5)):
        method = replace(bench.method, steps=8, baseline=baseline)  # type: ignore[call-arg]
        for index in range(3):
            found = method(bench.probe("linear"), tiny.images, index)
            expected = (tiny.images - np.mean(baseline)) * tiny.facts["gradients"][index]
            same(found.values, expected, EXACT, f"class {index} from {baseline}")


def blur_is_what_blurring_takes(bench: Bench) -> None:
    """On a linear model, what the widest blur takes from each pixel, times the kernel."""
    tiny = bench.tiny("linear")
    taken = tiny.images - np.stack([STARTS["blur_integrated_gradients"](image) for image in tiny.images])
    for index in range(3):
        same(bench.explain("linear", index).values, taken * tiny.facts["gradients"][index], EXACT, "a blur")


def expected_is_integrated(bench: Bench) -> None:
    """With one baseline, expected gradients are integrated gradients but for where the points lie."""
    tiny, probe = bench.tiny("smooth_functional"), bench.probe("smooth_functional")
    method = replace(bench.method, samples=64, baseline="black")  # type: ignore[call-arg]
    found = method(probe, tiny.images, 1).values
    same(found, IntegratedGradients(64)(probe, tiny.images, 1).values, 0.02, "in the limit")


def smooth_grad_without_noise(bench: Bench) -> None:
    """Without noise, the mean is the method itself; and the noise is a share of the image's own range."""
    quiet = replace(bench.method, samples=3, sigma=0.0)  # type: ignore[call-arg]
    inside: Method = bench.method.method  # type: ignore[attr-defined]
    tiny = bench.tiny("smooth_functional")
    probe = bench.probe("smooth_functional")
    same(quiet(probe, tiny.images, 1).values, inside(probe, tiny.images, 1).values, EXACT, "without noise")
    if bench.oracle is None:
        return
    # The noise follows the range of each image, so that half the contrast is half the noise.
    pale = tiny.images / 2
    network = networks(smooth=True)["smooth_functional"]
    expected = np.stack([bench.oracle(network, image, 1) for image in pale])
    same(bench.explain("smooth_functional", 1, pale).values, expected, CLOSE, "at half the contrast")


def var_grad_without_noise(bench: Bench) -> None:
    """Without noise, and on a linear model, there is no variance."""
    quiet = replace(bench.method, samples=3, sigma=0.0)  # type: ignore[call-arg]
    tiny = bench.tiny("functional")
    assert not quiet(bench.probe("functional"), tiny.images, 1).values.any(), "without noise"
    assert not bench.explain("linear", 1).values.any(), "the gradient of a linear model does not vary"


def square_grad_is_the_other_two(bench: Bench) -> None:
    """The mean square is the square of the mean plus the variance."""
    shared: dict[str, Any] = {"seed": 3, "samples": 5}
    tiny, probe = bench.tiny("functional"), bench.probe("functional")
    found = replace(bench.method, **shared)(probe, tiny.images, 1).values
    mean = SmoothGrad(**shared)(probe, tiny.images, 1).values
    variance = VarGrad(**shared)(probe, tiny.images, 1).values
    same(found, mean**2 + variance, EXACT, "square of the mean, and variance")


IDENTITIES: Mapping[str, Callable[[Bench], None]] = {
    "blur_integrated_gradients": blur_is_what_blurring_takes,
    "expected_gradients": expected_is_integrated,
    "guided_backprop": guided_is_saliency,
    "guided_integrated_gradients": path_is_input_x_gradient,
    "input_x_gradient": input_x_gradient_is_the_share,
    "integrated_gradients": path_is_input_x_gradient,
    "saliency": saliency_is_the_kernel,
    "smooth_grad": smooth_grad_without_noise,
    "square_grad": square_grad_is_the_other_two,
    "var_grad": var_grad_without_noise,
}
