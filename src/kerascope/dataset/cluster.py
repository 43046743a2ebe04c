"""The same on a Ray cluster: Ray Data hands shards to processes that hold a compiled probe each."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kerascope import errors, model_file
from kerascope.dataset.explainer import Explainer
from kerascope.dataset.options import Options
from kerascope.dataset.store import SHARED_MODEL, Store
from kerascope.dataset.stream import Shard, explained_shards
from kerascope.probe import Probe
from kerascope.target.kind import Kind

_STORE_BYTES = 256 << 20


@dataclass(frozen=True)
class Cluster:
    """Who explains, on a Ray cluster: that at RAY_ADDRESS, else one that is started here and stopped again.

    Args:
        workers: processes, each with a compiled probe.
        cpus: processors of each. With one, a process reads, explains and draws in turns; what is above one is
            for reading and drawing meanwhile.
        gpus: GPUs of each, also a part of one.
    """

    workers: int
    cpus: int = 1
    gpus: float = 0.0

    def __post_init__(self) -> None:
        whole = all(
            isinstance(value, int) and not isinstance(value, bool) and value >= 1
            for value in (self.workers, self.cpus)
        )
        if not whole or not self.gpus >= 0:
            raise errors.ParameterError(
                "workers and cpus must be whole numbers of at least 1, and gpus at least 0; got "
                f"{self.workers!r}, {self.cpus!r}, {self.gpus!r}."
            )


@dataclass(frozen=True, eq=False)
class Task:
    """All that a worker needs, beside its shards.

    Args:
        model: path of a .keras file that every worker can read.
        imports: modules that register layers of the model.
        safe_mode: whether a model with code of its own is refused.
        options: of the run.
        names: of the classes, or None.
        compile: see `Probe`.
        input: see `Probe`.
        output: see `Probe`.
        label: see `Probe`.
        folder: of the results, which every worker can write to.
        grid: (h, w) of the maps.
        threads: for reading and drawing, in each worker.
    """

    model: str
    imports: tuple[str, ...]
    safe_mode: bool
    options: Options
    names: tuple[str, ...] | None
    compile: bool
    input: str | int | None
    output: Kind | Mapping[str, Kind] | None
    label: int | None
    folder: str
    grid: tuple[int, ...]
    threads: int


class ShardWorker:
    """A worker: explains shards and writes them, and says how many images there were and failed."""

    def __init__(self, task: Task) -> None:
        from kerascope.dataset import schema

        for name in task.imports:
            importlib.import_module(name)
        if task.safe_mode:
            model_file.check(Path(task.model))
        model = keras.saving.load_model(task.model, compile=False, safe_mode=task.safe_mode)
        probe = Probe(
            model,
            batch_size=task.options.batch_size,
            compile=task.compile,
            input=task.input,
            output=task.output,
            label=task.label,
        ).named(task.names)
        self._store = Store(task.folder)
        self._explainer = Explainer(probe, task.options, task.names, self._store)
        self._columns = schema.schema(task.grid, task.options.map_type)
        self._threads = task.threads

    def __call__(self, batch: Mapping[str, Sequence[Shard]]) -> dict[str, list[int]]:
        from kerascope.dataset import schema

        counts: dict[str, list[int]] = {"images": [], "failed": []}
        failed: list[bool] = []

        def advance(row: Mapping[str, Any]) -> None:
            failed.append(row["status"] == "failed")

        for number, rows in explained_shards(self._explainer, batch["shard"], self._threads, advance):
            self._store.write_shard(number, schema.table(rows, self._columns))
            counts["images"].append(len(failed))
            counts["failed"].append(sum(failed))
            failed.clear()
        return counts


def run_on_ray(
    task: Task, shards: Iterable[Shard], cluster: Cluster, advance: Callable[[int, int], None]
) -> None:
    """Explain shards by the workers of a cluster. A worker that dies is replaced, and its shard done again.

    Args:
        task: what workers need.
        shards: what to explain; their names are held by this process, their images are not.
        cluster: who explains.
        advance: called with the numbers of images and failed ones as shards are done.

    Raises:
        MissingPackageError: Ray is not installed.
        KerascopeError, OSError: what a worker raised.
    """
    # Ray would tell its makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError:
        raise errors.MissingPackageError("ray", "ray") from None
    rows = [{"shard": shard} for shard in shards]
    if not rows:
        return
    started = not ray.is_initialized()
    if started:
        _start(ray, cluster)
    try:
        # Not what it tells of its plans, nor that it draws no bars.
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        threads = {
            name: str(cluster.cpus)
            for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        }
        explained = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            ShardWorker,
            fn_constructor_args=(task,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=cluster.workers),
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus,
            max_restarts=-1,
            max_task_retries=-1,
            runtime_env={"env_vars": {"KERAS_BACKEND": keras.backend.backend(), **threads}},
        )
        for row in explained.iter_rows():
            advance(int(row["images"]), int(row["failed"]))
    except ray.exceptions.RayTaskError as error:
        cause = error.cause if isinstance(error.cause, Exception) else error
        raise cause from None
    finally:
        if started:
            ray.shutdown()
    Store(task.folder).tidy()


def _start(ray: Any, cluster: Cluster) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "warning"}
    if "RAY_ADDRESS" in os.environ:
        ray.init(**quiet)
        return
    ray.init(
        num_cpus=max(os.cpu_count() or 1, cluster.workers * cluster.cpus),
        include_dashboard=False,
        object_store_memory=_STORE_BYTES,
        **quiet,
    )


@contextmanager
def shared_model(model: keras.Model, folder: Path) -> Iterator[str]:
    """A model as a file in the folder of the results, which workers share, while they need it.

    Raises:
        ModelError: it cannot be saved.
    """
    path = folder.resolve() / SHARED_MODEL
    try:
        try:
            model.save(path)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise errors.ModelError(
                f"a model must be saved to be sent to workers; {model.name!r} cannot be ({error}); give its "
                "layers a get_config, or explain without workers."
            ) from error
        yield str(path)
    finally:
        path.unlink(missing_ok=True)
