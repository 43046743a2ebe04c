"""Metrics written again from their papers, in explicit loops over NumPy float64 numbers.

Nothing here uses Keras or kerascope. An oracle is a function `(sample) -> float` that takes one image and its
map, a `MetricSample`, and returns the value of this image, NaN where it has none. It has the name of its
metric, and is found in any file of this folder. It is of the metric with the settings of
`kerascope.testing.metrics.fast_settings` where there are such, else with its default parameters.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping

from kerascope.testing.oracles.metrics.sample import DenseNetwork, MetricSample

__all__ = ["METRIC_ORACLES", "DenseNetwork", "MetricOracle", "MetricSample"]

MetricOracle = Callable[[MetricSample], float]
METRIC_ORACLES: Mapping[str, MetricOracle] = {
    name: function
    for module in pkgutil.walk_packages(__path__, f"{__name__}.")
    for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction)
    if not name.startswith("_") and [*inspect.signature(function).parameters] == ["sample"]
}
"""The oracle of each metric, by the metric's name."""
