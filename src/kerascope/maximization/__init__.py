"""Activation maximisation: the image that excites a class, a filter or a neuron most.

configuration.py    the configuration `Maximize`, and `maximize` in one line
canvas.py           size and range of the model's input, and what to begin from
climb.py            the loop of one batch
ascent.py           one step: image, views, score, penalties, Adam; compiled with the model
parametrization.py  what is optimised: pixels, or coefficients of waves
transforms.py       random views of the image, so that one pixel more or less does not matter
penalties.py        total variation and Lp norm
targets.py          several targets, one image each
outcome.py          the images that were found, with scores and history
"""

from kerascope.maximization.climb import Progress
from kerascope.maximization.configuration import Maximize, maximize
from kerascope.maximization.outcome import Maximization
from kerascope.maximization.penalties import LPNorm, TotalVariation
from kerascope.maximization.transforms import Transforms

__all__ = [
    "LPNorm",
    "Maximization",
    "Maximize",
    "Progress",
    "TotalVariation",
    "Transforms",
    "maximize",
]
