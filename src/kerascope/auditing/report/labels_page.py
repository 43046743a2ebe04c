"""The HTML page with links to the audits of the labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from kerascope.auditing.report.audit_page import percent
from kerascope.auditing.report.duplicates_section import render_duplicates

if TYPE_CHECKING:
    from kerascope.auditing.result.label_audits import LabelAudits


def render_labels(audits: LabelAudits, pages: Mapping[str, str]) -> str:
    """Render the page: the summary, and a row for each label."""
    from kerascope.render.html import load_template

    here = Path(__file__)
    template = load_template(here.with_name("labels.html"), "audit", percent=percent)
    text: str = template.render(
        audits=audits,
        pages={label: quote(name) for label, name in pages.items()},
        copies=render_duplicates(audits.duplicates, next(iter(audits.values())).results),
        style=here.with_name("page.css").read_text(encoding="utf-8"),
    )
    return text
