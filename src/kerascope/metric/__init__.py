"""The metrics: one family a file. Importing this package registers them.

What they share is in `base` (what a metric is, the registry), `case` (what it looks at), `chance` (the
probability of what is explained), `order` (which pixel comes first).
"""

from kerascope.metric.axioms import CompletenessGap, NonSensitivity
from kerascope.metric.base import GROUPS, Direction, Measurement, Metric, explained, metrics
from kerascope.metric.case import Case, Subject
from kerascope.metric.complexity import Complexity, MeanAttribution, Sparseness
from kerascope.metric.deletion import Deletion, Insertion
from kerascope.metric.drop import ADCC, AverageDrop, Gain, Increase
from kerascope.metric.focus import Focus
from kerascope.metric.localisation import (
    BoxLocalisation,
    EnergyPointingGame,
    LocalisationAUC,
    OtsuIoU,
    PointingGame,
    RelevanceRank,
    TolerantPointingGame,
)
from kerascope.metric.randomisation import EfficientRandomisation, RandomLogit
from kerascope.metric.region import IROF, RegionPerturbation
from kerascope.metric.road import ROAD, ROADLeast, ROADMost
from kerascope.metric.robustness import AverageSensitivity, LocalLipschitz, MaxSensitivity
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
    "AverageSensitivity",
    "BoxLocalisation",
    "Case",
    "CompletenessGap",
    "Complexity",
    "Deletion",
    "Direction",
    "EfficientRandomisation",
    "EnergyPointingGame",
    "FaithfulnessCorrelation",
    "Focus",
    "Gain",
    "Increase",
    "Infidelity",
    "Insertion",
    "LocalLipschitz",
    "LocalisationAUC",
    "MaxSensitivity",
    "MeanAttribution",
    "Measurement",
    "Metric",
    "MuFidelity",
    "NonSensitivity",
    "NormalisedInfidelity",
    "OtsuIoU",
    "PointingGame",
    "ROADLeast",
    "ROADMost",
    "RandomLogit",
    "RegionPerturbation",
    "RelevanceRank",
    "SensitivityN",
    "Sparseness",
    "Subject",
    "TolerantPointingGame",
    "explained",
    "metrics",
]
