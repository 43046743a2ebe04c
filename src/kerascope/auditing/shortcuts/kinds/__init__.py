"""Kinds of shortcut, one a file: how each is suspected and tested.

Each has `find(data, suspects)`, which returns suspects in addition to those of the kinds before it, and
`intervene(suspect, interventions)`, which returns the outcomes of its trials. A kind that lies somewhere in
an image also has `known_region(suspect, data)`: later suspects of the same class are tested without it. One
whose evidence costs forwards has `examine(suspect, interventions)`: the suspect with it, or None.
"""

from kerascope.auditing.shortcuts.kinds import (
    background,
    cast,
    colour,
    companion,
    grain,
    mark,
    outside,
    pair,
    patch,
    place,
    sharpness,
    strategy,
    style,
    tone,
)

KINDS = {
    "companion": companion,
    "patch": patch,
    "mark": mark,
    "place": place,
    "pair": pair,
    "outside": outside,
    "background": background,
    "tone": tone,
    "cast": cast,
    "sharpness": sharpness,
    **dict.fromkeys(("noise", "compression", "texture"), grain),
    "colour": colour,
    "strategy": strategy,
    "style": style,
}
"""In the order in which they are tested: from small and certain to large and vague."""

__all__ = ["KINDS"]
