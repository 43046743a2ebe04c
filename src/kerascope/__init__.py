"""kerascope shows what a Keras 3 vision model looks at, and how far that picture can be trusted.

    import kerascope as ks

    result = ks.explain(model, images)               # Grad-CAM of the predicted classes
    result.plot()

See `Probe` for asking often, `methods` for what there is, and `kerascope.target` for what can be explained.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from typing import Any

__version__ = "0.1.0.dev0"

_MODULES = {
    alias.name: statement.module
    for statement in ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")).body
    if isinstance(statement, ast.ImportFrom)
    for alias in statement.names
}
"""The module of each public name, as `__init__.pyi` lists them."""

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import kerascope` costs next to nothing."""
    if name not in _MODULES:
        raise AttributeError(f"module 'kerascope' has no attribute {name!r}")
    module = _MODULES[name]
    if module == "kerascope":
        value = importlib.import_module(f"kerascope.{name}")
    else:
        value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
