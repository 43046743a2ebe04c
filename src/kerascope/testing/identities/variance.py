"""What theory says about methods that see how the score varies with the cells of a grid."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from kerascope.testing.fixture import CLOSE, EXACT, Fixture, assert_close
from kerascope.typing import Array

CELLS = (2, 4)


def on_cells(maps: Array) -> Array:
    """The sum over each cell of a grid of 2 x 4, (..., 8), of maps of 8 x 8."""
    cells = maps.reshape(*maps.shape[:-2], 2, 4, 4, 2).sum(axis=(-3, -1))
    return np.asarray(cells.reshape(*maps.shape[:-2], 8))


def lone_cell(images: Array) -> Array:
    """Black images, but for the cell in the first row and second column of the grid."""
    alone = np.zeros_like(images)
    alone[:, :4, 2:4] = 0.5 + images[:, :4, 2:4] / 2
    return alone


def sobol_of_a_sum(fixture: Fixture) -> None:
    """On a linear model an index is a cell's share of the squared contributions; one cell alone has all."""
    tiny, probe = fixture.tiny("linear"), fixture.probe("linear")
    method = replace(fixture.method, segments=CELLS, designs=64)  # type: ignore[call-arg]
    black = tiny.images.min(axis=(1, 2, 3), keepdims=True)
    for index in range(3):
        squares = on_cells(((tiny.images - black) * tiny.facts["gradients"][index]).sum(axis=-1)) ** 2
        found = on_cells(method(probe, tiny.images, index).values) / 8
        total = found.sum(axis=1, keepdims=True)
        expected = squares / squares.sum(axis=1, keepdims=True)
        assert_close(found / total, expected, 0.05, f"share of class {index}")
        assert (np.abs(total - 1) < 0.5).all(), f"indices of a sum must sum to about 1; got {total}"
        alone = on_cells(method(probe, lone_cell(tiny.images), index).values) / 8
        assert not np.delete(alone, 1, axis=1).any(), f"cells that are black must have none; got {alone}"
        assert (np.abs(alone[:, 1] - 1) < 0.1).all(), f"one cell alone must have an index of 1; got {alone}"


def hsic_of_one_cell(fixture: Fixture) -> None:
    """Where one cell alone counts, its criterion has a closed form; any multiple of a score has the same map.

    There are two scores, as far apart as the kernel is wide; others share what their masks have in common.
    """
    tiny, probe = fixture.tiny("linear"), fixture.probe("linear")
    method = replace(fixture.method, segments=CELLS, masks=400)  # type: ignore[call-arg]
    expected = 400**2 * (1 - math.exp(-0.5)) / (4 * 399**2)
    for index in range(3):
        found = on_cells(method(probe, lone_cell(tiny.images), index).values) / 8
        assert_close(
            found[:, 1], np.full(len(found), expected), EXACT, f"the cell that counts, class {index}"
        )
        others = np.delete(found, 1, axis=1)
        assert (others < 20 / 400 * expected).all(), f"the other cells must be near 0; got {others}"
        twice = method(probe, 2 * tiny.images, index).values
        assert_close(
            twice, method(probe, tiny.images, index).values, CLOSE, f"twice the score of class {index}"
        )


IDENTITIES: Mapping[str, Callable[[Fixture], None]] = {
    "hsic": hsic_of_one_cell,
    "sobol": sobol_of_a_sum,
}
