"""The methods: one family a file. Importing this package registers them."""

from kerascope.method.augment import Augmented
from kerascope.method.base import Method, explain, methods
from kerascope.method.cam import ClassActivationMap, GradCAM
from kerascope.method.component import PrincipalComponent
from kerascope.method.control import CentreGaussian, Control, EdgeMap, RandomMap
from kerascope.method.full_gradient import FullGrad
from kerascope.method.gradient import InputGradient, Saliency
from kerascope.method.guided import Deconvnet, GuidedBackprop, GuidedGradCAM
from kerascope.method.region import XRAI
from kerascope.method.wrapper import Wrapper

__all__ = [
    "XRAI",
    "Augmented",
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
    "PrincipalComponent",
    "RandomMap",
    "Saliency",
    "Wrapper",
    "explain",
    "methods",
]
