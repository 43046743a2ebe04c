"""Types that many modules name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
"""A NumPy array of any shape and type."""

Tensor = Any
"""A tensor of the backend: what Keras takes and returns."""

TensorFunction = Callable[..., Any]
"""A function of tensors, of any backend."""
