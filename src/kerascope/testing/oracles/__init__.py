"""Methods written again from their papers, in explicit loops over NumPy float64 numbers.

Nothing here uses Keras or kerascope: the forward and backward pass are written by hand too, so an
oracle shares no mistake with the library. The networks are those of `models.topology`: `functional` (mean
over space, then a Dense head) and `flattened` (Flatten, then a Dense head).

An oracle is a function `(network, image, index) -> array`: the raw map of class `index` for one image
(H, W, C), before any resizing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles import cam, control, full_gradient, gradient, region, wrapper
from kerascope.testing.oracles.cam import class_activation_map
from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network, networks, rectify

__all__ = ["ORACLES", "Network", "Oracle", "class_activation_map", "heatmap", "networks", "rectify"]

Oracle = Callable[[Network, NDArray[np.floating], int], Float64]
ORACLES: Mapping[str, Oracle] = {
    "augmented": wrapper.augmented,
    "centre_gaussian": control.centre_gaussian,
    "deconvnet": gradient.deconvnet,
    "edge_map": control.edge_map,
    "full_grad": full_gradient.full_grad,
    "grad_cam": cam.grad_cam,
    "guided_backprop": gradient.guided_backprop,
    "guided_grad_cam": gradient.guided_grad_cam,
    "principal_component": wrapper.principal_component,
    "random_map": control.random_map,
    "saliency": gradient.saliency,
    "xrai": region.xrai,
}
"""The oracle of each method of kerascope with its default parameters, by the method's name."""
