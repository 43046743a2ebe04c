"""A test that does more than a fast one may is told so, by what it does and not by the clock."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest

from tests.helpers.processes.work_counters import COUNTER, FAST, Work, complaint

pytestmark = pytest.mark.once


@pytest.mark.slow
def test_processes_training_and_weights_are_counted() -> None:
    before = COUNTER.total
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, kernel_initializer="zeros")])
    model.compile("sgd", "mse")
    model.fit(np.zeros((5, 3)), np.zeros((5, 4)), epochs=2, verbose=0)
    sys.audit("subprocess.Popen", sys.executable, [sys.executable, "-c", "pass"], None, None)
    sys.audit("subprocess.Popen", None, ["/bin/true"], None, None)
    done = COUNTER.total.since(before)
    assert (done.processes, done.trained) == (1, 10)
    assert done.weights >= 16
    assert complaint(done) == (
        "does more than a fast test may: 1 processes (at most 0); mark it `slow`, or make it smaller."
    )


def test_what_a_fast_test_may_do_is_no_complaint() -> None:
    assert complaint(FAST) == ""
    assert "2,000,000 weights (at most 1,000,000)" in complaint(Work(weights=2_000_000))
