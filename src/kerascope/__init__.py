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
        XRAI,
        Augmented,
        CentreGaussian,
        Deconvnet,
        EdgeMap,
        FullGrad,
        GradCAM,
        GuidedBackprop,
        GuidedGradCAM,
        Method,
        PrincipalComponent,
        RandomMap,
        Saliency,
        explain,
        methods,
    )
    from kerascope.probe import Probe
    from kerascope.target import Class, Contrast, LogOdds, Output, Probability, Target, Top, Unit

__version__ = "0.1.0.dev0"

_HOMES = {
    "Augmented": "method",
    "CentreGaussian": "method",
    "Class": "target",
    "Contrast": "target",
    "Deconvnet": "method",
    "EdgeMap": "method",
    "Explanation": "explanation",
    "FullGrad": "method",
    "GradCAM": "method",
    "GuidedBackprop": "method",
    "GuidedGradCAM": "method",
    "LPNorm": "maximization",
    "LogOdds": "target",
    "Maximization": "maximization",
    "Maximize": "maximization",
    "Method": "method",
    "Output": "target",
    "PrincipalComponent": "method",
    "Probability": "target",
    "Probe": "probe",
    "RandomMap": "method",
    "Saliency": "method",
    "Target": "target",
    "Top": "target",
    "TotalVariation": "maximization",
    "Transforms": "maximization",
    "Unit": "target",
    "XRAI": "method",
    "explain": "method",
    "load": "explanation",
    "maximize": "maximization",
    "methods": "method",
}
_ROOMS = ("errors", "render", "testing")

__all__ = [
    "XRAI",
    "Augmented",
    "CentreGaussian",
    "Class",
    "Contrast",
    "Deconvnet",
    "EdgeMap",
    "Explanation",
    "FullGrad",
    "GradCAM",
    "GuidedBackprop",
    "GuidedGradCAM",
    "LPNorm",
    "LogOdds",
    "Maximization",
    "Maximize",
    "Method",
    "Output",
    "PrincipalComponent",
    "Probability",
    "Probe",
    "RandomMap",
    "Saliency",
    "Target",
    "Top",
    "TotalVariation",
    "Transforms",
    "Unit",
    "errors",
    "explain",
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
