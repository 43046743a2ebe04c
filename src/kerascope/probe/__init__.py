"""The probe: a model made askable. The only place that touches the inside of Keras layers."""

from kerascope.probe.black_box import BlackBox
from kerascope.probe.execute.partial import Cut
from kerascope.probe.execute.program import Evidence
from kerascope.probe.execute.result import Answer
from kerascope.probe.execute.routine import Score
from kerascope.probe.graph.graph import Survey
from kerascope.probe.graph.scales import Scales
from kerascope.probe.graph.table import LayerRow, LayerTable
from kerascope.probe.input_range import pixel_range
from kerascope.probe.inputs import Batch, check_inputs
from kerascope.probe.intercept.ruled_model import ruled
from kerascope.probe.probe import Probe, as_probe, layers

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
