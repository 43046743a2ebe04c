"""The probe: a model made askable. The only place that touches the inside of Keras layers."""

from kerascope.probe.probe import Answer, LayerRow, Probe, as_probe
from kerascope.probe.program import Evidence

__all__ = ["Answer", "Evidence", "LayerRow", "Probe", "as_probe"]
