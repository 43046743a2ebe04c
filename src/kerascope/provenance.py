"""Versions of the software, display names of models, and warnings that point at the caller."""

from __future__ import annotations

import functools
import importlib.metadata
import re
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

import keras

from kerascope import __version__

_AUTOMATIC = re.compile(r"(sequential|functional|model)(_\d+)?")
"""Names that Keras chooses."""


@functools.cache
def versions() -> Mapping[str, str]:
    """Return the versions of kerascope, Keras and the backend."""
    name = keras.backend.backend()
    # The CPU build of TensorFlow is a distribution of another name.
    for distribution in (name, f"{name}-cpu"):
        try:
            version = importlib.metadata.version(distribution)
            break
        except importlib.metadata.PackageNotFoundError:
            version = "unknown"
    return {
        "kerascope": __version__,
        "keras": keras.version(),
        "backend": name,
        name: version,
    }


def display_name(name: str, file: str | None = None) -> str:
    """Return the name of a model in reports: the name of its file, or the name that its author chose.

    Args:
        name: name of the model.
        file: file from which it was loaded, or None.

    Example:
        >>> from kerascope.provenance import display_name
        >>> display_name("functional_3", "runs/birds.keras")
        'birds.keras'
        >>> display_name("birds"), display_name("sequential")
        ('birds', 'the model')
    """
    if file:
        return Path(file).name
    return "the model" if _AUTOMATIC.fullmatch(name) else name


def warn(category: type[Warning], text: str) -> str:
    """Warn the caller of kerascope, and return the warning as one line of text for storage."""
    warnings.warn(text, category, stacklevel=callers_level())
    return f"{category.__name__}: {text}"


def callers_level() -> int:
    """Return the `stacklevel` for `warnings.warn` at which a warning points outside kerascope."""
    package = str(Path(__file__).parent)
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    return level
