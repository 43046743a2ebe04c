"""The contract of every registered method, on this process's backend, against the shared golden file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

import kerascope as ks
from kerascope.testing.causes import CAUSES, WAYS
from kerascope.testing.registry import check as registry

GOLDEN = Path(__file__).parents[1] / "golden" / "maps.npz"

# Explaining changes nothing, so all methods may share the tiny models and their probes.
SHARED = ks.testing.Models()

# Beside each method with its own settings, those variations that take another path.
VARIATIONS = [
    ks.GradCAM(relu=False),
    ks.Augmented(ks.Saliency(), scales=(1.0,)),
    ks.PrincipalComponent(ks.Saliency()),
    ks.PrincipalComponent(ks.GradCAM(), centre=True),
    ks.SmoothGrad(ks.GradCAM(), samples=3),
    ks.XRAI(ks.GradCAM()),
]

# Torch, which is quick, checks the arithmetic of every method, that of `keras.ops` and NumPy. What the
# other backends make of it is seen in the golden maps. The probe is asked in every way on torch; the others,
# which compile, are asked for what their own modules do: forwards, gradients, gradients by a rule.
BACKEND_WAYS = {"gradients of a layer", "gradients by a rule", "segments of the image"}


def subjects() -> Iterator[ks.testing.Check]:
    """Every check that this backend has to pass."""
    torch = keras.backend.backend() == "torch"
    causes = {"method", "backend"} if torch else {"backend"}
    whole = {name for way, name in WAYS.items() if torch or way in BACKEND_WAYS}
    for name, method in ks.methods().items():
        for check in ks.testing.checks(method, golden=GOLDEN, models=SHARED):
            if name in whole or CAUSES[check.name] in causes:
                yield check
    for variation in VARIATIONS if torch else ():
        for check in ks.testing.checks(variation, models=SHARED):
            if CAUSES[check.name] in causes:
                yield check


@pytest.mark.parametrize("check", list(subjects()), ids=str)
def test_contract(check: ks.testing.Check) -> None:
    outcome = check()
    if outcome.status == "skipped":
        pytest.skip(outcome.reason)
    assert outcome.status == "passed"


@pytest.mark.once
def test_every_check_has_one_cause_and_every_way_a_method() -> None:
    assert set(CAUSES) == set(registry)
    assert set(WAYS.values()) <= set(ks.methods())
    assert set(WAYS) >= BACKEND_WAYS
