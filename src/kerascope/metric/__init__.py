"""The metrics: one family a file. Importing this package registers them.

base.py      what a metric is, the registry
case.py      what it looks at: images, model and target; an explanation of them
chance.py    the probability of what is explained
order.py     which pixel comes first
"""

from kerascope.metric.base import GROUPS, Direction, Measurement, Metric, explained, metrics
from kerascope.metric.case import Case, Subject
from kerascope.metric.deletion import Deletion, Insertion

__all__ = [
    "GROUPS",
    "Case",
    "Deletion",
    "Direction",
    "Insertion",
    "Measurement",
    "Metric",
    "Subject",
    "explained",
    "metrics",
]
