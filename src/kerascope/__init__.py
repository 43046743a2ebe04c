"""kerascope shows what a Keras 3 vision model looks at, and how far that picture can be trusted.

    import kerascope as ks

    result = ks.explain(model, images)               # Grad-CAM of the predicted classes
    result.plot()

See `Probe` for asking often, `methods` for what there is, and `kerascope.target` for what can be explained.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerascope import errors, render, testing
    from kerascope.explanation import Explanation, load
    from kerascope.maximization import (
        LPNorm,
        Maximization,
        Maximize,
        TotalVariation,
        Transforms,
        maximize,
    )
    from kerascope.method import (
        Deconvnet,
        GradCAM,
        GuidedBackprop,
        GuidedGradCAM,
        Method,
        Saliency,
        explain,
        methods,
    )
    from kerascope.probe import Probe, layers
    from kerascope.target import Class, Contrast, LogOdds, Output, Probability, Target, Top, Unit

__version__ = "0.1.0.dev0"

_HOMES = {
    "Class": "target",
    "Contrast": "target",
    "Deconvnet": "method",
    "Explanation": "explanation",
    "GradCAM": "method",
    "GuidedBackprop": "method",
    "GuidedGradCAM": "method",
    "LPNorm": "maximization",
    "LogOdds": "target",
    "Maximization": "maximization",
    "Maximize": "maximization",
    "Method": "method",
    "Output": "target",
    "Probability": "target",
    "Probe": "probe",
    "Saliency": "method",
    "Target": "target",
    "Top": "target",
    "TotalVariation": "maximization",
    "Transforms": "maximization",
    "Unit": "target",
    "explain": "method",
    "layers": "probe",
    "load": "explanation",
    "maximize": "maximization",
    "methods": "method",
}
_ROOMS = ("errors", "render", "testing")

__all__ = [
    "Class",
    "Contrast",
    "Deconvnet",
    "Explanation",
    "GradCAM",
    "GuidedBackprop",
    "GuidedGradCAM",
    "LPNorm",
    "LogOdds",
    "Maximization",
    "Maximize",
    "Method",
    "Output",
    "Probability",
    "Probe",
    "Saliency",
    "Target",
    "Top",
    "TotalVariation",
    "Transforms",
    "Unit",
    "errors",
    "explain",
    "layers",
    "load",
    "maximize",
    "methods",
    "render",
    "testing",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import kerascope` costs next to nothing."""
    if name in _HOMES:
        value = getattr(importlib.import_module(f"kerascope.{_HOMES[name]}"), name)
    elif name in _ROOMS:
        value = importlib.import_module(f"kerascope.{name}")
    else:
        raise AttributeError(f"module 'kerascope' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
