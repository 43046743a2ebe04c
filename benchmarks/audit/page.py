"""docs/audit-runs.md: each benchmark writes its own part, and what is between them is written by hand."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "audit-runs.md"


def replace_part(name: str, text: str, page: Path = PAGE) -> None:
    """Put a text between `<!-- NAME -->` and `<!-- end of NAME -->`.

    Raises:
        ValueError: the page has no such part.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    head, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} must have the lines {begin} and {end}; write them where the part belongs")
    page.write_text(f"{head}{begin}\n{text.strip()}\n{end}{tail}", encoding="utf-8")
