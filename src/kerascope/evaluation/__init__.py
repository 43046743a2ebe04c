"""Evaluation of methods by metrics and controls, sanity checks, and recommendations."""

from kerascope.evaluation.evaluate import CONTROLS, evaluate
from kerascope.evaluation.recommend import Recommendation, recommend
from kerascope.evaluation.report import Report, ReportColumn, load_report
from kerascope.evaluation.sanity import Sanity, SanityCheck, sanity

__all__ = [
    "CONTROLS",
    "Recommendation",
    "Report",
    "ReportColumn",
    "Sanity",
    "SanityCheck",
    "evaluate",
    "load_report",
    "recommend",
    "sanity",
]
