"""The metrics: one family a file. Importing this package registers them.

What they share is in `base` (what a metric is, the registry), `case` (what it looks at), `chance` (the
probability of what is explained), `order` (which pixel comes first).
"""

from kerascope.metric.axioms import CompletenessGap as CompletenessGap
from kerascope.metric.axioms import NonSensitivity as NonSensitivity
from kerascope.metric.base import GROUPS as GROUPS
from kerascope.metric.base import Direction as Direction
from kerascope.metric.base import Measurement as Measurement
from kerascope.metric.base import Metric as Metric
from kerascope.metric.base import metrics as metrics
from kerascope.metric.base import target_of as target_of
from kerascope.metric.complexity import Complexity as Complexity
from kerascope.metric.complexity import MeanAttribution as MeanAttribution
from kerascope.metric.complexity import Sparseness as Sparseness
from kerascope.metric.context import EvalBatch as EvalBatch
from kerascope.metric.context import EvalItem as EvalItem
from kerascope.metric.faithfulness.deletion import Deletion as Deletion
from kerascope.metric.faithfulness.deletion import Insertion as Insertion
from kerascope.metric.faithfulness.drop import ADCC as ADCC
from kerascope.metric.faithfulness.drop import AverageDrop as AverageDrop
from kerascope.metric.faithfulness.drop import Gain as Gain
from kerascope.metric.faithfulness.drop import Increase as Increase
from kerascope.metric.faithfulness.random_subsets import FaithfulnessCorrelation as FaithfulnessCorrelation
from kerascope.metric.faithfulness.random_subsets import Infidelity as Infidelity
from kerascope.metric.faithfulness.random_subsets import MuFidelity as MuFidelity
from kerascope.metric.faithfulness.random_subsets import NormalisedInfidelity as NormalisedInfidelity
from kerascope.metric.faithfulness.random_subsets import SensitivityN as SensitivityN
from kerascope.metric.faithfulness.region import IROF as IROF
from kerascope.metric.faithfulness.region import RegionPerturbation as RegionPerturbation
from kerascope.metric.faithfulness.road import ROAD as ROAD
from kerascope.metric.faithfulness.road import ROADLeast as ROADLeast
from kerascope.metric.faithfulness.road import ROADMost as ROADMost
from kerascope.metric.focus import Focus as Focus
from kerascope.metric.localisation import BoxLocalisation as BoxLocalisation
from kerascope.metric.localisation import EnergyPointingGame as EnergyPointingGame
from kerascope.metric.localisation import LocalisationAUC as LocalisationAUC
from kerascope.metric.localisation import OtsuIoU as OtsuIoU
from kerascope.metric.localisation import PointingGame as PointingGame
from kerascope.metric.localisation import RelevanceRank as RelevanceRank
from kerascope.metric.localisation import TolerantPointingGame as TolerantPointingGame
from kerascope.metric.randomisation import EfficientRandomisation as EfficientRandomisation
from kerascope.metric.randomisation import RandomLogit as RandomLogit
from kerascope.metric.robustness import AverageSensitivity as AverageSensitivity
from kerascope.metric.robustness import LocalLipschitz as LocalLipschitz
from kerascope.metric.robustness import MaxSensitivity as MaxSensitivity
