"""The digits by several methods: what excites each class, four answers side by side, layer by layer."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import keras
import numpy as np

import kerascope as ks
from examples.demo.explain_digits import ALPHA, AUTO, CLASS_NAMES
from examples.demo.train import LAST_CONVOLUTION
from kerascope import errors

if TYPE_CHECKING:
    from pathlib import Path

    from examples.demo.explain_digits import DigitResult

# Ink is to be where it is needed only: black paper costs nothing.
IDEAL = ks.Maximize(
    input_range=(0, 1),
    parametrization="fourier",
    transforms=ks.Transforms(jitter=0.05),
    penalties=(ks.LPNorm(weight=10, p=2, rest=0),),
)

WHY = (
    "Maps disagree because they answer different questions. Auto: what speaks for the class at every scale? "
    "The deepest layer says what, finer ones and the picture say where. Saliency: how fast does the score "
    "change with this pixel? Sharp and speckled. Grad-CAM: where are the features of one layer that speak "
    "for the class? On that layer's coarse grid, so smooth, and reaching beyond the stroke; and since this "
    "network flattens the layer that Grad-CAM averages over, often in the wrong place. Guided Grad-CAM "
    "multiplies it with guided saliency: pretty, but its detail hardly depends on the class. None is a "
    "proof: that is to take the pixels away and see the score fall."
)
GRIDS = (
    "The first convolution has the finer grid, but a place of it sees 3 x 3 pixels: pieces of stroke that "
    "all digits share. The second sees 8 x 8, enough for a bend or an end; behind the last pooling there "
    "are few places left, each wider than a stroke. HiResCAM is Grad-CAM without the average over "
    "places, which this network does not take."
)


def compare_digits(model: keras.Model, results: Sequence[DigitResult], folder: Path) -> ks.Maximization:
    """Draw `maximised.png`, `methods.png` and `layers.png`.

    Args:
        model: the trained network.
        results: the explained digits.
        folder: where the figures are written.

    Returns:
        The maximised image of each of the ten classes.

    Cost: 256 steps for ten images, and eight explanations of the digits.
    """
    probe = ks.Probe(model, class_names=CLASS_NAMES)
    # Against the other digits: a score alone may rise together with that of a rival.
    ideal = IDEAL(probe, ks.LogOdds(range(len(CLASS_NAMES))))
    title = "The image that excites each class most"
    ideal.plot(columns=5, title=title).savefig(folder / "maximised.png")
    ideal.save_gif(folder / "maximised.gif")

    found = [result.explanations for result in results]
    images = np.concatenate([explanations[AUTO].images for explanations in found])
    captions = [result.title for result in results]
    with warnings.catch_warnings():
        # A flat map is marked in its picture, and the figure says what a head that flattens does.
        warnings.simplefilter("ignore", errors.FlatMapWarning)
        warnings.simplefilter("ignore", errors.FlattenedHeadWarning)
        methods = {
            AUTO: ks.Auto()(probe, images),
            "Saliency": ks.Saliency()(probe, images),
            "Grad-CAM": ks.GradCAM(layer=LAST_CONVOLUTION)(probe, images),
            "Guided Grad-CAM": ks.GuidedGradCAM(layer=LAST_CONVOLUTION)(probe, images),
        }
        layers = {
            "{}: {}\N{MULTIPLICATION SIGN}{}".format(row.path, *row.grid): ks.HiResCAM(row.path)(
                probe, images
            )
            for row in probe.layers()
            if row.grid and row.kind in ("Conv2D", "MaxPooling2D")
        }
    excited = ideal.pictures()[methods["Saliency"].targets]
    compare = partial(ks.render.compare, captions=captions, alpha=ALPHA, panel=1.5)
    title = "One question, four answers"
    figure = compare(methods, pictures={"Maximised class": excited}, notes=[WHY], title=title)
    figure.savefig(folder / "methods.png")
    title = "HiResCAM at each convolution, and behind its pooling"
    compare(layers, notes=[GRIDS], title=title).savefig(folder / "layers.png")
    return ideal
