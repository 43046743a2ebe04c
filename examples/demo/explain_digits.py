"""Seven test digits explained: does the network look at the ink?"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import kerascope as ks
from examples.demo.train import LAST_CONVOLUTION
from kerascope import errors
from kerascope.typing import Array

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from examples.demo.digits import Digits

AUTO = "Auto (multi-scale)"
"""The name of the automatic map, above pictures."""
COUNT = 7
INK = 0.5
ALPHA = 0.7  # black paper swallows colours
BUILT_IN = (
    "The automatic map is taken at every scale of the network, the picture among them. So it is as sharp as\n"
    "the stroke, and some of its heat lies on ink by construction: black paper counts for nothing there."
)
LOST = (
    "Grad-CAM averages its gradient over the places of one layer. This network flattens them, so that each\n"
    "has weights of its own, and the average loses where things are: `ks.GradCAM` warns of it. Its 11 x 11\n"
    "grid is drawn up to 3 pixels too far outward, since the convolutions are unpadded."
)
CLASS_NAMES = tuple(f"digit {digit}" for digit in range(10))


@dataclass(frozen=True)
class DigitResult:
    """What is said about one digit.

    Attributes:
        target: the digit it is.
        prediction: the digit it was taken for, which is what the map explains.
        probability: the network's own, 0 to 1.
        score: before the softmax.
        on_ink: share of the positive relevance of the automatic map that lies on ink, 0 to 1; NaN without
            any.
        grad_cam_on_ink: the same of Grad-CAM.
        ink: share of the image's pixels that are ink, 0 to 1: what `on_ink` would be by chance.
        explanations: by `AUTO` and "Grad-CAM", of this digit alone.
        picture: the file with the figure.
    """

    target: int
    prediction: int
    probability: float
    score: float
    on_ink: float
    grad_cam_on_ink: float
    ink: float
    explanations: Mapping[str, ks.Explanation]
    picture: Path

    def __str__(self) -> str:
        wrong = "" if self.target == self.prediction else "  WRONG"
        return (
            f"{self.title}, probability {self.probability:.3f}, score {self.score:5.2f}, {self.note}{wrong}"
        )

    @property
    def title(self) -> str:
        """What it is and what it was taken for: "target 5, prediction 3"."""
        return f"target {self.target}, prediction {self.prediction}"

    @property
    def note(self) -> str:
        """Where the relevance is: "relevance on ink 83%, of Grad-CAM 24% (ink covers 13%)"."""
        relevance = f"relevance on ink {_percent(self.on_ink)}, of Grad-CAM {_percent(self.grad_cam_on_ink)}"
        return f"{relevance} (ink covers {self.ink:3.0%})"


def _percent(share: float) -> str:
    return "none" if np.isnan(share) else f"{share:3.0%}"


def explain_digits(model: keras.Model, digits: Digits, folder: Path, seed: int = 0) -> list[DigitResult]:
    """Explain seven test digits by the automatic method, one picture each and one of all.

    Grad-CAM, as in the tutorial, stands beside it for comparison. It is taken at the last convolution, as
    in its paper: the automatic layer would be the pooling after it, whose 5 x 5 grid is coarser still.

    Args:
        model: the trained network, see `digit_network`.
        digits: whose test digits are read.
        folder: where `digit-1.png` to `digit-7.png` and `digits.png` are written.
        seed: of the choice; default 0.

    Returns:
        One result per digit, in the order of the targets.

    Cost: one prediction for each test digit, two explanations for each chosen one, eight figures.
    """
    predictions = model.predict(digits.test_images, batch_size=250, verbose=0).argmax(axis=1)
    chosen = choose_digits(digits.test_labels, predictions, seed)
    images, targets = digits.test_images[chosen], digits.test_labels[chosen]

    probe = ks.Probe(model, class_names=CLASS_NAMES)
    with warnings.catch_warnings():
        # Both are said in words beside the numbers, and marked in pictures.
        warnings.simplefilter("ignore", errors.FlatMapWarning)
        warnings.simplefilter("ignore", errors.FlattenedHeadWarning)
        found = ks.Auto()(probe, images)
        cam = ks.GradCAM(layer=LAST_CONVOLUTION)(probe, images)

    on_ink, ink = ink_shares(found.heatmaps(), images[..., 0])
    grad_cam_on_ink, _ = ink_shares(cam.heatmaps(), images[..., 0])
    results = [
        DigitResult(
            target=int(target),
            prediction=int(found.targets[index]),
            probability=float(found.probabilities[index]),
            score=float(found.scores[index]),
            on_ink=float(on_ink[index]),
            grad_cam_on_ink=float(grad_cam_on_ink[index]),
            ink=float(ink[index]),
            explanations={AUTO: found[index], "Grad-CAM": cam[index]},
            picture=folder / f"digit-{index + 1}.png",
        )
        for index, target in enumerate(targets)
    ]
    for result in results:
        figure = ks.render.figure(
            result.explanations[AUTO],
            name=AUTO,
            title=result.title.capitalize(),
            captions=[result.note],
            alpha=ALPHA,
        )
        figure.savefig(result.picture)
    sheet = ks.render.sheet(
        found,
        show=("input", "map", "overlay"),
        columns=COUNT,
        captions=[result.title for result in results],
        title="What the network looks at: Input, Map, Overlay",
        alpha=ALPHA,
        panel=1.4,
    )
    sheet.savefig(folder / "digits.png")
    return results


def choose_digits(labels: Array, predictions: Array, seed: int = 0, count: int = COUNT) -> Array:
    """Test digits of different classes, one of them read wrongly where there is such a digit.

    Args:
        labels: (N,) int, what the digits are.
        predictions: (N,) int, what they were taken for.
        seed: of the choice; default 0.
        count: how many, up to the number of classes; default 7.

    Returns:
        (count,) positions, in the order of the labels; the others are read rightly where the class
        has such a digit.

    Example:
        >>> choose_digits(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), count=2)[1]
        np.int64(3)
    """
    random = np.random.default_rng(seed)
    wrong = random.permutation(np.flatnonzero(labels != predictions))[:1]
    others = random.permutation(np.setdiff1d(labels, labels[wrong]))[: count - len(wrong)]
    chosen = [int(position) for position in wrong]
    for label in others:
        members = np.flatnonzero(labels == label)
        right = members[predictions[members] == label]
        chosen.append(int(random.choice(right if len(right) else members)))
    return np.array(sorted(chosen, key=lambda position: int(labels[position])), dtype=np.int64)


def ink_shares(maps: Array, images: Array) -> tuple[Array, Array]:
    r"""How much of a map lies on ink, and how much ink there is.

    $$\text{on ink} = \frac{\sum_{p \in \text{ink}} \max(m_p, 0)}{\sum_p \max(m_p, 0)}, \qquad
      \text{ink} = \frac{|\{p : x_p \ge 0.5\}|}{HW}$$

    with the map $m$ at the image's size and the pixels $x$. A map that knows nothing of the image has
    the two alike. A map on a coarse grid cannot follow a stroke of two pixels, so 100 % is not to
    be expected of it.

    Args:
        maps: (N, H, W), any scale; negative relevance counts as none.
        images: (N, H, W), 0 paper to 1 ink; a pixel is ink from 0.5 on.

    Returns:
        Two float arrays (N,), from 0 to 1; the first is NaN where a map has no positive relevance.

    Example:
        >>> [share.tolist() for share in ink_shares(np.array([[[3.0, 1.0]]]), np.array([[[1.0, 0.0]]]))]
        [[0.75], [0.5]]
    """
    ink = images >= INK
    relevance = np.maximum(maps, 0).astype(np.float64)
    total = relevance.sum(axis=(1, 2))
    on_ink = np.where(ink, relevance, 0).sum(axis=(1, 2))
    shares = np.divide(on_ink, total, out=np.full_like(total, np.nan), where=total > 0)
    return shares, ink.mean(axis=(1, 2))
