"""Activation maximisation: the image that most excites a class, a filter or a neuron.

configuration.py    the configuration `Maximize`, and the function `maximize`
canvas.py           size and range of the model's input, and the start images
optimization.py     the loop over steps for one batch
ascent.py           one step: image, view, score, penalties, Adam; compiled with the model
parametrization.py  the optimised variables: pixels, or coefficients of waves
transforms.py       random views of the image
penalties.py        total variation and Lp norm
targets.py          several targets, one image each
result.py           the images, with scores and history
"""

from kerascope.maximization.configuration import Maximize, maximize
from kerascope.maximization.optimization import StepProgress
from kerascope.maximization.penalties import LPNorm, TotalVariation
from kerascope.maximization.result import Maximization
from kerascope.maximization.transforms import Transforms

__all__ = [
    "LPNorm",
    "Maximization",
    "Maximize",
    "StepProgress",
    "TotalVariation",
    "Transforms",
    "maximize",
]
