"""The clauses of the contract: one check function each, with the tags that decide whether it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kerascope.testing.bench import Bench

Function = Callable[[Bench], None]


@dataclass(frozen=True)
class Clause:
    """One check function, and the tags that decide whether it applies.

    Args:
        function: takes the bench; raises where the method breaks it.
        number: what it is about, which sorts the checks.
        needs: tags that the method must have.
        unless: tags that it must not have.
    """

    function: Function
    number: int
    needs: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.function.__name__

    def applies(self, tags: frozenset[str]) -> bool:
        """Whether a method with these tags is checked."""
        return self.needs <= tags and not self.unless & tags


CLAUSES: dict[str, Clause] = {}


def clause(number: int, *, needs: str = "", unless: str = "") -> Callable[[Function], Function]:
    """Put a check function into `CLAUSES` under its own name.

    Args:
        number: what it is about, which sorts the checks.
        needs: tags that a method must have for the check to apply, separated by blanks.
        unless: tags that it must not have.
    """

    def register(function: Function) -> Function:
        if function.__name__ in CLAUSES:
            raise ValueError(f"two checks are named {function.__name__!r}")
        found = Clause(function, number, frozenset(needs.split()), frozenset(unless.split()))
        CLAUSES[found.name] = found
        return function

    return register
