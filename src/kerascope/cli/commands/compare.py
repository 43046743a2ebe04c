"""`kerascope compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kerascope.cli import arguments, console
from kerascope.cli.interruption import exit_on_interrupt
from kerascope.cli.output_files import check_picture, write_picture

METHODS = ["auto", "grad_cam", "saliency", "integrated_gradients"]


def compare(
    model: arguments.ModelArgument,
    paths: arguments.PathsArgument,
    method: Annotated[
        list[str] | None,
        typer.Option(help=f"Methods, separated by commas. Default: {','.join(METHODS)}.", metavar="NAME"),
    ] = None,
    target: arguments.TargetOption = "predicted",
    layer: arguments.LayerOption = None,
    out: Annotated[Path, typer.Option(help="Output picture.", metavar="FILE")] = Path("compare.png"),
    limit: Annotated[int, typer.Option(help="Maximum number of images.", min=1, metavar="N")] = 8,
    model_output: arguments.OutputKindOption = None,
    classes: arguments.ClassesOption = None,
    image_column: arguments.ImageColumnOption = None,
    label_column: arguments.LabelColumnOption = None,
    preprocess: arguments.PreprocessOption = "auto",
    fit: arguments.FitOption = None,
    size: arguments.SizeOption = None,
    unsafe: arguments.UnsafeOption = False,
    imports: arguments.ImportOption = None,
) -> None:
    """Draw methods side by side: a row per image, a column per method.

    Example: kerascope compare model.keras photos/ --method grad_cam,saliency --out compare.png
    """
    from kerascope import render
    from kerascope.cli.images import load, print_choices, read_methods
    from kerascope.cli.loading import LoadArguments, read_target

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
    check_picture("--out", out, arguments.inputs)
    with console.show_warnings(), exit_on_interrupt("the picture was not written: run it again"):
        loaded = load(arguments, limit, [out])
        print_choices(loaded)
        wanted = loaded.resolve_target(read_target(target))
        explanations = {
            name: explainer(loaded.probe, loaded.images, wanted)
            for name, explainer in read_methods(method or METHODS, layer).items()
        }
        write_picture(render.compare(explanations, captions=loaded.captions), out)
    console.show(f"written    {out}")
