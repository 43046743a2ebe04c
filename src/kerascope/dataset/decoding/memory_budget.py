"""Memory that is bounded in bytes: who needs much waits until others have given theirs back."""

from __future__ import annotations

import ctypes
import functools
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, RLock
from typing import Any


class MemoryBudget:
    """Bytes that may be held at a time, by all threads together; who asks first is let through first.

    One alone may hold more, so that nothing waits for ever. Of several budgets a thread asks in one order,
    and of each once: then whoever holds the last one needs nothing further, and gives it back.

    Args:
        size: bytes.

    Example:
        >>> from kerascope.dataset.decoding.memory_budget import MemoryBudget
        >>> budget = MemoryBudget(100)
        >>> with budget.hold(60):
        ...     budget.held
        60
        >>> budget.held, budget.most
        (0, 60)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0
        self.most = 0
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Hold some bytes, once there is room for them.

        Args:
            count: bytes.
        """
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._has_room(count))
                self.held += count
                self.most = max(self.most, self.held)
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self.held -= count
                self._changed.notify_all()

    def _has_room(self, count: int) -> bool:
        return not self.held or self.held + count <= self.size


class CacheBudget:
    """Things that are kept as long as there is room for them, and while anybody knows them.

    Args:
        size: bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0
        # Whatever is forgotten may be so in the middle of a call, in the same thread.
        self._lock = RLock()

    def reserve(self, thing: Any, count: int) -> bool:
        """Whether there was room for it; it counts until it is forgotten.

        Args:
            thing: to be kept.
            count: bytes.
        """
        with self._lock:
            if self.held + count > self.size:
                return False
            self.held += count
        weakref.finalize(thing, self._forget, count).atexit = False
        return True

    def _forget(self, count: int) -> None:
        with self._lock:
            self.held -= count


def release_memory() -> None:
    """Give memory that is free to the system, where an allocator keeps it for each thread, as glibc does."""
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], object]:
    try:
        found: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another system, or another allocator
        return lambda _: None
    return found


FILES = MemoryBudget(1 << 28)
"""Bytes of files that are read and not yet decoded."""
PIXELS = MemoryBudget(3 << 28)
"""Bytes of pictures that are decoded, scaled and drawn; asked for after `FILES`."""
CACHE = CacheBudget(1 << 27)
"""Bytes of small photographs that wait to be drawn; others are decoded again."""
PREFETCH = 1 << 27
"""Bytes of images, as the model takes them, that are ready before they are asked for."""
