"""How many workers, and when a cluster pays: `python -m benchmarks.sizing`.

A folder of photographs is explained, then methods are evaluated, by this process alone and by workers. What
is told: seconds until the workers are ready, images a second from then on, and the seconds of processor and
the memory of each worker, from which docs/datasets.md has its rule. Some four minutes on two cores.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cost.dataset import SIZES, photographs

IMAGES = 128
MEASURED = 2
"""Images of an evaluation."""
SIDE = 224
METHODS = ("grad_cam", "hires_cam", "saliency")
SETTINGS = ((0, 1), (1, 1), (2, 1), (1, 2))
"""Workers, 0 for none, and processors of each."""


@dataclass(frozen=True, eq=False)
class Usage:
    """What a worker has taken so far: a `kerascope.dataset.running.worker.Work`."""

    probe: Any

    def start(self, probe: Any) -> Callable[[int], tuple[float, float]]:
        """From a number to seconds of processor and megabytes at the peak."""
        return lambda number: usage()


def usage() -> tuple[float, float]:
    """Seconds of processor in all threads, and megabytes at the peak, of this process."""
    return time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(workers: int, cpus: int) -> dict[str, Any]:
    """One setting, in this process."""
    import keras
    import numpy as np

    import kerascope as ks
    from kerascope.dataset.options import ImageOptions, RunOptions
    from kerascope.dataset.reading.source import find_images
    from kerascope.dataset.running.cluster import Cluster, open_workers
    from kerascope.dataset.running.plan import plan
    from kerascope.dataset.running.worker import SharedProbe

    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(input_shape=(SIDE, SIDE, 3), weights=None)
    found: dict[str, Any] = {"workers": workers, "cpus": cpus}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photographs(folder / "in", SIZES[0], IMAGES)
        options = ImageOptions(preprocessing="-1-1", fit="stretch", shard_size=32)
        job = plan(model, find_images(folder / "in"), METHODS[0], options=options)
        run = RunOptions(workers=Cluster(workers, cpus) if workers else None)
        begin = time.perf_counter()
        with open_workers(run, model) as others:
            if others is not None:
                work = Usage(SharedProbe.of(job.probe, job.blank))
                ready = others.all(work, range(workers))
            else:
                ready = [usage()]
            found["start"] = time.perf_counter() - begin
            begin = time.perf_counter()
            # The first pass compiles.
            job.run(folder / "out", RunOptions(workers=others, progress=False))
            found["explain"] = time.perf_counter() - begin
            after = [usage()] if others is None else others.all(work, range(workers))
        found["processor_start"] = sum(one for one, _ in ready) / len(ready)
        found["processor"] = (sum(one for one, _ in after) - sum(one for one, _ in ready)) / IMAGES
        found["memory"] = max(memory for _, memory in after)
    images = np.random.default_rng(0).uniform(-1, 1, (MEASURED, SIDE, SIDE, 3)).astype("float32")
    begin = time.perf_counter()
    ks.evaluate(
        METHODS,
        model,
        images,
        metrics=["deletion"],
        controls=(),
        workers=Cluster(workers, cpus) if workers else None,
        progress=False,
    )
    found["evaluate"] = time.perf_counter() - begin
    return found


def main() -> None:
    """Measure all settings, each in a process of its own, and tell them."""
    if len(sys.argv) == 3:
        print(json.dumps(measure(int(sys.argv[1]), int(sys.argv[2]))))
        return
    print(f"{os.cpu_count()} cores; {IMAGES} photographs of {SIZES[0][0]} x {SIZES[0][1]} by {METHODS[0]},")
    print(f"{len(METHODS)} methods by one metric on {MEASURED} images; MobileNetV2, {SIDE} px.\n")
    print("| workers | CPUs of each | ready after | explain | for an image | memory of each | evaluate |")
    print("| --: | --: | --: | --: | --: | --: | --: |", flush=True)
    for workers, cpus in SETTINGS:
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.sizing", str(workers), str(cpus)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        row = json.loads(ran.stdout.splitlines()[-1])
        print(
            f"| {workers or 'none'} | {cpus if workers else '-'} "
            f"| {row['start']:.0f} s, {row['processor_start']:.0f} of processor "
            f"| {row['explain']:.0f} s, {IMAGES / row['explain']:.1f} images/s "
            f"| {1000 * row['processor']:.0f} ms of processor | {row['memory']:.0f} MB "
            f"| {row['evaluate']:.0f} s |",
            flush=True,
        )


if __name__ == "__main__":
    main()
