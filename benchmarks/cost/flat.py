"""Flatness: what one mask takes, for few and for many masks, and for few and for many images."""

from __future__ import annotations

import gc
import random
import time
import warnings
from dataclasses import asdict, replace
from typing import Any

from benchmarks.cost.child import answer, child, question_of_parent
from benchmarks.cost.setting import Setting
from benchmarks.report.measurements import Flat

METHODS = ("rise",)
SIZE, BATCH = 96, 8
"""Images at most so large, and so many rows a pass, so that it does not take all day."""
FEW = 100
PAIRS = ((FEW, 1), (1000, 1), (FEW, 4), (FEW, 16), (FEW, 64))
"""Masks and images."""
ONCE = (10_000, 1)
"""Measured in a single round."""
MOST = 5
"""Rounds at most."""


def measure(setting: Setting, method: str) -> Flat:
    """Measure one method in a process of its own."""
    found: Flat = child("flat", setting.backend, {"setting": asdict(setting), "method": method})
    return found


def main() -> None:
    import kerascope as ks

    question = question_of_parent()
    setting, name = Setting(**question["setting"]), question["method"]
    warnings.simplefilter("ignore")
    model = setting.build()
    kind: Any = ks.methods()[name]
    probe = ks.Probe(model, batch_size=setting.batch)
    images = replace(setting, batch=max(count for _, count in PAIRS)).images()
    pairs = [*PAIRS, ONCE]

    def call(masks: int, count: int) -> float:
        gc.collect()
        start = time.perf_counter()
        kind(masks=masks, progress=False)(probe, images[:count])
        return time.perf_counter() - start

    for _, count in PAIRS:
        # Compiles, and is not counted.
        call(setting.batch, count)
    chance = random.Random(setting.seed)
    seconds: list[list[float]] = [[] for _ in pairs]
    for turn in range(min(setting.repeats, MOST)):
        order = list(range(len(pairs) if not turn else len(PAIRS)))
        chance.shuffle(order)
        for number in order:
            seconds[number].append(call(*pairs[number]))
    answer(
        Flat(
            setting=asdict(setting),
            method=name,
            masks=[masks for masks, _ in pairs],
            images=[count for _, count in pairs],
            seconds=seconds,
        )
    )


if __name__ == "__main__":
    main()
