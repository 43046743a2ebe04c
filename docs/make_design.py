"""Write the table of rooms in design.md: `python docs/make_design.py`.

Rooms and what they may import are those of the architecture test, the words are docstrings.
"""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

PAGE = Path(__file__).with_name("design.md")
SOURCE = PAGE.parents[1] / "src" / "kerascope"
TEST = PAGE.parents[1] / "tests" / "test_architecture.py"
EVERYWHERE = {"errors", "typing", "validation"}
"""Rooms that all others may import."""

BEGIN, END = "<!-- rooms -->\n", "<!-- end of rooms -->"


def page() -> str:
    """The whole page, with the table as it has to be."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def table() -> str:
    """A row for each room and each folder in one, with the first line of its docstring."""
    architecture = runpy.run_path(str(TEST))
    lines = ["| room | what is in it | may import |\n", "|---|---|---|\n"]
    for name, room in architecture["ROOMS"].items():
        if name in ("kerascope", "__main__"):
            continue
        imports = ", ".join(other for other in room.rooms.split() if other not in EVERYWHERE)
        lines.append(f"| **{name}** | {_summary(SOURCE / name)} | {imports} |\n")
        parts = [SOURCE / name / part for part in architecture["INSIDE"].get(name, "").split()]
        lines += [f"| {name}/{part.name} | {_summary(part)} | |\n" for part in parts if part.is_dir()]
    return "".join(lines)


def _summary(path: Path) -> str:
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
