"""Imports: fresh processes in turns, half of which import Keras alone and half kerascope after it."""

from __future__ import annotations

import importlib
import sys
import time

from benchmarks.cost.child import answer, child, question_of_parent
from benchmarks.report.measurements import Import

PLOTTING = ("PIL", "bokeh", "matplotlib", "plotly", "seaborn", "skimage")


def measure(backend: str, repeats: int) -> Import:
    """Measure the imports on one backend, after one process of each kind that is not counted."""
    found = Import(backend=backend, alone=[], keras=[], kerascope=[], used=[], plotting=[])
    for repeat in range(repeats + 1):
        alone = child("importing", backend, {"kerascope": False})
        both = child("importing", backend, {"kerascope": True})
        if repeat:
            found["alone"].append(alone["keras"])
            found["keras"].append(both["keras"])
            found["kerascope"].append(both["kerascope"])
            found["used"].append(both["used"])
            found["plotting"] = both["plotting"]
    return found


def main() -> None:
    seconds = {"keras": _seconds("keras")}
    if not question_of_parent()["kerascope"]:
        answer(seconds)
        return
    before = set(sys.modules)
    seconds["kerascope"] = _seconds("kerascope")
    added = set(sys.modules) - before
    start = time.perf_counter()
    _ = sys.modules["kerascope"].explain
    seconds["used"] = time.perf_counter() - start
    answer({**seconds, "plotting": [name for name in PLOTTING if name in added]})


def _seconds(module: str) -> float:
    start = time.perf_counter()
    importlib.import_module(module)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
