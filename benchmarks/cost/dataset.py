"""Data sets: how fast a folder goes through, what that holds, what a kill loses, what workers bring."""

from __future__ import annotations

import importlib.metadata
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.cost import bare
from benchmarks.cost.child import answer, child, question_of_parent
from benchmarks.cost.memory import resident
from benchmarks.cost.setting import Setting
from benchmarks.report.measurements import Dataset

WHAT = ("throughput", "memory", "kills", "workers")
METHOD = "grad_cam"
BATCH = 32
"""Images per pass: what a probe takes unless told otherwise."""
FILES = 512
SIZES = ((500, 375), (256, 256))
"""Width and height of the photographs: as ImageNet has them, and as they are often kept for training."""
FEW, MANY = 500, 5000
SETTLED = 2000
"""Images of a first run, after which allocators have what they keep."""
KILLS = 20
KILLED = 3000
"""Images of the run that is killed."""
SHARED = 2048
"""Images that workers share."""
_SOURCES = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png", "astronaut.png")


Taken = tuple[float, float]
"""Seconds, and seconds of processor in all threads."""


class Clock:
    """What a block takes."""

    taken: Taken

    def __enter__(self) -> Clock:
        self._start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.taken = time.perf_counter() - self._start[0], time.process_time() - self._start[1]


def measure(setting: Setting, what: str) -> Dataset:
    """Measure one thing in a process of its own."""
    found: Dataset = child("dataset", setting.backend, {"setting": asdict(setting), "what": what})
    return found


def photographs(folder: Path, size: tuple[int, int], count: int = FILES) -> Path:
    """JPEG files cut out of the photographs that scikit-image brings."""
    from PIL import Image

    shipped = importlib.metadata.distribution("scikit-image")
    pictures = []
    for name in _SOURCES:
        with Image.open(str(shipped.locate_file(f"skimage/data/{name}"))) as picture:
            pictures.append(picture.convert("RGB"))
    chance = random.Random(0)
    folder.mkdir(parents=True)
    for number in range(count):
        picture = pictures[number % len(pictures)]
        share = chance.uniform(0.6, 1)
        width, height = int(picture.width * share), int(picture.height * share)
        left, top = chance.randint(0, picture.width - width), chance.randint(0, picture.height - height)
        cut = picture.crop((left, top, left + width, top + height)).resize(size)
        cut.save(folder / f"{number:04d}.jpg", quality=90)
    return folder


def repeated(folder: Path, count: int) -> Path:
    """A list of `count` files, of a folder with fewer, again and again."""
    files = sorted(folder.glob("*.jpg"))
    path = folder.parent / f"{count}.txt"
    path.write_text("\n".join(str(files[number % len(files)]) for number in range(count)))
    return path


def main() -> None:
    question = question_of_parent()
    setting, what = replace(Setting(**question["setting"]), batch=BATCH), question["what"]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        measured = {"throughput": _throughput, "memory": _memory, "kills": _kills, "workers": _workers}[what]
        answer(Dataset(setting=asdict(setting), what=what, measured=measured(setting, Path(folder))))


