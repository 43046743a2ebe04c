"""Growth: what is resident in one process while a small model is question_of_parent again and again."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

from benchmarks.cost.child import answer, child, question_of_parent
from benchmarks.cost.memory import resident
from benchmarks.report.measurements import Growth

WHAT = ("maximize", "grad_cam")
EVERY = 100
"""Calls between two looks; those until the first compile, and fill what is kept."""


def measure(backend: str, what: str, calls: int) -> Growth:
    """Measure one kind of call in a process of its own."""
    found: Growth = child("growth", backend, {"backend": backend, "what": what, "calls": calls})
    return found


def main() -> None:
    question = question_of_parent()
    call = _call(question["what"])
    warnings.simplefilter("ignore")
    looks = list(range(EVERY, question["calls"] + EVERY + 1, EVERY))
    found = []
    for look in looks:
        for number in range(look - EVERY, look):
            call(number)
        gc.collect()
        found.append(resident("VmRSS"))
    answer(Growth(backend=question["backend"], what=question["what"], calls=looks, resident=found))


def _call(what: str) -> Callable[[int], Any]:
    """A call on digits, with another class and seed each time."""
    import kerascope as ks
    from examples.demo.train import digit_network

    probe = ks.Probe(digit_network())
    if what == "grad_cam":
        images = probe.blank() + 0.5
        return lambda number: ks.GradCAM()(probe, images, number % 10)
    return lambda number: ks.maximize(probe, number % 10, steps=4, input_range=(0, 1), seed=number)


if __name__ == "__main__":
    main()
