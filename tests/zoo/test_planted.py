"""Networks that pass their pixels on: each cell is placed where it lies."""

from __future__ import annotations

import numpy as np
import pytest

import kerascope as ks
from tests.zoo import planted


def white_pixels(name: str) -> tuple[np.ndarray, np.ndarray]:
    """An image for each inner cell, white within a cell's step around its centre, and the cells."""
    rows, columns = planted.truth(name)
    _, (height, width), _ = planted.PLANTED[name]
    cells = [
        (row, column)
        for row in range(0, rows.cells, 2)
        for column in range(0, columns.cells, 2)
        if 0 <= rows.start + row * rows.step <= height and 0 <= columns.start + column * columns.step <= width
    ]
    down, right = np.mgrid[:height, :width] + 0.5
    images = [
        (np.abs(down - rows.start - row * rows.step) < max(1, rows.step / 2))
        & (np.abs(right - columns.start - column * columns.step) < max(1, columns.step / 2))
        for row, column in cells
    ]
    return np.repeat(np.asarray(images, "float32")[..., None], 3, -1), np.asarray(cells)


@pytest.mark.parametrize("name", planted.PLANTED)
def test_the_closed_form_is_what_the_network_does(name: str) -> None:
    images, cells = white_pixels(name)
    rows, columns = planted.truth(name)
    maps = ks.Probe(planted.network(name), compile=False).activations(images).sum(-1)
    assert maps.shape[1:] == (rows.cells, columns.cells)
    found = np.einsum("nhw,hwa->na", maps, np.stack(np.mgrid[: rows.cells, : columns.cells], -1))
    np.testing.assert_allclose(found / maps.sum((1, 2))[:, None], cells, atol=0.5)


@pytest.mark.parametrize("name", planted.PLANTED)
def test_every_cell_is_placed_where_it_lies(name: str) -> None:
    probe = ks.Probe(planted.network(name), compile=False)
    placement = probe.placement(probe.blank())
    assert placement.obstacle == ""
    for found, true in zip(placement.axes, planted.truth(name), strict=True):
        assert found is not None
        assert found.cells == true.cells
        places = found.start + np.arange(true.cells) * found.step
        expected = true.start + np.arange(true.cells) * true.step
        assert np.abs(places - expected).max() < true.step / 4


@pytest.mark.parametrize("name", planted.PLANTED)
def test_a_picture_is_brightest_where_its_cell_lies(name: str) -> None:
    probe = ks.Probe(planted.network(name), compile=False)
    placement = probe.placement(probe.blank())
    rows, columns = planted.truth(name)
    row, column = rows.cells // 2, columns.cells // 2
    maps = np.zeros((1, rows.cells, columns.cells), "float32")
    maps[0, row, column] = 1
    (picture,) = placement.to_image(maps)
    weights = np.where(picture > 0.5 * picture.max(), picture, 0)
    middle = (np.stack(np.mgrid[: picture.shape[0], : picture.shape[1]], -1) + 0.5) * weights[..., None]
    expected = (rows.start + row * rows.step, columns.start + column * columns.step)
    assert np.abs(middle.sum((0, 1)) / weights.sum() - expected).max() < max(rows.step, columns.step) / 4
