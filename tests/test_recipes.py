"""CONTRIBUTING's recipes work word by word: in a fresh copy, in new processes."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.once, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[1]
COPIED = ("src", "tests", "docs", "pyproject.toml", "README.md")

PART = re.compile(
    r"^```(?P<kind>python|diff)\n(?P<block>.*?)^```$"
    r"|^ {4}python (?P<command>[^\n]+)$"
    r"|`(?P<file>[\w/]+\.pyi?)`",
    flags=re.MULTILINE | re.DOTALL,
)


def steps(recipe: str) -> Iterator[tuple[str, str, str]]:
    """The steps of a section: (kind, file, its text), or (kind, "", the arguments of `python`)."""
    page = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split(f"## {recipe}\n")[1].split("\n## ")[0]
    file = ""
    for part in PART.finditer(section):
        file = part["file"] or file
        if part["block"]:
            yield part["kind"], file, part["block"] if file else f"-c {shlex.quote(part['block'])}"
            file = ""
        elif part["command"]:
            yield "command", "", part["command"]


def apply_diff(text: str, diff: str) -> str:
    """A text with each hunk applied, whose old lines must stand in it exactly once."""
    for hunk in diff.split("@@\n")[1:]:
        lines = hunk.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        assert text.count(old) == 1, old
        text = text.replace(old, "".join(line[1:] for line in lines if line[0] in " +"))
    return text


def follow(recipe: str, folder: Path) -> tuple[set[str], str]:
    """Do in a fresh copy what a section says; the files that were written, and what was printed."""
    for part in COPIED:
        copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
        copy(REPOSITORY / part, folder / part)
    written, printed = set(), ""
    for kind, name, text in steps(recipe):
        if name:
            file = folder / name
            before = file.read_text(encoding="utf-8") if file.exists() else ""
            file.write_text(apply_diff(before, text) if kind == "diff" else before + text, encoding="utf-8")
            written.add(name)
        else:
            printed += python(text, folder)
    python("-m ruff format", folder)
    python("-m ruff check --fix", folder)
    python(f"-m mypy {' '.join(name for name in written if name.startswith('src/'))}", folder)
    return written, printed


def python(arguments: str, folder: Path) -> str:
    """What a new Python prints, on the sources of a copy; torch starts fastest."""
    ran = subprocess.run(
        [sys.executable, *shlex.split(arguments)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "src", "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"python {arguments}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


@pytest.mark.parametrize(
    ("recipe", "page", "name"),
    [
        ("How to add a method", "docs/methods.md", "NormGrad"),
        ("How to add a metric", "docs/metrics.md", "TopIntersection"),
    ],
)
def test_a_recipe_works_word_by_word(recipe: str, page: str, name: str, tmp_path: Path) -> None:
    written, printed = follow(recipe, tmp_path)
    assert len(written) == 4
    assert f"{name}()" in printed
    assert "    oracle: passed\n" in printed
    assert " passed" in printed.splitlines()[-1]  # pytest: the wrong variant is rejected
    assert f"| `{name}`, " in (tmp_path / page).read_text(encoding="utf-8")


def test_a_format_is_added_in_one_file(tmp_path: Path) -> None:
    written, printed = follow("How to add an image format", tmp_path)
    assert len(written) == 1
    assert " passed" in printed.splitlines()[-1]
    code = "from kerascope.dataset.decoding.formats import is_picture; print(is_picture('a.PCX'))"
    assert python(f"-c {shlex.quote(code)}", tmp_path) == "True\n"


def test_an_output_activation_is_added_in_two_files(tmp_path: Path) -> None:
    written, printed = follow("How to add an output activation", tmp_path)
    assert len(written) == 2
    assert "    heads: passed\n" in printed
    assert "failed" not in printed
