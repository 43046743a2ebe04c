"""Shards explained one after another, while images are read ahead and pictures are drawn behind."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from typing import Any

from kerascope import errors
from kerascope.dataset.decoding.memory_budget import PREFETCH
from kerascope.dataset.reading.shard import Shard
from kerascope.dataset.running.explainer import Explainer
from kerascope.dataset.running.images import ExplainedImage, PreparedImage, ResultRow

_BATCHES_AHEAD = 2
"""Batches that are read before they are asked for, and explained before they are drawn, at the most."""
_PASSES = 2
"""Passes at a time, on a processor: while one waits for its slowest thread, the other has the rest of it."""


def explain_shards(
    explainer: Explainer, shards: Iterable[Shard], threads: int, advance: Callable[[int, int], None]
) -> Iterator[tuple[int, list[ResultRow]]]:
    """The rows of each shard, in order.

    Images are read and decoded, and pictures drawn and written, by threads, while others explain. What is
    in flight is bounded by batches and in bytes, whatever the number of images and the size of pictures: see
    `kerascope.dataset.decoding.memory_budget`. Batches do not reach across shards, so a
    shard gives the same wherever it is explained, and after whatever.

    Args:
        explainer: what explains.
        shards: what to explain.
        threads: for reading and drawing; 0 does everything in this one.
        advance: called for every image that is done, with 1, and with 1 where it failed, else 0.
    """
    size = explainer.options.batch_size
    with ExitStack() as stack:
        # They are in the explanations, and go into the rows. Set here, since filters belong to all threads.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", errors.KerascopeWarning)
        helpers = _pool(stack, threads, "kerascope-files")
        # An accelerator may have no room for two, and methods with masks have a budget of memory for one.
        alone = "masks" in explainer.options.method.tags or not explainer.probe.on_host
        passes = 1 if alone else _PASSES
        askers = _pool(stack, passes if threads else 0, "kerascope-passes")
        image = 4 * explainer.layout.channels * explainer.size[0] * explainer.size[1]
        ahead = max(threads, min(size * _BATCHES_AHEAD, PREFETCH // image))
        numbered = (
            (shard.number, shard.first + place, item)
            for shard in shards
            for place, item in enumerate(shard.items)
        )
        prepared = _ahead(helpers, lambda one: (one[0], explainer.prepare(one[1], one[2])), numbered, ahead)
        batches = _batches(prepared, size)
        asked = _ahead(askers, lambda one: (one[0], _explained(explainer, one[1])), batches, passes - 1)
        explained = ((number, one) for number, batch in asked for one in batch)
        finished = _ahead(helpers, lambda one: (one[0], explainer.finish(one[1])), explained, ahead)
        for number, group in groupby(finished, key=lambda one: one[0]):
            rows: list[ResultRow] = []
            for _, own in group:
                rows += own
                advance(1, own[0]["status"] == "failed")
            yield number, rows


def _pool(stack: ExitStack, threads: int, name: str) -> ThreadPoolExecutor | None:
    """Threads that are gone with the stack: what was begun is ended, unless the user has no patience."""
    if not threads:
        return None
    pool = ThreadPoolExecutor(threads, name)

    def close(kind: type[BaseException] | None, *_: object) -> None:
        pool.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)

    stack.push(close)
    return pool


def _batches(
    prepared: Iterable[tuple[int, PreparedImage]], size: int
) -> Iterator[tuple[int, Sequence[PreparedImage]]]:
    """Up to `size` images of a shard that could be read, with those between them that could not."""
    for number, group in groupby(prepared, key=lambda one: one[0]):
        held: list[PreparedImage] = []
        good = 0
        for _, one in group:
            held.append(one)
            good += one.image is not None
            if good == size:
                yield number, held
                held, good = [], 0
        if held:
            yield number, held


def _explained(explainer: Explainer, batch: Sequence[PreparedImage]) -> list[ExplainedImage]:
    """Images with their explanations, in order; those that could not be read pass by."""
    good = [one for one in batch if one.image is not None]
    found = iter(explainer.explain(good) if good else ())
    return [next(found) if one.image is not None else ExplainedImage(one, None) for one in batch]


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
