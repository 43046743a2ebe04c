"""Methods written again from their papers, in explicit loops over NumPy float64 numbers.

Nothing here uses Keras or kerascope: the forward and backward pass are written by hand too, so an
oracle shares no mistake with the library. The networks are those of `models.topology`: `functional` (mean
over space, then a Dense head) and `flattened` (Flatten, then a Dense head), and their smooth twins.

An oracle is a function `(network, image, index) -> array`: the raw map of class `index` for one image
(H, W, C), before any resizing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles import (
    cam,
    control,
    eigen,
    extremal,
    full_gradient,
    gradient,
    noise,
    path,
    perturbation,
    region,
    segment,
    variance,
    wrapper,
)
from kerascope.testing.oracles.cam import class_activation_map
from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network, networks, rectify
from kerascope.testing.oracles.path import STARTS

__all__ = ["ORACLES", "STARTS", "Network", "Oracle", "class_activation_map", "heatmap", "networks", "rectify"]

Oracle = Callable[[Network, NDArray[np.floating], int], Float64]
ORACLES: Mapping[str, Oracle] = {
    "ablation_cam": perturbation.ablation_cam,
    "augmented": wrapper.augmented,
    "blur_integrated_gradients": path.blur_integrated_gradients,
    "cam": cam.class_activation_map,
    "centre_gaussian": control.centre_gaussian,
    "deconvnet": gradient.deconvnet,
    "edge_map": control.edge_map,
    "eigen_cam": eigen.eigen_cam,
    "eigen_grad_cam": eigen.eigen_grad_cam,
    "element_wise_cam": cam.element_wise_cam,
    "expected_gradients": path.expected_gradients,
    "extremal_perturbation": extremal.extremal_perturbation,
    "finer_cam": cam.finer_cam,
    "full_grad": full_gradient.full_grad,
    "grad_cam": cam.grad_cam,
    "grad_cam_plus_plus": cam.grad_cam_plus_plus,
    "guided_backprop": gradient.guided_backprop,
    "guided_grad_cam": gradient.guided_grad_cam,
    "guided_integrated_gradients": path.guided_integrated_gradients,
    "hires_cam": cam.hires_cam,
    "input_x_gradient": path.input_x_gradient,
    "hsic": variance.hsic,
    "integrated_gradients": path.integrated_gradients,
    "kpca_cam": eigen.kpca_cam,
    "layer_cam": cam.layer_cam,
    "occlusion": perturbation.occlusion,
    "principal_component": wrapper.principal_component,
    "random_map": control.random_map,
    "rise": perturbation.rise,
    "lime": segment.lime,
    "kernel_shap": segment.kernel_shap,
    "partition_shap": segment.partition_shap,
    "saliency": gradient.saliency,
    "score_cam": perturbation.score_cam,
    "shapley_cam": cam.shapley_cam,
    "smooth_grad": noise.smooth_grad,
    "sobol": variance.sobol,
    "square_grad": noise.square_grad,
    "var_grad": noise.var_grad,
    "xgrad_cam": cam.xgrad_cam,
    "xrai": region.xrai,
}
"""The oracle of each method of kerascope with the settings of `kerascope.testing.fast`, by its name."""
