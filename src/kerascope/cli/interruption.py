"""Ctrl-C: a command ends at once, also in the middle of a pass, and prints how to continue.

Python handles signals between two of its instructions, and a pass of a model is one. So a thread waits for
the signal, prints a line, and ends the process, which leaves the disk as a kill does.
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
    """A thread that waits for Ctrl-C, prints a line, and ends the process.

    Args:
        advice: printed, on how to continue.
        patience: seconds that the main thread has to finish; a second Ctrl-C ends them.
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
        """Within the block the thread receives Ctrl-C, and with patience the main thread, too."""

        def handle(number: int, frame: object) -> None:
            if self._patience and not self.came.is_set():
                self.came.set()
                raise KeyboardInterrupt

        # In this order, so that the reader runs before a signal is written.
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
        """Return whether Ctrl-C came, rather than the end of the block."""
        while received := self._reader.recv(1):
            if received[0] == signal.SIGINT:
                return True
        return False


@contextmanager
def exit_on_interrupt(advice: str, resumable: bool = False) -> Iterator[None]:
    """Within the block Ctrl-C ends the process at once, with code 130.

    Args:
        advice: printed, on how to continue.
        resumable: the command gets a moment to record its end.
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
    """Within the block Ctrl-C raises `KeyboardInterrupt`; a second one ends the process.

    Returns:
        An event that is set by Ctrl-C. If the block fails then, the process ends with code 130.
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
    """Return whether Ctrl-C reaches this process: not if a shell started it in the background."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
