"""Four photographs explained with a real ImageNet classifier: Grad-CAM and saliency side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import kerascope as ks
from kerascope.demo.efficientnet_lite import SIDE, class_names, efficientnet_lite0, preprocess
from kerascope.demo.photographs import centre_square, load_photographs

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
        picture: the file with the figure.
    """

    name: str
    classes: tuple[int, ...]
    names: tuple[str, ...]
    probabilities: tuple[float, ...]
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

    Args:
        folder: where `photograph-cat.png`, its like, and `photographs.png` are written.

    Returns:
        One result per photograph.

    Raises:
        MissingDataError: when a package with data is not installed.

    Cost: the classifier is built once; three passes of four photographs, five figures.
    """
    photographs = load_photographs()
    squares = np.stack([centre_square(photograph.pixels, SIDE) for photograph in photographs])
    images = preprocess(photograph.pixels for photograph in photographs)
    names = class_names()
    model = efficientnet_lite0()

    probabilities = model.predict(images, verbose=0)
    results = []
    for photograph, row in zip(photographs, probabilities, strict=True):
        best = np.argsort(row)[::-1][:TOP]
        results.append(
            PhotographResult(
                name=photograph.name,
                classes=tuple(int(index) for index in best),
                names=tuple(names[index] for index in best),
                probabilities=tuple(float(row[index]) for index in best),
                picture=folder / f"photograph-{photograph.name}.png",
            )
        )

    probe = ks.Probe(model, class_names=names)
    explanations = {
        "Grad-CAM": ks.GradCAM()(probe, images),
        "Saliency": ks.Saliency()(probe, images),
    }
    captions = [result.guesses for result in results]
    for index, result in enumerate(results):
        figure = ks.render.compare(
            explanations,
            indices=[index],
            images=squares,
            captions=captions,
            title=result.name.capitalize(),
        )
        figure.savefig(result.picture)
    page = ks.render.compare(explanations, images=squares, captions=captions)
    page.savefig(folder / "photographs.png")
    return results
