"""What theory says about maps of pixels, controls and wrappers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kerascope.method.cam.grad_cam import GradCAM
from kerascope.method.gradient.saliency import Saliency
from kerascope.testing.fixture import CLOSE, EXACT, Fixture, assert_close


def terms_sum_to_the_score(fixture: Fixture) -> None:
    """On piecewise linear networks, image and biases, each times its gradient, sum to the score."""
    for name in ("functional", "flattened", "normalised", "residual", "planted", "conv3d"):
        for index in range(3):
            gap = fixture.explain(name, index).completeness_gap
            assert gap is not None, "the gap must be stated"
            assert np.abs(gap).max() < 1e-4, f"class {index} of {name}: the terms miss the score by {gap}"


def mirrored_is_mirrored(fixture: Fixture) -> None:
    """The map of a mirror image is the mirror image of the map, where only pixels count; one variant is none.

    Only Saliency is used as the method inside, since the grid of a layer need not be symmetric.
    """
    images, probe = fixture.tiny("functional").images, fixture.probe("functional")
    kind: Any = fixture.type
    method, alone = kind(Saliency()), kind(Saliency(), flips=False, scales=(1.0,))
    for index in range(3):
        found = method(probe, images, index).values
        turned = method(probe, images[:, :, ::-1].copy(), index).values
        assert_close(turned[:, :, ::-1], found, CLOSE, f"mirror image, class {index}")
        expected = Saliency()(probe, images, index).values
        assert_close(alone(probe, images, index).values, expected, CLOSE, f"one variant, class {index}")


def one_channel_is_itself(fixture: Fixture) -> None:
    """Where only one channel counts, its first component is the sum of the channels: the map itself."""
    images, probe = fixture.tiny("planted").images, fixture.probe("planted")
    kind: Any = fixture.type
    for index in range(3):
        expected = GradCAM(relu=False)(probe, images, index).values
        assert_close(
            kind(GradCAM())(probe, images, index).values, expected, EXACT, f"class {index} of planted"
        )
    grey = fixture.tiny("grey_with_channel").images
    probe = fixture.probe("grey_with_channel")
    expected = Saliency()(probe, grey, 1).heatmaps()
    assert_close(kind(Saliency())(probe, grey, 1).values, expected, EXACT, "saliency of grey pictures")


IDENTITIES: Mapping[str, Callable[[Fixture], None]] = {
    "augmented": mirrored_is_mirrored,
    "full_grad": terms_sum_to_the_score,
    "principal_component": one_channel_is_itself,
}
