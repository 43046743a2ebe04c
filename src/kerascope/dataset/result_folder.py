"""Names of the files and folders of results, and whether a folder holds results."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
DATA = "data"
OVERLAYS = "overlays"
AUDIT = "audit.json"
AUDIT_PICTURES = "audit-pictures"
PICTURE_FOLDERS = frozenset({OVERLAYS, AUDIT_PICTURES})
"""Folders of pictures that a run or an audit writes."""


def is_manifest(content: Any) -> bool:
    """Whether JSON is the manifest of a run of kerascope's."""
    model = content.get("model") if isinstance(content, dict) else None
    return _has_format(content) and isinstance(model, dict) and isinstance(model.get("digest"), str)


def is_audit(content: Any) -> bool:
    """Whether JSON is an audit of kerascope's."""
    made = content.get("versions") if isinstance(content, dict) else None
    return _has_format(content) and isinstance(made, dict) and "kerascope" in made and "summary" in content


def _has_format(content: Any) -> bool:
    return isinstance(content, dict) and type(content.get("format")) is int


def holds_results(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a run or an audit of kerascope's."""
    for name, is_ours in ((MANIFEST, is_manifest), (AUDIT, is_audit)):
        try:
            if is_ours(json.loads(Path(folder, name).read_text(encoding="utf-8"))):
                return True
        except (OSError, ValueError, RecursionError):
            pass
    return False
