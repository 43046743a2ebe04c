"""Evaluation: methods against metrics and controls, sanity checks, advice.

The loop is in `measuring`, what it found in `report`, what can be said of it in `statistics` and `told`.
"""

from kerascope.evaluation.evaluate import CONTROLS, evaluate
from kerascope.evaluation.recommend import Recommendation, recommend
from kerascope.evaluation.report import Column, Report, load_report
from kerascope.evaluation.sanity import Check, Sanity, sanity

__all__ = [
    "CONTROLS",
    "Check",
    "Column",
    "Recommendation",
    "Report",
    "Sanity",
    "evaluate",
    "load_report",
    "recommend",
    "sanity",
]
