"""The check functions of the contract of metrics, one idea a file, in the order in which they run."""

from kerascope.testing.metrics.checks import cost, effects, maps, truth, value, values

__all__ = ["cost", "effects", "maps", "truth", "value", "values"]
