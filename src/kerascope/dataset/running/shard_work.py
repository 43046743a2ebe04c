"""The work of explaining and writing shards, for the workers of a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kerascope.dataset.options import ResultOptions
from kerascope.dataset.reading.shard import Shard
from kerascope.dataset.running.description import Description
from kerascope.dataset.running.explainer import Explainer
from kerascope.dataset.running.pipeline import explain_shards
from kerascope.dataset.running.worker import SharedProbe
from kerascope.dataset.writing.store import Store
from kerascope.probe import Probe


@dataclass(frozen=True, eq=False)
class ShardWork:
    """Explains and writes shards: a `kerascope.dataset.running.worker.Work`.

    Args:
        probe: that explains.
        options: of the run.
        description: further columns, or None.
        folder: of the results, shared by all workers.
        grid: (h, w) of the maps.
        threads: for reading and drawing, in each worker.
    """

    probe: SharedProbe
    options: ResultOptions
    description: Description | None
    folder: str
    grid: tuple[int, ...]
    threads: int

    def start(self, probe: Probe) -> Callable[[Shard], tuple[int, int, int]]:
        """Return a function that writes a shard, and returns its number, images and failures."""
        from kerascope.dataset.writing import schema

        store = Store(self.folder)
        explainer = Explainer(probe, self.options, self.probe.names, store, self.description)
        more = () if self.description is None else self.description.columns()
        columns = schema.schema(self.grid, self.options.map_type, more)

        def explain(shard: Shard) -> tuple[int, int, int]:
            failures = 0

            def advance(count: int, failed: int) -> None:
                nonlocal failures
                failures += failed

            for _, rows in explain_shards(explainer, [shard], self.threads, advance):
                store.write_shard(shard.number, schema.table(rows, columns))
            return shard.number, len(shard.items), failures

        return explain
