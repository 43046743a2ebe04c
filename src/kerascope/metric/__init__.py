"""The metrics: one family a file. Importing this package registers them.

What they share is in `base` (what a metric is, the registry), `case` (what it looks at), `chance` (the
probability of what is explained), `order` (which pixel comes first).
"""

from kerascope.metric.base import GROUPS, Direction, Measurement, Metric, explained, metrics
from kerascope.metric.case import Case, Subject
from kerascope.metric.deletion import Deletion, Insertion
from kerascope.metric.drop import ADCC, AverageDrop, Gain, Increase
from kerascope.metric.randomisation import EfficientRandomisation, RandomLogit
from kerascope.metric.region import IROF, RegionPerturbation
from kerascope.metric.road import ROAD, ROADLeast, ROADMost
from kerascope.metric.subset import (
    FaithfulnessCorrelation,
    Infidelity,
    MuFidelity,
    NormalisedInfidelity,
    SensitivityN,
)

__all__ = [
    "ADCC",
    "GROUPS",
    "IROF",
    "ROAD",
    "AverageDrop",
    "Case",
    "Deletion",
    "Direction",
    "EfficientRandomisation",
    "FaithfulnessCorrelation",
    "Gain",
    "Increase",
    "Infidelity",
    "Insertion",
    "Measurement",
    "Metric",
    "MuFidelity",
    "NormalisedInfidelity",
    "ROADLeast",
    "ROADMost",
    "RandomLogit",
    "RegionPerturbation",
    "SensitivityN",
    "Subject",
    "explained",
    "metrics",
]
