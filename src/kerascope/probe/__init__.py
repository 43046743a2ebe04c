"""Probes: scores, activations and gradients of a model.

The only room that touches the inside of Keras layers.
"""

from kerascope.probe.black_box import BlackBox
from kerascope.probe.execute.partial import Cut
from kerascope.probe.execute.program import Internals
from kerascope.probe.execute.randomize import RandomizedLayer
from kerascope.probe.execute.request import Request
from kerascope.probe.execute.result import Answer
from kerascope.probe.execute.routine import ScoreFunction
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.scales import Scales
from kerascope.probe.graph.table import LayerRow, LayerTable
from kerascope.probe.input_range import pixel_range
from kerascope.probe.inputs import InputBatch, check_inputs
from kerascope.probe.intercept.rule_model import apply_rule
from kerascope.probe.probe import Probe, as_probe, layers, require_probe
from kerascope.probe.protocol import AnyProbe

__all__ = [
    "Answer",
    "AnyProbe",
    "BlackBox",
    "Cut",
    "Graph",
    "InputBatch",
    "Internals",
    "LayerCall",
    "LayerRow",
    "LayerTable",
    "Probe",
    "RandomizedLayer",
    "Request",
    "Scales",
    "ScoreFunction",
    "apply_rule",
    "as_probe",
    "check_inputs",
    "layers",
    "pixel_range",
    "require_probe",
]
