"""Golden maps: stored once, compared on every backend.

    python -m kerascope.testing.golden tests/golden/maps.npz          # write those of all methods
    python -m kerascope.testing.golden --check tests/golden/maps.npz  # compare, and print the differences

The file names the backend that wrote it under `backend`. It is written anew only when a method or a tiny
model is meant to change.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerascope.method import Method, methods
from kerascope.testing.bench import Bench, backend_name, difference
from kerascope.testing.models.base import Array

CASES = ("functional", "flattened", "planted", "residual", "normalised", "transformer", "conv3d")
"""Tiny models whose maps of class 1 are stored."""


def key(method: Method, case: str) -> str:
    """Name of a map in the file."""
    return f"{method.name}/{case}"


def case_map(bench: Bench, case: str) -> Array:
    """The map of class 1 of a tiny model."""
    return bench.explain(case, 1).values


def read(path: Path) -> dict[str, Array]:
    """The maps of a file, by name."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def maps() -> dict[str, Array]:
    """The maps of all registered methods on the current backend, by name."""
    found: dict[str, Array] = {}
    for method in methods().values():
        bench = Bench(method)
        found |= {key(bench.method, case): case_map(bench, case) for case in CASES}
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or compare with it."""
    parser = argparse.ArgumentParser(prog="python -m kerascope.testing.golden")
    parser.add_argument("path", type=Path, help="the .npz file")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    found = maps()
    if not options.check:
        options.path.parent.mkdir(parents=True, exist_ok=True)
        written: dict[str, Any] = {"backend": np.asarray(backend_name()), **found}
        np.savez_compressed(options.path, **written)
        return 0
    stored = read(options.path)
    for name, values in found.items():
        gap = difference(values, stored[name]) if name in stored else float("nan")
        sys.stdout.write(f"{name:40} {gap:.3g}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
