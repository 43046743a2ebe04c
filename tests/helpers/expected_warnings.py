"""What several test files need."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kerascope import errors

FLATTENED = pytest.mark.filterwarnings("ignore:the head should pool:kerascope.errors.FlattenedHeadWarning")
"""For tests of arithmetic on networks with a Flatten, where a wrong average over places shows."""


@contextmanager
def warned(
    kind: type[Warning], pattern: str, optional: bool = False, subclasses: bool = False
) -> Iterator[list[Any]]:
    """Like `pytest.warns`, which would raise what Keras itself warns of; only ours are looked at."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", errors.KerascopeWarning)
        yield caught
    assert optional or caught, "nothing was warned about"
    for one in caught:
        assert issubclass(one.category, kind) if subclasses else one.category is kind
        assert re.search(pattern, str(one.message)), f"{pattern!r} is not in: {one.message}"
