"""`kerascope compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kerascope.cli import arguments
from kerascope.cli import console as said
from kerascope.cli.interruption import stopping
from kerascope.cli.writable import check_picture, write_picture

METHODS = ["auto", "grad_cam", "saliency", "integrated_gradients"]


def compare(
    model: arguments.Model,
    paths: arguments.Paths,
    method: Annotated[
        list[str] | None,
        typer.Option(
            help=f"A method, or several with commas between; default: {','.join(METHODS)}.", metavar="NAME"
        ),
    ] = None,
    target: arguments.Target = "predicted",
    layer: arguments.Layer = None,
    out: Annotated[Path, typer.Option(help="The picture.", metavar="FILE")] = Path("compare.png"),
    limit: Annotated[int, typer.Option(help="The most images.", min=1, metavar="N")] = 8,
    model_output: arguments.Output = None,
    classes: arguments.Classes = None,
    image_column: arguments.ImageColumn = None,
    label_column: arguments.LabelColumn = None,
    preprocess: arguments.Preprocess = "auto",
    fit: arguments.Fit = None,
    size: arguments.Size = None,
    unsafe: arguments.Unsafe = False,
    imports: arguments.Imports = None,
) -> None:
    """Draw methods side by side: a row for each image, a column for each method.

    Example: kerascope compare model.keras photos/ --method grad_cam,saliency --out compare.png
    """
    from kerascope import render
    from kerascope.cli.images import load, read_methods, tell
    from kerascope.cli.loading import read_target

    check_picture("--out", out, (model, classes, preprocess, *paths))
    with said.warnings_told(), stopping("the picture was not written: run it again"):
        loaded = load(
            model,
            paths,
            limit,
            model_output=model_output,
            classes=classes,
            image_column=image_column,
            label_column=label_column,
            preprocess=preprocess,
            fit=fit,
            size=size,
            unsafe=unsafe,
            imports=imports,
            written=[out],
        )
        tell(loaded)
        wanted = loaded.asked(read_target(target))
        explanations = {
            name: one(loaded.probe, loaded.images, wanted)
            for name, one in read_methods(method or METHODS, layer).items()
        }
        write_picture(render.compare(explanations, captions=loaded.captions), out)
    said.show(f"written    {out}")
