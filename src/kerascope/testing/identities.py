"""What theory says about methods on networks where theory is simple."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kerascope.explanation import Explanation
from kerascope.method import (
    ElementWiseCAM,
    GradCAM,
    IntegratedGradients,
    LayerCAM,
    Method,
    Saliency,
    SmoothGrad,
    VarGrad,
)
from kerascope.testing.bench import CLOSE, EXACT, Bench, same
from kerascope.testing.oracles import STARTS, class_activation_map, networks, noise, rectify


def grad_cam_is_cam(bench: Bench) -> None:
    """Behind a mean over space and a Dense layer, Grad-CAM is CAM / (h w), rectified."""
    network = networks()["functional"]
    images = bench.tiny("functional").images
    for index in range(3):
        cams = np.stack([class_activation_map(network, image, index) for image in images])
        cams /= cams[0].size
        expected = cams if bench.method.signed else rectify(cams)
        same(bench.explain("functional", index).values, expected, EXACT, f"CAM of class {index}")


def cam_leaves_nothing_out(bench: Bench) -> None:
    """The mean of CAM over space, and the bias, is the score, on whatever head CAM accepts."""
    for name in ("functional", "softmax_head", "planted"):
        bias = bench.tiny(name).model.get_layer("head").get_weights()[1]
        for index in range(3):
            found = _signed(bench, name, index)
            total = found.values.mean(axis=(1, 2)) + bias[index]
            same(total, found.scores, EXACT, f"score of class {index} of {name}")


def xgrad_cam_sums_to_hires_cam(bench: Bench) -> None:
    """XGrad-CAM is CAM / (h w) behind a mean over space; elsewhere it sums to HiResCAM's signed map."""
    grad_cam_is_cam(bench)
    for index in range(3):
        found = _signed(bench, "flattened", index).values.sum(axis=(1, 2))
        tiny, probe = bench.tiny("flattened"), bench.probe("flattened")
        channels = probe.activations(tiny.images) * probe.gradients(tiny.images, index, tiny.layer)
        same(found, channels.sum(axis=(1, 2, 3)), CLOSE, f"sum of class {index}")


def hires_cam_sums_to_the_score(bench: Bench) -> None:
    """HiResCAM is CAM / (h w) behind a mean over space; its signed map and the bias are a linear score."""
    grad_cam_is_cam(bench)
    bias = bench.tiny("flattened").model.get_layer("head").get_weights()[1]
    for index in range(3):
        found = _signed(bench, "flattened", index)
        same(found.values.sum(axis=(1, 2)) + bias[index], found.scores, CLOSE, f"score of class {index}")


def rectified_twice(bench: Bench) -> None:
    """Behind a ReLU, LayerCAM and element-wise Grad-CAM are one."""
    for name in ("functional", "flattened"):
        for index in range(3):
            both = [method(bench.probe(name), bench.tiny(name).images, index) for method in _TWINS]
            found = bench.explain(name, index).values
            for other in both:
                same(found, other.values, EXACT, f"{other.method} of class {index} of {name}")


def shapley_cam_is_grad_cam(bench: Bench) -> None:
    """Where the network behind the layer is piecewise linear, Shapley-CAM is Grad-CAM."""
    for name in ("functional", "flattened", "planted"):
        _is(bench, bench.method, GradCAM(), name)


def finer_cam_is_its_method(bench: Bench) -> None:
    """Without strength, Finer-CAM is the method that it is made of."""
    for name in ("functional", "flattened"):
        _is(bench, replace(bench.method, strength=0.0), bench.method.method, name)  # type: ignore[attr-defined,call-arg]


def _is(bench: Bench, method: Method, other: Method, name: str) -> None:
    """Assert that two methods agree on a tiny model."""
    probe, images = bench.probe(name), bench.tiny(name).images
    for index in range(3):
        expected = other(probe, images, index).values
        same(method(probe, images, index).values, expected, EXACT, f"{other} of class {index} of {name}")


def _signed(bench: Bench, name: str, index: int) -> Explanation:
    method = replace(bench.method, relu=False)  # type: ignore[call-arg]
    return method(bench.probe(name), bench.tiny(name).images, index)


_TWINS = (LayerCAM(), ElementWiseCAM())


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
    tiny = bench.tiny("functional")
    method = replace(bench.method, samples=400, baseline="black")  # type: ignore[call-arg]
    found = method(bench.probe("functional"), tiny.images, 1).values
    same(
        found,
        IntegratedGradients(400)(bench.probe("functional"), tiny.images, 1).values,
        0.02,
        "in the limit",
    )


def smooth_grad_without_noise(bench: Bench) -> None:
    """Without noise, the mean is the method itself; and the noise is a share of the image's own range."""
    quiet = replace(bench.method, samples=3, sigma=0.0)  # type: ignore[call-arg]
    tiny = bench.tiny("functional")
    found = quiet(bench.probe("functional"), tiny.images, 1).values
    same(found, Saliency()(bench.probe("functional"), tiny.images, 1).values, EXACT, "without noise")
    # The noise follows the range of each image, so that half the contrast is half the noise.
    pale = tiny.images / 2
    expected = np.stack([noise.smooth_grad(networks()["functional"], image, 1) for image in pale])
    same(bench.explain("functional", 1, pale).values, expected, EXACT, "at half the contrast")


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
    "cam": cam_leaves_nothing_out,
    "element_wise_cam": rectified_twice,
    "finer_cam": finer_cam_is_its_method,
    "grad_cam": grad_cam_is_cam,
    "guided_backprop": guided_is_saliency,
    "hires_cam": hires_cam_sums_to_the_score,
    "layer_cam": rectified_twice,
    "shapley_cam": shapley_cam_is_grad_cam,
    "xgrad_cam": xgrad_cam_sums_to_hires_cam,
    "blur_integrated_gradients": blur_is_what_blurring_takes,
    "expected_gradients": expected_is_integrated,
    "guided_integrated_gradients": path_is_input_x_gradient,
    "input_x_gradient": input_x_gradient_is_the_share,
    "integrated_gradients": path_is_input_x_gradient,
    "saliency": saliency_is_the_kernel,
    "smooth_grad": smooth_grad_without_noise,
    "square_grad": square_grad_is_the_other_two,
    "var_grad": var_grad_without_noise,
}
"""The identity of each method that has one, by the method's name."""
