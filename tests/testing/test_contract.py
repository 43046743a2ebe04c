"""The contract of every registered method, on this process's backend, against the shared golden file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import pytest

import kerascope as ks

GOLDEN = Path(__file__).parents[1] / "golden" / "maps.npz"

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

# Torch, which is quick, has the whole contract of every method. Other backends have it of one method for each
# way of asking a probe, JAX, which is slow to compile, of one for each way of asking the backend: forwards,
# gradients of a layer, of many, by a rule, masks, a model that is cut. The rest differ in arithmetic
# by `keras.ops`, or sum up variants in NumPy, and keep the checks that a backend has a say in: their golden
# maps, volumes and tokens among them, written on TensorFlow and met on torch, are those of the oracle.
WAYS = {"eigen_cam", "full_grad", "grad_cam", "guided_backprop", "ablation_cam", "lime"}
if keras.backend.backend() != "jax":
    WAYS |= {"finer_cam", "guided_grad_cam", "saliency", "shapley_cam"}
BACKEND_HAS_A_SAY = {"compiled_is_eager", "golden", "layout", "mixed_precision", "traces"}


def subjects() -> Iterator[ks.testing.Check]:
    """Every check that this backend has to pass."""
    torch = keras.backend.backend() == "torch"
    for name, method in ks.methods().items():
        for check in ks.testing.checks(method, golden=GOLDEN, models=SHARED):
            if torch or name in WAYS or check.name in BACKEND_HAS_A_SAY:
                yield check
    for variation in VARIATIONS if torch else ():
        yield from ks.testing.checks(variation, models=SHARED)


@pytest.mark.parametrize("check", list(subjects()), ids=str)
def test_contract(check: ks.testing.Check) -> None:
    outcome = check()
    if outcome.status == "skipped":
        pytest.skip(outcome.reason)
    assert outcome.status == "passed"
