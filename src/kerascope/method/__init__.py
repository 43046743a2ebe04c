"""The methods: one family a file. Importing this package registers them."""

from kerascope.method.base import Method, explain, methods
from kerascope.method.cam import ClassActivationMap, GradCAM
from kerascope.method.eigen import EigenCAM, EigenGradCAM
from kerascope.method.finer import FinerCAM
from kerascope.method.gradient import InputGradient, Saliency
from kerascope.method.guided import Deconvnet, GuidedBackprop, GuidedGradCAM
from kerascope.method.kernel import KPCACAM
from kerascope.method.placewise import ElementWiseCAM, HiResCAM, LayerCAM
from kerascope.method.pooled import CAM, GradCAMPlusPlus, XGradCAM
from kerascope.method.shapley import ShapleyCAM

__all__ = [
    "CAM",
    "KPCACAM",
    "ClassActivationMap",
    "Deconvnet",
    "EigenCAM",
    "EigenGradCAM",
    "ElementWiseCAM",
    "FinerCAM",
    "GradCAM",
    "GradCAMPlusPlus",
    "GuidedBackprop",
    "GuidedGradCAM",
    "HiResCAM",
    "InputGradient",
    "LayerCAM",
    "Method",
    "Saliency",
    "ShapleyCAM",
    "XGradCAM",
    "explain",
    "methods",
]
