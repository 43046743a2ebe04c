"""The digest of a model, over its configuration and weights."""

from __future__ import annotations

import hashlib
from typing import Any

import keras
import numpy as np


def model_digest(model: Any) -> str:
    """Compute the SHA-256 of a model's configuration and the paths, types, shapes and values of its weights.

    Two files of one model have one digest; the state of its random numbers, metrics and optimiser does not
    count.

    Returns:
        64 hexadecimal digits.

    Cost: one pass over the weights.
    """
    found = hashlib.sha256()
    try:
        found.update(model.to_json().encode())
    except (NotImplementedError, TypeError, ValueError):
        # A subclassed model may have no configuration.
        found.update(f"{type(model).__module__}.{type(model).__qualname__}".encode())
    for variable in model.weights:
        value = np.ascontiguousarray(keras.ops.convert_to_numpy(variable.value))
        found.update(f"{variable.path} {value.dtype} {value.shape}".encode())
        found.update(value.reshape(-1).view(np.uint8).data)
    return found.hexdigest()
