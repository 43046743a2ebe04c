"""The methods: one family a file. Importing this package registers them."""

from kerascope.method.base import Method, explain, methods
from kerascope.method.cam import ClassActivationMap, GradCAM
from kerascope.method.eigen import EigenCAM, EigenGradCAM
from kerascope.method.expected import ExpectedGradients
from kerascope.method.finer import FinerCAM
from kerascope.method.gradient import InputGradient, InputXGradient, Saliency
from kerascope.method.guided import Deconvnet, GuidedBackprop, GuidedGradCAM
from kerascope.method.guided_path import GuidedIntegratedGradients
from kerascope.method.kernel import KPCACAM
from kerascope.method.noise import SmoothGrad, SquareGrad, VarGrad
from kerascope.method.path import BlurIntegratedGradients, IntegratedGradients
from kerascope.method.placewise import ElementWiseCAM, HiResCAM, LayerCAM
from kerascope.method.pooled import CAM, GradCAMPlusPlus, XGradCAM
from kerascope.method.shapley import ShapleyCAM

__all__ = [
    "CAM",
    "KPCACAM",
    "BlurIntegratedGradients",
    "ClassActivationMap",
    "Deconvnet",
    "EigenCAM",
    "EigenGradCAM",
    "ElementWiseCAM",
    "ExpectedGradients",
    "FinerCAM",
    "GradCAM",
    "GradCAMPlusPlus",
    "GuidedBackprop",
    "GuidedGradCAM",
    "GuidedIntegratedGradients",
    "HiResCAM",
    "InputGradient",
    "InputXGradient",
    "IntegratedGradients",
    "LayerCAM",
    "Method",
    "Saliency",
    "ShapleyCAM",
    "SmoothGrad",
    "SquareGrad",
    "VarGrad",
    "XGradCAM",
    "explain",
    "methods",
]
