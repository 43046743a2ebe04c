"""Memory: a fresh process that builds the model and then does one thing only, and its peak in doing so.

Linux keeps the most that was ever resident in a process, and lets the process set that number back, which is
done when the model is built. Device memory is not in it, so it says nothing about a GPU.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.cost import contestants
from benchmarks.cost.child import answer, child, question_of_parent
from benchmarks.cost.setting import Setting
from benchmarks.report.measurements import FORWARD, Budget, Memory, Peak, times

NAMES = (FORWARD, "grad_cam")
CALLS = 4
"""The first one compiles."""
REPEATED = ("integrated_gradients", "smooth_grad")
FEW, MANY = 10, 50
"""How many times these do the same: their memory must not grow with it. One call each, in one process."""
BUDGETED = ("rise",)
"""Methods that have a budget of memory, which are measured where they are named."""
BUDGETS = (500_000_000, 1_000_000_000)
MASKS = (100, 4000)
"""How many masks: their memory must not grow with it."""
_PROCESS = Path("/proc/self")


def available() -> bool:
    """Whether the system tells."""
    return (_PROCESS / "clear_refs").exists()


def measure(setting: Setting, processes: int, names: Sequence[str] = NAMES) -> Memory:
    """Measure each contestant in several processes, taking turns."""
    peaks: dict[str, list[Peak]] = {name: [] for name in names}
    for _ in range(processes):
        for name in names:
            peaks[name].append(_asked(setting, name))
    for name in REPEATED:
        if not setting.methods or name in setting.methods:
            for count in (FEW, MANY):
                if (peak := _asked(setting, name, count)) is not None:
                    peaks[times(name, count)] = [peak]
    budgets: list[Budget] = [
        child(
            "memory",
            setting.backend,
            {"name": name, "setting": asdict(setting), "budget": budget, "masks": masks},
        )
        for name in BUDGETED
        if name in setting.methods
        for budget in BUDGETS
        for masks in MASKS
    ]
    return Memory(setting=asdict(setting), peaks=peaks, budgets=budgets)


def _asked(setting: Setting, name: str, count: int | None = None) -> Any:
    question = {"name": name, "count": count, "setting": asdict(setting)}
    return child("memory", setting.backend, question)


def main() -> None:
    question = question_of_parent()
    warnings.simplefilter("ignore")
    if "budget" in question:
        answer(
            _budget(Setting(**question["setting"]), question["name"], question["budget"], question["masks"])
        )
        return
    setting, name, count = Setting(**question["setting"]), question["name"], question["count"]
    model, images = setting.build(), setting.images()
    # The process of the bare pass never imports kerascope.
    if name == FORWARD:
        entered = contestants.plain(setting, model, images)
    elif count is None:
        entered, _ = contestants.ours(replace(setting, methods=(name,)), model, images)
    else:
        found = contestants.repeated(setting, model, images, name, count)
        if found is None:
            answer(None)
            return
        entered, name = [found], found.name
    call = next(entry.call for entry in entered if entry.name == name)
    answer(_peak(call, CALLS if count is None else 1))


def _budget(setting: Setting, name: str, budget: int, masks: int) -> Budget:
    """One image under so many masks; the budget alone decides how many go in a pass."""
    import kerascope as ks

    model, images = setting.build(), setting.images()[:1]
    method: Any = ks.methods()[name]
    method = method(masks=masks, memory=budget, progress=False)
    probe = ks.Probe(model, batch_size=1024)
    first, again = (_peak(lambda: method(probe, images), 1) for _ in range(2))
    return Budget(name=name, masks=masks, budget=budget, first=first, again=again)


def _peak(call: Callable[[], Any], calls: int) -> Peak:
    """What is resident before some calls, and at the most in them."""
    gc.collect()
    (_PROCESS / "clear_refs").write_text("5")
    idle = resident("VmRSS")
    for _ in range(calls):
        call()
    return Peak(idle=idle, peak=resident("VmHWM"))


def resident(field: str) -> int:
    """Bytes: VmRSS are resident now, VmHWM at the most since the start or since it was set back."""
    lines = (_PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    main()
