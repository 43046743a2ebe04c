"""The contract of every registered method, on this process's backend, against the shared golden file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

import kerascope as ks

GOLDEN = Path(__file__).parent / "golden" / "maps.npz"

# Explaining changes nothing, so all methods may share the tiny models and their probes.
SHARED = ks.testing.Models()

# Beside each method with its default parameters, those variations that take another path.
VARIATIONS = [
    ks.GradCAM(relu=False),
    ks.Augmented(ks.Saliency(), scales=(1.0,)),
    ks.PrincipalComponent(ks.Saliency()),
    ks.PrincipalComponent(ks.GradCAM(), centre=True),
    ks.SmoothGrad(ks.GradCAM(), samples=3),
    ks.XRAI(ks.GradCAM()),
]

# Methods of many passes ask about variants what `Saliency` or `GradCAM` ask about images, and sum up in
# NumPy. They and the variations keep the whole contract on torch, which is quick; on other backends, what
# these have a say in.
BACKEND_HAS_A_SAY = {
    *("compiled_is_eager", "cost", "deterministic", "golden", "layout", "mixed_precision", "new_weights"),
    *("oracle", "rank", "tokens", "traces"),
}
FEW_PASSES = 2


def subjects() -> Iterator[ks.testing.Check]:
    """Every check of every method on this backend."""
    whole = keras.backend.backend() == "torch"
    for method in ks.methods().values():
        few = method().forwards <= FEW_PASSES
        for check in ks.testing.checks(method, golden=GOLDEN, models=SHARED):
            if whole or few or check.name in BACKEND_HAS_A_SAY:
                yield check
    for variation in VARIATIONS if whole else ():
        yield from ks.testing.checks(variation, models=SHARED)


@pytest.mark.parametrize("check", list(subjects()), ids=str)
def test_contract(check: ks.testing.Check) -> None:
    outcome = check()
    if outcome.status == "skipped":
        pytest.skip(outcome.reason)
    assert outcome.status == "passed"
