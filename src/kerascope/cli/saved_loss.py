"""The loss of a saved model, read from its file: it is loaded without, since a loss may be code."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]

_LARGEST = 1 << 24
"""The most bytes of a configuration that are read."""


def read_loss(path: Path) -> Any:
    """Return the name of the loss, or names by output or in their order; None where it is unknown.

    Args:
        path: of a model, `.keras` or `.h5`.
    """
    try:
        return _loss_name(_read_compile_config(path).get("loss"))
    except (OSError, ValueError, KeyError, AttributeError, TypeError, zipfile.BadZipFile):
        return None


def _read_compile_config(path: Path) -> Any:
    """Return the compile configuration of a file."""
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            return json.loads(file.attrs["training_config"])
    with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
        return json.loads(file.read(_LARGEST))["compile_config"]


def _loss_name(loss: Any) -> Any:
    """Return the name of a loss, also of one that is stored as an object."""
    if isinstance(loss, list):
        return [_loss_name(part) for part in loss]
    if not isinstance(loss, dict):
        return loss if isinstance(loss, str) else None
    if "class_name" in loss:
        # A function is written under its own name.
        inner = loss["config"]
        return inner if isinstance(inner, str) else str(loss["class_name"])
    return {name: _loss_name(part) for name, part in loss.items()}
