"""What theory says about values of segments: of a sum over segments, they are its terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kerascope.testing.fixture import CLOSE, Fixture, assert_close

ROWS = np.arange(8) // 4 * 2
COLUMNS = np.arange(8) // 4
QUARTERS = ROWS[:, None] + COLUMNS
"""The segments of images of 8 x 8 pixels."""


def _terms(fixture: Fixture, index: int, baseline: float) -> Any:
    """(N, 4): what each quarter adds to the score of a class of the linear model, above the baseline."""
    tiny = fixture.tiny("linear")
    terms = ((tiny.images - baseline) * tiny.facts["gradients"][index]).sum(axis=-1)
    return np.stack([terms[:, quarter == QUARTERS].sum(axis=1) for quarter in range(4)], axis=1)


def terms_of_a_sum(fixture: Fixture, **parameters: Any) -> None:
    """On a linear model, each segment has what it adds to the score, whichever segments and baselines."""
    for segments in ((2, 2), QUARTERS):
        for baseline in (0.25, (0.0, 0.5)):
            changed: dict[str, Any] = {"segments": segments, "baseline": baseline, **parameters}
            method = replace(fixture.method, **changed)
            for index in range(3):
                found = method(fixture.probe("linear"), fixture.tiny("linear").images, index).values
                expected = _terms(fixture, index, 0.25)[:, QUARTERS]
                assert_close(found, expected, CLOSE, f"class {index} from {baseline}")


def lime_is_least_squares(fixture: Fixture) -> None:
    """On a linear model, without a penalty, slopes are what each segment adds; with one, they are less."""
    terms_of_a_sum(fixture, alpha=0.0)
    strong = replace(fixture.method, alpha=1e6)  # type: ignore[call-arg]
    least = replace(fixture.method, alpha=0.0)  # type: ignore[call-arg]
    images = fixture.tiny("linear").images
    shrunk = np.abs(strong(fixture.probe("linear"), images, 1).values).max()
    assert shrunk < 1e-3 * np.abs(least(fixture.probe("linear"), images, 1).values).max(), "penalised"


def shared_out(fixture: Fixture) -> None:
    """Values of segments sum to what the image is worth more than none of it, however few masks there are."""
    terms_of_a_sum(fixture)
    tiny, probe = fixture.tiny("functional"), fixture.probe("functional")
    black = np.broadcast_to(tiny.images.min(axis=(1, 2, 3), keepdims=True), tiny.images.shape)
    segments = np.arange(8)[:, None] // 4 * 4 + np.arange(16) // 4
    for masks in (14, 20, 300):
        method = replace(fixture.method, segments=segments, masks=masks)  # type: ignore[call-arg]
        for index in range(3):
            found = method(probe, tiny.images, index)
            # Each cell has 16 pixels.
            total = found.values.astype("float64").sum(axis=(1, 2)) / 16
            change = found.scores - probe.scores(black, index)
            missed = np.abs(total - change) / np.abs(found.values).max(axis=(1, 2))
            assert (missed < CLOSE).all(), f"class {index}, {masks} masks: sums {total}, not {change}"


IDENTITIES: Mapping[str, Callable[[Fixture], None]] = {
    "kernel_shap": shared_out,
    "lime": lime_is_least_squares,
    "partition_shap": shared_out,
}
