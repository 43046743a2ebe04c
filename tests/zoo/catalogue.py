"""All models of the zoo, and the probe of each, made once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import keras
import pytest

import kerascope as ks
import tests.zoo.models  # noqa: F401 (which puts them into the registry)
from tests.helpers.probes import BACKEND
from tests.zoo.specimen import SPECIMENS, Specimen
from tests.zoo.weights import focus


def here(chosen: Callable[[Specimen], bool] = lambda _: True) -> list[Any]:
    """The specimens that are tried on this backend, as parameters of a test."""
    return [
        pytest.param(found, id=found.name, marks=[pytest.mark.slow] * found.slow)
        for found in SPECIMENS.values()
        if BACKEND in found.backends and chosen(found)
    ]


def probe_of(found: Specimen, seed: int) -> ks.Probe:
    """The probe of a specimen, made once; the test is skipped where a package of it is missing."""
    if found.needs:
        pytest.importorskip(
            found.needs,
            reason=f"{found.name} needs {found.needs}, which cannot be imported",
            exc_type=ImportError,
        )
    return _probe(found.name, seed)


def explain(found: Specimen, probe: ks.Probe, given: Any) -> ks.Explanation:
    """Grad-CAM at the automatic layer; of several branches, at the first."""
    result = ks.GradCAM(relu=False)(probe, given, found.target)
    if result.layer is None or ", " not in result.layer:
        return result
    return ks.GradCAM(relu=False, layer=result.layer.split(", ")[0])(probe, given, found.target)


@functools.cache
def _probe(name: str, seed: int) -> ks.Probe:
    found = SPECIMENS[name]
    keras.utils.set_random_seed(seed)
    model = found.build()
    focus(model)
    return ks.Probe(model, placement="measured", compile=False, **found.options)
