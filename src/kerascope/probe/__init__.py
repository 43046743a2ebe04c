"""The probe: a model made askable. The only place that touches the inside of Keras layers."""

from kerascope.probe.answer import Answer
from kerascope.probe.black_box import BlackBox
from kerascope.probe.cut import Cut
from kerascope.probe.inputs import Batch, check_inputs
from kerascope.probe.pixel_range import pixel_range
from kerascope.probe.probe import Probe, as_probe, layers
from kerascope.probe.program import Evidence
from kerascope.probe.routine import Score
from kerascope.probe.ruled import ruled
from kerascope.probe.scales import Scales
from kerascope.probe.survey import Survey
from kerascope.probe.table import LayerRow, LayerTable

__all__ = [
    "Answer",
    "Batch",
    "BlackBox",
    "Cut",
    "Evidence",
    "LayerRow",
    "LayerTable",
    "Probe",
    "Scales",
    "Score",
    "Survey",
    "as_probe",
    "check_inputs",
    "layers",
    "pixel_range",
    "ruled",
]
