"""The public names, each with the module that it comes from.

Editors and type checkers read this file; `__init__.py` reads it too, to import a name when it is first used.
"""

__version__: str

from kerascope import dataset as dataset
from kerascope import errors as errors
from kerascope import metric as metric
from kerascope import render as render
from kerascope import synthetic as synthetic
from kerascope import testing as testing
from kerascope.auditing import Audit as Audit
from kerascope.auditing import AuditChanges as AuditChanges
from kerascope.auditing import Finding as Finding
from kerascope.auditing import LabelAudits as LabelAudits
from kerascope.auditing import audit as audit
from kerascope.auditing import compare_audits as compare_audits
from kerascope.auditing import open_audit as open_audit
from kerascope.dataset import explain_dataset as explain_dataset
from kerascope.dataset import open_results as open_results
from kerascope.evaluation import Recommendation as Recommendation
from kerascope.evaluation import Report as Report
from kerascope.evaluation import Sanity as Sanity
from kerascope.evaluation import evaluate as evaluate
from kerascope.evaluation import load_report as load_report
from kerascope.evaluation import recommend as recommend
from kerascope.evaluation import sanity as sanity
from kerascope.explanation import Explanation as Explanation
from kerascope.explanation import load as load
from kerascope.maximization import LPNorm as LPNorm
from kerascope.maximization import Maximization as Maximization
from kerascope.maximization import Maximize as Maximize
from kerascope.maximization import TotalVariation as TotalVariation
from kerascope.maximization import Transforms as Transforms
from kerascope.maximization import maximize as maximize
from kerascope.method.auto import Auto as Auto
from kerascope.method.auto import Fast as Fast
from kerascope.method.base import Method as Method
from kerascope.method.by_name import explain as explain
from kerascope.method.by_name import methods as methods
from kerascope.method.cam.eigen_cam import EigenCAM as EigenCAM
from kerascope.method.cam.eigen_cam import EigenGradCAM as EigenGradCAM
from kerascope.method.cam.grad_cam import CAM as CAM
from kerascope.method.cam.grad_cam import GradCAM as GradCAM
from kerascope.method.cam.grad_cam import GradCAMPlusPlus as GradCAMPlusPlus
from kerascope.method.cam.grad_cam import XGradCAM as XGradCAM
from kerascope.method.cam.gradient_free.ablation_cam import AblationCAM as AblationCAM
from kerascope.method.cam.gradient_free.score_cam import ScoreCAM as ScoreCAM
from kerascope.method.cam.hires_cam import ElementWiseCAM as ElementWiseCAM
from kerascope.method.cam.hires_cam import HiResCAM as HiResCAM
from kerascope.method.cam.kpca_cam import KPCACAM as KPCACAM
from kerascope.method.cam.layer_cam import LayerCAM as LayerCAM
from kerascope.method.cam.multi_scale_cam import MultiScaleCAM as MultiScaleCAM
from kerascope.method.cam.shapley_cam import ShapleyCAM as ShapleyCAM
from kerascope.method.controls import CentreGaussian as CentreGaussian
from kerascope.method.controls import EdgeMap as EdgeMap
from kerascope.method.controls import RandomMap as RandomMap
from kerascope.method.gradient.full_grad import FullGrad as FullGrad
from kerascope.method.gradient.guided_backprop import Deconvnet as Deconvnet
from kerascope.method.gradient.guided_backprop import GuidedBackprop as GuidedBackprop
from kerascope.method.gradient.saliency import InputXGradient as InputXGradient
from kerascope.method.gradient.saliency import Saliency as Saliency
from kerascope.method.masks.extremal_perturbation import ExtremalPerturbation as ExtremalPerturbation
from kerascope.method.masks.occlusion import Occlusion as Occlusion
from kerascope.method.masks.rise import RISE as RISE
from kerascope.method.path.blur_integrated_gradients import BlurIntegratedGradients as BlurIntegratedGradients
from kerascope.method.path.expected_gradients import ExpectedGradients as ExpectedGradients
from kerascope.method.path.guided_integrated_gradients import (
    GuidedIntegratedGradients as GuidedIntegratedGradients,
)
from kerascope.method.path.integrated_gradients import IntegratedGradients as IntegratedGradients
from kerascope.method.segments.hsic import HSIC as HSIC
from kerascope.method.segments.kernel_shap import KernelSHAP as KernelSHAP
from kerascope.method.segments.lime import LIME as LIME
from kerascope.method.segments.partition_shap import PartitionSHAP as PartitionSHAP
from kerascope.method.segments.sobol import Sobol as Sobol
from kerascope.method.wrappers.augmentation import Augmented as Augmented
from kerascope.method.wrappers.finer_cam import FinerCAM as FinerCAM
from kerascope.method.wrappers.guided_grad_cam import GuidedGradCAM as GuidedGradCAM
from kerascope.method.wrappers.principal_component import PrincipalComponent as PrincipalComponent
from kerascope.method.wrappers.smooth_grad import SmoothGrad as SmoothGrad
from kerascope.method.wrappers.smooth_grad import SquareGrad as SquareGrad
from kerascope.method.wrappers.smooth_grad import VarGrad as VarGrad
from kerascope.method.wrappers.xrai import XRAI as XRAI
from kerascope.metric.base import metrics as metrics
from kerascope.probe import BlackBox as BlackBox
from kerascope.probe import Probe as Probe
from kerascope.probe import layers as layers
from kerascope.target import Box as Box
from kerascope.target import Class as Class
from kerascope.target import Contrast as Contrast
from kerascope.target import LogOdds as LogOdds
from kerascope.target import Opposite as Opposite
from kerascope.target import Output as Output
from kerascope.target import Probability as Probability
from kerascope.target import Rank as Rank
from kerascope.target import Region as Region
from kerascope.target import Rivals as Rivals
from kerascope.target import Similarity as Similarity
from kerascope.target import Step as Step
from kerascope.target import Target as Target
from kerascope.target import Top as Top
from kerascope.target import Unit as Unit
from kerascope.target import Value as Value
