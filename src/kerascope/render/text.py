"""Text next to pictures: names, numbers, and line breaking."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from kerascope.explanation import Explanation

MapIndex = tuple[int, ...]
"""Index of a map: (image,), or (image, class) if an explanation has a class axis."""


def target_name(explanation: Explanation, index: MapIndex) -> str:
    """Return the name of the target: "tiger cat", "class 3", or the description of the target."""
    target = int(np.asarray(explanation.targets)[index])
    return class_name(explanation, target) if target >= 0 else one_line(explanation.target)


def class_name(explanation: Explanation, index: int) -> str:
    """Return the name of a class: "tiger cat", or "class 3" without names."""
    names = explanation.class_names
    return one_line(str(names[index])) if names and index < len(names) else f"class {index}"


def probability(explanation: Explanation, index: MapIndex) -> str:
    """Return a text such as "probability 0.385"; empty if unknown."""
    value = float(np.asarray(explanation.probabilities)[index])
    if np.isnan(value):
        return ""
    if 0 < value < 0.0005:
        return "probability < 0.001"
    return f"probability {value:.3f}"


def score(explanation: Explanation, index: MapIndex) -> str:
    """Return a text such as "score 8.21"."""
    return f"score {number(float(np.asarray(explanation.scores)[index]))}"


def prediction(explanation: Explanation, index: MapIndex) -> str:
    """Return a text such as "predicted Egyptian cat" if the target is another class, else an empty one."""
    if explanation.predictions is None:
        return ""
    label = int(np.asarray(explanation.predictions)[index[0]])
    if label < 0 or label == int(np.asarray(explanation.targets)[index]):
        return ""
    return f"predicted {class_name(explanation, label)}"


def provenance(explanation: Explanation) -> list[str]:
    """Return lines with the method, the layer and the warnings.

    A warning about flat maps may concern other images: it is kept only if one of these maps is flat.
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
    """Return the method without its parameters: "GradCAM"."""
    return str(explanation.method).split("(", 1)[0] or "Map"


def number(value: float) -> str:
    """Format with three digits, and an exponent only if needed: "8.21", "0.004", "3.1e-5"."""
    if not np.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}".replace("-", "\N{MINUS SIGN}")


def one_line(text: str) -> str:
    """Return a text with any white space as single blanks."""
    return " ".join(str(text).split())


def fit(text: str, width: float, measure: Callable[[str], float], lines: int = 1) -> list[str]:
    """Break a text into lines of a width, with an ellipsis if it is longer.

    Args:
        text: any; white space counts as one blank.
        width: of a line, in the unit of `measure`.
        measure: the width of a piece of text.
        lines: the most lines allowed. Default 1.

    Returns:
        Up to `lines` texts, none wider than `width`; a word is broken only if it is wider itself.
    """
    rest, result = one_line(text), list[str]()
    while rest:
        if measure(rest) <= width:
            return [*result, rest]
        if len(result) == lines - 1:
            return [*result, _cut(rest, width, measure)]
        piece = _longest(rest, width, measure)
        blank = rest.rfind(" ", 0, piece + 1)
        if blank > 0:
            result.append(rest[:blank])
            rest = rest[blank + 1 :]
        else:
            result.append(rest[:piece])
            rest = rest[piece:]
    return result


def _cut(text: str, width: float, measure: Callable[[str], float]) -> str:
    length = _longest(text, width, lambda piece: measure(piece.rstrip(" ,") + "…"))
    return text[:length].rstrip(" ,") + "…"


def _longest(text: str, width: float, measure: Callable[[str], float]) -> int:
    """Return the number of characters that fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= width else (low, middle - 1)
    return low
