"""What demo and examples share on the terminal."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from contextlib import contextmanager


def positive(text: str) -> int:
    """A whole number of at least 1, as `type=` of an argument."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1 and is {value}")
    return value


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A heading before, and the seconds after."""
    print(f"\n{name}", flush=True)
    start = time.perf_counter()
    yield
    print(f"({time.perf_counter() - start:.1f} s)", flush=True)
