"""The methods: one family a file. Importing this package imports every file of it, which registers them."""

import importlib
import pkgutil

from kerascope.method.base import Method, explain, methods
from kerascope.method.cam.base import ClassActivationMap
from kerascope.method.cam.gradient_free import AskedCAM
from kerascope.method.gradient.base import InputGradient
from kerascope.method.masks.base import PerturbationMethod
from kerascope.method.segments.base import SegmentMethod
from kerascope.method.segments.grid import GridMethod

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
