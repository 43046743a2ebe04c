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
        CAM,
        KPCACAM,
        LIME,
        RISE,
        XRAI,
        AblationCAM,
        Augmented,
        BlurIntegratedGradients,
        CentreGaussian,
        Deconvnet,
        EdgeMap,
        EigenCAM,
        EigenGradCAM,
        ElementWiseCAM,
        ExpectedGradients,
        FinerCAM,
        FullGrad,
        GradCAM,
        GradCAMPlusPlus,
        GuidedBackprop,
        GuidedGradCAM,
        GuidedIntegratedGradients,
        HiResCAM,
        InputXGradient,
        IntegratedGradients,
        KernelSHAP,
        LayerCAM,
        Method,
        Occlusion,
        PartitionSHAP,
        PrincipalComponent,
        RandomMap,
        Saliency,
        ScoreCAM,
        ShapleyCAM,
        SmoothGrad,
        SquareGrad,
        VarGrad,
        XGradCAM,
        explain,
        methods,
    )
    from kerascope.probe import BlackBox, Probe, layers
    from kerascope.target import (
        Box,
        Class,
        Contrast,
        LogOdds,
        Output,
        Probability,
        Rank,
        Region,
        Rivals,
        Similarity,
        Step,
        Target,
        Top,
        Unit,
        Value,
    )

__version__ = "0.1.0.dev0"

_HOMES = {
    "AblationCAM": "method",
    "Augmented": "method",
    "BlackBox": "probe",
    "BlurIntegratedGradients": "method",
    "Box": "target",
    "CAM": "method",
    "CentreGaussian": "method",
    "Class": "target",
    "Contrast": "target",
    "Deconvnet": "method",
    "EdgeMap": "method",
    "EigenCAM": "method",
    "EigenGradCAM": "method",
    "ElementWiseCAM": "method",
    "ExpectedGradients": "method",
    "Explanation": "explanation",
    "FinerCAM": "method",
    "FullGrad": "method",
    "GradCAM": "method",
    "GradCAMPlusPlus": "method",
    "GuidedBackprop": "method",
    "GuidedGradCAM": "method",
    "GuidedIntegratedGradients": "method",
    "HiResCAM": "method",
    "InputXGradient": "method",
    "IntegratedGradients": "method",
    "KPCACAM": "method",
    "LPNorm": "maximization",
    "LayerCAM": "method",
    "LogOdds": "target",
    "Maximization": "maximization",
    "Maximize": "maximization",
    "Method": "method",
    "Occlusion": "method",
    "Output": "target",
    "PrincipalComponent": "method",
    "Probability": "target",
    "Probe": "probe",
    "LIME": "method",
    "KernelSHAP": "method",
    "PartitionSHAP": "method",
    "RISE": "method",
    "RandomMap": "method",
    "Rank": "target",
    "Region": "target",
    "Rivals": "target",
    "Saliency": "method",
    "ScoreCAM": "method",
    "ShapleyCAM": "method",
    "Similarity": "target",
    "SmoothGrad": "method",
    "SquareGrad": "method",
    "Step": "target",
    "Target": "target",
    "Top": "target",
    "TotalVariation": "maximization",
    "Transforms": "maximization",
    "Unit": "target",
    "Value": "target",
    "VarGrad": "method",
    "XGradCAM": "method",
    "XRAI": "method",
    "explain": "method",
    "layers": "probe",
    "load": "explanation",
    "maximize": "maximization",
    "methods": "method",
}
_ROOMS = ("errors", "render", "testing")

__all__ = [
    "CAM",
    "KPCACAM",
    "LIME",
    "RISE",
    "XRAI",
    "AblationCAM",
    "Augmented",
    "BlackBox",
    "BlurIntegratedGradients",
    "Box",
    "CentreGaussian",
    "Class",
    "Contrast",
    "Deconvnet",
    "EdgeMap",
    "EigenCAM",
    "EigenGradCAM",
    "ElementWiseCAM",
    "ExpectedGradients",
    "Explanation",
    "FinerCAM",
    "FullGrad",
    "GradCAM",
    "GradCAMPlusPlus",
    "GuidedBackprop",
    "GuidedGradCAM",
    "GuidedIntegratedGradients",
    "HiResCAM",
    "InputXGradient",
    "IntegratedGradients",
    "KernelSHAP",
    "LPNorm",
    "LayerCAM",
    "LogOdds",
    "Maximization",
    "Maximize",
    "Method",
    "Occlusion",
    "Output",
    "PartitionSHAP",
    "PrincipalComponent",
    "Probability",
    "Probe",
    "RandomMap",
    "Rank",
    "Region",
    "Rivals",
    "Saliency",
    "ScoreCAM",
    "ShapleyCAM",
    "Similarity",
    "SmoothGrad",
    "SquareGrad",
    "Step",
    "Target",
    "Top",
    "TotalVariation",
    "Transforms",
    "Unit",
    "Value",
    "VarGrad",
    "XGradCAM",
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
