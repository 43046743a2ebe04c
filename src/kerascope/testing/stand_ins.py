"""Methods that ask thousands of times, as they are in checks: the same, asking less often."""

from __future__ import annotations

from collections.abc import Mapping

from kerascope.method import Method
from kerascope.method.ablation_cam import AblationCAM
from kerascope.method.extremal import ExtremalPerturbation
from kerascope.method.hsic import HSIC
from kerascope.method.kernel_shap import KernelSHAP
from kerascope.method.lime import LIME
from kerascope.method.partition_shap import PartitionSHAP
from kerascope.method.rise import RISE
from kerascope.method.score_cam import ScoreCAM
from kerascope.method.sobol import Sobol

STAND_INS: Mapping[str, Method] = {
    # On random weights all relevance may be negative, and the ReLU leaves nothing to look at.
    "ablation_cam": AblationCAM(relu=False),
    "extremal_perturbation": ExtremalPerturbation(cells=6, steps=6, learning_rate=0.003),
    "hsic": HSIC(masks=256, segments=16),
    "kernel_shap": KernelSHAP(segments=(2, 3), masks=64),
    "lime": LIME(segments=(2, 4), masks=64),
    "partition_shap": PartitionSHAP(segments=(2, 4), masks=64),
    "rise": RISE(masks=128, cells=4),
    "score_cam": ScoreCAM(relu=False),
    "sobol": Sobol(designs=8, segments=16),
}
"""What stands for a method with its default parameters, by its name; the oracles are of these."""


def standing_in(method: type[Method]) -> Method:
    """A method to be checked: what stands for it, else the method with its default parameters."""
    found = STAND_INS.get(method.name)
    return found if type(found) is method else method()
