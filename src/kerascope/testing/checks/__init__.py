"""The check functions, one idea a file, in the order in which they run."""

from kerascope.testing.checks import (
    agreement,
    compiled,
    effects,
    outputs,
    shapes,
    structures,
    targets,
    threads,
    truth,
    value,
)

__all__ = [
    "agreement",
    "compiled",
    "effects",
    "outputs",
    "shapes",
    "structures",
    "targets",
    "threads",
    "truth",
    "value",
]
