"""Memory: a fresh process that builds the model and then does one thing only, and its peak in doing so.

Linux keeps the most that was ever resident in a process, and lets the process set that number back, which is
done when the model is built. Device memory is not in it, so it says nothing about a GPU.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import contestants
from benchmarks.child import answer, asked, child
from benchmarks.results import FORWARD, Memory, Peak
from benchmarks.setting import Setting

NAMES = (FORWARD, "grad_cam")
CALLS = 4
"""The first one compiles."""
_PROCESS = Path("/proc/self")


def available() -> bool:
    """Whether the system tells."""
    return (_PROCESS / "clear_refs").exists()


def measure(setting: Setting, processes: int, names: Sequence[str] = NAMES) -> Memory:
    """Measure each contestant in several processes, taking turns."""
    peaks: dict[str, list[Peak]] = {name: [] for name in names}
    for _ in range(processes):
        for name in names:
            question = {"name": name, "setting": asdict(setting)}
            peaks[name].append(child("memory", setting.backend, question))
    return Memory(setting=asdict(setting), peaks=peaks)


def main() -> None:
    question = asked()
    setting, name = Setting(**question["setting"]), question["name"]
    warnings.simplefilter("ignore")
    model, images = setting.build(), setting.images()
    # The process of the bare pass never imports kerascope.
    make = contestants.plain if name == FORWARD else contestants.ours
    call = next(entry.call for entry in make(setting, model, images) if entry.name == name)
    gc.collect()
    (_PROCESS / "clear_refs").write_text("5")
    idle = resident("VmRSS")
    for _ in range(CALLS):
        call()
    answer(Peak(idle=idle, peak=resident("VmHWM")))


def resident(field: str) -> int:
    """Bytes: VmRSS are resident now, VmHWM at the most since the start or since it was set back."""
    lines = (_PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    main()
