"""Golden maps: stored once, compared on every backend.

    python -m kerascope.testing tests/golden/maps.npz          # write those of all methods
    python -m kerascope.testing --check tests/golden/maps.npz  # compare, and print the differences

The file names the backend that wrote it under `backend`. It is written anew only when a method or a tiny
model is meant to change.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from kerascope.method import Method, methods
from kerascope.testing.fixture import Fixture, Models, backend_name
from kerascope.typing import Array

CASES = ("smooth_flattened", "smooth_residual", "smooth_conv3d", "transformer")
"""Tiny models whose maps are stored: those without a corner, so that no rounding moves a map."""
CLASSES = range(3)
"""The classes whose maps are stored, in the order of the first axis."""


def key(method: Method, case: str) -> str:
    """Name of a method's maps in the file."""
    return f"{method.name}/{case}"


def case_maps(fixture: Fixture, case: str, scale: float = 1.0) -> Array:
    """The maps of a tiny model, of its images times a scale, (classes, N, ...)."""
    images = None if scale == 1.0 else fixture.tiny(case).images * scale
    return np.stack([fixture.explain(case, index, images, compiled=True).values for index in CLASSES])


def maps() -> dict[str, Array]:
    """The maps of all registered methods on the current backend, by name."""
    found: dict[str, Array] = {}
    shared = Models()
    for method in methods().values():
        fixture = Fixture(method, models=shared)
        found |= {key(fixture.method, case): case_maps(fixture, case) for case in CASES if fixture.fits(case)}
    return found


def read(path: Path) -> dict[str, Array]:
    """The maps of a file, by name."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def write(path: Path, found: dict[str, Array]) -> None:
    """Write maps, and the name of the backend that made them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written: dict[str, Any] = {"backend": np.asarray(backend_name()), **found}
    np.savez_compressed(path, **written)
