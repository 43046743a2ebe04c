"""What theory says about methods that ask under masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from kerascope.method import Method
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.masks.rise import RISE
from kerascope.resize import bilinear_weights
from kerascope.testing.bench import CLOSE, Bench, same


def occlusion_is_the_share(bench: Bench) -> None:
    """On a linear model, a window of one pixel takes what the pixel brings over the baseline."""
    tiny = bench.tiny("linear")
    for baseline in (0.0, 0.25):
        method = replace(bench.method, window=1, stride=1, baseline=baseline)  # type: ignore[call-arg]
        for index in range(3):
            found = method(bench.probe("linear"), tiny.images, index).values
            shares = ((tiny.images - baseline) * tiny.facts["gradients"][index]).sum(axis=-1)
            same(found, shares, CLOSE, f"class {index} over {baseline}")


def rise_tends_to_its_expectation(bench: Bench) -> None:
    """On a linear model it tends to the covariance of a pixel's mask with what all masked pixels bring.

    Cells are independent, with variance p (1 - p), and a mask is linear in them: for each shift the
    covariance of two pixels is that times the product of their rows of the enlarging matrices.
    """
    tiny = bench.tiny("linear")
    method = RISE(masks=2048, cells=4, probability=0.4, baseline=0.0)
    kind = method.grid_masks((8, 8))
    side = kind.enlarged[0] // (kind.cells[0] + 1)
    weights = bilinear_weights(kind.cells[0], kind.enlarged[0]).astype("float64")
    crops = [weights[shift : shift + 8] for shift in range(side)]
    along = sum(crop @ crop.T for crop in crops) / side
    shares = (tiny.images * tiny.facts["gradients"][1]).sum(axis=-1)
    # Divided by p, the expectation of what a mask leaves of a pixel.
    expected = (1 - method.probability) * np.einsum("ik,jl,nkl->nij", along, along, shares)
    found = replace(bench.method, **vars(method))(bench.probe("linear"), tiny.images, 1).values
    same(found, expected, 0.16, "2048 masks")


def ablation_cam_is_weighted_by_the_share(bench: Bench) -> None:
    """Behind a mean over space and a Dense layer, a weight is Grad-CAM's times the channel's sum."""
    for name in ("functional", "planted"):
        tiny, probe = bench.tiny(name), bench.probe(name)
        channels = probe.activations(tiny.images)
        for index in range(3):
            slopes = probe.gradients(tiny.images, index, tiny.layer).mean(axis=(1, 2), keepdims=True)
            weights = slopes * channels.sum(axis=(1, 2), keepdims=True)
            found = bench.explain(name, index).values
            same(found, (weights * channels).sum(axis=-1), CLOSE, f"class {index} of {name}")


def score_cam_of_one_channel(bench: Bench) -> None:
    """Where each class is one channel's, only that channel has a weight, as in Grad-CAM."""
    tiny, probe = bench.tiny("planted"), bench.probe("planted")
    method: Method = bench.method
    for image, index in enumerate(tiny.targets or ()):
        one = tiny.images[image : image + 1]
        found = method(probe, one, index).values
        expected = GradCAM(relu=False)(probe, one, index).values
        assert found.argmax() == expected.argmax(), f"class {index}: the peaks must be at one place"


def extremal_keeps_the_largest_shares(bench: Bench) -> None:
    """On a linear model with a cell for each pixel, a mask has the pixels that bring most.

    Those that bring the same share what area is left for them.
    """
    tiny = bench.tiny("linear")
    # The area counts so much that the score only tells which pixels are kept.
    slow = {"steps": 100, "learning_rate": 0.0002, "area_weight": 200.0}
    for mode in ("preserve", "delete"):
        changed = {"mode": mode, "cells": 8, "area": 8 / 64, "baseline": 0.25, **slow}
        method = replace(bench.method, **changed)
        for index in range(3):
            brought = ((tiny.images - 0.25) * tiny.facts["gradients"][index]).sum(axis=-1)
            expected = np.zeros(brought.shape)
            for place in np.ndindex(brought.shape):
                others, own = brought[place[0]], brought[place]
                left = 8 - (others > own).sum()
                expected[place] = np.clip(left / (others == own).sum(), 0, 1)
            found = method(bench.probe("linear"), tiny.images, index).values
            same(found, expected, 0.02, f"{mode}, class {index}")


IDENTITIES: Mapping[str, Callable[[Bench], None]] = {
    "ablation_cam": ablation_cam_is_weighted_by_the_share,
    "extremal_perturbation": extremal_keeps_the_largest_shares,
    "occlusion": occlusion_is_the_share,
    "rise": rise_tends_to_its_expectation,
    "score_cam": score_cam_of_one_channel,
}
