"""What the harness writes as JSON: raw measurements, from which every table and verdict is computed."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

FORWARD, FLOOR = "forward", "floor"
"""Names of the two bare contestants, which the others are measured against; see `benchmarks.cost.bare`."""


STEP = "maximisation step"
"""Name of the contestant that does one step of activation maximisation."""
CAM, REPEATED, MASKS, CURVES = "cam", "repeated", "masks", "curves"
"""Kinds of methods that share a promise: class activation maps of one pass, gradients many times over, and
forward passes under masks."""


class Counts(TypedDict):
    """What a probe counted for one contestant.

    `traces` holds the traces up to the first answer and those of all later calls; `forwards` and
    `backwards` are passes per image and call, `declared` what the method says about both.
    """

    traces: tuple[int, int]
    forwards: float
    backwards: float
    declared: tuple[float, float]


class Row(TypedDict):
    """One contestant: seconds of its first call, which compiles, and of its call in each round.

    `kind` says which promise is about it: `CAM`, `REPEATED`, `MASKS` or `CURVES`. `masks` is the number of
    masks for each image, of those that have any.
    """

    name: str
    by: str
    first: float
    seconds: list[float]
    counts: Counts | None
    kind: NotRequired[str | None]
    masks: NotRequired[float | None]


class Cost(TypedDict):
    """One setting, who took part, who did not and why, and with which versions."""

    setting: dict[str, Any]
    rows: list[Row]
    absent: dict[str, str]
    versions: dict[str, str]


class Peak(TypedDict):
    """Bytes resident in one process: before the first call, and at the most from then on."""

    idle: int
    peak: int


class Memory(TypedDict):
    """One setting, and for each contestant the peaks of its processes."""

    setting: dict[str, Any]
    peaks: dict[str, list[Peak]]
    budgets: NotRequired[list[Budget]]


class Budget(TypedDict):
    """One process that explains one image within a budget of memory.

    Args:
        name: of the method.
        masks: how many masks.
        budget: bytes that it was given.
        first: the call that compiles.
        again: the same call once more.
    """

    name: str
    masks: int
    budget: int
    first: Peak
    again: Peak


class Flat(TypedDict):
    """Seconds of each call with so many masks and images, pair by pair."""

    setting: dict[str, Any]
    method: str
    masks: list[int]
    images: list[int]
    seconds: list[list[float]]


class Import(TypedDict):
    """Seconds of imports in fresh processes.

    `alone` is `import keras` in processes that import nothing else. The other processes import kerascope
    after it: `keras` and `kerascope` are the two parts, `used` is the first use of a public name thereafter.
    `plotting` names the plotting libraries that kerascope brought in.
    """

    backend: str
    alone: list[float]
    keras: list[float]
    kerascope: list[float]
    used: list[float]
    plotting: list[str]


class Growth(TypedDict):
    """Bytes resident in one process after so many calls of one kind."""

    backend: str
    what: str
    calls: list[int]
    resident: list[int]


class Dataset(TypedDict):
    """What was measured of data sets: see `benchmarks.cost.dataset`.

    `what` is one of its `WHAT`, and says what `measured` holds.
    """

    setting: dict[str, Any]
    what: str
    measured: dict[str, Any]


class Results(TypedDict):
    """Everything that one command measured."""

    date: str
    machine: dict[str, Any]
    cost: list[Cost]
    memory: list[Memory]
    imports: list[Import]
    growth: list[Growth]
    flat: NotRequired[list[Flat]]
    dataset: NotRequired[list[Dataset]]
    failed: list[str]


def times(method: str, count: int) -> str:
    """Name of a method that does the same so many times."""
    return f"{method} of {count}"
