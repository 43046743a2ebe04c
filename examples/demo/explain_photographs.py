"""Four photographs explained with a real ImageNet classifier: the automatic map, Grad-CAM and saliency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import kerascope as ks
from examples.demo.compare_photographs import compare_photographs
from examples.demo.explain_digits import AUTO
from examples.demo.photographs import load_photographs
from examples.efficientnet_lite.class_names import class_names
from examples.efficientnet_lite.model import efficientnet_lite0
from examples.efficientnet_lite.preprocessing import preprocess

if TYPE_CHECKING:
    from pathlib import Path


TOP = 3


@dataclass(frozen=True)
class PhotographResult:
    """What is said about one photograph.

    Attributes:
        name: what is on it.
        classes: the likeliest classes, first the one that is explained.
        names: their names.
        probabilities: the classifier's own, 0 to 1.
        explanations: by `AUTO`, "Grad-CAM" and "Saliency", of this photograph alone.
        picture: the file with the figure.
    """

    name: str
    classes: tuple[int, ...]
    names: tuple[str, ...]
    probabilities: tuple[float, ...]
    explanations: Mapping[str, ks.Explanation]
    picture: Path

    def __str__(self) -> str:
        return f"{self.name + ':':<12}{self.guesses}"

    @property
    def guesses(self) -> str:
        """The classes with their probabilities: "espresso 95.1 %, cup 1.5 %, consomme 0.8 %"."""
        pairs = zip(self.names, self.probabilities, strict=True)
        return ", ".join(f"{name} {probability:.1%}" for name, probability in pairs)


def explain_photographs(folder: Path) -> list[PhotographResult]:
    """Explain the likeliest class of four photographs, one picture each and one of all.

    Grad-CAM is on a grid of 7 x 7 cells here, 32 pixels each: an object narrower than that, such as the
    rocket, shows as the cells around it. The automatic map is as fine as the picture.

    Args:
        folder: where `photograph-cat.png`, its like, and `photographs.png` are written, and `families.png`.

    Returns:
        One result per photograph.

    Raises:
        MissingDataError: when a package with data is not installed.

    Cost: the classifier is built once; four passes of four photographs, some eighty of two of
    them, six figures.
    """
    photographs = load_photographs()
    images = preprocess(photograph.pixels for photograph in photographs)
    names = class_names()
    model = efficientnet_lite0()

    probabilities = model.predict(images, verbose=0)
    probe = ks.Probe(model, class_names=names)
    methods = {AUTO: ks.Auto(), "Grad-CAM": ks.GradCAM(), "Saliency": ks.Saliency()}
    explanations = {name: method(probe, images) for name, method in methods.items()}
    results = []
    for index, photograph in enumerate(photographs):
        row = probabilities[index]
        best = np.argsort(row)[::-1][:TOP]
        results.append(
            PhotographResult(
                name=photograph.name,
                classes=tuple(int(label) for label in best),
                names=tuple(names[label] for label in best),
                probabilities=tuple(float(row[label]) for label in best),
                explanations={method: whole[index] for method, whole in explanations.items()},
                picture=folder / f"photograph-{photograph.name}.png",
            )
        )

    captions = [f"top {TOP}: {result.guesses}" for result in results]
    for result, caption in zip(results, captions, strict=True):
        figure = ks.render.compare(result.explanations, captions=[caption], title=result.name.capitalize())
        figure.savefig(result.picture)
    page = ks.render.compare(explanations, captions=captions)
    page.savefig(folder / "photographs.png")
    compare_photographs(probe, images, captions, folder)
    return results
