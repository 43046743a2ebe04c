"""`python -m kerascope.testing`: write or compare golden maps; see `kerascope.testing.golden`."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from kerascope import errors
from kerascope.testing import golden
from kerascope.testing.fixture import difference


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or print how far the current backend's maps lie from it.

    Returns:
        0, or 1 where a map is missing or differs by more than 1e-4 of its largest value.
    """
    parser = argparse.ArgumentParser(prog="python -m kerascope.testing")
    parser.add_argument("path", type=Path, help="the .npz file")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    with warnings.catch_warnings():
        # Some map of some class is flat, or misses its sum; it is stored like the others.
        warnings.simplefilter("ignore", errors.FlatMapWarning)
        warnings.simplefilter("ignore", errors.FlattenedHeadWarning)
        warnings.simplefilter("ignore", errors.CompletenessWarning)
        found = golden.maps()
    if not options.check:
        golden.write(options.path, found)
        return 0
    stored = golden.read(options.path)
    gaps = {
        name: difference(values, stored[name]) if name in stored else float("inf")
        for name, values in found.items()
    }
    for name, gap in gaps.items():
        sys.stdout.write(f"{name:40} {gap:.3g}\n")
    return int(max(gaps.values()) > 1e-4)


if __name__ == "__main__":
    sys.exit(main())
