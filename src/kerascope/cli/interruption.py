"""Ctrl-C stops a command at once, also in the middle of a pass, and says how to go on.

Python looks at signals between two instructions of its own, and a pass of a model is one. So a thread waits
for the signal, says a line, and ends the process; what is on the disk is then what a kill would leave there.
"""

from __future__ import annotations

import math
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CODE = 130
_PATIENCE = 2.0


class _Watch:
    """A thread that waits for Ctrl-C, says a line, and ends the process.

    Args:
        advice: what is said of how to go on.
        patience: seconds that the main thread has to end what it does; a second Ctrl-C ends them.
    """

    def __init__(self, advice: str, patience: float) -> None:
        self.came = threading.Event()
        self._advice, self._patience = advice, patience
        # Not sys.stderr, whose lock the main thread may hold; a copy, since imports are silenced there.
        self._terminal = os.dup(2)
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._thread = threading.Thread(target=self._wait, name="kerascope-interruption", daemon=True)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Within the block Ctrl-C is seen by the thread, and by the main thread where there is patience."""

        def handle(number: int, frame: object) -> None:
            if self._patience and not self.came.is_set():
                self.came.set()
                raise KeyboardInterrupt

        # In this order: what is written into is there before it can be written.
        self._thread.start()
        wakeup = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        handler = signal.signal(signal.SIGINT, handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, handler)
            signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
            self._writer.close()
            self._thread.join()
            self._reader.close()
            os.close(self._terminal)

    def _wait(self) -> None:
        if not self._wait_for_interrupt():
            return
        line = f"kerascope: interrupted; {self._advice}.\n"
        os.write(self._terminal, (line if not os.isatty(self._terminal) else "\n" + line).encode())
        if self._patience:
            self._reader.settimeout(None if math.isinf(self._patience) else self._patience)
            try:
                if not self._wait_for_interrupt():
                    return
            except TimeoutError:
                pass
        os._exit(CODE)

    def _wait_for_interrupt(self) -> bool:
        """Whether Ctrl-C came, rather than the end of the block."""
        while received := self._reader.recv(1):
            if received[0] == signal.SIGINT:
                return True
        return False


@contextmanager
def exit_on_interrupt(advice: str, resumable: bool = False) -> Iterator[None]:
    """Within the block Ctrl-C ends the process at once, with code 130.

    Args:
        advice: what is said of how to go on.
        resumable: what is done writes down how it ends; it has some moments for that.
    """
    if not _listens():
        yield
        return
    watch = _Watch(advice, _PATIENCE if resumable else 0.0)
    try:
        with watch.watch():
            yield
    finally:
        if watch.came.is_set():
            # Threads with a pass under way are not waited for.
            os._exit(CODE)


@contextmanager
def return_on_interrupt(advice: str) -> Iterator[threading.Event]:
    """Within the block Ctrl-C is a `KeyboardInterrupt` that is awaited; a second one ends the process.

    Args:
        advice: what is said of that.

    Returns:
        Whether Ctrl-C came. Where the block then fails, the process ends with code 130.
    """
    if not _listens():
        yield threading.Event()
        return
    watch = _Watch(advice, math.inf)
    try:
        with watch.watch():
            yield watch.came
    except BaseException:
        if watch.came.is_set():
            os._exit(CODE)
        raise


def _listens() -> bool:
    """Whether Ctrl-C is to stop this process: not so where a shell has started it in the background."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
