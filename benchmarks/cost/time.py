"""Time: every contestant once a round, in an order that is shuffled anew, so that all share the weather."""

from __future__ import annotations

import gc
import importlib
import random
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict

from benchmarks.cost.child import answer, child, question_of_parent
from benchmarks.cost.contestants import Contestant, looped, others, ours, plain
from benchmarks.cost.setting import Setting
from benchmarks.report.measurements import CURVES, FORWARD, MASKS, Cost, Counts, Row


def measure(setting: Setting) -> Cost:
    """Measure one setting in a process of its own."""
    found: Cost = child("time", setting.backend, asdict(setting))
    return found


def main() -> None:
    setting = Setting(**question_of_parent())
    # Untrained weights may give maps that kerascope warns about; here only their cost matters.
    warnings.simplefilter("ignore")
    model, images = setting.build(), setting.images()
    mine, absent = ours(setting, model, images)
    bare = plain(setting, model, images)
    if any(one.kind in (MASKS, CURVES) for one in mine):
        bare.append(looped(bare[0]))
    entered = [*bare, *mine]
    if setting.peers:
        found, missing = others(setting, model, images)
        entered += found
        absent |= missing

    ready: list[tuple[Contestant, float, float | None]] = []
    for contestant in entered:
        try:
            ready.append((contestant, *_first(contestant)))
        except Exception as error:  # noqa: BLE001 - one that fails must not take the others along
            absent[f"{contestant.by} {contestant.name}"] = f"{type(error).__name__}: {error}"
    if not ready or ready[0][0].name != FORWARD:
        raise RuntimeError(f"the bare forward pass failed: {absent}")

    before = [_counted(contestant) for contestant, *_ in ready]
    seconds = _rounds([contestant for contestant, *_ in ready], setting.repeats, setting.seed)
    rows = [
        Row(
            name=contestant.name,
            by=contestant.by,
            first=first,
            seconds=taken,
            counts=_counts(contestant, counted, setting, masks),
            kind=contestant.kind,
            masks=masks,
        )
        for (contestant, first, masks), counted, taken in zip(ready, before, seconds, strict=True)
    ]
    answer(Cost(setting=asdict(setting), rows=rows, absent=absent, versions=_versions(setting.backend)))


def _first(contestant: Contestant) -> tuple[float, float | None]:
    """Seconds of the first call, and how many masks an image has had."""
    start = time.perf_counter()
    found = contestant.call()
    seconds = time.perf_counter() - start
    masks = getattr(found, "masks", None) if contestant.probe else None
    return seconds, None if masks is None else float(masks.mean())


def _rounds(contestants: Sequence[Contestant], repeats: int, seed: int) -> list[list[float]]:
    """Seconds of each contestant in each round, after one round that is not counted."""
    chance = random.Random(seed)
    order = list(range(len(contestants)))
    seconds: list[list[float]] = [[] for _ in contestants]
    for _ in range(repeats + 1):
        chance.shuffle(order)
        for number in order:
            # Nobody pays for what another left behind.
            gc.collect()
            start = time.perf_counter()
            contestants[number].call()
            seconds[number].append(time.perf_counter() - start)
    return [taken[1:] for taken in seconds]


def _counted(contestant: Contestant) -> tuple[int, int, int]:
    probe = contestant.probe
    return (probe.trace_count, probe.forward_count, probe.backward_count) if probe else (0, 0, 0)


def _counts(
    contestant: Contestant, before: tuple[int, int, int], setting: Setting, masks: float | None
) -> Counts | None:
    if contestant.probe is None:
        return None
    traces, forwards, backwards = (now - then for now, then in zip(_counted(contestant), before, strict=True))
    images = setting.batch * (setting.repeats + 1)
    declared = contestant.declared
    if contestant.sized:
        # Without masks there was a gradient instead.
        declared = (1, 1) if masks is None else (1 + masks, 0)
    return Counts(
        traces=(before[0], traces),
        forwards=forwards / images,
        backwards=backwards / images,
        declared=declared,
    )


def _versions(backend: str) -> dict[str, str]:
    packages = map(importlib.import_module, ("kerascope", "keras", backend, "numpy"))
    return {package.__name__: package.__version__ for package in packages}


if __name__ == "__main__":
    main()
