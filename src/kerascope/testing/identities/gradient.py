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
from kerascope.testing.fixture import CLOSE, EXACT, Fixture, assert_close
from kerascope.testing.oracles import STARTS, networks


def saliency_is_the_kernel(fixture: Fixture) -> None:
    """On a linear model, saliency is the kernel's column, whatever the image."""
    gradients = fixture.tiny("linear").facts["gradients"]
    for index in range(3):
        found = fixture.explain("linear", index).values
        expected = np.broadcast_to(gradients[index], found.shape)
        assert_close(found, expected, EXACT, f"kernel of class {index}")
    mapped = fixture.explain("linear_map", 2).values
    expected = np.broadcast_to(fixture.tiny("linear_map").facts["gradients"][2], mapped.shape)
    assert_close(mapped, expected, EXACT, "two linear layers")


def guided_is_saliency(fixture: Fixture) -> None:
    """Where every gradient that arrives at a rectifier is positive, guided backpropagation is saliency."""
    for index in range(3):
        found = fixture.explain("planted", index).values
        expected = Saliency()(fixture.probe("planted"), fixture.tiny("planted").images, index).values
        assert_close(found, expected, EXACT, f"saliency of class {index}")


def input_x_gradient_is_the_share(fixture: Fixture) -> None:
    """On a linear model without bias, a pixel times the kernel; the values sum to the score."""
    tiny = fixture.tiny("linear")
    for index in range(3):
        found = fixture.explain("linear", index)
        assert_close(found.values, tiny.images * tiny.facts["gradients"][index], EXACT, f"class {index}")
        assert_close(found.values.sum(axis=(1, 2, 3)), found.scores, EXACT, f"sum of class {index}")


def path_is_input_x_gradient(fixture: Fixture) -> None:
    """On a linear model, the way from the baseline times the kernel, whatever the path; from 0, the share."""
    tiny = fixture.tiny("linear")
    for baseline in (0.0, 0.25, (0.0, 0.5)):
        method = replace(fixture.method, steps=8, baseline=baseline)  # type: ignore[call-arg]
        for index in range(3):
            found = method(fixture.probe("linear"), tiny.images, index)
            expected = (tiny.images - np.mean(baseline)) * tiny.facts["gradients"][index]
            assert_close(found.values, expected, EXACT, f"class {index} from {baseline}")


def blur_is_what_blurring_takes(fixture: Fixture) -> None:
    """On a linear model, what the widest blur takes from each pixel, times the kernel."""
    tiny = fixture.tiny("linear")
    taken = tiny.images - np.stack([STARTS["blur_integrated_gradients"](image) for image in tiny.images])
    for index in range(3):
        assert_close(
            fixture.explain("linear", index).values, taken * tiny.facts["gradients"][index], EXACT, "a blur"
        )


def expected_is_integrated(fixture: Fixture) -> None:
    """With one baseline, expected gradients are integrated gradients but for where the points lie."""
    tiny, probe = fixture.tiny("smooth_functional"), fixture.probe("smooth_functional")
    method = replace(fixture.method, samples=64, baseline="black")  # type: ignore[call-arg]
    found = method(probe, tiny.images, 1).values
    assert_close(found, IntegratedGradients(64)(probe, tiny.images, 1).values, 0.02, "in the limit")


def smooth_grad_without_noise(fixture: Fixture) -> None:
    """Without noise, the mean is the method itself; and the noise is a share of the image's own range."""
    quiet = replace(fixture.method, samples=3, sigma=0.0)  # type: ignore[call-arg]
    inside: Method = fixture.method.method  # type: ignore[attr-defined]
    tiny = fixture.tiny("smooth_functional")
    probe = fixture.probe("smooth_functional")
    assert_close(
        quiet(probe, tiny.images, 1).values, inside(probe, tiny.images, 1).values, EXACT, "without noise"
    )
    if fixture.oracle is None:
        return
    # The noise follows the range of each image, so that half the contrast is half the noise.
    pale = tiny.images / 2
    network = networks(smooth=True)["smooth_functional"]
    expected = np.stack([fixture.oracle(network, image, 1) for image in pale])
    assert_close(
        fixture.explain("smooth_functional", 1, pale).values, expected, CLOSE, "at half the contrast"
    )


def var_grad_without_noise(fixture: Fixture) -> None:
    """Without noise, and on a linear model, there is no variance."""
    quiet = replace(fixture.method, samples=3, sigma=0.0)  # type: ignore[call-arg]
    tiny = fixture.tiny("functional")
    assert not quiet(fixture.probe("functional"), tiny.images, 1).values.any(), "without noise"
    assert not fixture.explain("linear", 1).values.any(), "the gradient of a linear model does not vary"


def square_grad_is_the_other_two(fixture: Fixture) -> None:
    """The mean square is the square of the mean plus the variance."""
    shared: dict[str, Any] = {"seed": 3, "samples": 5}
    tiny, probe = fixture.tiny("functional"), fixture.probe("functional")
    found = replace(fixture.method, **shared)(probe, tiny.images, 1).values
    mean = SmoothGrad(**shared)(probe, tiny.images, 1).values
    variance = VarGrad(**shared)(probe, tiny.images, 1).values
    assert_close(found, mean**2 + variance, EXACT, "square of the mean, and variance")


IDENTITIES: Mapping[str, Callable[[Fixture], None]] = {
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
