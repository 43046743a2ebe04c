"""Registries of check functions, each with the tags that decide whether it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from kerascope.testing.fixture import Fixture

B = TypeVar("B")
"""The fixture that the check functions of a contract take."""


@dataclass(frozen=True)
class CheckFunction(Generic[B]):
    """One check function, and the tags that decide whether it applies.

    Args:
        function: takes the fixture; raises where the check fails.
        number: of its group, by which checks are sorted.
        needs: tags that the method or metric must have.
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
        """Whether the check applies to a method or metric with these tags."""
        return self.needs <= tags and not self.unless & tags


class Contract(dict[str, CheckFunction[B]]):
    """The check functions of one contract, by name; called, the decorator that adds a function."""

    def __call__(
        self, number: int, *, needs: str = "", unless: str = ""
    ) -> Callable[[Callable[[B], None]], Callable[[B], None]]:
        """Put a check function into the contract under its own name.

        Args:
            number: of its group, by which checks are sorted.
            needs: tags that must be there for the check to apply, separated by blanks.
            unless: tags that must not.
        """

        def register(function: Callable[[B], None]) -> Callable[[B], None]:
            if function.__name__ in self:
                raise ValueError(f"two checks are named {function.__name__!r}")
            found = CheckFunction(function, number, frozenset(needs.split()), frozenset(unless.split()))
            self[found.name] = found
            return function

        return register

    def select(self, tags: frozenset[str]) -> list[CheckFunction[B]]:
        """The check functions that apply to a method or metric with these tags, in order."""
        ordered = sorted(self.values(), key=lambda found: found.number)
        return [found for found in ordered if found.applies(tags)]


check: Contract[Fixture] = Contract()
"""The contract of methods, and the decorator that puts a function into it."""
