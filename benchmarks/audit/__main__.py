"""`python -m benchmarks.audit`: planted marks, cues in real pictures (`--what real`), or `cost`."""

from __future__ import annotations

import argparse
import sys


def main() -> int:
    """Run one of the three benchmarks; each has options of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", add_help=False)
    parser.add_argument("--what", choices=("planted", "real", "cost"), default="planted")
    options, others = parser.parse_known_args()
    if options.what == "planted":
        from benchmarks.audit import planted

        return planted.main(others)
    from benchmarks.audit import cost

    return cost.main()


if __name__ == "__main__":
    sys.exit(main())
