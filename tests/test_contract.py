"""The contract of every registered method, on this process's backend, against the shared golden file."""

from __future__ import annotations

from pathlib import Path

import pytest

import kerascope as ks

GOLDEN = Path(__file__).parent / "golden" / "maps.npz"

# Beside each method with its default parameters, those variations that take another path.
# Explaining changes nothing, so all methods may share the tiny models and their probes.
SHARED = ks.testing.Models()
SUBJECTS = [
    *ks.methods().values(),
    ks.GradCAM(relu=False),
    ks.Augmented(ks.Saliency(), scales=(1.0,)),
    ks.PrincipalComponent(ks.Saliency()),
    ks.PrincipalComponent(ks.GradCAM(), centre=True),
    ks.XRAI(ks.GradCAM()),
]


@pytest.mark.parametrize(
    "check",
    [
        check
        for method in SUBJECTS
        for check in ks.testing.checks(
            method, golden=GOLDEN if isinstance(method, type) else None, models=SHARED
        )
    ],
    ids=str,
)
def test_contract(check: ks.testing.Check) -> None:
    outcome = check()
    if outcome.status == "skipped":
        pytest.skip(outcome.reason)
    assert outcome.status == "passed"
