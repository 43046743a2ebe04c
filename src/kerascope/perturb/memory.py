"""The memory budget, and estimates of the memory that a pass takes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from kerascope import errors
from kerascope.probe import Graph

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")
_SHARE = 4
"""The default budget is the free memory divided by this."""
_FALLBACK = 10**9
"""The budget where the free memory is not known."""
_NUMBER = 4
"""Bytes of a float32."""
_COPIES = 6
"""Pictures that a row holds at a time: taken, baseline, mask, mixed, in the model's layout, and
one to spare."""
_WORKSPACE = 2.0
"""How many times what layers hand on a pass takes: kernels work in packed copies of it."""


def check_memory(memory: Any) -> None:
    """Check a budget: bytes, a text such as `"1GB"`, or None."""
    if memory is not None:
        _bytes(memory)


def budget(memory: int | str | None) -> int:
    """The budget in bytes; by default about a quarter of the free memory."""
    if memory is not None:
        return _bytes(memory)
    # A power of two, so that what other programs do meanwhile seldom changes the size of a pass.
    return 1 << ((_free() // _SHARE).bit_length() - 1)


def _free() -> int:
    """Bytes of free memory, as far as the system reports it."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _FALLBACK * _SHARE


def picture_bytes(spatial: tuple[int, ...], channels: int) -> int:
    """Bytes that one row takes without the model."""
    return _COPIES * _NUMBER * math.prod(spatial) * channels


def activation_bytes(graph: Graph, skippable: Collection[int] = (), kept: bool = False) -> int:
    """Bytes that one row takes inside the model, by how long the output of each layer is needed.

    If `kept`, nothing is freed before the pass ends: without compilation, Keras holds every layer's output.
    """
    last: dict[int, int] = {}
    for call in graph.calls:
        for source in call.sources:
            if source >= 0:
                last[source] = call.number
    held = most = largest = 0
    ends: dict[int, int] = {}
    for call in graph.calls:
        # What only hands a tensor on takes nothing.
        size = (
            0
            if call.producer != call.number or call.number in skippable
            else _NUMBER * math.prod(call.shape[1:])
        )
        held += size
        largest = max(largest, size)
        most = max(most, held)
        end = max(last.get(call.number, call.number), call.number)
        ends[end] = ends.get(end, 0) + size
        if not kept:
            held -= ends.pop(call.number, 0)
    return int(most + _WORKSPACE * largest if kept else _WORKSPACE * most)


def gradient_rows(
    graph: Graph, shape: tuple[int, ...], most: int, fixed: bool, memory: int | str | None
) -> int:
    """How many rows fit in a pass forward and backward, which needs every layer's output again.

    At most `most`, a power of two; if `fixed`, the model takes no other number.
    """
    row = picture_bytes(shape[:-1], shape[-1])
    made = (call for call in graph.calls if call.producer == call.number)
    row += int(_WORKSPACE * _NUMBER * sum(math.prod(call.shape[1:]) for call in made))
    allowed, least = budget(memory), row * (most if fixed else 1)
    if least > allowed:
        raise errors.MemoryBudgetError(
            f"memory must hold {f'{most} images' if fixed else 'one image'} on the way forward and back, "
            f"which takes about {format_bytes(least)}; got {format_bytes(allowed)}; allow more, or "
            "use smaller images."
        )
    while not fixed and row * most > allowed:
        most //= 2
    return most


def format_bytes(size: float) -> str:
    """Bytes in words."""
    return f"{size / 1e9:.3g} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"


def _bytes(memory: Any) -> int:
    if isinstance(memory, int) and not isinstance(memory, bool) and memory > 0:
        return memory
    found = _SIZE.fullmatch(memory.strip()) if isinstance(memory, str) else None
    if found and found[2].upper() in _UNITS and float(found[1]) > 0:
        return max(1, int(float(found[1]) * _UNITS[found[2].upper()]))
    raise errors.ParameterError(
        f"memory must be a number of bytes above 0, a text such as '1GB', or None; got {memory!r}."
    )
