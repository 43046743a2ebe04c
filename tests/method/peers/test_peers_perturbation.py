"""Occlusion and ablation against captum, on the same Keras models, windows and baselines, on torch.

Only scores are asked for, and no gradient: corners make no difference.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

import kerascope as ks
from kerascope.testing.fixture import difference
from kerascope.typing import Tensor

pytestmark = pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "torch", reason="captum runs on torch")

TOLERANCE = 1e-5
CLASS = 1


def tensor(array: Tensor) -> Any:
    import torch

    return torch.tensor(np.asarray(array))


@pytest.mark.parametrize("name", ["functional", "flattened", "residual"])
@pytest.mark.parametrize("window", [(2, 2), (4, 2)])
def test_occlusion_is_captums(name: str, window: tuple[int, int]) -> None:
    from captum.attr import Occlusion

    tiny = ks.testing.MODELS[name]()
    # Strides that divide what is left: otherwise captum's last window hangs over the edge.
    expected = Occlusion(tiny.model).attribute(
        tensor(tiny.images),
        sliding_window_shapes=(*window, 3),
        strides=(2, 1, 3),
        baselines=0.25,
        target=CLASS,
    )
    found = ks.Occlusion(window=window, stride=(2, 1), baseline=0.25)(tiny.model, tiny.images, CLASS)
    assert difference(found.values, expected.detach().numpy()[..., 0]) < TOLERANCE


def test_windows_side_by_side_are_captums_feature_ablation() -> None:
    from captum.attr import FeatureAblation

    tiny = ks.testing.MODELS["functional"]()
    numbers = (np.arange(8)[:, None] // 4) * 4 + np.arange(16)[None] // 4
    mask = tensor(np.broadcast_to(numbers[None, ..., None], (1, 8, 16, 3)).copy())
    expected = FeatureAblation(tiny.model).attribute(
        tensor(tiny.images), baselines=0.0, target=CLASS, feature_mask=mask
    )
    found = ks.Occlusion(window=4, stride=4, baseline=0.0)(tiny.model, tiny.images, CLASS)
    assert difference(found.values, expected.detach().numpy()[..., 0]) < TOLERANCE


def test_a_torch_model_as_black_box_is_captums_occlusion() -> None:
    import torch
    from captum.attr import Occlusion

    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(4 * 6 * 6, 3)
    )
    images = np.random.default_rng(0).random((2, 3, 8, 8)).astype("float32")

    def predict(batch: Tensor) -> Tensor:
        with torch.no_grad():
            return model(torch.tensor(batch)).numpy()

    found = ks.Occlusion(window=2, stride=2, baseline=0.0)(
        ks.BlackBox(predict, data_format="channels_first"), images, CLASS
    )
    expected = Occlusion(model).attribute(
        tensor(images), sliding_window_shapes=(3, 2, 2), strides=(3, 2, 2), target=CLASS
    )
    assert difference(found.values, expected.detach().numpy()[:, 0]) < TOLERANCE
