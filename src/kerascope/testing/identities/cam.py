"""What theory says about class activation maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from kerascope.explanation import Explanation
from kerascope.method import Method
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.cam.hires_cam import ElementWiseCAM, HiResCAM
from kerascope.method.cam.layer_cam import LayerCAM
from kerascope.resize import resize
from kerascope.testing.bench import CLOSE, EXACT, Bench, same
from kerascope.testing.oracles import ORACLES, networks, rectify


def grad_cam_is_cam(bench: Bench) -> None:
    """Behind a mean over space and a Dense layer, Grad-CAM is CAM / (h w), rectified."""
    network = networks()["functional"]
    images = bench.tiny("functional").images
    for index in range(3):
        cams = np.stack([ORACLES["cam"](network, image, index) for image in images])
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


def multi_scale_cam_of_one_layer(bench: Bench) -> None:
    """Of one layer alone it is HiResCAM, on the image's own grid."""
    for name in ("functional", "flattened"):
        tiny, probe = bench.tiny(name), bench.probe(name)
        alone = replace(bench.method, layers=(tiny.layer,))  # type: ignore[call-arg]
        for index in range(3):
            map_of_layer = HiResCAM(tiny.layer)(probe, tiny.images, index).values
            expected = resize(map_of_layer, tiny.images.shape[1:3], 1)
            same(alone(probe, tiny.images, index).values, expected, CLOSE, f"class {index} of {name}")


def _signed(bench: Bench, name: str, index: int) -> Explanation:
    method = replace(bench.method, relu=False)  # type: ignore[call-arg]
    return method(bench.probe(name), bench.tiny(name).images, index)


_TWINS = (LayerCAM(), ElementWiseCAM())


def _is(bench: Bench, method: Method, other: Method, name: str) -> None:
    """Assert that two methods agree on a tiny model."""
    probe, images = bench.probe(name), bench.tiny(name).images
    for index in range(3):
        expected = other(probe, images, index).values
        same(method(probe, images, index).values, expected, EXACT, f"{other} of class {index} of {name}")


IDENTITIES: Mapping[str, Callable[[Bench], None]] = {
    "cam": cam_leaves_nothing_out,
    "element_wise_cam": rectified_twice,
    "finer_cam": finer_cam_is_its_method,
    "grad_cam": grad_cam_is_cam,
    "hires_cam": hires_cam_sums_to_the_score,
    "layer_cam": rectified_twice,
    "multi_scale_cam": multi_scale_cam_of_one_layer,
    "shapley_cam": shapley_cam_is_grad_cam,
    "xgrad_cam": xgrad_cam_sums_to_hires_cam,
}
