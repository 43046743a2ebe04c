"""The contract that every method keeps, as checks that anyone can run on a method of their own.

    import kerascope as ks

    ks.testing.check_method(MyMethod)                     # all of them; raises with a list of what failed

    @pytest.mark.parametrize("check", ks.testing.checks(MyMethod), ids=str)
    def test_contract(check):                             # or one test for each
        check()

Which checks apply follows from the method's tags; see `Method.tags`. These further tags declare exceptions,
which the documentation of a method must then name as a warning:

    planar          works on pictures only, not on signals and volumes
    target_free     the map is the same whatever the target
    weight_free     the map is the same whatever the weights
    unlocalised     the map need not peak at the evidence
    pooled          the map may depend on the other images of the batch
    classes         the target must be a class of the model
    pooled_head     the layer must be followed by a mean over space and one linear layer alone
    adaptive        each class is asked about by itself, so that all forwards but the first are per class
    masks           it asks about images under masks, and tells under how many
    sized           how many passes it takes depends on the size of the image or on the layer
    rounded         its values are differences that show the rounding of what it asks about: the oracle and
                    maps in half precision may lie further off

A check that fails for a good reason is listed in `expected_failures` with that reason; it is strict: when
it passes, that is a failure too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kerascope import errors
from kerascope.method import Method
from kerascope.testing import clauses as _  # noqa: F401 (fills CLAUSES)
from kerascope.testing.bench import Bench, Models
from kerascope.testing.clause import CLAUSES, Clause
from kerascope.testing.models import UnavailableError
from kerascope.testing.oracles import Oracle

Status = Literal["passed", "failed", "expected failure", "skipped"]


class ContractError(AssertionError):
    """A method does not keep the contract."""


@dataclass(frozen=True)
class Outcome:
    """How one check ended.

    Args:
        check: name of the check.
        status: `"passed"`, `"failed"`, `"expected failure"` or `"skipped"`.
        reason: why, where it did not simply pass.
    """

    check: str
    status: Status
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.check}: {self.status}{f' ({self.reason})' if self.reason else ''}"


@dataclass(frozen=True)
class Check:
    """One check of one method; calling it runs it.

    Args:
        clause: what is checked.
        bench: the method, and tiny models that the checks of one method share.
        expected_failure: why the method may fail it, or None where it may not.
    """

    clause: Clause
    bench: Bench
    expected_failure: str | None = None

    @property
    def name(self) -> str:
        """Name of the check."""
        return self.clause.name

    @property
    def description(self) -> str:
        """What is checked, in a line."""
        return (self.clause.function.__doc__ or "").strip().partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.bench.title}-{self.name}"

    def __call__(self) -> Outcome:
        """Run the check.

        Returns:
            The outcome, passed, skipped or an expected failure.

        Raises:
            ContractError: the method fails the check, or passes one that it was expected to fail.
        """
        try:
            with warnings.catch_warnings():
                # What a method warns about is stored in its explanations, where checks look for it.
                warnings.simplefilter("ignore", errors.KerascopeWarning)
                self.clause.function(self.bench)
        except UnavailableError as reason:
            return Outcome(self.name, "skipped", str(reason))
        except Exception as error:
            if self.expected_failure is not None:
                return Outcome(self.name, "expected failure", self.expected_failure)
            what = str(error) if isinstance(error, AssertionError) else repr(error)
            raise ContractError(f"{self}: {self.description}\n{what}") from error
        if self.expected_failure is not None:
            raise ContractError(
                f"{self}: expected to fail ({self.expected_failure}), but it passes; take it out of "
                "expected_failures."
            )
        return Outcome(self.name, "passed")


@dataclass(frozen=True)
class Report:
    """What `check_method` found.

    Args:
        method: the method as one would write it.
        outcomes: one per check that applies.
    """

    method: str
    outcomes: tuple[Outcome, ...]

    def __str__(self) -> str:
        return "\n".join([self.method, *(f"    {outcome}" for outcome in self.outcomes)])


def checks(
    method: type[Method] | Method,
    *,
    oracle: Oracle | None = None,
    golden: Path | str | None = None,
    tolerance: float = 1e-4,
    expected_failures: Mapping[str, str] | None = None,
    models: Models | None = None,
) -> list[Check]:
    """The checks that apply to a method, to be called one by one.

    Args:
        method: a method's class, tried with the settings of `kerascope.testing.fast` where it has such
            parameters, else with its defaults; or a method as it is.
        oracle: the method again, from its paper in plain loops; see `kerascope.testing.oracles`. None for
            that of kerascope's own method of this name with the same settings; without one the check
            is skipped.
        golden: a file of `kerascope.testing.golden`; without one the check is skipped.
        tolerance: how far maps may lie from the golden file, relative to the largest absolute value.
        expected_failures: reason by name of the check.
        models: tiny models to share with the checks of other methods; None for new ones.

    Raises:
        ValueError: an expected failure names no check that applies, or gives no reason.

    Example:
        >>> import kerascope as ks
        >>> [str(check) for check in ks.testing.checks(ks.Saliency)][0]
        'Saliency-is_a_value'
    """
    bench = Bench(method, oracle, None if golden is None else Path(golden), tolerance, models)
    expected = dict(expected_failures or {})
    ordered = sorted(CLAUSES.values(), key=lambda found: found.number)
    applying = [found for found in ordered if found.applies(bench.method.tags)]
    unknown = sorted(set(expected) - {found.name for found in applying})
    if unknown:
        raise ValueError(f"expected_failures must name checks that apply; got {unknown}")
    if not all(expected.values()):
        raise ValueError("each of expected_failures must give a reason")
    return [Check(found, bench, expected.get(found.name)) for found in applying]


def check_method(
    method: type[Method] | Method,
    *,
    oracle: Oracle | None = None,
    golden: Path | str | None = None,
    tolerance: float = 1e-4,
    expected_failures: Mapping[str, str] | None = None,
    only: Iterable[str] | None = None,
) -> Report:
    """Run every check that applies to a method, on the current backend.

    Args:
        method: see `checks`.
        oracle: see `checks`.
        golden: see `checks`.
        tolerance: see `checks`.
        expected_failures: see `checks`.
        only: names of the checks to run; None for all.

    Returns:
        One outcome per check.

    Raises:
        ContractError: at least one check failed; the message lists all that did.

    Cost:
        About fifty small compilations.

    Example:
        >>> import kerascope as ks
        >>> print(ks.testing.check_method(ks.Saliency, only=["is_a_value"]))
        Saliency()
            is_a_value: passed
    """
    found = checks(
        method,
        oracle=oracle,
        golden=golden,
        tolerance=tolerance,
        expected_failures=expected_failures,
    )
    if only is not None:
        wanted = set(only)
        if unknown := sorted(wanted - {check.name for check in found}):
            raise ValueError(f"only must name checks that apply; got {unknown}")
        found = [check for check in found if check.name in wanted]
    outcomes: list[Outcome] = []
    for check in found:
        try:
            outcomes.append(check())
        except ContractError as error:
            outcomes.append(Outcome(check.name, "failed", str(error)))
    failed = [outcome.reason for outcome in outcomes if outcome.status == "failed"]
    if failed:
        raise ContractError(f"{len(failed)} of {len(outcomes)} checks failed:\n\n" + "\n\n".join(failed))
    return Report((method() if isinstance(method, type) else method).written(), tuple(outcomes))
