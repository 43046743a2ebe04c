"""Write methods.md, the table of every method, from the methods themselves: `python docs/make_methods.py`."""

from __future__ import annotations

import inspect
from pathlib import Path

import kerascope as ks

PAGE = Path(__file__).with_name("methods.md")

HEADER = """# Methods

Written by `python docs/make_methods.py` from the methods themselves; a test says when it is out of date.
What each computes, from which paper and with which deviations: `help(ks.GradCAM)`.

Values: *grid*, one number per place of the layer; *input*, one per pixel and channel; *pixels*, one per
pixel. Cost: forwards and backwards per image, and per class for the backwards, with the default parameters;
a forward and the backward from it are one pass; *and masks*, one more forward for each mask or channel.
*To mind* are what a reader of the map has to know.

| method | what it is | values | signed | cost | to mind |
|---|---|---|---|---|---|
"""

WARNINGS = {
    "target_free": "the same whatever the target",
    "weight_free": "the same whatever the weights",
    "unlocalised": "need not peak at the evidence",
    "averaged": "the head should pool places, not flatten them",
    "rectifier": "needs rectifiers (ReLU and relatives)",
    "classes": "the target must be a class",
    "pooled_head": "needs a head of pooling and one linear layer",
    "planar": "pictures only",
    "stochastic": "random numbers, from `seed`",
    "sized": "how many masks depends on the image or the layer",
    "pooled": "depends on the other images",
}
"""What each tag of a method means to who reads its map."""


def page() -> str:
    """The whole page."""
    return HEADER + "".join(row(method()) for _, method in sorted(ks.methods().items()))


def row(method: ks.Method) -> str:
    """One line of the table."""
    kind = type(method)
    first = inspect.cleandoc(kind.__doc__ or "").split("\n")[0].split(": ", 1)[-1].rstrip(".")
    where = "input" if "input" in method.tags else "pixels" if "pixels" in method.tags else "grid"
    to_mind = [text for tag, text in WARNINGS.items() if tag in method.tags]
    if "complete" in method.tags:
        to_mind.append("values sum to a change of the score")
    cells = (
        f'`{kind.__name__}`, `"{kind.name}"`',
        first[0].upper() + first[1:],
        where,
        "yes" if method.signed else "no",
        f"{method.forwards}{' and masks' if 'sized' in method.tags else ''} + {method.backwards}",
        "; ".join(to_mind),
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
