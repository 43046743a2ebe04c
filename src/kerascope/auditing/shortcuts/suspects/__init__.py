"""Kinds of shortcut, one a file: what raises the suspicion, and how it is tried.

Each has `find(material, found)`, which gives suspects beside those of the kinds before it; `trials(suspect,
laboratory)`, which tries one; and `cause(suspect, material)`, which tells where a confirmed one is in any
image, so that later suspects of the same class are tried without it; None where that has no place.
"""

from kerascope.auditing.shortcuts.suspects import (
    background,
    colour,
    companion,
    outside,
    pair,
    patch,
    place,
    strategy,
)

KINDS = {
    "companion": companion,
    "patch": patch,
    "place": place,
    "pair": pair,
    "outside": outside,
    "background": background,
    "colour": colour,
    "strategy": strategy,
}
"""In the order in which they are tried: from what is small and certain to what is large and vague."""

__all__ = ["KINDS"]
