"""What theory says about values of segments: of a sum over segments, they are its terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kerascope.testing.bench import CLOSE, Bench, same

ROWS = np.arange(8) // 4 * 2
COLUMNS = np.arange(8) // 4
QUARTERS = ROWS[:, None] + COLUMNS
"""The segments of images of 8 x 8 pixels."""


def _terms(bench: Bench, index: int, baseline: float) -> Any:
    """(N, 4): what each quarter adds to the score of a class of the linear model, above the baseline."""
    tiny = bench.tiny("linear")
    terms = ((tiny.images - baseline) * tiny.facts["gradients"][index]).sum(axis=-1)
    return np.stack([terms[:, quarter == QUARTERS].sum(axis=1) for quarter in range(4)], axis=1)


def terms_of_a_sum(bench: Bench, **parameters: Any) -> None:
    """On a linear model, each segment has what it adds to the score, whichever segments and baselines."""
    for segments in ((2, 2), QUARTERS):
        for baseline in (0.25, (0.0, 0.5)):
            changed: dict[str, Any] = {"segments": segments, "baseline": baseline, **parameters}
            method = replace(bench.method, **changed)
            for index in range(3):
                found = method(bench.probe("linear"), bench.tiny("linear").images, index).values
                expected = _terms(bench, index, 0.25)[:, QUARTERS]
                same(found, expected, CLOSE, f"class {index} from {baseline}")


def lime_is_least_squares(bench: Bench) -> None:
    """On a linear model, without a penalty, slopes are what each segment adds; with one, they are less."""
    terms_of_a_sum(bench, alpha=0.0)
    strong = replace(bench.method, alpha=1e6)  # type: ignore[call-arg]
    least = replace(bench.method, alpha=0.0)  # type: ignore[call-arg]
    images = bench.tiny("linear").images
    shrunk = np.abs(strong(bench.probe("linear"), images, 1).values).max()
    assert shrunk < 1e-3 * np.abs(least(bench.probe("linear"), images, 1).values).max(), "penalised"


def shared_out(bench: Bench) -> None:
    """Values of segments sum to what the image is worth more than none of it, however few masks there are."""
    terms_of_a_sum(bench)
    tiny, probe = bench.tiny("functional"), bench.probe("functional")
    black = np.broadcast_to(tiny.images.min(axis=(1, 2, 3), keepdims=True), tiny.images.shape)
    segments = np.arange(8)[:, None] // 4 * 4 + np.arange(16) // 4
    for masks in (14, 20, 300):
        method = replace(bench.method, segments=segments, masks=masks)  # type: ignore[call-arg]
        for index in range(3):
            found = method(probe, tiny.images, index)
            # Each cell has 16 pixels.
            total = found.values.astype("float64").sum(axis=(1, 2)) / 16
            change = found.scores - probe.scores(black, index)
            missed = np.abs(total - change) / np.abs(found.values).max(axis=(1, 2))
            assert (missed < CLOSE).all(), f"class {index}, {masks} masks: sums {total}, not {change}"


IDENTITIES: Mapping[str, Callable[[Bench], None]] = {
    "kernel_shap": shared_out,
    "lime": lime_is_least_squares,
    "partition_shap": shared_out,
}
