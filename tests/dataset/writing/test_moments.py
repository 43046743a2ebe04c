"""Whatever a kill leaves of a run is continued to the bit: every moment in which files change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import keras
import pyarrow.parquet as pq
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.dataset.writing.manifest import read_manifest
from kerascope.dataset.writing.removal import remove_run
from kerascope.dataset.writing.store import Store
from tests.helpers.files.moments import files, moments
from tests.helpers.files.photographs import cuttings, network, same

pytestmark = pytest.mark.once

OPTIONS: dict[str, Any] = {"batch_size": 1, "shard_size": 1, "threads": 0, "progress": False}
MOVED = ("half written", "written", "moved")
PICTURES = ("overlays/cat/000000_000.jpg", "overlays/coffee/000001_001.jpg")
SHARDS = ("data/part-00000.parquet", "data/part-00001.parquet")
RUN = [
    *(f"manifest.json {state}" for state in MOVED),
    *(f"{name} {state}" for name in PICTURES for state in MOVED),
    *(f"{name} {state}" for name in SHARDS for state in MOVED),
    *(f"manifest.json {state} again" for state in MOVED),
]
CLEARED = [
    *(f"manifest.json {state}" for state in MOVED),
    *("overlays/cat/000000_000.png removed", "overlays/cat removed", f"{SHARDS[0]} removed"),
    *("overlays/coffee/000001_001.png removed", "overlays/coffee removed", "overlays removed"),
    *(f"{SHARDS[1]} removed", "data removed", "manifest.json removed"),
]


class Made(NamedTuple):
    """A run that was not stopped, and what kills would have left of it, and of its removal."""

    probe: ks.Probe
    photos: Path
    whole: Path
    run: dict[str, Path]
    cleared: dict[str, Path]

    def explain(self, folder: Path, **options: Any) -> ks.dataset.Results:
        return ks.explain_dataset(self.probe, self.photos, folder, **OPTIONS, **options)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("moments")
    cuttings(root / "in", 2)
    keras.utils.set_random_seed(1)
    one = Made(ks.Probe(network(), batch_size=1), root / "in", root / "whole", {}, {})
    with moments(one.whole, root / "run") as found:
        one.explain(one.whole)
    one.run.update(found)
    one.explain(root / "earlier", overlay="png")
    store = Store(root / "earlier")
    with store.lock, moments(root / "earlier", root / "clear") as found:
        remove_run(store)
    one.cleared.update(found)
    return one


def test_files_change_in_this_order(made: Made) -> None:
    assert list(made.run) == RUN
    assert list(made.cleared) == CLEARED


@pytest.mark.parametrize("moment", RUN)
def test_what_a_kill_leaves_is_continued_to_the_bit(made: Made, tmp_path: Path, moment: str) -> None:
    left = shutil.copytree(made.run[moment], tmp_path / "left")
    assert all(pq.read_table(path).num_rows == 1 for path in Store(left).shards().values())
    ended = RUN.index(moment) == len(RUN) - 1
    assert (read_manifest(left) or {}).get("status") in ({"complete"} if ended else {"running", None})
    results = made.explain(left, resume=True)
    assert results.manifest["status"] == "complete"
    assert results.counts == ks.open_results(made.whole).counts
    same(made.whole, left)
    assert files(left) == files(made.whole)


@pytest.mark.parametrize("moment", CLEARED)
def test_what_a_kill_leaves_of_a_removal_is_not_taken_for_results(
    made: Made, tmp_path: Path, moment: str
) -> None:
    left = shutil.copytree(made.cleared[moment], tmp_path / "left")
    place = CLEARED.index(moment)
    if 2 <= place < len(CLEARED) - 1:
        for options in ({}, {"resume": True}):
            with pytest.raises(errors.DatasetError, match="were being removed, which was stopped"):
                made.explain(left, **options)
    if place >= 2:
        with pytest.raises(errors.DatasetError, match=r"were being removed|there are none"):
            ks.open_results(left)
    made.explain(left, overwrite=True)
    same(made.whole, left)
    assert files(left) == files(made.whole)
