"""Memory budgets in bytes: threads that need much wait until others release theirs."""

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
    """Bytes that all threads together may hold at a time, first come, first served.

    A single holder may hold more, so that nothing waits for ever. A thread must ask several budgets in one
    order, and each once: then whoever holds the last one needs no further one, and releases it.

    Args:
        size: of the budget, in bytes.

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
        """Hold some bytes, once there is room for them."""
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
    """Bytes that cached objects may take together; the bytes of an object are released with it.

    Args:
        size: of the budget, in bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0
        # An object may be freed in the middle of a call, in the same thread.
        self._lock = RLock()

    def reserve(self, cached: Any, count: int) -> bool:
        """Reserve the bytes of an object until it is freed, and return whether there was room for them."""
        with self._lock:
            if self.held + count > self.size:
                return False
            self.held += count
        weakref.finalize(cached, self._release, count).atexit = False
        return True

    def _release(self, count: int) -> None:
        with self._lock:
            self.held -= count


def release_memory() -> None:
    """Return free memory to the system, where an allocator keeps it for each thread, as glibc does."""
    _trim()(0)


@functools.cache
def _trim() -> Callable[[int], object]:
    try:
        found: Callable[[int], object] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another system, or another allocator
        return lambda _: None
    return found


FILES = MemoryBudget(1 << 28)
"""For files that are read and not yet decoded."""
PIXELS = MemoryBudget(3 << 28)
"""For pictures that are decoded, scaled and drawn; to be asked after `FILES`."""
CACHE = CacheBudget(1 << 27)
"""For small photographs that wait to be drawn; others are decoded again."""
PREFETCH = 1 << 27
"""Bytes of images, as the model takes them, that are read ahead."""
