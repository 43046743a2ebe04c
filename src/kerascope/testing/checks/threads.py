"""Several threads ask one probe while another one uses the model itself."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from kerascope.probe import Probe
from kerascope.testing.checks.effects import snapshot
from kerascope.testing.fixture import CLOSE, Fixture, assert_close
from kerascope.testing.registry import check

ROUNDS = 3
PATIENCE = 600
"""Seconds after which a thread is taken to hang: many, since processors may be busy."""


@check(19)
def concurrent(fixture: Fixture) -> None:
    """Four threads and a foreign forward pass on one model: all are right, and nothing stays behind."""
    tiny = fixture.tiny("nested_fresh", fresh=True)
    outputs = keras.ops.convert_to_numpy(tiny.model(tiny.images, training=False))
    expected = {index: fixture.explain("nested_fresh", index).values for index in range(3)}
    before = snapshot(tiny.model)
    probe = Probe(tiny.model)
    barrier = threading.Barrier(5)
    failures: list[Exception] = []

    def guard(work: Callable[[], Any]) -> Callable[[], None]:
        def run() -> None:
            try:
                barrier.wait()
                for _ in range(ROUNDS):
                    work()
            except Exception as error:  # noqa: BLE001 (handed to the main thread)
                failures.append(error)

        return run

    def ask(index: int) -> Callable[[], None]:
        def work() -> None:
            found = fixture.method(probe, tiny.images, index).values
            assert_close(found, expected[index], CLOSE, f"class {index} in a thread")

        return work

    def forward() -> None:
        found = keras.ops.convert_to_numpy(tiny.model(tiny.images, training=False))
        assert_close(np.asarray(found), outputs, CLOSE, "a foreign forward pass")

    works = {"class 0": ask(0), "class 1": ask(1), "class 2": ask(2), "again": ask(0), "forward": forward}
    # Daemons, so that the process can end when they cannot.
    threads = [threading.Thread(target=guard(work), name=name, daemon=True) for name, work in works.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=PATIENCE)
        assert not thread.is_alive(), f"the threads block each other: {thread.name} hangs"
    if failures:
        raise failures[0]
    changed = sorted(name for name, value in snapshot(tiny.model).items() if before.get(name) != value)
    assert not changed, f"left behind: {changed[:5]}"
