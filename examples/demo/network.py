"""Asking the network without waiting for it."""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import threading
import urllib.request
from collections.abc import Iterator


def answers(address: str, seconds: float, magic: bytes) -> bool:
    """Whether an address serves a file of some kind, known within `seconds` whatever the network does.

    Args:
        address: of the file; its first bytes are asked for.
        seconds: the longest that the answer may take, looking up the host's name included.
        magic: how the file begins.

    Returns:
        True when the first bytes came in time and are `magic`; else False, without a message.

    Cost: one request.
    """
    reply: queue.Queue[bool] = queue.Queue()

    def ask() -> None:
        try:
            request = urllib.request.Request(address, headers={"Range": f"bytes=0-{len(magic) - 1}"})
            with urllib.request.urlopen(request, timeout=seconds) as response:
                reply.put(response.read(len(magic)) == magic)
        except (OSError, ValueError, http.client.HTTPException):
            reply.put(False)

    # A thread, since no timeout covers looking up a name; a daemon, so that nothing waits for it.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return reply.get(timeout=seconds)
    except queue.Empty:
        return False


@contextlib.contextmanager
def stalling_at_most(seconds: float) -> Iterator[None]:
    """Connections opened inside fail when nothing comes for `seconds`; before, as after."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
