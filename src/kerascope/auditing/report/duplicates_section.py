"""The section of a report about duplicate images."""

from __future__ import annotations

from pathlib import Path

from kerascope.auditing.duplicates.duplicates import Copy, Duplicates
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.results import Results

SHOWN = 50
"""The most groups in a page."""
_MOST = 8
"""The most images of a group in a page."""


def render_duplicates(duplicates: Duplicates | None, results: Results) -> str:
    """Render the section as HTML; empty if there are no duplicates.

    Args:
        duplicates: of the audit, or None if they were not searched for.
        results: with the thumbnails of the audited images.
    """
    if duplicates is None or not duplicates.statements():
        return ""
    from kerascope.render.html import data_uri, load_template

    groups = duplicates.groups[:SHOWN]
    wanted = {copy.index for group in groups for copy in group.images[:_MOST]} - {None}
    rows = results.image_rows(["index", "picture"]) if wanted else iter(())
    pictures = {row["index"]: row["picture"] for row in rows if row["index"] in wanted}

    def address(copy: Copy) -> str:
        content = encode(copy.picture, "PNG") if copy.picture is not None else pictures[copy.index]
        return data_uri(content, "png")

    path = Path(__file__).with_name("duplicates.html")
    template = load_template(path, "audit", address=address)
    text: str = template.render(duplicates=duplicates, groups=groups, most=_MOST)
    return text
