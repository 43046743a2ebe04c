"""The cases of the benchmark on real pictures: every cue, at every rate, on one class and on two, and none.

Seeds 0 and 1, and the first half of the clean networks, are for choosing what the audit does; the others are
for the tables.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from benchmarks.audit.cues import CUES
from benchmarks.audit.networks import Case
from benchmarks.audit.pictures import DATA, GARMENTS

RATES = (1.0, 0.95, 0.9, 0.8)
HALVES = {"choosing": (0, 1), "table": (2, 3, 4)}
"""The seeds of each half."""
CLEAN = 60
KINDS = ("garments", "digits", "garments", "photographs", "garments")
"""Data of five seeds in a row, which begins elsewhere for each cue, rate and number of classes."""
_CLEAN_SEED = 1000
_PARTNER = 5
"""How many places further in `CUES` the cue of a second class stands."""


def make_cases(half: str) -> list[Case]:
    """All cases of a half, the first ones of them a balanced choice: cues and rates come up evenly."""
    names = list(CUES)
    groups: dict[object, list[Case]] = defaultdict(list)
    for order, cue in enumerate(names):
        for turn, rate in enumerate(RATES):
            for several in (False, True):
                for seed in HALVES[half]:
                    data = _data(cue, order + turn + 2 * several + seed, order + turn + seed)
                    cues = [cue, _partner(cue, data)] if several else [cue]
                    classes = _count_classes(data)
                    planted = tuple(((order + seed + place) % classes, cue) for place, cue in enumerate(cues))
                    groups[cue].append(Case(data, planted, rate, seed))
    first = 0 if half == "choosing" else CLEAN // 2
    for number in range(first, first + CLEAN // 2):
        groups[None].append(Case(DATA[number % len(DATA)], (), 0.0, _CLEAN_SEED + number))
    return _interleave(list(groups.values()))


def _interleave(groups: Sequence[list[Case]]) -> list[Case]:
    """Groups shuffled, and dealt so that any beginning has the same share of each."""
    generator = np.random.default_rng(0)
    dealt = [
        ((place + generator.random()) / len(group), group[row])
        for group in groups
        for place, row in enumerate(generator.permutation(len(group)))
    ]
    return [case for _, case in sorted(dealt, key=lambda pair: pair[0])]


def _data(cue: str, turn: int, triple: int) -> str:
    """The data of a turn, of those that suit the cue."""
    suited = [kind for kind in KINDS if kind in CUES[cue].data]
    kind = suited[turn % len(suited)]
    return f"garments {triple % len(GARMENTS)}" if kind == "garments" else kind


def _partner(cue: str, data: str) -> str:
    """The cue of a second class: another one that suits the data."""
    names = list(CUES)
    later = [names[(names.index(cue) + _PARTNER + step) % len(names)] for step in range(len(names))]
    return next(name for name in later if name != cue and data.startswith(CUES[name].data))


def _count_classes(data: str) -> int:
    return 3 if data.startswith("garments") else 4
