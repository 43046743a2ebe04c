"""What theory says about methods that ask under masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from kerascope.method import Method
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.masks.rise import RISE
from kerascope.resize import bilinear_weights
from kerascope.testing.fixture import CLOSE, Fixture, assert_close


def occlusion_is_the_share(fixture: Fixture) -> None:
    """On a linear model, a window of one pixel takes what the pixel brings over the baseline."""
    tiny = fixture.tiny("linear")
    for baseline in (0.0, 0.25):
        method = replace(fixture.method, window=1, stride=1, baseline=baseline)  # type: ignore[call-arg]
        for index in range(3):
            found = method(fixture.probe("linear"), tiny.images, index).values
            shares = ((tiny.images - baseline) * tiny.facts["gradients"][index]).sum(axis=-1)
            assert_close(found, shares, CLOSE, f"class {index} over {baseline}")


def rise_tends_to_its_expectation(fixture: Fixture) -> None:
    """On a linear model it tends to the covariance of a pixel's mask with what all masked pixels bring.

    Cells are independent, with variance p (1 - p), and a mask is linear in them: for each shift the
    covariance of two pixels is that times the product of their rows of the enlarging matrices.
    """
    tiny = fixture.tiny("linear")
    method = RISE(masks=2048, cells=4, probability=0.4, baseline=0.0)
    kind = method.grid_masks((8, 8))
    side = kind.enlarged[0] // (kind.cells[0] + 1)
    weights = bilinear_weights(kind.cells[0], kind.enlarged[0]).astype("float64")
    crops = [weights[shift : shift + 8] for shift in range(side)]
    along = sum(crop @ crop.T for crop in crops) / side
    shares = (tiny.images * tiny.facts["gradients"][1]).sum(axis=-1)
    # Divided by p, the expectation of what a mask leaves of a pixel.
    expected = (1 - method.probability) * np.einsum("ik,jl,nkl->nij", along, along, shares)
    found = replace(fixture.method, **vars(method))(fixture.probe("linear"), tiny.images, 1).values
    assert_close(found, expected, 0.16, "2048 masks")


def ablation_cam_is_weighted_by_the_share(fixture: Fixture) -> None:
    """Behind a mean over space and a Dense layer, a weight is Grad-CAM's times the channel's sum."""
    for name in ("functional", "planted"):
        tiny, probe = fixture.tiny(name), fixture.probe(name)
        channels = probe.activations(tiny.images)
        for index in range(3):
            slopes = probe.gradients(tiny.images, index, tiny.layer).mean(axis=(1, 2), keepdims=True)
            weights = slopes * channels.sum(axis=(1, 2), keepdims=True)
            found = fixture.explain(name, index).values
            assert_close(found, (weights * channels).sum(axis=-1), CLOSE, f"class {index} of {name}")


def score_cam_of_one_channel(fixture: Fixture) -> None:
    """Where each class is one channel's, only that channel has a weight, as in Grad-CAM."""
    tiny, probe = fixture.tiny("planted"), fixture.probe("planted")
    method: Method = fixture.method
    for image, index in enumerate(tiny.targets or ()):
        one = tiny.images[image : image + 1]
        found = method(probe, one, index).values
        expected = GradCAM(relu=False)(probe, one, index).values
        assert found.argmax() == expected.argmax(), f"class {index}: the peaks must be at one place"


def extremal_keeps_the_largest_shares(fixture: Fixture) -> None:
    """On a linear model with a cell for each pixel, a mask has the pixels that bring most.

    Those that bring the same share what area is left for them.
    """
    tiny = fixture.tiny("linear")
    # The area counts so much that the score only tells which pixels are kept.
    slow = {"steps": 100, "learning_rate": 0.0002, "area_weight": 200.0}
    for mode in ("preserve", "delete"):
        changed = {"mode": mode, "cells": 8, "area": 8 / 64, "baseline": 0.25, **slow}
        method = replace(fixture.method, **changed)
        for index in range(3):
            brought = ((tiny.images - 0.25) * tiny.facts["gradients"][index]).sum(axis=-1)
            expected = np.zeros(brought.shape)
            for cell in np.ndindex(brought.shape):
                others, own = brought[cell[0]], brought[cell]
                left = 8 - (others > own).sum()
                expected[cell] = np.clip(left / (others == own).sum(), 0, 1)
            found = method(fixture.probe("linear"), tiny.images, index).values
            assert_close(found, expected, 0.02, f"{mode}, class {index}")


IDENTITIES: Mapping[str, Callable[[Fixture], None]] = {
    "ablation_cam": ablation_cam_is_weighted_by_the_share,
    "extremal_perturbation": extremal_keeps_the_largest_shares,
    "occlusion": occlusion_is_the_share,
    "rise": rise_tends_to_its_expectation,
    "score_cam": score_cam_of_one_channel,
}
