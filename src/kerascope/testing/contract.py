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
    averaged        a gradient is averaged over the places of the layer: where the head flattens them, a
                    warning is stored
    pooled_head     the layer must be followed by a mean over space and one linear layer alone
    adaptive        each class is explained by itself, so that all forwards but the first are per class
    masks           it asks about images under masks, and tells under how many
    sized           how many passes it takes depends on the size of the image or on the layer
    rounded         its values are differences that show the rounding of what it asks about: the oracle and
                    maps in half precision may lie further off

A check that fails for a good reason is listed in `expected_failures` with that reason; it is strict: when
it passes, that is a failure too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from kerascope.method import Method
from kerascope.testing import checks as _  # noqa: F401 (fills the contract)
from kerascope.testing.check import Check, ContractReport, bind_checks, run
from kerascope.testing.fixture import Fixture, Models
from kerascope.testing.oracles import Oracle
from kerascope.testing.registry import check


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
        method: a method's class, tried with the settings of `kerascope.testing.fast_settings`, else with its
            defaults; or a method as it is.
        oracle: the method again, from its paper in plain loops; see `kerascope.testing.oracles`. None for
            the oracle of kerascope's own method of this name with the same settings; without one the check
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
    fixture = Fixture(method, oracle, None if golden is None else Path(golden), tolerance, models)
    return bind_checks(fixture, check.select(fixture.method.tags), expected_failures)


def check_method(
    method: type[Method] | Method,
    *,
    oracle: Oracle | None = None,
    golden: Path | str | None = None,
    tolerance: float = 1e-4,
    expected_failures: Mapping[str, str] | None = None,
    only: Iterable[str] | None = None,
) -> ContractReport:
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
    return run((method() if isinstance(method, type) else method).describe(), found, only)
