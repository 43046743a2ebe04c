"""Values of segments against captum, on the same Keras models, segments and baselines, on torch."""

from __future__ import annotations

import os
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.fixture import difference
from kerascope.typing import Tensor
from tests.helpers.networks.smooth import plain

pytestmark = pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "torch", reason="captum runs on torch")

TOLERANCE = 1e-5
CLASS = 1
BASELINE = 0.25
SEGMENTS = np.random.default_rng(1).integers(0, 5, (12, 16))
"""Five segments, none of them in one piece."""


@pytest.fixture
def model() -> keras.Model:
    return plain()[0]


@pytest.fixture
def images() -> Tensor:
    return plain()[1]


def asked(images: Tensor) -> dict[str, Any]:
    """What captum is asked about: images, class, baseline, and the segment of each number."""
    import torch

    mask = torch.tensor(np.broadcast_to(SEGMENTS[None, ..., None], (1, *images.shape[1:])).copy())
    return {
        "inputs": torch.tensor(images),
        "baselines": BASELINE,
        "target": CLASS,
        "feature_mask": mask,
    }


def test_shapley_values(model: keras.Model, images: Tensor) -> None:
    from captum.attr import ShapleyValues

    found = ks.KernelSHAP(segments=SEGMENTS, baseline=BASELINE)(model, images, CLASS)
    assert found.masks.tolist() == [31, 31]  # all but the image itself
    theirs = (
        ShapleyValues(model).attribute(**asked(images), perturbations_per_eval=60).detach().numpy()[..., 0]
    )
    assert difference(found.values, theirs) <= TOLERANCE


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_lime(model: keras.Model, images: Tensor, alpha: float) -> None:
    """captum's LIME, given the same coalitions."""
    import torch
    from captum._utils.models.linear_model import SkLearnRidge
    from captum.attr import Lime
    from captum.attr._core.lime import get_exp_kernel_similarity_function

    method = ks.LIME(40, alpha=alpha, segments=SEGMENTS, baseline=BASELINE)
    found = method(model, images, CLASS)

    def perturbed(*_: Any, **__: Any) -> Any:
        for coalition in method.draw(5):
            yield torch.tensor(coalition[None], dtype=torch.float32)

    # captum's kernel is exp(-d^2 / (2 width^2)), and measures images unless coalitions are handed in.
    kernel = get_exp_kernel_similarity_function("cosine", kernel_width=0.25 / 2**0.5)

    def similarity(original: Any, perturbed: Any, coalition: Any, **_: Any) -> float:
        return float(kernel(torch.ones_like(coalition), coalition, coalition))

    for image, values in zip(images, found.values, strict=True):
        peer = Lime(model, SkLearnRidge(alpha=alpha), similarity_func=similarity, perturb_func=perturbed)
        theirs = peer.attribute(**asked(image[None]), n_samples=41).detach().numpy()[0, ..., 0]
        assert difference(values, theirs) <= 1e-4  # fitted in float32
