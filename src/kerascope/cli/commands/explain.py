"""`kerascope explain`."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kerascope.cli import arguments
from kerascope.cli import console as said
from kerascope.cli.interruption import stopping
from kerascope.cli.writable import check_folder

if TYPE_CHECKING:
    from kerascope.dataset import Results

_SHOWN = 10
"""Failures that are printed as JSON."""


def explain(
    model: arguments.Model,
    paths: arguments.Paths,
    method: Annotated[
        str,
        typer.Option(
            help="How: auto, fast, grad_cam, saliency, rise, ...; docs/methods.md has all.", metavar="NAME"
        ),
    ] = "auto",
    target: arguments.Target = "predicted",
    layer: arguments.Layer = None,
    parameters: arguments.Parameters = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.", metavar="FOLDER")] = Path(
        "kerascope-results"
    ),
    overlay: Annotated[
        Literal["jpg", "png", "none"], typer.Option(help="Photographs under their maps, as files.")
    ] = "jpg",
    map_type: Annotated[
        Literal["float32", "float16"], typer.Option(help="Numbers of the maps in the table.")
    ] = "float32",
    model_output: arguments.Output = None,
    classes: arguments.Classes = None,
    preprocess: arguments.Preprocess = "auto",
    fit: arguments.Fit = None,
    size: arguments.Size = None,
    batch: arguments.Batch = None,
    unsafe: arguments.Unsafe = False,
    imports: arguments.Imports = None,
    image_column: arguments.ImageColumn = None,
    label_column: arguments.LabelColumn = None,
    follow_links: arguments.FollowLinks = False,
    resume: arguments.Resume = False,
    overwrite: arguments.Overwrite = False,
    shard: Annotated[
        int,
        typer.Option(
            help="Images per file of the table, the most that is lost.",
            min=1,
            metavar="N",
        ),
    ] = 256,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads for reading and drawing; default: one a processor, 4 at most.",
            min=0,
            metavar="N",
        ),
    ] = None,
    engine: arguments.Engine = "local",
    workers: arguments.Workers = 1,
    worker_cpus: arguments.WorkerCpus = 1,
    worker_gpus: arguments.WorkerGpus = 0.0,
    json: arguments.Json = False,
) -> None:
    """Explain pictures into a folder: a Parquet table, overlays, and a manifest that says how.

    A picture that cannot be read is a row with its error; the exit code is 3 then. See docs/datasets.md.

    Example: kerascope explain model.keras photos/ --target top3 --out results
    """
    from kerascope.cli.loading import (
        load_names,
        load_probe,
        read_cluster,
        read_method,
        read_size,
        read_target,
    )
    from kerascope.dataset.reading.source import find_images
    from kerascope.dataset.running.plan import plan

    check_folder("--out", out, resume, overwrite, (model, classes, preprocess, *paths))
    with said.warnings_told():
        chosen = read_method(method, layer, parameters)
        source = find_images(
            paths, image_column=image_column, label_column=label_column, follow_links=follow_links
        )
        job = plan(
            load_probe(model, unsafe, imports, model_output),
            source,
            chosen,
            read_target(target),
            class_names=load_names(classes),
            preprocessing=preprocess,
            fit=fit,  # type: ignore[arg-type]
            size=read_size(size),
            overlay=None if overlay == "none" else overlay,
            map_type=map_type,
            batch_size=batch,
            shard_size=shard,
            model_file=model,
        )
        if not json:
            said.print_lines([("model", str(model)), *job.told])
        with stopping(f"what was finished is in {out}: continue with --resume", resumable=True):
            results = job.run(
                out,
                threads=threads,
                resume=resume,
                overwrite=overwrite,
                workers=read_cluster(engine, workers, worker_cpus, worker_gpus),
                imports=imports or (),
                safe_mode=not unsafe,
                progress=False if json else None,
            )
            if json:
                said.print_json(_told(results))
            else:
                _print(results)
    if results.counts["failed"]:
        raise typer.Exit(3)


def _told(results: Results) -> dict[str, Any]:
    """What is printed as JSON."""
    manifest = {name: results.manifest[name] for name in ("status", "counts", "choices", "warnings")}
    return {
        "folder": str(results.folder),
        **manifest,
        "failures": [{"path": path, "error": error} for path, error in islice(results.failures(), _SHOWN)],
    }


def _print(results: Results) -> None:
    counts = results.counts
    said.print_lines(
        [
            ("explained", f"{counts['explained']} of {counts['images']} images, {counts['failed']} failed"),
            ("table", f"{results.data} ({counts['rows']} rows, {counts['shards']} files)"),
        ]
    )
    if "strange_labels" in counts:
        said.warn(results.manifest["warnings"][-1].partition(": ")[2])
    said.warn_of(results.failures())
    count, first = _doubtful(results)
    if count:
        said.warn(
            f"{count} rows have warnings, such as: {first.rstrip('.')}. See the column warnings of the table."
        )


def _doubtful(results: Results) -> tuple[int, str]:
    """How many rows have warnings, and the one that most of them have."""
    found: Counter[str] = Counter()
    count = 0
    for row in results.rows(["warnings"]):
        lines = row["warnings"] or []
        count += bool(lines)
        found.update(lines)
    return count, next((text for text, _ in found.most_common(1)), "")
