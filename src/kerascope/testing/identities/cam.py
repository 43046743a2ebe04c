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
from kerascope.testing.fixture import CLOSE, EXACT, Fixture, assert_close
from kerascope.testing.oracles import ORACLES, networks, rectify


def grad_cam_is_cam(fixture: Fixture) -> None:
    """Behind a mean over space and a Dense layer, Grad-CAM is CAM / (h w), rectified."""
    network = networks()["functional"]
    images = fixture.tiny("functional").images
    for index in range(3):
        cams = np.stack([ORACLES["cam"](network, image, index) for image in images])
        cams /= cams[0].size
        expected = cams if fixture.method.signed else rectify(cams)
        assert_close(fixture.explain("functional", index).values, expected, EXACT, f"CAM of class {index}")


def cam_leaves_nothing_out(fixture: Fixture) -> None:
    """The mean of CAM over space, and the bias, is the score, on whatever head CAM accepts."""
    for name in ("functional", "softmax_head", "planted"):
        bias = fixture.tiny(name).model.get_layer("head").get_weights()[1]
        for index in range(3):
            found = _explain_signed(fixture, name, index)
            total = found.values.mean(axis=(1, 2)) + bias[index]
            assert_close(total, found.scores, EXACT, f"score of class {index} of {name}")


def xgrad_cam_sums_to_hires_cam(fixture: Fixture) -> None:
    """XGrad-CAM is CAM / (h w) behind a mean over space; elsewhere it sums to HiResCAM's signed map."""
    grad_cam_is_cam(fixture)
    for index in range(3):
        found = _explain_signed(fixture, "flattened", index).values.sum(axis=(1, 2))
        tiny, probe = fixture.tiny("flattened"), fixture.probe("flattened")
        channels = probe.activations(tiny.images) * probe.gradients(tiny.images, index, tiny.layer)
        assert_close(found, channels.sum(axis=(1, 2, 3)), CLOSE, f"sum of class {index}")


def hires_cam_sums_to_the_score(fixture: Fixture) -> None:
    """HiResCAM is CAM / (h w) behind a mean over space; its signed map and the bias are a linear score."""
    grad_cam_is_cam(fixture)
    bias = fixture.tiny("flattened").model.get_layer("head").get_weights()[1]
    for index in range(3):
        found = _explain_signed(fixture, "flattened", index)
        assert_close(
            found.values.sum(axis=(1, 2)) + bias[index], found.scores, CLOSE, f"score of class {index}"
        )


def rectified_twice(fixture: Fixture) -> None:
    """Behind a ReLU, LayerCAM and element-wise Grad-CAM are one."""
    for name in ("functional", "flattened"):
        for index in range(3):
            both = [method(fixture.probe(name), fixture.tiny(name).images, index) for method in _TWINS]
            found = fixture.explain(name, index).values
            for other in both:
                assert_close(found, other.values, EXACT, f"{other.method} of class {index} of {name}")


def shapley_cam_is_grad_cam(fixture: Fixture) -> None:
    """Where the network behind the layer is piecewise linear, Shapley-CAM is Grad-CAM."""
    for name in ("functional", "flattened", "planted"):
        _is(fixture, fixture.method, GradCAM(), name)


def finer_cam_is_its_method(fixture: Fixture) -> None:
    """Without strength, Finer-CAM is the method that it is made of."""
    for name in ("functional", "flattened"):
        _is(fixture, replace(fixture.method, strength=0.0), fixture.method.method, name)  # type: ignore[attr-defined,call-arg]


def multi_scale_cam_of_one_layer(fixture: Fixture) -> None:
    """Of one layer alone it is HiResCAM, on the image's own grid."""
    for name in ("functional", "flattened"):
        tiny, probe = fixture.tiny(name), fixture.probe(name)
        alone = replace(fixture.method, layers=(tiny.layer,))  # type: ignore[call-arg]
        for index in range(3):
            map_of_layer = HiResCAM(tiny.layer)(probe, tiny.images, index).values
            expected = resize(map_of_layer, tiny.images.shape[1:3], 1)
            assert_close(alone(probe, tiny.images, index).values, expected, CLOSE, f"class {index} of {name}")


def _explain_signed(fixture: Fixture, name: str, index: int) -> Explanation:
    method = replace(fixture.method, relu=False)  # type: ignore[call-arg]
    return method(fixture.probe(name), fixture.tiny(name).images, index)


_TWINS = (LayerCAM(), ElementWiseCAM())


def _is(fixture: Fixture, method: Method, other: Method, name: str) -> None:
    """Assert that two methods agree on a tiny model."""
    probe, images = fixture.probe(name), fixture.tiny(name).images
    for index in range(3):
        expected = other(probe, images, index).values
        assert_close(
            method(probe, images, index).values, expected, EXACT, f"{other} of class {index} of {name}"
        )


IDENTITIES: Mapping[str, Callable[[Fixture], None]] = {
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
