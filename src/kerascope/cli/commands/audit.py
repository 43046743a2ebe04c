"""`kerascope audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kerascope.cli import arguments, console
from kerascope.cli.interruption import exit_on_interrupt
from kerascope.cli.output_files import check_folder, check_page

if TYPE_CHECKING:
    import kerascope as ks


def audit(
    model: arguments.ModelArgument,
    paths: arguments.PathsArgument,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="Explanation method, or several, separated by commas; the others are compared with the "
            "first. Default: auto.",
            metavar="NAME",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            help="Label to audit, for a multi-label model. Repeatable. Default: all.",
            metavar="NAME",
        ),
    ] = None,
    target: Annotated[
        Literal["predicted", "label"],
        typer.Option(help="Explain and group by the predicted class, or by the true one."),
    ] = "predicted",
    layer: arguments.LayerOption = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="Object masks: a folder of pictures named like the images, or a COCO file (.json).",
            metavar="PATH",
        ),
    ] = None,
    training: Annotated[
        list[str] | None,
        typer.Option(
            help="Training data of the model, to report images that are in both. Repeatable.",
            metavar="PATH",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the audit.", metavar="FOLDER")] = Path(
        "kerascope-audit"
    ),
    html: Annotated[
        Path | None, typer.Option(help="Write an HTML report, a single file.", metavar="FILE")
    ] = None,
    before: Annotated[
        Path | None,
        typer.Option(help="Folder of an earlier audit, to report changes since.", metavar="FOLDER"),
    ] = None,
    fail_on: Annotated[
        int | None,
        typer.Option(help="Exit with 4 if there are more than N shortcuts.", min=0, metavar="N"),
    ] = None,
    fail_on_untested: Annotated[
        bool,
        typer.Option(
            "--fail-on-untested",
            help="Count suspicions that could not be tested for --fail-on, too (alone: --fail-on 0), and "
            "exit with 4 if nothing could be compared.",
        ),
    ] = False,
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
    clustering: Annotated[
        Literal["spectral", "hdbscan"], typer.Option(help="Clustering of strategies.")
    ] = "spectral",
    trial: Annotated[
        int, typer.Option(help="Maximum number of images per intervention.", min=8, metavar="N")
    ] = 96,
    budget: Annotated[
        int | None,
        typer.Option(
            help="Maximum number of forward passes for interventions; the most telling suspects are tested. "
            "0: list suspects only. Default: eight suspects of a class.",
            min=0,
            metavar="PASSES",
        ),
    ] = None,
    sanity: Annotated[
        bool, typer.Option("--sanity/--no-sanity", help="Run sanity checks of the methods.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Random seed of samples and clusters.", min=0, metavar="N")] = 0,
    engine: arguments.EngineOption = "local",
    workers: arguments.WorkersOption = 1,
    worker_cpus: arguments.WorkerCpusOption = 1,
    worker_gpus: arguments.WorkerGpusOption = 0.0,
    json: arguments.JsonOption = False,
) -> None:
    """Find out what a model looks at over a whole data set, and the shortcuts that it relies on.

    Every image is explained; suspected shortcuts are tested by exchanging pixels between images. See
    docs/audit.md.

    Example: kerascope audit model.keras photos/ --html report.html --fail-on 0
    """
    import kerascope as ks
    from kerascope.cli.images import read_methods
    from kerascope.cli.loading import load_names, load_probe, read_cluster, read_size
    from kerascope.dataset.options import RunOptions
    from kerascope.dataset.preparing.fit_choice import NOTE
    from kerascope.dataset.writing.store import Store

    inputs = (model, classes, preprocess, masks, before, *(training or ()), *paths)
    RunOptions(resume=resume, overwrite=overwrite)  # refuses both before the model is loaded
    check_folder("--out", out, overwrite, inputs)
    check_page("--html", html, "audit", inputs)
    advice = f"explained images are in {out}: continue with --resume"
    with console.show_warnings(), exit_on_interrupt(advice, resumable=True):
        earlier = None if before is None else ks.open_audit(before)
        found = ks.audit(
            load_probe(model, unsafe, imports, model_output),
            list(paths),
            method=list(read_methods(method or ["auto"], layer).values()),
            target=target,
            folder=out,
            masks=masks,
            training=training or None,
            class_names=load_names(classes),
            preprocessing=preprocess,
            fit=fit,  # type: ignore[arg-type]
            size=read_size(size),
            batch_size=batch,
            resume=resume,
            overwrite=overwrite,
            image_column=image_column,
            label_column=label_column,
            follow_links=follow_links,
            clustering=clustering,
            images_per_trial=trial,
            budget=budget,
            sanity=sanity,
            seed=seed,
            model_file=model,
            progress=False if json else None,
            only=label,
            workers=read_cluster(engine, workers, worker_cpus, worker_gpus),
            imports=imports or (),
            safe_mode=not unsafe,
        )
        if html is not None:
            with Store(out).lock:
                found.to_html(html)
        changes = None if earlier is None else ks.compare_audits(earlier, found)
    if json:
        content = found.to_json()
        console.print_json(content if changes is None else {**content, "changes": changes.to_json()})
    else:
        chosen = [*found.notes[:3], *(note for note in found.notes[3:] if note.startswith(NOTE))]
        console.print_lines([(name, text) for name, _, text in (note.partition(": ") for note in chosen)])
        console.show(found)
        if found.failed:
            console.warn_failures(found.failures())
        console.print_lines([("audit", str(out)), *([] if html is None else [("report", str(html))])])
        if changes is not None:
            console.show(changes)
    reasons = _failure_reasons(found, fail_on, fail_on_untested)
    for reason in reasons:
        console.warn(reason)
    if reasons:
        raise typer.Exit(4)
    if found.failed:
        raise typer.Exit(3)


def _failure_reasons(found: ks.Audit | ks.LabelAudits, most: int | None, untested: bool) -> list[str]:
    """Return why the command fails: more shortcuts, or untested suspicions, than allowed."""
    shortcuts, others = len(found.shortcuts), len(found.untested) if untested else 0
    allowed = 0 if most is None and untested else most
    if allowed is None or (shortcuts + others <= allowed and not (untested and found.obstacles)):
        return []
    reasons = [f"{shortcuts} findings are shortcuts, more than {allowed}."] if shortcuts > allowed else []
    if not reasons and shortcuts + others > allowed:
        reasons = [
            f"{shortcuts} findings are shortcuts and {others} could not be tested, more than {allowed}."
        ]
    return [*reasons, *(found.obstacles if untested else ())]
