"""One of the classes of a target that has several."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import ops

from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.typing import Array

_COLUMN = "column"


@dataclass(frozen=True, eq=False)
class Column(Target):
    """One column of a target's class axis, so that a gradient can be asked for by itself.

    Which one is an argument, so that all columns share a compiled program.

    Args:
        target: with a class axis.
        number: of the column, from 0.
    """

    target: Target
    number: int

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.target.layers

    def key(self) -> Hashable:
        return ("column", self.target.key())

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        return self.target.outputs(context)

    def arguments(self, context: Context) -> dict[str, Array]:
        own = np.full((context.count, 1), self.number, "int32")
        return {**self.target.arguments(context), _COLUMN: own}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        rest = {name: value for name, value in arguments.items() if name != _COLUMN}
        reading = self.target.read(forward, rest)

        def taken(rows: Any) -> Any:
            return None if rows is None else ops.take_along_axis(rows, arguments[_COLUMN], axis=1)

        return replace(reading, scores=taken(reading.scores), labels=taken(reading.labels))

    def describe(self) -> str:
        return f"number {self.number} of {self.target.describe()}"

    def complaint(self) -> str:
        return self.target.complaint()
