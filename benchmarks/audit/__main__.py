"""`python -m benchmarks.audit`: `--what` planted marks, cues in real pictures, cost, or only tables."""

from __future__ import annotations

import argparse
import os
import sys

WHAT = ("planted", "real", "cost", "tables")


def main() -> int:
    """Run a benchmark, which has options of its own, and write its tables into docs/audit-runs.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", add_help=False)
    parser.add_argument("--what", choices=WHAT, default="planted")
    options, others = parser.parse_known_args()
    # The quickest on a CPU, and what the tables are made with.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if options.what == "planted":
        from benchmarks.audit import planted

        return planted.main(others)
    if options.what == "real":
        from benchmarks.audit import real

        return real.main(others)
    if options.what == "cost":
        from benchmarks.audit import cost

        return cost.main()
    from benchmarks.audit import tables

    return tables.main()


if __name__ == "__main__":
    sys.exit(main())
