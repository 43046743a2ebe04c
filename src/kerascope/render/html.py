"""HTML pages from Jinja2 templates: text is escaped, and nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from pathlib import Path
from typing import Any

from kerascope import __version__
from kerascope.errors import MissingPackageError


def load_template(path: Path, extra: str, **functions: Any) -> Any:
    """Load a template. Its `generator` names kerascope, so that its pages can be recognised.

    Args:
        path: of the template.
        extra: the extra of kerascope that installs Jinja2.
        **functions: functions that the template may call.

    Returns:
        A `jinja2.Template`, which may call `policy`, and has the filter `breakable`.
    """
    try:
        import jinja2
        from jinja2.filters import do_mark_safe as markup
    except ImportError:
        raise MissingPackageError("jinja2", extra) from None
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.globals.update(functions, generator=f"kerascope {__version__}")
    environment.globals["policy"] = lambda script=None: markup(content_security_policy(script))
    environment.filters["breakable"] = lambda text: markup(allow_breaks(str(text)))
    return environment.from_string(path.read_text(encoding="utf-8"))


def content_security_policy(script: str | None = None) -> str:
    """Return the content security policy for the head of a page, as an element.

    Args:
        script: the text of the one script that may run; None for none.
    """
    rules = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "img-src data:"]
    rules.append("style-src 'unsafe-inline'")  # also of single elements, such as the length of a bar
    if script is not None:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        rules.append(f"script-src 'sha256-{digest}'")
    return f'<meta http-equiv="Content-Security-Policy" content="{"; ".join(rules)}">'


def allow_breaks(text: str) -> str:
    """Return a name or path as markup that a browser may break after its separators."""
    return re.sub(r"([/\\_.,:=(-])(?=[^\s<])", r"\1<wbr>", html.escape(text, quote=False))


def data_uri(content: bytes, kind: str) -> str:
    """Return an encoded picture as a data URI.

    Example:
        >>> data_uri(b"abc", "png")
        'data:image/png;base64,YWJj'
    """
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
