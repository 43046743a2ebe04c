"""What is written beside a picture: names, numbers, and text made to fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kerascope.explanation import Explanation

Place = tuple[int, ...]
"""(image,), or (image, k) where an explanation has a class axis."""


def target_name(explanation: Explanation, place: Place) -> str:
    """The name of what is explained there: "tiger cat", "class 3", or the target's own words."""
    target = int(np.asarray(explanation.targets)[place])
    return class_name(explanation, target) if target >= 0 else one_line(explanation.target)


def class_name(explanation: Explanation, index: int) -> str:
    """The name of a class: "tiger cat", or "class 3" where names are unknown."""
    names = explanation.class_names
    return one_line(str(names[index])) if names and index < len(names) else f"class {index}"


def probability(explanation: Explanation, place: Place) -> str:
    """In words, such as "probability 0.385"; nothing where it is unknown."""
    value = float(np.asarray(explanation.probabilities)[place])
    if np.isnan(value):
        return ""
    if 0 < value < 0.0005:
        return "probability < 0.001"
    return f"probability {value:.3f}"


def score(explanation: Explanation, place: Place) -> str:
    """In words, such as "score 8.21"."""
    return f"score {number(float(np.asarray(explanation.scores)[place]))}"


def prediction(explanation: Explanation, place: Place) -> str:
    """In words, such as "predicted Egyptian cat", where the target is another class."""
    if explanation.predictions is None:
        return ""
    predicted = int(np.asarray(explanation.predictions)[place[0]])
    if predicted < 0 or predicted == int(np.asarray(explanation.targets)[place]):
        return ""
    return f"predicted {class_name(explanation, predicted)}"


def provenance(explanation: Explanation) -> list[str]:
    """The method and the layer, and the warnings that came with the maps.

    A warning of flat maps may be of other images than these: it stays only where one of these is flat.
    """
    layer = "" if explanation.layer is None else f" · layer {explanation.layer}"
    lines = [f"{explanation.method}{layer}"]
    with np.errstate(invalid="ignore"):
        keep = bool(np.any(explanation.flat))
    warnings = [text for text in explanation.warnings if keep or not text.startswith("FlatMapWarning")]
    if warnings:
        more = len(warnings) - 1
        lines.append(f"Warning: {one_line(warnings[0])}" + (f" (+{more} more)" if more else ""))
    return lines


def method_name(explanation: Explanation) -> str:
    """The method without its parameters: "GradCAM"."""
    return str(explanation.method).split("(", 1)[0] or "Map"


def number(value: float) -> str:
    """Three digits, without a leading "e" unless it is needed: "8.21", "0.004", "3.1e-5"."""
    if not np.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")


def one_line(text: str) -> str:
    """A text with white space of any kind as single blanks."""
    return " ".join(str(text).split())


def fit(text: str, width: float, measure: Callable[[str], float], lines: int = 1) -> list[str]:
    """Break a text into lines of a width, and end it with an ellipsis where it is longer still.

    Args:
        text: any; white space counts as one blank.
        width: of a line, in the unit of `measure`.
        measure: the width of a piece of text.
        lines: the most lines allowed. Default 1.

    Returns:
        Up to `lines` texts, none wider than `width`; a word is broken only where it is wider
        itself.
    """
    rest, done = one_line(text), list[str]()
    while rest:
        if measure(rest) <= width:
            return [*done, rest]
        if len(done) == lines - 1:
            return [*done, _cut(rest, width, measure)]
        piece = _longest(rest, width, measure)
        blank = rest.rfind(" ", 0, piece + 1)
        if blank > 0:
            done.append(rest[:blank])
            rest = rest[blank + 1 :]
        else:
            done.append(rest[:piece])
            rest = rest[piece:]
    return done


def _cut(text: str, width: float, measure: Callable[[str], float]) -> str:
    length = _longest(text, width, lambda piece: measure(piece.rstrip(" ,") + "…"))
    return text[:length].rstrip(" ,") + "…"


def _longest(text: str, width: float, measure: Callable[[str], float]) -> int:
    """How many characters fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= width else (low, middle - 1)
    return low
