"""The opposite of a target: what speaks for less of it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from kerascope.target.around import Around
from kerascope.target.base import Forward, Reading, TargetLike


@dataclass(frozen=True, eq=False)
class Opposite(Around):
    """The opposite of a target, $-s_n$: what a lower value or a smaller score rests on.

    It belongs to no class. The opposite of class 1 of a model with one sigmoid is class 0.

    Args:
        target: a class, a value, a function or any target.

    Example:
        >>> import kerascope as ks
        >>> ks.Opposite(ks.Value(0)).describe()
        'opposite of value 0'
    """

    target: TargetLike

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return self.inside.linear

    def key(self) -> Hashable:
        return ("opposite", self.inside.key())

    def read(self, forward: Forward, arguments: Any) -> Reading:
        reading = self.inside.read(forward, arguments)
        return replace(reading, scores=-reading.scores, labels=None)

    def describe(self) -> str:
        return f"opposite of {self.inside.describe()}"
