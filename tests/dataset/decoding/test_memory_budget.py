"""What is read, decoded and drawn at a time is bounded in bytes, and nothing waits for ever."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kerascope as ks
from kerascope import errors
from kerascope.dataset.decoding.bit_depth import tiles
from kerascope.dataset.decoding.memory_budget import CacheBudget, MemoryBudget
from kerascope.dataset.decoding.photograph import decode
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.reading import photograph_reader as reading
from kerascope.dataset.running import explainer as explainer_room
from kerascope.dataset.running import pipeline as stream_room
from kerascope.dataset.writing.overlays import paint_overlays
from kerascope.render.overlay import Paint, overlay, table_of
from kerascope.resize import resize
from tests.helpers.files.photographs import cuttings, encoded, network, rows_of, same, tiff

pytestmark = pytest.mark.once


class Thing:
    """Something that can be forgotten."""


def test_one_alone_may_pass_the_bound_and_the_others_wait() -> None:
    budget = MemoryBudget(100)
    order: list[str] = []
    first, second = threading.Event(), threading.Event()

    def large() -> None:
        with budget.hold(1000):
            order.append("large")

    def small() -> None:
        with budget.hold(10):
            order.append("small")

    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        stack.enter_context(budget.hold(10))
        waiting = pool.submit(large)
        while not budget._waiting:
            first.wait(0.001)
        later = pool.submit(small)  # there is room for it, and it comes second
        while len(budget._waiting) < 2:
            second.wait(0.001)
        assert order == []
        stack.close()
        waiting.result(), later.result()
    assert order == ["large", "small"]
    assert (budget.held, budget.most) == (0, 1000)


def test_what_fails_gives_back() -> None:
    budget = MemoryBudget(100)
    with pytest.raises(ZeroDivisionError), budget.hold(60):
        raise ZeroDivisionError
    assert budget.held == 0


def test_a_shelf_takes_what_there_is_room_for() -> None:
    shelf, things = CacheBudget(100), [Thing(), Thing()]
    assert shelf.reserve(things[0], 60)
    assert not shelf.reserve(things[1], 60)
    things.clear()
    gc.collect()
    assert shelf.held == 0
    assert shelf.reserve(Thing(), 100)


@pytest.mark.parametrize("threads", [0, 1, 4])
def test_a_run_holds_no_more_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    """Small and large pictures in turn, all larger than the bounds: each alone, with the same result."""
    cuttings(tmp_path / "in", 6)
    for number in range(3):
        Image.new("RGB", (300 + number, 200), (number * 80, 9, 9)).save(
            tmp_path / f"in/cat/{number:03d}x.png"
        )
    options: dict[str, Any] = {"target": 0, "batch_size": 4, "shard_size": 6, "progress": False}
    model = network()
    free = ks.explain_dataset(model, tmp_path / "in", tmp_path / "free", **options)
    files, pixels, kept = MemoryBudget(1), MemoryBudget(40_000), CacheBudget(20_000)
    monkeypatch.setattr(reading, "FILES", files)
    monkeypatch.setattr(reading, "PIXELS", pixels)
    monkeypatch.setattr(explainer_room, "CACHE", kept)
    monkeypatch.setattr(stream_room, "PREFETCH", 1)
    bound = ks.explain_dataset(model, tmp_path / "in", tmp_path / "bound", threads=threads, **options)
    same(free.folder, bound.folder)
    assert pixels.most == 302 * 200 * 12  # one of the large ones, and nothing beside it
    gc.collect()
    assert (files.held, pixels.held, kept.held) == (0, 0, 0)
    assert files.most == max(path.stat().st_size for path in (tmp_path / "in").rglob("*.*"))


def test_bytes_are_asked_for_before_anything_is_decoded() -> None:
    """By what the head says, so that a picture that cannot be decoded asks, too."""
    asked: list[int] = []
    content = encoded(Image.new("I;16", (40, 30)), "PNG")
    decode(content, admit=asked.append)
    with pytest.raises(errors.PhotographError):
        decode(content[:-30], admit=asked.append)
    assert asked in ([40 * 30 * 10] * 2, [40 * 30 * 12] * 2)  # an older Pillow makes 32 bits of 16


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_deep_pictures_are_scaled_part_by_part(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerascope.dataset.decoding.bit_depth._AT_ONCE", 7)
    values = np.linspace(0, 65535 if dtype == "uint16" else 1, 12 * 9).reshape(12, 9).astype(dtype)
    wanted = np.rint(values.astype("float64") * (255 / float(values.max())))
    np.testing.assert_array_equal(decode(tiff(values)).pixels[..., 1], wanted)
    covered = np.zeros((12, 9), int)
    for left, top, right, bottom in tiles(9, 12):
        assert (right - left) * (bottom - top) <= 7
        covered[top:bottom, left:right] += 1
    assert (covered == 1).all()


def explained(values: np.ndarray[Any, Any], size: int) -> ks.Explanation:
    """An explanation of one image that says these values."""
    found = ks.GradCAM()(
        network(size=size), np.random.default_rng(0).random((1, size, size, 3)) * 255, target=0
    )
    return replace(found, values=values[None].astype("float32"))


@pytest.mark.parametrize("finest", [1024, 64])
def test_drawing_part_by_part_is_the_same(monkeypatch: pytest.MonkeyPatch, finest: int) -> None:
    """As drawing all at once; by a coarser map nearly so."""
    monkeypatch.setattr("kerascope.dataset.decoding.bit_depth._AT_ONCE", 1000)
    monkeypatch.setattr("kerascope.dataset.writing.overlays._FINEST", finest)
    found = explained(np.outer(np.arange(6), [1, 2, 3, 5, 7, 9]), 32)
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (150, 120, 3), "uint8"))
    paint = Paint(table_of(found), 0.5)
    (drawn,) = paint_overlays(found, picture, Frame.for_size(150, 120, (32, 32), "stretch"), paint)
    wanted = overlay(found, images=np.asarray(picture)[None])[0].astype(int)
    assert np.abs(np.asarray(drawn).astype(int) - wanted).max() <= (0 if finest > 150 else 6)


@pytest.mark.parametrize("fill", [0.0, np.nan], ids=["flat", "not finite"])
def test_marks_go_on_from_part_to_part(monkeypatch: pytest.MonkeyPatch, fill: float) -> None:
    found = explained(np.full((6, 6), fill), 32)
    picture = Image.new("RGB", (120, 100), "green")
    frame, paint = Frame.for_size(100, 120, (32, 32), "crop"), Paint(table_of(found), 0.5)
    (whole,) = paint_overlays(found, picture, frame, paint)
    monkeypatch.setattr("kerascope.dataset.decoding.bit_depth._AT_ONCE", 300)
    (parts,) = paint_overlays(found, picture, frame, paint)
    assert whole.tobytes() == parts.tobytes()
    assert len(whole.getcolors() or ()) == 4  # green, faded green, light and dark lines


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
@pytest.mark.parametrize("shape", [(70, 90), (9, 7), (5, 200), (600, 3000)])
def test_images_are_scaled_from_the_rows_that_count(fit: Any, shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (*shape, 3), "uint8")
    picture = Image.fromarray(pixels)
    frame = Frame.for_size(*shape, (16, 12), fit)
    found = frame.cut(picture, (16, 12), "bilinear-aliased")
    box = np.asarray(picture.crop((frame.left, frame.top, frame.right, frame.bottom)))
    np.testing.assert_allclose(found, resize(box, (16, 12), first=0), rtol=0, atol=1e-3)


@pytest.mark.parametrize(("shape", "copies"), [((150, 200), 1), ((600, 3000), 16)])
def test_what_is_between_rows_is_left_out_where_that_costs_less(
    shape: tuple[int, int], copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of each row on its own took most of the time of a run over small pictures."""
    made = []
    crop = Image.Image.crop
    monkeypatch.setattr(Image.Image, "crop", lambda self, box: made.append(box) or crop(self, box))
    Frame.for_size(*shape, (16, 12), "stretch").cut(
        Image.new("RGB", shape[::-1]), (16, 12), "bilinear-aliased"
    )
    assert len(made) == copies


def test_a_line_of_a_million_pixels_needs_no_matrix_of_them() -> None:
    """Weights of each output for each pixel would take 900 MB."""
    picture = Image.new("RGB", (1_000_000, 3), "white")
    found = Frame.for_size(3, 1_000_000, (224, 224), "stretch").cut(picture, (224, 224), "bilinear-aliased")
    np.testing.assert_allclose(found, 255, rtol=1e-6)


def test_a_picture_that_a_jpeg_file_cannot_hold_is_explained_and_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGB", (66_000, 2)).save(tmp_path / "in" / "long.png")
    results = ks.explain_dataset(
        network(), tmp_path / "in", tmp_path / "out", target=0, progress=False, batch_size=1
    )
    (row,) = rows_of(results)
    assert (row["status"], row["overlay"]) == ("explained", None)
    assert any("65,500 pixels a side" in one for one in row["warnings"])


def test_a_decoder_is_not_kept_with_its_picture() -> None:
    """That of WebP holds twice as much as the picture."""
    assert type(decode(encoded(Image.new("RGB", (8, 8)), "WEBP")).picture) is Image.Image
