"""Photographs by one method of each family, beside a control that knows nothing of the network."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import kerascope as ks
from examples.demo.explain_digits import AUTO
from kerascope import errors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np

SHOWN = slice(0, 2)

NOTE = (
    "Grad-CAM says where, on a grid of 7 x 7; Auto does so at every scale, down to the picture. Integrated "
    "gradients share out the change of the score from a black picture to this one among all pixels. "
    "SmoothGrad is the mean gradient of 25 noisy copies. FullGrad counts every bias of the network too. "
    "Occlusion covers a quarter of each side, in 49 places, and asks what the score loses. XRAI "
    "gathers what another method found into regions. Edges are a control: they know nothing of the network, "
    "and a map that looks like them may show the picture and not what was learnt."
)


def compare_photographs(
    probe: ks.Probe, images: np.ndarray, captions: Sequence[str], folder: Path
) -> dict[str, ks.Explanation]:
    """Draw `families.png`: the first two photographs by one method of each family.

    Args:
        probe: of the classifier.
        images: the photographs, as the classifier takes them.
        captions: a line for each.
        folder: where the figure is written.

    Returns:
        The explanations by the names above the columns.

    Cost: 133 forwards and 80 backwards for each photograph, most of them for integrated gradients.
    """
    methods: dict[str, ks.Method] = {
        AUTO: ks.Auto(),
        "Grad-CAM": ks.GradCAM(),
        "Integrated gradients": ks.IntegratedGradients(),
        "SmoothGrad": ks.SmoothGrad(),
        "FullGrad": ks.FullGrad(),
        "Occlusion": ks.Occlusion(window=0.25, stride=0.125),
        "XRAI of FullGrad": ks.XRAI(ks.FullGrad()),
        "Edges (control)": ks.EdgeMap(),
    }
    with warnings.catch_warnings():
        # It stands below the picture.
        warnings.simplefilter("ignore", errors.CompletenessWarning)
        found = {name: method(probe, images[SHOWN]) for name, method in methods.items()}
    figure = ks.render.compare(
        found, captions=captions[SHOWN], notes=[NOTE], title="One question, one method of each family"
    )
    figure.savefig(folder / "families.png")
    return found
