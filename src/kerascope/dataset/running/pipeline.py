"""The pipeline of a run: images are read ahead, explained in batches, and drawn behind, by threads."""

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
"""The most batches that wait to be explained, and to be drawn."""
_PASSES = 2
"""Passes at a time, on a processor: while one waits for its slowest thread, the other has the rest of it."""


def explain_shards(
    explainer: Explainer, shards: Iterable[Shard], threads: int, advance: Callable[[int, int], None]
) -> Iterator[tuple[int, list[ResultRow]]]:
    """Yield the rows of each shard, in order.

    Threads read and decode images, and draw and write pictures, while others explain. Batches and bytes in
    flight are bounded, whatever the number of images and the size of pictures: see
    `kerascope.dataset.decoding.memory_budget`. Batches do not cross shards, so a shard has the same results
    wherever and whenever it is explained.

    Args:
        explainer: of the run.
        shards: to explain.
        threads: for reading and drawing; 0 for the calling thread alone.
        advance: called after each image with 1, and with whether it failed.
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
            (shard.number, (shard.first + index, item))
            for shard in shards
            for index, item in enumerate(shard.items)
        )
        prepared = _map_ahead(helpers, lambda image: explainer.prepare(*image), numbered, ahead)
        batches = _batches(prepared, size)
        asked = _map_ahead(askers, lambda batch: _explain_images(explainer, batch), batches, passes - 1)
        explained = ((shard, image) for shard, batch in asked for image in batch)
        finished = _map_ahead(helpers, explainer.finish, explained, ahead)
        for shard, group in groupby(finished, key=lambda pair: pair[0]):
            rows: list[ResultRow] = []
            for _, own in group:
                rows += own
                advance(1, own[0]["status"] == "failed")
            yield shard, rows


def _pool(stack: ExitStack, threads: int, name: str) -> ThreadPoolExecutor | None:
    """Start threads that end with the stack: they finish their work, except after Ctrl-C."""
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
    """Yield up to `size` readable images of a shard, with the unreadable ones between them."""
    for shard, group in groupby(prepared, key=lambda pair: pair[0]):
        held: list[PreparedImage] = []
        good = 0
        for _, prepared_image in group:
            held.append(prepared_image)
            good += prepared_image.image is not None
            if good == size:
                yield shard, held
                held, good = [], 0
        if held:
            yield shard, held


def _explain_images(explainer: Explainer, batch: Sequence[PreparedImage]) -> list[ExplainedImage]:
    """Explain a batch in order; images that could not be read pass through."""
    good = [prepared for prepared in batch if prepared.image is not None]
    found = iter(explainer.explain(good) if good else ())
    return [
        next(found) if prepared.image is not None else ExplainedImage(prepared, None) for prepared in batch
    ]


def _map_ahead(
    pool: ThreadPoolExecutor | None,
    function: Callable[[Any], Any],
    stream: Iterable[tuple[int, Any]],
    depth: int,
) -> Iterator[tuple[int, Any]]:
    """Map the second of each pair in order, by threads, with at most `depth` results waiting."""
    if pool is None:
        yield from ((shard, function(value)) for shard, value in stream)
        return
    futures: deque[tuple[int, Future[Any]]] = deque()
    for shard, value in stream:
        futures.append((shard, pool.submit(function, value)))
        if len(futures) > depth:
            shard, future = futures.popleft()
            yield shard, future.result()
    for shard, future in futures:
        yield shard, future.result()
