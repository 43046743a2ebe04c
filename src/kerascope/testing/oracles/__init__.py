"""Methods written again from their papers, in explicit loops over NumPy float64 numbers.

Nothing here uses Keras or kerascope: the forward and backward pass are written by hand too, so an
oracle shares no mistake with the library. The networks are those of `models.topology`: `functional` (mean
over space, then a Dense head) and `flattened` (Flatten, then a Dense head), and their smooth twins.

An oracle is a function `(network, image, index) -> array`: the raw map of class `index` for one image
(H, W, C), before any resizing. It has the name of its method, and is found in any file of this folder.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from kerascope.testing.oracles.heatmap import heatmap
from kerascope.testing.oracles.network import Float64, Network, networks, rectify
from kerascope.testing.oracles.path import STARTS

__all__ = ["ORACLES", "STARTS", "Network", "Oracle", "heatmap", "networks", "rectify"]

Oracle = Callable[[Network, NDArray[np.floating], int], Float64]
ORACLES: Mapping[str, Oracle] = {
    name: function
    for module in pkgutil.walk_packages(__path__, f"{__name__}.")
    for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction)
    if not name.startswith("_") and [*inspect.signature(function).parameters] == ["network", "image", "index"]
}
"""The oracle of each method with the settings of `kerascope.testing.fast_settings`, by its name."""
