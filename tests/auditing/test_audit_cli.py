"""`kerascope audit`: what it prints, writes and exits with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.networks.bars import planted
from tests.helpers.networks.trained import trained
from tests.helpers.processes.command_line import Kerascope, runner

pytestmark = pytest.mark.once

NAMES = ("aslant", "level", "upright")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Saved models, one that relies on a mark in the corner of `level`, and photographs with that mark."""
    trained("mended").save(tmp_path / "mended.keras")
    trained("corner").save(tmp_path / "marked.keras")
    held = planted(90, "corner", seed=1)
    order = (2, 1, 0)  # upright, level, aslant, by the folders' names
    for number, (image, label) in enumerate(zip(held.images, held.labels, strict=True)):
        path = tmp_path / "photos" / NAMES[order[label]] / f"{number:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(255 * image.squeeze()).astype("uint8")).save(path)
    (tmp_path / "names.txt").write_text("upright\nlevel\naslant\n")
    return tmp_path


@pytest.fixture
def kerascope(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Kerascope:
    monkeypatch.chdir(place)
    return runner(monkeypatch, capsys)


COMMON = ("photos", "--classes", "names.txt", "--preprocess", "0-1", "--no-sanity")


def test_an_audit_says_what_it_found_and_exits_with_four_beyond_what_is_allowed(
    kerascope: Kerascope, place: Path
) -> None:
    ran = kerascope("audit", "marked.keras", *COMMON, "--out", "one", "--html", "one.html", "--fail-on", "0")
    assert ran.code == 4
    assert "Class level relies on" in ran.out
    assert "preprocessing  0-1" in ran.out
    assert "findings are shortcuts, more than 0" in ran.err
    assert (place / "one.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    # What was described is not explained again; without a word, nothing is overwritten.
    resumed = kerascope("audit", "marked.keras", *COMMON, "--out", "one", "--resume", "--fail-on", "9")
    assert resumed.code == 0
    again = kerascope("audit", "marked.keras", *COMMON, "--out", "one")
    assert again.code == 1
    assert "resume it, overwrite it" in again.err


def test_json_is_all_there_is_and_an_earlier_audit_is_compared(kerascope: Kerascope, place: Path) -> None:
    first = kerascope("audit", "marked.keras", *COMMON, "--out", "before", "--json")
    told = json.loads(first.out)
    assert [one["name"] for one in told["findings"] if one["verdict"] == "shortcut"] == ["level"]
    assert told == json.loads((place / "before" / "audit.json").read_text(encoding="utf-8"))
    second = kerascope("audit", "mended.keras", *COMMON, "--out", "after", "--before", "before", "--json")
    assert second.code == 0
    changes = json.loads(second.out)["changes"]
    assert [words for words in changes["gone"] if "which may be the object" not in words] == [
        "Class level relies on a patch of pixels that recurs, always at the same place."
    ]
    assert changes["shared"] == 90
    words = kerascope("audit", "mended.keras", *COMMON, "--out", "after", "--resume", "--before", "before")
    assert "gone:   Class level relies on" in words.out


def test_mistakes_are_told(kerascope: Kerascope) -> None:
    assert "masks must be" in kerascope("audit", "mended.keras", "photos", "--masks", "names.txt").err
    assert kerascope("audit", "mended.keras", "photos", "--fail-on", "-1").code == 2
    assert kerascope("audit", "mended.keras", "nowhere").code == 1
    missing = kerascope("audit", "mended.keras", *COMMON, "--out", "x", "--before", "y")
    assert (missing.code, "make one first" in missing.err) == (1, True)