def _throughput(setting: Setting, folder: Path) -> dict[str, Any]:
    """Seconds for all files: the bare forward pass over batches that are there, and whole runs."""
    import kerascope as ks

    model, images = setting.build(), setting.images()
    forward, _ = bare.passes(setting.backend, model, images)
    probe = ks.Probe(model, batch_size=BATCH)
    sources = {
        f"{width} x {height}": photographs(folder / f"{width}", (width, height)) for width, height in SIZES
    }

    def passes() -> Taken:
        with Clock() as clock:
            for _ in range(FILES // BATCH):
                forward()
        return clock.taken

    def run(source: Path, overlay: Any) -> Taken:
        with Clock() as clock:
            results = ks.explain_dataset(
                probe,
                source,
                folder / "out",
                METHOD,
                preprocessing="-1-1",
                overlay=overlay,
                overwrite=True,
                progress=False,
            )
        assert results.counts["explained"] == FILES
        return clock.taken

    kinds = [
        (f"{size}, {what}", source, overlay)
        for size, source in sources.items()
        for what, overlay in (("table and overlays", "jpg"), ("table alone", None))
    ]
    forward()
    run(next(iter(sources.values())), "jpg")
    runs: dict[str, list[Taken]] = {name: [] for name, _, _ in kinds}
    bare_passes: dict[str, list[Taken]] = {name: [] for name, _, _ in kinds}
    for _ in range(setting.repeats):
        for name, source, overlay in kinds:
            # Between two rows of bare passes, since the machine is not the same a minute later.
            first = passes()
            runs[name].append(run(source, overlay))
            second = passes()
            bare_passes[name].append(((first[0] + second[0]) / 2, (first[1] + second[1]) / 2))
    return {"images": FILES, "runs": runs, "forward": bare_passes, "cores": os.cpu_count()}


def _memory(setting: Setting, folder: Path) -> dict[str, Any]:
    """Bytes resident before runs with few and with many images in one process, and at the most in them."""
    import kerascope as ks

    probe = ks.Probe(setting.build(), batch_size=BATCH)
    source = photographs(folder / "in", SIZES[0])

    def run(count: int) -> dict[str, int]:
        idle = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")
        ks.explain_dataset(
            probe,
            repeated(source, count),
            folder / "out",
            METHOD,
            preprocessing="-1-1",
            overwrite=True,
            progress=False,
        )
        return {"idle": idle, "peak": resident("VmHWM")}

    run(SETTLED)
    return {str(count): run(count) for count in (FEW, MANY)}


_PROGRAM = """
import sys
from pathlib import Path
from benchmarks.cost.setting import Setting
import json
setting = Setting(**json.loads(sys.argv[1]))
import kerascope as ks
model = setting.build()
print("ready", flush=True)
ks.explain_dataset(model, sys.argv[2], sys.argv[3], "grad_cam", preprocessing="-1-1", shard_size=32,
                   resume=True, progress=False)
"""


def _kills(setting: Setting, folder: Path) -> dict[str, Any]:
    """A run that is killed again and again, against one that is not."""
    import json

    import pyarrow.parquet as pq

    small = replace(setting, size=96)
    source = repeated(photographs(folder / "in", SIZES[1]), KILLED)
    chance = random.Random(setting.seed)

    def started(out: Path) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            _PROGRAM,
            json.dumps(asdict(small)),
            str(source),
            str(out),
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    whole, part = folder / "whole", folder / "part"
    assert started(whole).wait() == 0
    kills, kept = 0, []
    for _ in range(KILLS):
        process = started(part)
        assert process.stdout is not None
        process.stdout.readline()
        try:
            process.wait(chance.uniform(0.2, 3.5))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
        kept.append(len(list((part / "data").glob("part-*.parquet"))))
    assert started(part).wait() == 0
    names = sorted(path.name for path in (whole / "data").iterdir())
    equal = names == sorted(path.name for path in (part / "data").iterdir())
    for name in names if equal else ():
        one, two = (pq.read_table(root / "data" / name).drop_columns(["timings"]) for root in (whole, part))
        equal = equal and one.equals(two)
    for path in (whole / "overlays").rglob("*.jpg"):
        equal = equal and path.read_bytes() == (part / path.relative_to(whole)).read_bytes()
    return {"images": KILLED, "kills": kills, "shards": len(names), "kept": kept, "equal": equal}


def _workers(setting: Setting, folder: Path) -> dict[str, Any]:
    """Images a second of workers with a processor each, from the first shard that is done to the last."""
    import kerascope as ks
    from kerascope.dataset.running import cluster

    source = repeated(photographs(folder / "in", SIZES[0]), SHARED)
    model = setting.build()
    speeds: dict[str, list[float]] = {"1": [], "2": []}
    done: list[tuple[float, int]] = []
    given = cluster.Workers.map

    def timed(self: Any, work: Any, items: Any) -> Any:
        for place, result in given(self, work, items):
            done.append((time.perf_counter(), result[1]))
            yield place, result

    cluster.Workers.map = timed  # type: ignore[method-assign]
    for _ in range(min(setting.repeats, 3)):
        for count in (1, 2):
            done.clear()
            ks.explain_dataset(
                model,
                source,
                folder / "out",
                METHOD,
                preprocessing="-1-1",
                shard_size=64,
                workers=count,
                overwrite=True,
                progress=False,
            )
            images = sum(found for _, found in done[1:])
            speeds[str(count)].append(images / (done[-1][0] - done[0][0]))
    return {"images": SHARED, "speeds": speeds}


if __name__ == "__main__":
    main()
