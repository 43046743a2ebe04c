"""Targets: the number per image that a map explains.

A target turns the outputs of a model into scores of shape (N, K), one column per explained class. The numbers
in a target (classes, steps, boxes, masks) are arguments of the compiled program and not constants in it, so
that explaining another class compiles nothing.

Every parameter called `target` also takes plain values: None for the predicted class, a class index, a class
name, one of them per image, or any function of the outputs.
"""

from kerascope.target.base import OUTPUT_KINDS, Context, Forward, OutputKind, Reading, Target, TargetLike
from kerascope.target.classes import Class, LogOdds, Rank, Top
from kerascope.target.contrast import Contrast, Rivals
from kerascope.target.conversion import as_target
from kerascope.target.detection import Box
from kerascope.target.function import Function
from kerascope.target.segmentation import Region
from kerascope.target.sequence import Step
from kerascope.target.similarity import Similarity
from kerascope.target.unit import Unit
from kerascope.target.value import Value
from kerascope.target.wrappers import ClassColumn, Opposite, Output, Pinned, Probability

__all__ = [
    "OUTPUT_KINDS",
    "Box",
    "Class",
    "ClassColumn",
    "Context",
    "Contrast",
    "Forward",
    "Function",
    "LogOdds",
    "Opposite",
    "Output",
    "OutputKind",
    "Pinned",
    "Probability",
    "Rank",
    "Reading",
    "Region",
    "Rivals",
    "Similarity",
    "Step",
    "Target",
    "TargetLike",
    "Top",
    "Unit",
    "Value",
    "as_target",
]
