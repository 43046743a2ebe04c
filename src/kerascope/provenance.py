"""Where numbers come from, what a model is called, and whom a warning is for."""

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
"""Names that Keras gives where nobody does."""


@functools.cache
def versions() -> Mapping[str, str]:
    """Versions of what the numbers come from: kerascope, Keras, the backend."""
    name = keras.backend.backend()
    # The CPU build of TensorFlow is a distribution of another name.
    for distribution in (name, f"{name}-cpu"):
        try:
            found = importlib.metadata.version(distribution)
            break
        except importlib.metadata.PackageNotFoundError:
            found = "unknown"
    return {
        "kerascope": __version__,
        "keras": keras.version(),
        "backend": name,
        name: found,
    }


def called(name: str, file: str | None = None) -> str:
    """What a model is called in reports: as its file is, or by its name where somebody gave it one.

    Args:
        name: of the model.
        file: that it was loaded from, or None.

    Example:
        >>> from kerascope.provenance import called
        >>> called("functional_3", "runs/birds.keras"), called("birds"), called("sequential")
        ('birds.keras', 'birds', 'the model')
    """
    if file:
        return Path(file).name
    return "the model" if _AUTOMATIC.fullmatch(name) else name


def warned(category: type[Warning], text: str) -> str:
    """Warn the caller of kerascope; the line in which the warning is stored."""
    warnings.warn(text, category, stacklevel=callers_level())
    return f"{category.__name__}: {text}"


def callers_level() -> int:
    """How far up the stack the caller of kerascope is, for `warnings.warn` in the function that asks."""
    package = str(Path(__file__).parent)
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        level, frame = level + 1, frame.f_back
    return level
