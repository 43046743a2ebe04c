"""The clauses of a contract: one check function each, with the tags that decide whether it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kerascope.testing.bench import Bench

B = TypeVar("B")
"""What the check functions of a contract take: the bench with what is checked."""


@dataclass(frozen=True)
class Clause(Generic[B]):
    """One check function, and the tags that decide whether it applies.

    Args:
        function: takes the bench; raises where what is on it breaks the clause.
        number: what it is about, which sorts the checks.
        needs: tags that what is checked must have.
        unless: tags that it must not have.
    """

    function: Callable[[B], None]
    number: int
    needs: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.function.__name__

    def applies(self, tags: frozenset[str]) -> bool:
        """Whether what has these tags is checked."""
        return self.needs <= tags and not self.unless & tags


class Clauses(dict[str, Clause[B]]):
    """The clauses of one contract, by name. Calling it makes the decorator of a check function."""

    def __call__(
        self, number: int, *, needs: str = "", unless: str = ""
    ) -> Callable[[Callable[[B], None]], Callable[[B], None]]:
        """Put a check function into the contract under its own name.

        Args:
            number: what it is about, which sorts the checks.
            needs: tags that must be there for the check to apply, separated by blanks.
            unless: tags that must not.
        """

        def register(function: Callable[[B], None]) -> Callable[[B], None]:
            if function.__name__ in self:
                raise ValueError(f"two checks are named {function.__name__!r}")
            found = Clause(function, number, frozenset(needs.split()), frozenset(unless.split()))
            self[found.name] = found
            return function

        return register

    def applying(self, tags: frozenset[str]) -> list[Clause[B]]:
        """The clauses for what has these tags, in order."""
        ordered = sorted(self.values(), key=lambda found: found.number)
        return [found for found in ordered if found.applies(tags)]


CLAUSES: Clauses[Bench] = Clauses()
"""The contract of methods."""
clause = CLAUSES
