"""The part of a report that shows what is there more than once."""

from __future__ import annotations

from pathlib import Path

from kerascope.auditing.duplicates.base import Copy, Duplicates
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.results import Results

SHOWN = 50
"""The most groups that are shown."""
_MOST = 8
"""The most images of a group that are shown."""


def duplicates_section(found: Duplicates | None, results: Results) -> str:
    """The section, as HTML; nothing where everything is there once.

    Args:
        found: what is there again.
        results: with the small pictures of the audited images.

    Raises:
        MissingPackageError: Jinja2 is not installed.
    """
    if found is None or not found.told():
        return ""
    from kerascope.render.html import data_uri, load_template

    groups = found.groups[:SHOWN]
    wanted = {one.index for group in groups for one in group.images[:_MOST]} - {None}
    rows = results.image_rows(["index", "picture"]) if wanted else iter(())
    pictures = {row["index"]: row["picture"] for row in rows if row["index"] in wanted}

    def address(one: Copy) -> str:
        content = encode(one.picture, "PNG") if one.picture is not None else pictures[one.index]
        return data_uri(content, "png")

    path = Path(__file__).with_name("duplicates.html")
    text: str = load_template(path, "audit", address=address).render(found=found, groups=groups, most=_MOST)
    return text
