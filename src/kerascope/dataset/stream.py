"""Shards explained one after another, while images are read ahead and pictures are drawn behind."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from kerascope.dataset.explainer import Explained, Explainer, Prepared, Row
from kerascope.dataset.item import Item

_BATCHES_AHEAD = 2


@dataclass(frozen=True)
class Shard:
    """Consecutive images of a source: the least that is written, lost or repeated.

    Args:
        number: of the shard.
        first: position of its first image in the source.
        items: its images.
    """

    number: int
    first: int
    items: tuple[Item, ...]


def shards_of(items: Iterable[Item], size: int) -> Iterator[Shard]:
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


def explained_shards(
    explainer: Explainer, shards: Iterable[Shard], threads: int, advance: Callable[[Row], None]
) -> Iterator[tuple[int, list[Row]]]:
    """The rows of each shard, in order.

    Images are read and decoded, and pictures drawn and written, by threads, while this one explains. What is
    in flight is bounded by batches, whatever the number of images. Batches do not reach across shards, so a
    shard gives the same wherever it is explained, and after whatever.

    Args:
        explainer: what explains.
        shards: what to explain.
        threads: for reading and drawing; 0 does everything in this one.
        advance: called with the first row of every image that is done.
    """
    size = explainer.options.batch_size
    ahead = size * _BATCHES_AHEAD
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(threads, "kerascope")) if threads else None
        if pool is not None:
            # Whatever stops the run, what has not begun is not begun.
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        numbered = (
            (shard.number, shard.first + place, item)
            for shard in shards
            for place, item in enumerate(shard.items)
        )
        prepared = _ahead(pool, lambda one: (one[0], explainer.prepare(one[1], one[2])), numbered, ahead)
        explained = _explained(explainer, prepared, size)
        finished = _ahead(pool, lambda one: (one[0], explainer.finish(one[1])), explained, ahead)
        for number, group in groupby(finished, key=lambda one: one[0]):
            rows: list[Row] = []
            for _, own in group:
                rows += own
                advance(own[0])
            yield number, rows


def _explained(
    explainer: Explainer, prepared: Iterable[tuple[int, Prepared]], size: int
) -> Iterator[tuple[int, Explained]]:
    """Images with their explanations, in order; those that could not be read pass by."""
    for number, group in groupby(prepared, key=lambda one: one[0]):
        held: list[Prepared] = []
        for _, one in group:
            held.append(one)
            if one.image is not None and sum(other.image is not None for other in held) == size:
                yield from ((number, found) for found in _batch(explainer, held))
                held = []
        yield from ((number, found) for found in _batch(explainer, held))


def _batch(explainer: Explainer, held: list[Prepared]) -> Iterator[Explained]:
    good = [one for one in held if one.image is not None]
    found = iter(explainer.explain(good) if good else ())
    for one in held:
        yield next(found) if one.image is not None else Explained(one, None)


def _ahead(
    pool: ThreadPoolExecutor | None, function: Callable[[Any], Any], stream: Iterable[Any], depth: int
) -> Iterator[Any]:
    """`map(function, stream)` in order, by threads, with at most `depth` results begun and not yet taken."""
    if pool is None:
        yield from map(function, stream)
        return
    begun: deque[Future[Any]] = deque()
    for one in stream:
        begun.append(pool.submit(function, one))
        if len(begun) > depth:
            yield begun.popleft().result()
    while begun:
        yield begun.popleft().result()
