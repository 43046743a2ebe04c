"""The job of a run: shard after shard, here or by workers, recorded in the manifest however it ends."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import keras
import numpy as np

from kerascope import errors
from kerascope.dataset.classes.class_names import ClassNames
from kerascope.dataset.labels.label import describe_unknown_labels
from kerascope.dataset.options import ResultOptions, RunOptions
from kerascope.dataset.preparing.fit_choice import NOTE
from kerascope.dataset.preparing.preprocessing import preprocessing_to_json
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.reading.shard import Shard, to_shards
from kerascope.dataset.reading.source import Source
from kerascope.dataset.results import Results, count_results, open_results
from kerascope.dataset.running.cluster import open_workers
from kerascope.dataset.running.description import Description
from kerascope.dataset.running.explainer import Explainer
from kerascope.dataset.running.pipeline import explain_shards
from kerascope.dataset.running.shard_work import ShardWork
from kerascope.dataset.running.worker import SharedProbe
from kerascope.dataset.writing.digest import model_digest
from kerascope.dataset.writing.lock import lock_folder
from kerascope.dataset.writing.manifest import write_manifest
from kerascope.dataset.writing.overlap import check_no_overlap, existing_paths
from kerascope.dataset.writing.removal import remove_run
from kerascope.dataset.writing.resume import check_folder_state, check_same_run, check_shards
from kerascope.dataset.writing.store import Store, wrap_disk_errors
from kerascope.layout import Layout
from kerascope.probe import Probe
from kerascope.progress import Progress
from kerascope.provenance import versions, warn

_DEFAULTS = RunOptions()


@dataclass(frozen=True, eq=False)
class Job:
    """A planned run.

    Args:
        model: kept alive, since the probe may hold it weakly.
        probe: of the model.
        source: of the images.
        options: that decide the results.
        class_names: of the classes.
        layout: how the model takes a photograph.
        choices: made for the user, with reasons, by topic.
        doubts: warnings to store.
        model_file: path of the model, or None.
        description: further columns, or None.
        inputs: paths that were read, besides the images.
    """

    model: keras.Model
    probe: Probe
    source: Source
    options: ResultOptions
    class_names: ClassNames
    layout: Layout
    choices: dict[str, str]
    doubts: tuple[str, ...]
    model_file: str | None
    description: Description | None = None
    inputs: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...] | None:
        """Names of the classes, or None."""
        return self.class_names.names

    @property
    def blank(self) -> Any:
        """An image of zeros as the model takes it, (1, ...)."""
        return self.layout.original(np.zeros((1, *self.layout.spatial, self.layout.channels), "float32"), np)

    @property
    def choice_lines(self) -> list[tuple[str, str]]:
        """The choices and notes, as lines with a topic and a text."""
        notes = [doubt.partition(": ")[2] for doubt in self.doubts if doubt.startswith(NOTE)]
        return [*self.choices.items(), *(("note", note) for note in notes)]

    def to_manifest(self, grid: tuple[int, ...]) -> dict[str, Any]:
        """Return the part of the manifest that is known before the run."""
        options = self.options
        model = {"name": self.probe.model.name, "digest": model_digest(self.probe.model)}
        return {
            "model": model,
            "model_file": None if self.model_file is None else to_readable(self.model_file),
            "source": {"paths": list(self.source.paths)},
            "options": {
                "method": options.method.describe(),
                "target": "label" if options.by_label else options.model_target.describe(),
                "seed": getattr(options.method, "seed", None),
                "class_names": None if self.names is None else list(self.names),
                **({"output": self.probe.output} if self.probe.output else {}),
                **({} if self.probe.placing == "auto" else {"placement": self.probe.placing}),
                **({} if self.probe.label is None else {"label": self.probe.label}),
                "preprocessing": preprocessing_to_json(options.preprocessing),
                "overlay": options.overlay,
                "map_type": options.map_type,
                "map_shape": list(grid),
                "batch_size": options.batch_size,
                "shard_size": options.shard_size,
                **({} if self.description is None else {"description": dict(self.description.to_json())}),
            },
            "versions": dict(versions()),
            "choices": self.choices,
            "warnings": list(self.doubts),
        }

    def check(self) -> None:
        """Check that the run can be executed with these options, as `run` does later.

        Raises:
            ParameterError, InputError, TargetError, LayerError: what was given does not fit the model.
        """
        _ = Explainer(self.probe, self.options, self.names, Store(""), self.description).grid

    def run(self, folder: Store | str | os.PathLike[str], options: RunOptions = _DEFAULTS) -> Results:
        """Execute the run.

        Args:
            folder: of the results, or a store, whose lock may be held already.
            options: see `explain_dataset`.
        """
        from kerascope.dataset.writing import schema

        store = Store.of(folder)
        explainer = Explainer(self.probe, self.options, self.names, store, self.description)
        grid = explainer.grid
        manifest = self.to_manifest(grid)
        more = () if self.description is None else self.description.columns()
        columns = schema.schema(grid, self.options.map_type, more)

        def check() -> None:
            before = check_folder_state(
                store, options.resume, options.overwrite, self.options.overlay is not None
            )
            if options.resume and before is not None:
                check_same_run(before, manifest)

        if options.overwrite:
            check_no_overlap(store.folder, existing_paths(*self.inputs, *self.source.paths), self.source)
        with open_workers(options, self.probe.model) as workers, lock_folder(store, check):
            done, damaged = set[int](), list[int]()
            if options.resume:
                done, damaged = check_shards(store, self.source, self.options.shard_size)
            manifest["warnings"] += [
                warn(errors.KerascopeWarning, _damage_warning(shard)) for shard in damaged
            ]
            if options.overwrite:
                remove_run(store)
            else:
                store.remove_partial_files()
            total, started = self.source.count(), datetime.now(UTC)
            with (
                _record(store, manifest, started, self.class_names.count is not None),
                Progress(total, options.progress, "explain", "images", 0) as progress,
            ):
                todo = _remaining_shards(self.source, self.options.shard_size, done, progress.advance)
                if workers is None:
                    shards = explain_shards(explainer, todo, options.thread_count, progress.advance)
                    for shard, rows in shards:
                        store.write_shard(shard, schema.table(rows, columns))
                else:
                    threads = workers.cluster.cpus - 1 if options.threads is None else options.threads
                    work = self._to_work(store, grid, threads)
                    written = set()
                    for _, (number, images, failed) in workers.map(work, todo):
                        written.add(number)
                        progress.advance(images, failed)
                    # What workers that were killed have left.
                    store.remove_partial_files()
                    _check_shards_here(store, written)
            return open_results(store.folder)

    def _to_work(self, store: Store, grid: tuple[int, ...], threads: int) -> ShardWork:
        """Convert to work for workers."""
        probe = SharedProbe.of(self.probe, self.blank)
        folder = str(store.folder.resolve())
        return ShardWork(probe, self.options, self.description, folder, grid, threads)


def _check_shards_here(store: Store, written: set[int]) -> None:
    """Check that the shards of workers are in the folder of this process.

    Raises:
        DatasetError: some are not.
    """
    lost = written - set(store.shards())
    if lost:
        raise errors.DatasetError(
            "the folder of results must be one that all workers and this process see; of "
            f"{len(written)} shards that workers have written {len(lost)} are not in {str(store.folder)!r}; "
            "take a folder of a file system that they share."
        )


def _damage_warning(number: int) -> str:
    return f"Shard {number} was damaged, and its images are explained again."


def _remaining_shards(
    source: Source, size: int, done: set[int], skip: Callable[[int], None]
) -> Iterator[Shard]:
    """Yield the shards that are not written yet."""
    for shard in to_shards(source, size):
        if shard.number in done:
            skip(len(shard.items))
        else:
            yield shard


@contextmanager
def _record(store: Store, manifest: dict[str, Any], started: datetime, classes: bool) -> Iterator[None]:
    """Write the manifest at the start, and at the end however it comes."""
    times = {"started": started.isoformat(timespec="seconds")}
    with wrap_disk_errors(store.folder):
        write_manifest(store, {"status": "running", **manifest, **times})
    status = "interrupted"
    try:
        with wrap_disk_errors(store.folder):
            yield
        status = "complete"
    except Exception:
        status = "failed"
        raise
    finally:
        ended = datetime.now(UTC)
        times |= {
            "ended": ended.isoformat(timespec="seconds"),
            "seconds": str(round((ended - started).total_seconds(), 1)),
        }
        try:
            with wrap_disk_errors(store.folder):
                counts = count_results(store)
                strangers = Results(store.folder, manifest).strange_labels() if classes else {}
                if strangers:
                    counts["strange_labels"] = sum(strangers.values())
                    lines = [
                        f"{errors.KerascopeWarning.__name__}: {text}"
                        for text in describe_unknown_labels(strangers)
                    ]
                    manifest = {**manifest, "warnings": [*manifest["warnings"], *lines]}
                write_manifest(store, {"status": status, **manifest, **times, "counts": counts})
        except errors.DatasetError:
            # Such as on a full disk: the first manifest stays, and the cause is raised.
            if status == "complete":
                raise
