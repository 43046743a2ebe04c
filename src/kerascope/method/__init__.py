"""The methods: one family a file. Importing this package registers them."""

from kerascope.method.base import Method, explain, methods
from kerascope.method.blur_path import BlurIntegratedGradients
from kerascope.method.cam import ClassActivationMap, GradCAM
from kerascope.method.expected import ExpectedGradients
from kerascope.method.gradient import InputGradient, InputXGradient, Saliency
from kerascope.method.guided import Deconvnet, GuidedBackprop, GuidedGradCAM
from kerascope.method.guided_path import GuidedIntegratedGradients
from kerascope.method.noise import SmoothGrad, SquareGrad, VarGrad
from kerascope.method.path import IntegratedGradients

__all__ = [
    "BlurIntegratedGradients",
    "ClassActivationMap",
    "Deconvnet",
    "ExpectedGradients",
    "GradCAM",
    "GuidedBackprop",
    "GuidedGradCAM",
    "GuidedIntegratedGradients",
    "InputGradient",
    "InputXGradient",
    "IntegratedGradients",
    "Method",
    "Saliency",
    "SmoothGrad",
    "SquareGrad",
    "VarGrad",
    "explain",
    "methods",
]
