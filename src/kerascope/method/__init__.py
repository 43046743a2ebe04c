"""The methods: one family a file. Importing this package registers them."""

from kerascope.method.ablation_cam import AblationCAM
from kerascope.method.asked_cam import AskedCAM
from kerascope.method.augment import Augmented
from kerascope.method.base import Method, explain, methods
from kerascope.method.blur_path import BlurIntegratedGradients
from kerascope.method.cam import ClassActivationMap, GradCAM
from kerascope.method.component import PrincipalComponent
from kerascope.method.control import CentreGaussian, EdgeMap, RandomMap
from kerascope.method.eigen import EigenCAM, EigenGradCAM
from kerascope.method.expected import ExpectedGradients
from kerascope.method.extremal import ExtremalPerturbation
from kerascope.method.finer import FinerCAM
from kerascope.method.full_gradient import FullGrad
from kerascope.method.gradient import InputGradient, InputXGradient, Saliency
from kerascope.method.grid import GridMethod
from kerascope.method.guided import Deconvnet, GuidedBackprop, GuidedGradCAM
from kerascope.method.guided_path import GuidedIntegratedGradients
from kerascope.method.hsic import HSIC
from kerascope.method.kernel import KPCACAM
from kerascope.method.kernel_shap import KernelSHAP
from kerascope.method.lime import LIME
from kerascope.method.noise import SmoothGrad, SquareGrad, VarGrad
from kerascope.method.occlusion import Occlusion
from kerascope.method.partition_shap import PartitionSHAP
from kerascope.method.path import IntegratedGradients
from kerascope.method.perturbation import PerturbationMethod
from kerascope.method.placewise import ElementWiseCAM, HiResCAM, LayerCAM
from kerascope.method.pooled import CAM, GradCAMPlusPlus, XGradCAM
from kerascope.method.region import XRAI
from kerascope.method.rise import RISE
from kerascope.method.score_cam import ScoreCAM
from kerascope.method.segment import SegmentMethod
from kerascope.method.shapley import ShapleyCAM
from kerascope.method.sobol import Sobol

__all__ = [
    "CAM",
    "HSIC",
    "KPCACAM",
    "LIME",
    "RISE",
    "XRAI",
    "AblationCAM",
    "AskedCAM",
    "Augmented",
    "BlurIntegratedGradients",
    "CentreGaussian",
    "ClassActivationMap",
    "Deconvnet",
    "EdgeMap",
    "EigenCAM",
    "EigenGradCAM",
    "ElementWiseCAM",
    "ExpectedGradients",
    "ExtremalPerturbation",
    "FinerCAM",
    "FullGrad",
    "GradCAM",
    "GradCAMPlusPlus",
    "GridMethod",
    "GuidedBackprop",
    "GuidedGradCAM",
    "GuidedIntegratedGradients",
    "HiResCAM",
    "InputGradient",
    "InputXGradient",
    "IntegratedGradients",
    "KernelSHAP",
    "LayerCAM",
    "Method",
    "Occlusion",
    "PartitionSHAP",
    "PerturbationMethod",
    "PrincipalComponent",
    "RandomMap",
    "Saliency",
    "ScoreCAM",
    "SegmentMethod",
    "ShapleyCAM",
    "SmoothGrad",
    "Sobol",
    "SquareGrad",
    "VarGrad",
    "XGradCAM",
    "explain",
    "methods",
]
