"""Shards: consecutive images of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kerascope.dataset.reading.item import Item


@dataclass(frozen=True)
class Shard:
    """Consecutive images of a source: the least that is written, lost or repeated."""

    number: int
    first: int
    items: tuple[Item, ...]


def to_shards(items: Iterable[Item], size: int) -> Iterator[Shard]:
    """Shards of `size` images; the last may have fewer."""
    held: list[Item] = []
    count = 0
    for item in items:
        held.append(item)
        if len(held) == size:
            yield Shard(count // size, count, tuple(held))
            count, held = count + size, []
    if held:
        yield Shard(count // size, count, tuple(held))
