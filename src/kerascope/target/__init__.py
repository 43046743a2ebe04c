"""What is explained: the one number per image that a map is about.

A target turns the outputs of a model into scores of shape (N, K): one column for each class asked about. The
numbers in a target (class indices) are arguments of the compiled program, never constants in it, so asking
about another class compiles nothing.

Wherever a target is wanted, plain values do: None for the predicted class, an integer, one integer per image,
a class name, or any function of the outputs.
"""

from kerascope.target.base import Context, Forward, Reading, Target, TargetLike
from kerascope.target.classes import Class, LogOdds, Top
from kerascope.target.coerce import as_target
from kerascope.target.column import Column
from kerascope.target.compose import Contrast, Output, Probability
from kerascope.target.function import Function
from kerascope.target.pinned import Pinned
from kerascope.target.unit import Unit

__all__ = [
    "Class",
    "Column",
    "Context",
    "Contrast",
    "Forward",
    "Function",
    "LogOdds",
    "Output",
    "Pinned",
    "Probability",
    "Reading",
    "Target",
    "TargetLike",
    "Top",
    "Unit",
    "as_target",
]
