"""The methods: one family a file. Importing this package imports every file of it, which registers them."""

import importlib
import pkgutil

from kerascope.method.asked_cam import AskedCAM
from kerascope.method.base import Method, explain, methods
from kerascope.method.cam import ClassActivationMap
from kerascope.method.gradient import InputGradient
from kerascope.method.grid import GridMethod
from kerascope.method.perturbation import PerturbationMethod
from kerascope.method.segment import SegmentMethod

__all__ = [
    "AskedCAM",
    "ClassActivationMap",
    "GridMethod",
    "InputGradient",
    "Method",
    "PerturbationMethod",
    "SegmentMethod",
    "explain",
    "methods",
]

for _module in pkgutil.walk_packages(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
