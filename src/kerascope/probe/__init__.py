"""The probe: a model made askable. The only place that touches the inside of Keras layers."""

from kerascope.probe.answer import Answer
from kerascope.probe.probe import Probe, as_probe
from kerascope.probe.program import Evidence
from kerascope.probe.survey import LayerRow

__all__ = ["Answer", "Evidence", "LayerRow", "Probe", "as_probe"]
