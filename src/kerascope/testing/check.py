"""The checks of a contract: run one, run many, report."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kerascope import errors
from kerascope.testing.models import UnavailableError
from kerascope.testing.registry import CheckFunction

CheckStatus = Literal["passed", "failed", "expected failure", "skipped"]


class ContractError(AssertionError):
    """A method or a metric does not keep its contract."""


@dataclass(frozen=True)
class CheckOutcome:
    """How one check ended.

    Args:
        check: name of the check.
        status: `"passed"`, `"failed"`, `"expected failure"` or `"skipped"`.
        reason: why, where it did not simply pass.
    """

    check: str
    status: CheckStatus
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.check}: {self.status}{f' ({self.reason})' if self.reason else ''}"


@dataclass(frozen=True)
class Check:
    """One check of one method or metric; calling it runs it.

    Args:
        function: that is run.
        fixture: the method or metric, and the models that its checks share.
        expected_failure: why it may fail, or None where it may not.
    """

    function: CheckFunction[Any]
    fixture: Any
    expected_failure: str | None = None

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.function.name

    @property
    def description(self) -> str:
        """What is checked, in a line."""
        return (self.function.function.__doc__ or "").strip().partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.fixture.title}-{self.name}"

    def __call__(self) -> CheckOutcome:
        """Run the check.

        Returns:
            The outcome, passed, skipped or an expected failure.

        Raises:
            ContractError: the check fails, or passes where it was expected to fail.
        """
        try:
            with warnings.catch_warnings():
                # What is warned about is stored in the results, where checks look for it.
                warnings.simplefilter("ignore", errors.KerascopeWarning)
                self.function.function(self.fixture)
        except UnavailableError as reason:
            return CheckOutcome(self.name, "skipped", str(reason))
        except Exception as error:
            if self.expected_failure is not None:
                return CheckOutcome(self.name, "expected failure", self.expected_failure)
            what = str(error) if isinstance(error, AssertionError) else repr(error)
            raise ContractError(f"{self}: {self.description}\n{what}") from error
        if self.expected_failure is not None:
            raise ContractError(
                f"{self}: expected to fail ({self.expected_failure}), but it passes; take it out of "
                "expected_failures."
            )
        return CheckOutcome(self.name, "passed")


@dataclass(frozen=True)
class ContractReport:
    """What a contract found.

    Args:
        subject: the method or metric as one would write it.
        outcomes: one per check that applies.
    """

    subject: str
    outcomes: tuple[CheckOutcome, ...]

    def __str__(self) -> str:
        return "\n".join([self.subject, *(f"    {outcome}" for outcome in self.outcomes)])


def bind_checks(
    fixture: Any, functions: Sequence[CheckFunction[Any]], expected_failures: Mapping[str, str] | None
) -> list[Check]:
    """A check for each function."""
    expected = dict(expected_failures or {})
    unknown = sorted(set(expected) - {found.name for found in functions})
    if unknown:
        raise ValueError(f"expected_failures must name checks that apply; got {unknown}")
    if not all(expected.values()):
        raise ValueError("each of expected_failures must give a reason")
    return [Check(found, fixture, expected.get(found.name)) for found in functions]


def run(subject: str, found: Sequence[Check], only: Iterable[str] | None) -> ContractReport:
    """Run checks, all of them whatever fails.

    Args:
        subject: the method or metric, as one would write it.
        found: the checks that apply.
        only: names of those to run; None for all.

    Raises:
        ContractError: at least one check failed; the message lists all that did.
    """
    if only is not None:
        wanted = set(only)
        if unknown := sorted(wanted - {check.name for check in found}):
            raise ValueError(f"only must name checks that apply; got {unknown}")
        found = [check for check in found if check.name in wanted]
    outcomes: list[CheckOutcome] = []
    for check in found:
        try:
            outcomes.append(check())
        except ContractError as error:
            outcomes.append(CheckOutcome(check.name, "failed", str(error)))
    failed = [outcome.reason for outcome in outcomes if outcome.status == "failed"]
    if failed:
        raise ContractError(f"{len(failed)} of {len(outcomes)} checks failed:\n\n" + "\n\n".join(failed))
    return ContractReport(subject, tuple(outcomes))
