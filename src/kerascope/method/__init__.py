"""The methods: one family a file. Importing this package registers them."""

from kerascope.method.base import Method, explain, methods
from kerascope.method.cam import ClassActivationMap, GradCAM
from kerascope.method.control import CentreGaussian, Control, EdgeMap, RandomMap
from kerascope.method.full_gradient import FullGrad
from kerascope.method.gradient import InputGradient, Saliency
from kerascope.method.guided import Deconvnet, GuidedBackprop, GuidedGradCAM

__all__ = [
    "CentreGaussian",
    "ClassActivationMap",
    "Control",
    "Deconvnet",
    "EdgeMap",
    "FullGrad",
    "GradCAM",
    "GuidedBackprop",
    "GuidedGradCAM",
    "InputGradient",
    "Method",
    "RandomMap",
    "Saliency",
    "explain",
    "methods",
]
