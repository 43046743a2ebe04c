"""`kerascope evaluate`."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Annotated, Literal

import typer

from kerascope.cli import arguments, console
from kerascope.cli.interruption import CODE, exit_on_interrupt, return_on_interrupt
from kerascope.cli.output_files import check_page, check_report

METHODS = [
    "auto",
    "grad_cam",
    "hires_cam",
    "layer_cam",
    "saliency",
    "input_x_gradient",
    "integrated_gradients",
]


def evaluate(
    model: arguments.ModelArgument,
    paths: arguments.PathsArgument,
    method: Annotated[
        list[str] | None,
        typer.Option(help=f"Methods, separated by commas. Default: {','.join(METHODS)}.", metavar="NAME"),
    ] = None,
    target: arguments.TargetOption = "label",
    layer: arguments.LayerOption = None,
    level: Annotated[
        Literal["quick", "full"],
        typer.Option(help="quick: under 60 forward passes per image; full: all metrics."),
    ] = "quick",
    limit: Annotated[
        int, typer.Option(help="Maximum number of images; use 20 or more.", min=1, metavar="N")
    ] = 32,
    seed: Annotated[int, typer.Option(help="Random seed of the metrics.", metavar="N")] = 0,
    html: Annotated[
        Path | None, typer.Option(help="Write an HTML page with tables and curves.", metavar="FILE")
    ] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the report, for kerascope.load_report.", metavar="FILE")
    ] = None,
    model_output: arguments.OutputKindOption = None,
    classes: arguments.ClassesOption = None,
    image_column: arguments.ImageColumnOption = None,
    label_column: arguments.LabelColumnOption = None,
    preprocess: arguments.PreprocessOption = "auto",
    fit: arguments.FitOption = None,
    size: arguments.SizeOption = None,
    unsafe: arguments.UnsafeOption = False,
    imports: arguments.ImportOption = None,
    engine: arguments.EngineOption = "local",
    workers: arguments.WorkersOption = 1,
    worker_cpus: arguments.WorkerCpusOption = 1,
    worker_gpus: arguments.WorkerGpusOption = 0.0,
    json: arguments.JsonOption = False,
) -> None:
    """Measure methods on your images, against controls that know nothing of the model.

    Without labels, the predicted class is explained.

    Example: kerascope evaluate model.keras photos/ --method grad_cam,saliency --html report.html
    """
    import kerascope as ks
    from kerascope.cli.images import load, print_choices, read_methods
    from kerascope.cli.loading import LoadArguments, read_cluster, read_target
    from kerascope.dataset.classes.targets import LABEL

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
    )
    check_page("--html", html, "evaluate", arguments.inputs)
    check_report("--save", save, arguments.inputs)
    with console.show_warnings():
        loaded = load(arguments, limit, [html, save])
        if not json:
            print_choices(loaded)
        wanted = read_target(target)
        if wanted == LABEL and loaded.labels is None:
            wanted = None
        with return_on_interrupt("writing the measurements; press Ctrl-C again to exit at once") as stopped:
            report = ks.evaluate(
                list(read_methods(method or METHODS, layer).values()),
                loaded.probe,
                loaded.images,
                loaded.labels,
                target=None if wanted == LABEL else loaded.resolve_target(wanted),
                level=level,
                seed=seed,
                progress=False if json else None,
                workers=read_cluster(engine, workers, worker_cpus, worker_gpus),
                imports=imports or (),
                safe_mode=not unsafe,
            )
        with exit_on_interrupt("what was being written is not there: run it again"):
            report = replace(report, model=model.name)
            if html is not None:
                report.html(html)
            if save is not None:
                report.save(save)
            if json:
                means = report.means
                console.print_json(
                    {
                        "model": loaded.probe.model.name,
                        "model_file": str(model),
                        "methods": list(report.methods),
                        "controls": sorted(report.controls),
                        "images": len(report),
                        "complete": report.complete,
                        "unmeasured": {name: list(left) for name, left in report.unmeasured.items()},
                        "target": report.target,
                        "metrics": {
                            column.name: [None if isnan(value) else float(value) for value in means[:, index]]
                            for index, column in enumerate(report.columns)
                        },
                        "statements": report.statements(),
                        "warnings": list(report.warnings),
                    }
                )
            else:
                console.show(report)
    if stopped.is_set():
        raise typer.Exit(CODE)
