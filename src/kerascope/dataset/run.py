"""A whole data set explained into a folder: what `ks.explain_dataset` and `kerascope explain` do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.dataset.cluster import Cluster, Task, run_on_ray, shared_model
from kerascope.dataset.detection import AUTO, as_detected, warned_line
from kerascope.dataset.digest import model_digest
from kerascope.dataset.explainer import Explainer, Options, Picture, image_layout
from kerascope.dataset.frame import Fit
from kerascope.dataset.photograph import decode
from kerascope.dataset.preprocessing import CONVENTIONS, Preprocessing, as_preprocessing, written
from kerascope.dataset.progress import progress as progress_bar
from kerascope.dataset.results import Results, counted, open_results
from kerascope.dataset.source import Source, find_images
from kerascope.dataset.store import Store, differences, options_of, paths_differ
from kerascope.dataset.stream import Shard, explained_shards, shards_of
from kerascope.layout import Layout
from kerascope.method import Method
from kerascope.method.base import as_method
from kerascope.probe import Probe, as_probe
from kerascope.provenance import versions, warned
from kerascope.target import TargetLike

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]
_TRIED = 32
"""Labelled photographs on which conventions are tried, where that of a model is in doubt."""


def explain_dataset(
    model: keras.Model | Probe,
    paths: Paths,
    folder: str | os.PathLike[str],
    method: str | Method = "grad_cam",
    target: TargetLike = None,
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: str | os.PathLike[str] | Preprocessing = AUTO,
    fit: Fit | None = None,
    size: int | tuple[int, int] | None = None,
    overlay: Picture | None = "jpg",
    map_type: Literal["float32", "float16"] = "float32",
    batch_size: int | None = None,
    shard_size: int = 256,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    image_column: str | None = None,
    label_column: str | None = None,
    follow_links: bool = False,
    workers: int | Cluster | None = None,
    imports: Sequence[str] = (),
    safe_mode: bool = True,
    model_file: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Results:
    """Explain any number of images into a folder, in constant memory.

    Reading, decoding, explaining, drawing and writing overlap. A picture that cannot be read, or an image
    that cannot be explained, is a row with its error. Results are written shard by shard, each whole or not
    at all: what stops a run loses at most the shard in flight, and `resume=True` continues it, with the same
    result to the bit (but for `timings`) as if it had not been stopped.

    Args:
        model: a Keras model or a `Probe`, of one photograph of one or three channels.
        paths: see `find_images`.
        folder: where results are written: see `kerascope.dataset.store.Store`.
        method: see `kerascope.explain`.
        target: see `kerascope.target`; `"label"` for each image's own label; None for the predicted class.
        class_names: in the order of the model's outputs; None for those of the probe, else those of the
            subfolders or the table where there are as many as the model has outputs.
        preprocessing: name of a convention, a JSON file, a `Preprocessing`, or `"auto"`: see `detect`.
        fit: `"crop"`, `"stretch"` or `"pad"`, in place of that of the preprocessing; see `Frame.fitted`.
        size: (h, w) of the images, for models that take any.
        overlay: write the photographs under their maps as `"jpg"` or `"png"`; None for none.
        map_type: of the stored maps.
        batch_size: images per pass; None for that of the probe, 32. The model's own where it has a fixed one.
        shard_size: images per file of the table: the most that is lost.
        threads: for reading and drawing; None for one for each processor, 4 at the most; 0 for none.
        resume: continue a run that was stopped.
        overwrite: remove the results of an earlier run first.
        image_column: see `find_images`.
        label_column: see `find_images`.
        follow_links: see `find_images`.
        workers: explain by so many processes of a Ray cluster, or as a `kerascope.dataset.Cluster` says;
            None for this process alone. See docs/datasets.md.
        imports: modules that register layers of the model, for workers.
        safe_mode: of Keras, when workers load the model; False lets it run code of its own, such as a
            `Lambda` layer.
        model_file: where the model was loaded from, for the manifest and for a file of preprocessing beside
            it.
        progress: draw a progress bar; None on a terminal.

    Returns:
        The results, read from the folder when asked for.

    Raises:
        DatasetError: there are no images, or the folder cannot be written or resumed.
        LockedError: another run writes into the folder.
        ParameterError, InputError, TargetError, LayerError: what was given does not fit the model.
        MissingPackageError: a package of the extra `dataset` (or `ray`) is not installed.

    Cost:
        That of the method for each image; 1 forward to begin with, and 2 where the model preprocesses by
        itself.

    Example:
        >>> import keras, pathlib, tempfile
        >>> import kerascope as ks
        >>> from PIL import Image
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255),
        ...     keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (20, 10), "red").save(pathlib.Path(folder, "1.png"))
        ...     results = ks.explain_dataset(model, folder, pathlib.Path(folder, "out"), target=1)
        ...     row = next(results.rows())
        ...     ks.dataset.heatmap(row).shape, row["status"], dict(results.counts)["failed"]
        ((10, 20), 'explained', 0)
    """
    source = find_images(
        paths, image_column=image_column, label_column=label_column, follow_links=follow_links
    )
    job = plan(
        model,
        source,
        method,
        target,
        class_names=class_names,
        preprocessing=preprocessing,
        fit=fit,
        size=size,
        overlay=overlay,
        map_type=map_type,
        batch_size=batch_size,
        shard_size=shard_size,
        model_file=model_file,
    )
    return job.run(
        folder,
        threads=threads,
        resume=resume,
        overwrite=overwrite,
        workers=workers,
        imports=imports,
        safe_mode=safe_mode,
        progress=progress,
    )


@dataclass(frozen=True, eq=False)
class Job:
    """A run that was looked over and not begun.

    Args:
        model: which the probe may hold weakly.
        probe: of the model.
        source: of the images.
        options: that decide the results.
        names: of the classes, or None.
        layout: how the model takes a photograph.
        choices: what was chosen for the user and why, by what it is about.
        doubts: stored warnings.
        model_file: where the model came from, or None.
    """

    model: keras.Model
    probe: Probe
    source: Source
    options: Options
    names: tuple[str, ...] | None
    layout: Layout
    choices: dict[str, str]
    doubts: tuple[str, ...]
    model_file: str | None

    def described(self, grid: tuple[int, ...]) -> dict[str, Any]:
        """The part of the manifest that decides the results, and what was chosen."""
        options = self.options
        model = {"name": self.probe.model.name, "digest": model_digest(self.probe.model)}
        return {
            "model": model,
            "model_file": self.model_file,
            "source": {"paths": list(self.source.paths)},
            "options": {
                "method": options.method.written(),
                "target": "label" if options.by_label else options.asked.describe(),
                "seed": getattr(options.method, "seed", None),
                "class_names": None if self.names is None else list(self.names),
                "preprocessing": written(options.preprocessing),
                "overlay": options.overlay,
                "map_type": options.map_type,
                "map_shape": list(grid),
                "batch_size": options.batch_size,
                "shard_size": options.shard_size,
            },
            "versions": dict(versions()),
            "choices": self.choices,
            "warnings": list(self.doubts),
        }

    def run(
        self,
        folder: str | os.PathLike[str],
        *,
        threads: int | None = None,
        resume: bool = False,
        overwrite: bool = False,
        workers: int | Cluster | None = None,
        imports: Sequence[str] = (),
        safe_mode: bool = True,
        progress: bool | None = None,
    ) -> Results:
        """Do it: see `explain_dataset`."""
        from kerascope.dataset import schema

        cluster = Cluster(workers) if isinstance(workers, int) else workers

        store = Store(folder)
        explainer = Explainer(self.probe, self.options, self.names, store)
        grid = explainer.grid
        manifest = self.described(grid)
        columns = schema.schema(grid, self.options.map_type)
        with store.locked():
            done = _begun(store, manifest, resume, overwrite)
            total = self.source.count()
            started = datetime.now(UTC)
            with (
                _noted(store, manifest, started),
                progress_bar(total, progress, "explain") as advance,
            ):
                todo = _todo(self.source, self.options.shard_size, store, done, advance.skip)
                if cluster is None:
                    for number, rows in explained_shards(explainer, todo, _threads(threads), advance):
                        store.write_shard(number, schema.table(rows, columns))
                else:
                    with shared_model(self.probe.model, store.folder) as path:
                        task = Task(
                            model=path,
                            imports=tuple(imports),
                            safe_mode=safe_mode,
                            options=self.options,
                            names=self.names,
                            compile=self.probe.compile,
                            input=self.probe.input,
                            folder=str(store.folder.resolve()),
                            grid=grid,
                            threads=cluster.cpus - 1 if threads is None else threads,
                        )
                        run_on_ray(task, todo, cluster, advance.more)
            return open_results(folder)


def plan(
    model: keras.Model | Probe,
    source: Source,
    method: str | Method = "grad_cam",
    target: TargetLike = None,
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: str | os.PathLike[str] | Preprocessing = AUTO,
    fit: Fit | None = None,
    size: int | tuple[int, int] | None = None,
    overlay: Picture | None = "jpg",
    map_type: Literal["float32", "float16"] = "float32",
    batch_size: int | None = None,
    shard_size: int = 256,
    model_file: str | os.PathLike[str] | None = None,
) -> Job:
    """Look a run over before anything is written: see `explain_dataset`."""
    given = as_probe(model)
    _check(overlay, map_type, batch_size, shard_size)
    side = (size, size) if isinstance(size, int) else size
    if side is None and preprocessing != AUTO:
        side = as_preprocessing(preprocessing).size
    layout = image_layout(given, side)
    blank = given.blank() if side is None else given.blank(side)
    found = as_detected(preprocessing, given, blank, model_file)
    chosen = Preprocessing(
        **{
            **vars(found.preprocessing),
            "fit": fit or found.preprocessing.fit,
            "size": side or found.preprocessing.size,
        }
    )
    classes = _outputs(given, blank)
    names, origin = _names(class_names, given, source, classes)
    probe, count = given, batch_size or given.batch_size
    # Also a smaller one: methods that ask about masks fill their passes by it.
    if count != given.batch_size:
        probe = Probe(
            given.model,
            batch_size=count,
            class_names=given.class_names,
            input=given.input,
            compile=given.compile,
        )
    options = Options(
        as_method(method), target, chosen, overlay, map_type, probe.pass_size(count), shard_size
    )
    if options.by_label and names is None:
        raise errors.TargetError(
            "the target 'label' must find each label among the names of the classes; none are known; give "
            "class_names (--classes) in the order of the model's outputs."
        )
    doubts = []
    if found.doubt is not None:
        tried = _tried(probe, source, names, options, layout.channels)
        doubts.append(warned_line(found.doubt + tried))
        warned(errors.PreprocessingWarning, found.doubt + tried)
    if source.class_names and names != source.class_names and not set(source.class_names) <= set(names or ()):
        text = (
            f"labels should be names of the model's classes; the images have {len(source.class_names)} "
            f"labels, such as {source.class_names[0]!r}, and the model {classes} outputs; give class_names "
            "(--classes) to have them matched."
        )
        doubts.append(warned(errors.KerascopeWarning, text))
    choices = {
        "preprocessing": f"{chosen.described}, to {layout.spatial[0]} x {layout.spatial[1]} ({found.reason})",
        "class_names": origin,
    }
    path = None if model_file is None else os.fspath(model_file)
    return Job(probe.model, probe, source, options, names, layout, choices, tuple(doubts), path)


def _check(overlay: Any, map_type: Any, batch_size: Any, shard_size: Any) -> None:
    if overlay not in (None, "jpg", "png"):
        raise errors.ParameterError(f"overlay must be 'jpg', 'png' or None; got {overlay!r}.")
    if map_type not in ("float32", "float16"):
        raise errors.ParameterError(f"map_type must be 'float32' or 'float16'; got {map_type!r}.")
    for name, value in (("batch_size", batch_size or 1), ("shard_size", shard_size)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise errors.ParameterError(f"{name} must be a whole number of at least 1; got {value!r}.")


def _outputs(probe: Probe, blank: Any) -> int | None:
    """How many classes the model has, or None."""
    outputs = probe.surveyed(blank).outputs
    return outputs[0].shape[-1] if len(outputs) == 1 and len(outputs[0].shape) == 2 else None


def _names(
    given: Sequence[str] | None, probe: Probe, source: Source, classes: int | None
) -> tuple[tuple[str, ...] | None, str]:
    """Names of the classes, and where they are from."""
    if given is not None:
        if classes is not None and len(given) != classes:
            raise errors.ParameterError(
                f"class_names must name each of the model's {classes} outputs; got {len(given)} names; give "
                "them in the order of the outputs."
            )
        return tuple(given), f"{len(given)} as given"
    if probe.class_names is not None:
        return probe.class_names, f"{len(probe.class_names)} of the probe"
    found = source.class_names
    if found is not None and len(found) == classes:
        return found, f"the {classes} labels of the images, sorted, taken for the model's {classes} outputs"
    return None, "none"


def _tried(probe: Probe, source: Source, names: Sequence[str] | None, options: Options, channels: int) -> str:
    """How often the model is right on the first labelled images under each convention, in words."""
    pictures: list[Any] = []
    labels: list[int] = []
    places = {name: place for place, name in enumerate(names or ())}
    for item in islice(source, _TRIED * 2):
        label = item.label if isinstance(item.label, int) else places.get(str(item.label))
        if label is None or len(pictures) == _TRIED:
            continue
        try:
            pictures.append(decode(item.place.read()).picture)
            labels.append(label)
        except errors.PhotographError:
            continue
    if not pictures:
        return ""
    layout = image_layout(probe, options.preprocessing.size)
    size: Any = layout.spatial
    right = {}
    for name, convention in CONVENTIONS.items():
        images = np.stack([convention(one, size, channels)[0] for one in pictures])
        answer = probe.run(None, layout.original(images, np), None)
        right[name] = float(np.mean(answer.labels == labels))
    shares = ", ".join(f"{name} {share:.0%}" for name, share in right.items())
    return f" Of the first {len(labels)} labelled images the model gets right: {shares}."


def _begun(store: Store, manifest: dict[str, Any], resume: bool, overwrite: bool) -> set[int]:
    """Shards that are there already; refuses what does not belong together."""
    before = store.manifest()
    if overwrite and not resume:
        store.clear()
        return set()
    if before is None:
        if store.shards():
            raise errors.DatasetError(
                f"a folder of results must have a manifest; {str(store.folder)!r} has shards and none; "
                "take another folder, or overwrite it."
            )
        return set()
    if not resume:
        raise errors.DatasetError(
            f"the folder must hold no results; {str(store.folder)!r} holds those of a run that is "
            f"{before.get('status')}; resume it, overwrite it, or take another folder."
        )
    changed = list(differences(options_of(before), options_of(manifest)))
    if changed:
        raise errors.DatasetError(
            "a run must be resumed with the model and the options that it was begun with; changed: "
            f"{'; '.join(changed)}; take another folder."
        )
    store.tidy()
    return set(store.shards())


def _todo(
    source: Source, size: int, store: Store, done: set[int], skip: Callable[[int], None]
) -> Iterator[Shard]:
    """Shards that are not there yet; refuses where the images have changed."""
    left = set(done)
    for shard in shards_of(source, size):
        if shard.number not in left:
            yield shard
            continue
        left.discard(shard.number)
        changed = paths_differ(store.paths(shard.number), [item.path for item in shard.items])
        if changed is not None:
            raise errors.DatasetError(
                "a run must be resumed with the images that it was begun with; changed in shard "
                f"{shard.number}: {changed}; take another folder."
            )
        skip(len(shard.items))
    if left:
        raise errors.DatasetError(
            f"a run must be resumed with the images that it was begun with; those of {len(left)} shards "
            "are gone; take another folder."
        )


@contextmanager
def _noted(store: Store, manifest: dict[str, Any], started: datetime) -> Iterator[None]:
    """The manifest at the begin, and at the end however it comes."""
    times = {"started": started.isoformat(timespec="seconds")}
    store.write_manifest({"status": "running", **manifest, **times})
    status = "interrupted"
    try:
        yield
        status = "complete"
    except OSError as error:
        status = "failed"
        raise errors.DatasetError(
            f"results must be written to {str(store.folder)!r}; {error.strerror or error}; whole shards "
            "are kept: make room, then resume."
        ) from error
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
            store.write_manifest({"status": status, **manifest, **times, "counts": counted(store)})
        except OSError:
            # On a full disk; the manifest of the begin stays.
            if status == "complete":
                raise


def _threads(wanted: int | None) -> int:
    """Threads for reading and drawing."""
    if wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 0):
        raise errors.ParameterError(f"threads must be a whole number of at least 0, or None; got {wanted!r}.")
    return min(4, os.cpu_count() or 1) if wanted is None else wanted
