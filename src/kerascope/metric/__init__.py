"""Metrics of explanations: one number per image."""

from kerascope.registry import attach_stub, import_modules

__getattr__, __dir__, __all__ = attach_stub(__name__, __file__)

import_modules(__name__, __path__)
