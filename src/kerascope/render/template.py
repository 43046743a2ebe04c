"""Pages from templates of Jinja2, in which text is never markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kerascope import __version__
from kerascope.errors import MissingPackageError


def page_template(path: Path, extra: str, **functions: Any) -> Any:
    """A template; `generator` is what wrote the page, by which it is told from pages of others.

    Args:
        path: of its file.
        extra: of kerascope, that installs Jinja2.
        **functions: that the template may call.

    Returns:
        A `jinja2.Template`.

    Raises:
        MissingPackageError: Jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise MissingPackageError("jinja2", extra) from None
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(functions, generator=f"kerascope {__version__}")
    return environment.from_string(path.read_text(encoding="utf-8"))
