"""`kerascope explain`."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from kerascope.cli import arguments, console
from kerascope.cli.interruption import exit_on_interrupt
from kerascope.cli.output_files import check_folder

if TYPE_CHECKING:
    from kerascope.dataset import Results

_SHOWN = 10
"""Failures that are printed as JSON."""


def explain(
    model: arguments.ModelArgument,
    paths: arguments.PathsArgument,
    method: Annotated[
        str,
        typer.Option(
            help="Explanation method: auto, fast, grad_cam, saliency, rise, ... See docs/methods.md.",
            metavar="NAME",
        ),
    ] = "auto",
    target: arguments.TargetOption = "predicted",
    layer: arguments.LayerOption = None,
    parameters: arguments.ParameterOption = None,
    out: Annotated[Path, typer.Option(help="Folder for the results.", metavar="FOLDER")] = Path(
        "kerascope-results"
    ),
    overlay: Annotated[
        Literal["jpg", "png", "none"], typer.Option(help="File type of the overlays.")
    ] = "jpg",
    map_type: Annotated[
        Literal["float32", "float16"], typer.Option(help="Data type of the maps in the table.")
    ] = "float32",
    model_output: arguments.OutputKindOption = None,
    classes: arguments.ClassesOption = None,
    preprocess: arguments.PreprocessOption = "auto",
    fit: arguments.FitOption = None,
    size: arguments.SizeOption = None,
    batch: arguments.BatchOption = None,
    unsafe: arguments.UnsafeOption = False,
    imports: arguments.ImportOption = None,
    image_column: arguments.ImageColumnOption = None,
    label_column: arguments.LabelColumnOption = None,
    follow_links: arguments.FollowLinksOption = False,
    resume: arguments.ResumeOption = False,
    overwrite: arguments.OverwriteOption = False,
    shard: Annotated[
        int,
        typer.Option(
            help="Images per file of the table; an interruption loses at most these.",
            min=1,
            metavar="N",
        ),
    ] = 256,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads for reading and drawing. Default: one per CPU, at most 4.",
            min=0,
            metavar="N",
        ),
    ] = None,
    engine: arguments.EngineOption = "local",
    workers: arguments.WorkersOption = 1,
    worker_cpus: arguments.WorkerCpusOption = 1,
    worker_gpus: arguments.WorkerGpusOption = 0.0,
    json: arguments.JsonOption = False,
) -> None:
    """Explain pictures into a folder: a Parquet table, overlays, and a manifest.

    A picture that cannot be read is a row with its error, and the exit code is 3. See docs/datasets.md.

    Example: kerascope explain model.keras photos/ --target top3 --out results
    """
    from kerascope.cli.loading import LoadArguments, read_cluster, read_method, read_target
    from kerascope.dataset.options import RunOptions
    from kerascope.dataset.running.plan import plan

    arguments = LoadArguments(
        model,
        paths,
        model_output,
        classes,
        preprocess,
        fit,
        size,
        image_column,
        label_column,
        unsafe,
        imports,
        follow_links,
    )
    run = RunOptions(
        threads,
        resume,
        overwrite,
        read_cluster(engine, workers, worker_cpus, worker_gpus),
        imports or (),
        safe_mode=not unsafe,
        progress=False if json else None,
    )
    check_folder("--out", out, overwrite, arguments.inputs)
    with console.show_warnings():
        chosen = read_method(method, layer, parameters)
        source = arguments.find_images()
        probe = arguments.load_probe()
        options = arguments.to_image_options(
            overlay=None if overlay == "none" else overlay,
            map_type=map_type,
            batch_size=batch,
            shard_size=shard,
        )
        job = plan(probe, source, chosen, read_target(target), options)
        if not json:
            console.print_lines([("model", str(model)), *job.choice_lines])
        with exit_on_interrupt(f"finished images are in {out}: continue with --resume", resumable=True):
            results = job.run(out, run)
            if json:
                console.print_json(_to_json(results))
            else:
                _print_results(results)
    if results.counts["failed"]:
        raise typer.Exit(3)


def _to_json(results: Results) -> dict[str, Any]:
    """Convert results to the printed JSON."""
    manifest = {name: results.manifest[name] for name in ("status", "counts", "choices", "warnings")}
    return {
        "folder": str(results.folder),
        **manifest,
        "failures": [{"path": path, "error": error} for path, error in islice(results.failures(), _SHOWN)],
    }


def _print_results(results: Results) -> None:
    counts = results.counts
    console.print_lines(
        [
            ("explained", f"{counts['explained']} of {counts['images']} images, {counts['failed']} failed"),
            ("table", f"{results.data} ({counts['rows']} rows, {counts['shards']} files)"),
        ]
    )
    if "strange_labels" in counts:
        console.warn(results.manifest["warnings"][-1].partition(": ")[2])
    console.warn_failures(results.failures())
    count, first = _count_warnings(results)
    if count:
        console.warn(
            f"{count} rows have warnings, such as: {first.rstrip('.')}. See the column warnings of the table."
        )


def _count_warnings(results: Results) -> tuple[int, str]:
    """Count the rows with warnings, and find the most common warning."""
    found: Counter[str] = Counter()
    count = 0
    for row in results.rows(["warnings"]):
        lines = row["warnings"] or []
        count += bool(lines)
        found.update(lines)
    return count, next((text for text, _ in found.most_common(1)), "")
