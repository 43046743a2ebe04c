"""`python -m benchmarks.mutation draw`, `cover` or `run`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import benchmarks.mutation as described


def main() -> None:
    parser = argparse.ArgumentParser(
        description=described.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--suite", type=Path, default=Path(), help="the checkout that is meant (default: this)"
    )
    parts = parser.add_subparsers(dest="part", required=True)
    draws = parts.add_parser("draw", help="draw mutations")
    draws.add_argument("out", type=_path)
    draws.add_argument("--count", type=int, default=300)
    draws.add_argument("--seed", type=int, default=18)
    covers = parts.add_parser("cover", help="find which tests run which lines; other arguments are pytest's")
    covers.add_argument("out", type=_path)
    runs = parts.add_parser("run", help="run tests against mutations")
    runs.add_argument("drawn", type=_path)
    runs.add_argument("covered", type=_path, nargs="+", help="what `cover` wrote; the next is for survivors")
    runs.add_argument("results", type=_path)
    runs.add_argument("--processes", type=int, default=1)
    given, others = parser.parse_known_args()
    if others and given.part != "cover":
        parser.error(f"unknown: {' '.join(others)}")
    # Each needs what another environment has not.
    if given.part == "draw":
        from benchmarks.mutation.draw import draw
    elif given.part == "cover":
        from benchmarks.mutation.cover import cover
    else:
        from benchmarks.mutation.run import run
    os.chdir(given.suite)
    sys.path[0] = str(Path("src").resolve())
    os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], *filter(None, [os.environ.get("PYTHONPATH")])])
    if given.part == "draw":
        draw(given.out, given.count, given.seed)
    elif given.part == "cover":
        cover(given.out, others)
    else:
        run(given.drawn, given.covered, given.results, given.processes)


def _path(text: str) -> Path:
    return Path(text).absolute()


if __name__ == "__main__":
    main()
