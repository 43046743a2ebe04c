"""Training while a model is explained: detected, and raised as one error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from kerascope import backend, errors


@contextmanager
def forbid_training(
    variables: Sequence[keras.Variable], state: Sequence[Any] = (), steps: keras.Variable | None = None
) -> Iterator[None]:
    """Check that the weights of a model stay as they are within the block.

    Args:
        variables: of the model.
        state: their values, as arguments of programs.
        steps: the variable in which an optimiser counts its steps, or None.

    Raises:
        BusyModelError: training changed or deleted the weights meanwhile. Other errors pass.
    """
    has_interfered = backend.current().watch_training(variables, state, steps)
    try:
        yield
    except errors.BusyModelError:
        raise
    except Exception as error:
        # An exception of the model itself may be the cause of one of ours.
        cause = error.__cause__ if isinstance(error, errors.KerascopeError) else error
        if isinstance(cause, Exception) and has_interfered(cause):
            raise errors.BusyModelError from error
        raise
    if has_interfered(None):
        raise errors.BusyModelError
