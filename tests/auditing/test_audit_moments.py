"""Whatever a kill leaves of an audit is no audit or a whole one, and is continued to the bit."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import keras
import pytest

import kerascope as ks
from kerascope import errors
from tests.helpers.files.moments import files, moments
from tests.helpers.files.photographs import cuttings, network

pytestmark = pytest.mark.once

OPTIONS: dict[str, Any] = {"sanity": False, "batch_size": 4, "threads": 0, "progress": False}
MOVED = ("half written", "written", "moved")
PICTURES = tuple(f"audit-pictures/{number:06d}.png" for number in range(4))  # of all images
# Of the data set, which is whole, only the manifest is written again.
BEFORE = [f"manifest.json {state}" for state in MOVED] + [f"manifest.json {state} again" for state in MOVED]
MEANWHILE = [
    "audit.json removed",
    *(f"{name} removed" for name in (*PICTURES, "audit-pictures")),
    *(f"{name} {state}" for name in PICTURES for state in MOVED),
    *(f"audit.json {state}" for state in MOVED[:2]),
]
AFTER = "audit.json moved"


class Made(NamedTuple):
    """Two audits, one after the other in a folder, and what kills would have left of the second."""

    probe: ks.Probe
    photos: Path
    first: dict[str, Any]
    second: dict[str, Any]
    folder: Path
    moments: dict[str, Path]


def audit(probe: ks.Probe, photos: Path, folder: Path, seed: int) -> dict[str, Any]:
    return told(ks.audit(probe, photos, folder=folder, resume=True, seed=seed, **OPTIONS))


def told(audit: ks.Audit) -> dict[str, Any]:
    """What an audit says, but for when and how it was made."""
    return {name: value for name, value in audit.to_json().items() if name not in ("created", "cost")}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("moments")
    cuttings(root / "in", 4)
    keras.utils.set_random_seed(1)
    probe, photos, folder = ks.Probe(network(), batch_size=4), root / "in", root / "out"
    first = audit(probe, photos, folder, seed=0)
    with moments(folder, root / "copies") as found:
        second = audit(probe, photos, folder, seed=1)
    return Made(probe, photos, first, second, folder, found)


def test_these_are_all_moments(made: Made) -> None:
    assert set(made.moments) == {*BEFORE, *MEANWHILE, AFTER}


@pytest.mark.parametrize("moment", [*BEFORE, *MEANWHILE, AFTER])
def test_what_a_kill_leaves_is_continued_to_the_bit(made: Made, tmp_path: Path, moment: str) -> None:
    left = shutil.copytree(made.moments[moment], tmp_path / "left")
    if moment in MEANWHILE:
        with pytest.raises(errors.DatasetError, match="make one first"):
            ks.open_audit(left)
    else:
        assert told(ks.open_audit(left)) == (made.second if moment == AFTER else made.first)
    assert audit(made.probe, made.photos, left, seed=1) == made.second
    assert files(left) == files(made.folder)
    for name in PICTURES:
        assert (left / name).read_bytes() == (made.folder / name).read_bytes()
