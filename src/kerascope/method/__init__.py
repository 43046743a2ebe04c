"""The methods: one family a file. Importing this package registers them."""

from kerascope.method.base import Method, explain, methods
from kerascope.method.cam import ClassActivationMap, GradCAM
from kerascope.method.gradient import InputGradient, Saliency

__all__ = [
    "ClassActivationMap",
    "GradCAM",
    "InputGradient",
    "Method",
    "Saliency",
    "explain",
    "methods",
]
