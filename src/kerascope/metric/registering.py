"""Importing this file imports every file of the folder, which registers the metrics there."""

import importlib
import pkgutil
from pathlib import Path

for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    importlib.import_module(f"kerascope.metric.{_module.name}")
