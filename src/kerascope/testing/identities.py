"""What theory says about methods on networks where theory is simple."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from kerascope.method import Saliency
from kerascope.testing.bench import EXACT, Bench, same
from kerascope.testing.oracles import class_activation_map, networks, rectify


def grad_cam_is_cam(bench: Bench) -> None:
    """Behind a mean over space and a Dense layer, Grad-CAM is CAM / (h w), rectified."""
    network = networks()["functional"]
    images = bench.tiny("functional").images
    for index in range(3):
        cams = np.stack([class_activation_map(network, image, index) for image in images])
        cams /= cams[0].size
        expected = cams if bench.method.signed else rectify(cams)
        same(bench.explain("functional", index).values, expected, EXACT, f"CAM of class {index}")


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


IDENTITIES: Mapping[str, Callable[[Bench], None]] = {
    "grad_cam": grad_cam_is_cam,
    "guided_backprop": guided_is_saliency,
    "saliency": saliency_is_the_kernel,
}
"""The identity of each method that has one, by the method's name."""
