"""What is explained: the one number per image that a map is about.

A target turns the outputs of a model into scores of shape (N, K): one column for each class asked about. The
numbers in a target (classes, steps, boxes, masks) are arguments of the compiled program, never constants in
it, so asking about another class compiles nothing.

Wherever a target is wanted, plain values do: None for the predicted class, an integer, one integer per image,
a class name, or any function of the outputs.
"""

from kerascope.target.base import Context, Forward, Reading, Target, TargetLike
from kerascope.target.box import Box
from kerascope.target.classes import Class, LogOdds, Rank, Top
from kerascope.target.coerce import as_target
from kerascope.target.column import Column
from kerascope.target.compose import Contrast, Output, Probability
from kerascope.target.function import Function
from kerascope.target.opposite import Opposite
from kerascope.target.pinned import Pinned
from kerascope.target.region import Region
from kerascope.target.rivals import Rivals
from kerascope.target.similarity import Similarity
from kerascope.target.step import Step
from kerascope.target.unit import Unit
from kerascope.target.value import Value

__all__ = [
    "Box",
    "Class",
    "Column",
    "Context",
    "Contrast",
    "Forward",
    "Function",
    "LogOdds",
    "Opposite",
    "Output",
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
