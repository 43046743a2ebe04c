"""The workers of a Ray cluster: started, given work, replaced where they die, and ended."""

from __future__ import annotations

import itertools
import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from kerascope import errors
from kerascope.dataset.options import RunOptions
from kerascope.dataset.running.worker import Work, Worker, WorkResult
from kerascope.provenance import warn
from kerascope.validation import check_number, check_whole

_STORE_BYTES = 256 << 20
"""Memory of the object store of a cluster that is started here; more is spilled to the disk."""
_RETRIES = 3
"""How often an item is retried that was lost with its worker."""
_CREDENTIALS = ("AWS_", "AZURE_", "GOOGLE_", "GCS_")
"""The prefixes of environment variables with credentials of object stores."""


@dataclass(frozen=True)
class Cluster:
    """Workers on a Ray cluster: the one at RAY_ADDRESS, else one that is started for the call.

    Args:
        workers: processes, each with a compiled probe.
        cpus: processors of each; with one, a process reads, explains and draws in turn; further ones read and
            draw meanwhile.
        gpus: GPUs of each; may be a fraction.
    """

    workers: int
    cpus: int = 1
    gpus: float = 0.0

    def __post_init__(self) -> None:
        check_whole(self.workers, "workers")
        check_whole(self.cpus, "cpus")
        check_number(self.gpus, "gpus")


class Workers:
    """Processes of a Ray cluster, started with the first work.

    A worker that dies is replaced, and its unfinished items are retried.

    Args:
        safe_mode: whether a model with code of its own is refused.

    Raises:
        MissingPackageError: Ray is not installed.
        ModelError: the model cannot be saved.
    """

    def __init__(
        self, cluster: Cluster, model: keras.Model, imports: Sequence[str] = (), safe_mode: bool = True
    ) -> None:
        # Ray reports its use otherwise.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError:
            raise errors.MissingPackageError("ray", "ray") from None
        self.cluster = cluster
        self.forwards, self.backwards = 0, 0
        self._ray: Any = ray
        self._given = (tuple(imports), safe_mode)
        self._content: bytes | None = _to_bytes(model)
        self._model: Any = None
        self._numbers = itertools.count()
        # A work is at hand for workers as long as somebody has it.
        self._works: weakref.WeakKeyDictionary[Work, tuple[int, Any]] = weakref.WeakKeyDictionary()
        self._actors: list[Any] = []
        self._started = False

    def map(self, work: Work, items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Yield the results of items as they come, each with the index of its item.

        An item is taken when a worker is free, so that few are in flight.

        Args:
            work: to do.
            items: that can be pickled.

        Raises:
            WorkerError: workers die of an item again and again.
            Exception: a worker raised it.
        """
        ray, todo = self._ray, enumerate(items)
        running: dict[Any, tuple[int, int]] = {}

        def hand(worker: int) -> None:
            for index, item in itertools.islice(todo, 1):
                running[self._submit(worker, work, item)] = index, worker

        for worker in range(self.cluster.workers):
            hand(worker)
        while running:
            ((ready, *_), _) = ray.wait(list(running), num_returns=1)
            index, worker = running.pop(ready)
            done = self._fetch(ready)
            hand(worker)
            self.forwards += done.forwards
            self.backwards += done.backwards
            for category, text in done.warnings:
                warn(category, text)
            yield index, done.result

    def all(self, work: Work, items: Iterable[Any]) -> list[Any]:
        """Return the results of items, in their order: see `map`."""
        return [result for _, result in sorted(self.map(work, items), key=lambda pair: pair[0])]

    def close(self) -> None:
        """End the workers, and stop a cluster that was started for them."""
        if self._started:
            self._ray.shutdown()
        else:
            for actor in self._actors:
                self._ray.kill(actor)
        self._works.clear()
        self._actors, self._model, self._started = [], None, False

    def _fetch(self, reference: Any) -> WorkResult:
        ray = self._ray
        try:
            found: WorkResult = ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            raise cause from None
        except ray.exceptions.RayActorError as error:
            raise errors.WorkerError(
                f"a worker must live until its work is done; {1 + _RETRIES} died of the same, as "
                "where memory is short; give each more of it: fewer workers, or a smaller batch."
            ) from error
        return found

    def _submit(self, worker: int, work: Work, item: Any) -> Any:
        """Submit an item to a worker and return a reference to its result; a work is sent once."""
        actor = self._start_actors()[worker]
        if work not in self._works:
            self._works[work] = next(self._numbers), self._ray.put(work)
        number, reference = self._works[work]
        return actor.do.remote(number, (self._model, reference), item)

    def _start_actors(self) -> list[Any]:
        if self._actors:
            return self._actors
        ray, cluster = self._ray, self.cluster
        if not ray.is_initialized():
            self._started = True
            _start(ray, cluster)
        _check(ray, cluster, self._started)
        self._model = ray.put(self._content)
        self._content = None
        threads = {
            name: str(cluster.cpus)
            for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        }
        kind = ray.remote(Worker).options(
            num_cpus=cluster.cpus,
            num_gpus=cluster.gpus,
            max_restarts=-1,
            max_task_retries=_RETRIES,
            runtime_env={"env_vars": {"KERAS_BACKEND": keras.backend.backend(), **threads}},
        )
        # Not among those of the environment that Ray sets up, which it writes into its logs.
        variables = {name: text for name, text in os.environ.items() if name.startswith(_CREDENTIALS)}
        self._actors = [kind.remote(*self._given, variables) for _ in range(cluster.workers)]
        return self._actors


@contextmanager
def open_workers(options: RunOptions, model: keras.Model) -> Iterator[Workers | None]:
    """Start the workers of a run for the block, or yield None where there are none.

    Args:
        options: of the run; `Workers` among them outlive the block.
        model: see `Workers`.
    """
    wanted = options.workers
    if wanted is None or isinstance(wanted, Workers):
        yield wanted
        return
    cluster = wanted if isinstance(wanted, Cluster) else Cluster(wanted)
    workers = Workers(cluster, model, options.imports, options.safe_mode)
    try:
        yield workers
    finally:
        workers.close()


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


def _check(ray: Any, cluster: Cluster, started: bool) -> None:
    """Check that the cluster has room for the workers, which would wait silently otherwise."""
    there = ray.cluster_resources()
    for name, each in (("CPU", cluster.cpus), ("GPU", cluster.gpus)):
        if each * cluster.workers <= there.get(name, 0):
            continue
        text = (
            f"a cluster must have room for its workers; {cluster.workers} with {each:g} {name} each are "
            f"wanted, and there are {there.get(name, 0):g}"
        )
        if started and "RAY_ADDRESS" not in os.environ:
            raise errors.WorkerError(f"{text}; ask for fewer workers, or for less for each.")
        warn(errors.KerascopeWarning, f"{text}; some wait until it grows.")


def _to_bytes(model: keras.Model) -> bytes:
    """Return a model as the content of a .keras file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.keras")
        try:
            model.save(path)
        except (ValueError, TypeError, NotImplementedError) as error:
            raise errors.ModelError(
                f"a model must be saved to be sent to workers; {model.name!r} cannot be ({error}); give its "
                "layers a get_config, or do without workers."
            ) from error
        return path.read_bytes()
