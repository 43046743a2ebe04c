"""A model is asked and not trained: what its training has caused, or spoilt, is one error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from kerascope import backend, errors


@contextmanager
def undisturbed(
    variables: Sequence[keras.Variable], state: Sequence[Any] = (), steps: keras.Variable | None = None
) -> Iterator[None]:
    """Within the block a model is asked, of weights that stay as they are.

    Args:
        variables: of the model.
        state: their values, as programs are handed them.
        steps: in which an optimiser counts its steps, or None.

    Raises:
        BusyModelError: training changed the weights meanwhile, or took them away. Other errors pass.
    """
    disturbed = backend.current().watch(variables, state, steps)
    try:
        yield
    except errors.BusyModelError:
        raise
    except Exception as error:
        # What the model itself raised may be within one of ours.
        cause = error.__cause__ if isinstance(error, errors.KerascopeError) else error
        if isinstance(cause, Exception) and disturbed(cause):
            raise errors.BusyModelError from error
        raise
    if disturbed(None):
        raise errors.BusyModelError
