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
    r"^```python\n(?P<block>.*?)^```$|^ {4}python (?P<command>[^\n]+)$|`(?P<file>[\w/]+\.pyi?)`",
    flags=re.MULTILINE | re.DOTALL,
)


def steps(recipe: str) -> Iterator[tuple[str, str]]:
    """What a section of CONTRIBUTING says: (file, its text), or ("", what is typed after `python`)."""
    page = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = page.split(f"## {recipe}\n")[1].split("\n## ")[0]
    file = ""
    for part in PART.finditer(section):
        file = part["file"] or file
        if part["block"]:
            yield file, part["block"] if file else f"-c {shlex.quote(part['block'])}"
            file = ""
        elif part["command"]:
            yield "", part["command"]


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
    for part in COPIED:
        copy = shutil.copytree if (REPOSITORY / part).is_dir() else shutil.copy
        copy(REPOSITORY / part, tmp_path / part)
    written: list[str] = []
    printed = ""
    for file, text in steps(recipe):
        if file:
            with (tmp_path / file).open("a", encoding="utf-8") as stream:
                stream.write(text)
            written.append(file)
        else:
            printed += python(text, tmp_path)
    assert f"{name}()" in printed
    assert "    oracle: passed\n" in printed
    assert " passed" in printed.splitlines()[-1]  # pytest: the wrong variant is rejected
    assert f"| `{name}`, " in (tmp_path / page).read_text(encoding="utf-8")
    python("-m ruff format", tmp_path)
    python("-m ruff check --fix", tmp_path)
    python(f"-m mypy {' '.join(file for file in written if file.startswith('src/'))}", tmp_path)
