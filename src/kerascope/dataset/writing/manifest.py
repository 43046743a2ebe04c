"""The manifest of a run: its model, options, versions, status and counts, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascope import errors
from kerascope.dataset.result_folder import DATA, MANIFEST, OVERLAYS, is_manifest

if TYPE_CHECKING:
    from kerascope.dataset.writing.store import Store

REMOVING = "removing"
"""The status of a run that is being removed."""
_FORMAT = 1


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Read the manifest of a folder; None where there is none."""
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise errors.DatasetError(
            f"a manifest must be a JSON file; {str(path)!r} cannot be read as one ({error}); take "
            f"another folder; or, if it is a damaged one of kerascope, remove it, {DATA}/ and {OVERLAYS}/ "
            "by hand."
        ) from error
    if path.is_symlink() or not is_manifest(found):
        raise errors.DatasetError(
            f"a manifest must be one of kerascope's; {str(path)!r} is of another program; take another "
            "folder."
        )
    if found["format"] > _FORMAT:
        raise errors.DatasetError(
            f"a manifest must be of format {_FORMAT} or older; {str(path)!r} is not; install a newer "
            "kerascope."
        )
    return dict(found)


def write_manifest(store: Store, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, in place of an earlier one."""
    text = json.dumps({"format": _FORMAT, **manifest}, indent=1, ensure_ascii=False)
    store.write_file(MANIFEST, (text + "\n").encode())
