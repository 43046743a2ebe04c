"""The keras-vis interface: losses and regularizers."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops

import kerascope as ks
from kerascope.vis import losses, regularizers
from kerascope.vis.visualization import (
    visualize_cam,
    visualize_cam_with_losses,
    visualize_saliency,
    visualize_saliency_with_losses,
)
from tests.helpers.expected_warnings import FLATTENED
from tests.helpers.networks.vis import CLOSE, HEAD, Symbolic, network, stretched


class TestLosses:
    @FLATTENED
    def test_the_built_in_loss_is_the_built_in_map(self, model, image) -> None:
        pairs = [(losses.ActivationMaximization(model.layers[HEAD], [1, 2]), -1)]
        np.testing.assert_allclose(
            visualize_saliency_with_losses(model.inputs[0], pairs, image),
            visualize_saliency(model, HEAD, [1, 2], image),
            atol=CLOSE,
        )
        np.testing.assert_allclose(
            visualize_cam_with_losses(model.inputs, pairs, image, model.get_layer("first")),
            visualize_cam(model, HEAD, [1, 2], image, penultimate_layer_idx=0),
            atol=CLOSE,
        )

    def test_a_symbolic_loss(self, model, image) -> None:
        layer = model.get_layer("second")
        for own, built_in in [
            (Symbolic(layer), losses.ActivationMaximization(layer, [1, 2])),
            (Symbolic(layer), losses.ActivationMaximization(layer, (1, 2)).build_loss),
        ]:
            expected = (
                [(built_in, -2.0)] if isinstance(built_in, losses.Loss) else [(_Returns(built_in()), -2.0)]
            )
            np.testing.assert_allclose(
                visualize_saliency_with_losses(model.inputs[0], [(own, -2.0)], image, grad_modifier=None),
                visualize_saliency_with_losses(model.inputs[0], expected, image, grad_modifier=None),
                atol=CLOSE,
            )

    def test_a_function_of_the_image(self, model, image) -> None:
        found = visualize_saliency_with_losses(
            model.inputs[0],
            [(lambda images: ops.sum(images**2, axis=(1, 2, 3)), 0.5)],
            image,
            grad_modifier=None,
            keepdims=True,
        )
        np.testing.assert_allclose(found, stretched(image), atol=CLOSE)  # the gradient of x^2 / 2 is x

    def test_regularizers_by_hand(self) -> None:
        images = np.zeros((1, 2, 2, 1), "float32")
        images[0, 0, 0, 0] = 127.5
        tensor = ops.convert_to_tensor(images)
        variation = regularizers.TotalVariation().build_loss((0, 255))(tensor)
        np.testing.assert_allclose(ops.convert_to_numpy(variation), [0.5])
        norm = regularizers.LPNorm(p=2.0).build_loss((0, 255))(tensor)
        np.testing.assert_allclose(ops.convert_to_numpy(norm), [0.5], rtol=1e-6)
        norm = regularizers.LPNorm(p=float("inf")).build_loss((0, 255))(tensor)
        np.testing.assert_allclose(ops.convert_to_numpy(norm), [1.0])
        for p in (2.0, float("inf")):
            norm, alone = (
                regularizers.LPNorm(p=p).penalty((0, 255), weight)(tensor) for weight in (3.0, 1.0)
            )
            np.testing.assert_allclose(ops.convert_to_numpy(norm), 3 * ops.convert_to_numpy(alone), rtol=1e-6)
        with pytest.raises(ValueError, match="at least 1"):
            regularizers.LPNorm(p=0.5)

    def test_errors(self, model, image) -> None:
        loss = losses.ActivationMaximization(model.layers[HEAD], 0)
        with pytest.raises(ks.errors.ParameterError, match="at least one loss"):
            visualize_saliency_with_losses(model.inputs[0], [(loss, 0)], image)
        with pytest.raises(ks.errors.ParameterError, match="build_loss"):
            visualize_saliency_with_losses(model.inputs[0], [(_Returns(3), 1)], image)
        with pytest.raises(NotImplementedError, match="build_loss"):
            visualize_saliency_with_losses(model.inputs[0], [(losses.Loss(), 1)], image)
        other = network()
        with pytest.raises(ks.errors.ModelError, match="input tensor"):
            visualize_saliency_with_losses(other.inputs[0], [(loss, 1)], image)
        with pytest.raises(ks.errors.TargetError, match="from 0 to 3"):
            visualize_saliency_with_losses(
                model.inputs[0], [(losses.ActivationMaximization(model.layers[HEAD], 9), 1)], image
            )
        assert str(loss) == "ActivationMax Loss"


class _Returns(losses.Loss):
    def __init__(self, built) -> None:
        super().__init__()
        self.built = built

    def build_loss(self):
        return self.built
