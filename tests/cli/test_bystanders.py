"""Files of other programs are as they were, after every command with every option that writes."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from kerascope.cli.output_files import KINDS
from kerascope.dataset.writing.signature import is_signed
from tests.helpers.files.folders import contents, others
from tests.helpers.files.photographs import cuttings, network
from tests.helpers.processes.command_line import Kerascope, Ran, runner

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, of classes and of labels, and photographs."""
    root = tmp_path_factory.mktemp("inputs")
    keras.utils.set_random_seed(1)
    network(size=12).save(root / "model.keras")
    labels = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(3, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="sigmoid"),
        ]
    )
    labels.save(root / "labels.keras")
    cuttings(root / "photos", 16, (12, 12))
    return root


@pytest.fixture
def kerascope(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Kerascope:
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capsys)


FOLDER = (".", "data", "overlays", "audit-pictures", "linked")
HOW = ((), ("--resume",), ("--overwrite",), ("--resume", "--overwrite"))
EXPLAIN = [("explain", *how, "--overlay", kind) for how in HOW for kind in ("jpg", "none")]
AUDIT = [("audit", "--no-sanity", *how) for how in HOW]
FILES = [
    *(
        ("compare", "--method", "saliency", "--out", name)
        for name in ("compare.png", "sheet.jpg", "page.html")
    ),
    ("compare", "--method", "saliency"),
    *(("maximize", "--target", "0", "--steps", "1", "--out", name) for name in ("sheet.pdf", "sheet.svg")),
    ("maximize", "--target", "0", "--steps", "1"),
    *(("evaluate", "--method", "saliency", option) for option in ("--html=page.html", "--save=report.npz")),
    *(("evaluate", "--method", "saliency", option) for option in ("--html=manifest.json", "--save=report")),
    ("audit", "--no-sanity", "--out", "new", "--html", "page.html"),
    ("audit", "--no-sanity", "--out", "new", "--html", "audit.json"),
]


def run(kerascope: Kerascope, inputs: Path, command: tuple[str, ...], model: str = "model.keras") -> Ran:
    photos = [inputs / "photos"] if command[0] != "maximize" else []
    return kerascope(command[0], inputs / model, *photos, *command[1:])


@pytest.mark.slow
@pytest.mark.parametrize("model", ["model.keras", "labels.keras"])
def test_a_folder_of_other_programs_is_as_it_was(
    kerascope: Kerascope, inputs: Path, tmp_path: Path, model: str
) -> None:
    others(tmp_path)
    before, read = contents(tmp_path), contents(inputs)
    # Of labels what differs: an audit is one for each.
    of_labels = model == "labels.keras"
    for command in AUDIT if of_labels else [*EXPLAIN, *AUDIT]:
        for out in FOLDER[:1] if of_labels else FOLDER:
            ran = run(kerascope, inputs, (*command, "--out", out), model)
            assert ran.code == 1 or (out in ("overlays", "audit-pictures", "linked", "data")), (command, out)
            after = contents(tmp_path)
            assert {name: after.get(name, "gone") for name in before} == before, (command, out)
            if ran.code == 1:
                continue
            # What was made beside them; then the next one meets the folder as it was.
            for name in sorted(set(after) - set(before), reverse=True):
                path = tmp_path / name
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink()
    for command in [one for one in FILES if one[0] == "audit" or not of_labels]:
        ran = run(kerascope, inputs, command, model)
        assert ran.code in (1, 2), (command, ran.err)
        assert contents(tmp_path) == before, command
    # Read as an input, written beside: also what is read stays.
    for command in AUDIT if of_labels else [*EXPLAIN, *AUDIT]:
        kerascope(command[0], inputs / model, "data", *command[1:], "--out", ".")
        assert contents(tmp_path) == before, command
    assert contents(inputs) == read


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_picture_is_replaced_where_kerascope_has_made_it(
    kerascope: Kerascope, inputs: Path, tmp_path: Path, kind: str
) -> None:
    out = f"sheet.{kind}"
    command = ("maximize", "--target", "0", "--steps", "1", "--out", out)
    first = run(kerascope, inputs, command)
    if "must end in the kind" in first.err:
        pytest.skip("this matplotlib does not write it")
    assert first.code == 0
    assert is_signed(tmp_path / out)
    assert run(kerascope, inputs, command).code == 0
    assert [path.name for path in tmp_path.iterdir()] == [out]
    Image.fromarray(np.zeros((4, 4, 3), "uint8")).save(tmp_path / out, "PNG")
    refused = run(kerascope, inputs, command)
    assert refused.code == 1
    assert "it is a file of another program; move it elsewhere" in refused.err


@pytest.mark.slow
def test_pages_and_reports_are_replaced_where_kerascope_has_made_them(
    kerascope: Kerascope, inputs: Path, tmp_path: Path
) -> None:
    common = ("--method", "saliency", "--limit", "2")
    for command in (
        ("evaluate", *common, "--html", "page.html", "--save", "report.npz"),
        ("audit", "--no-sanity", "--method", "saliency", "--html", "page.html", "--overwrite"),
    ):
        for _ in range(2):
            ran = run(kerascope, inputs, command)
            assert ran.code == 0, ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kerascope-audit", "page.html", "report.npz"]
    labels = ("audit", "--no-sanity", "--method", "saliency", "--html", "page.html", "--out", "labels")
    assert run(kerascope, inputs, labels, "labels.keras").code == 0
    beside = next(tmp_path.glob("page-0-*.html"))
    assert run(kerascope, inputs, (*labels, "--overwrite"), "labels.keras").code == 0
    beside.write_text("mine")
    refused = run(kerascope, inputs, (*labels, "--overwrite"), "labels.keras")
    assert (refused.code, beside.read_text()) == (1, "mine")


def test_an_input_is_never_replaced(kerascope: Kerascope, inputs: Path, tmp_path: Path) -> None:
    """Also where kerascope has made it: a sheet among the pictures that are compared."""
    assert run(kerascope, inputs, ("maximize", "--target", "0", "--steps", "1", "--out", "one.png")).code == 0
    before = contents(tmp_path)
    model = inputs / "model.keras"
    (tmp_path / "list.txt").write_text("one.png\n")
    before = contents(tmp_path)
    for given in ("one.png", ".", "*.png", "list.txt", str(tmp_path)):
        ran = kerascope("compare", model, given, "--method", "saliency", "--out", "one.png")
        assert ran.code == 1, given
        assert "must not be replaced" in ran.err
    names = tmp_path / "audit"
    assert (
        run(kerascope, inputs, ("audit", "--no-sanity", "--method", "saliency", "--out", "audit")).code == 0
    )
    (names / "names.txt").write_text("cat\ncoffee\n")
    before = contents(tmp_path)
    for option in (("--before", "audit"), ("--classes", "audit/names.txt"), ("--masks", "audit")):
        ran = run(kerascope, inputs, ("audit", "--no-sanity", "--out", "audit", "--overwrite", *option))
        assert ran.code == 1
        assert "must not be replaced" in ran.err
    assert contents(tmp_path) == before
