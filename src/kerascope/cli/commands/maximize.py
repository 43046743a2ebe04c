"""`kerascope maximize`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kerascope import errors
from kerascope.cli import arguments, console
from kerascope.cli.interruption import exit_on_interrupt
from kerascope.cli.output_files import check_picture, write_picture


def maximize(
    model: arguments.ModelArgument,
    target: Annotated[
        list[str] | None,
        typer.Option(help="Class index, name, or range such as 0-9. Repeatable.", metavar="CLASS"),
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer whose channels are maximised instead.", metavar="PATH")
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            help="Channel of the layer, or range such as 0-7. Repeatable. Default: 0-7.", metavar="N"
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Output picture.", metavar="FILE")] = Path("maximize.png"),
    steps: Annotated[int, typer.Option(help="Steps of gradient ascent.", min=1, metavar="N")] = 256,
    seed: Annotated[int, typer.Option(help="Random seed.", metavar="N")] = 0,
    model_output: arguments.OutputKindOption = None,
    classes: arguments.ClassesOption = None,
    preprocess: arguments.PreprocessOption = "auto",
    size: arguments.SizeOption = None,
    unsafe: arguments.UnsafeOption = False,
    imports: arguments.ImportOption = None,
) -> None:
    """Draw the images that maximise classes, or channels of a layer.

    Example: kerascope maximize digits.keras --target 0-9 --out classes.png
    """
    import kerascope as ks
    from kerascope.cli.loading import load_names, load_probe, read_size
    from kerascope.dataset.classes.class_names import to_unique_names
    from kerascope.dataset.preparing.detection import find_preprocessing
    from kerascope.target import TargetLike

    if (layer is None) == (not target) or (channel and layer is None):
        raise errors.ParameterError("give either --target, or --layer with the channels of it.")
    check_picture("--out", out, (model, classes, preprocess))
    with console.show_warnings(), exit_on_interrupt("the picture was not written: run it again"):
        given = load_names(classes)
        names = None if given is None else to_unique_names(given)[0]
        probe = load_probe(model, unsafe, imports, model_output).with_class_names(names)
        sides = read_size(size)
        blank = probe.blank() if sides is None else probe.blank(sides)
        found = find_preprocessing(preprocess, probe, blank, model)
        console.print_lines([("preprocessing", f"{found.preprocessing.name} ({found.reason})")])
        if found.doubt is not None:
            console.warn(found.doubt)
        wanted: TargetLike
        if layer is None:
            wanted = parse_indices(target or [], names)
        else:
            wanted = ks.Unit(layer, channel=parse_indices(channel or ["0-7"], None))
        made = ks.maximize(
            probe, wanted, steps=steps, seed=seed, size=sides, input_range=found.preprocessing.range
        )
        write_picture(made.plot(), out)
    for title, score in zip(made.titles, made.scores, strict=True):
        console.show(f"{title:<30}  score {float(score):.2f}")
    console.show(f"written    {out}")


def parse_indices(texts: list[str], names: tuple[str, ...] | None) -> list[int]:
    """Parse indices, ranges (`0-9`), and class names."""
    found: list[int] = []
    for text in texts:
        low, dash, high = text.partition("-")
        if text.isdigit():
            found.append(int(text))
        elif dash and low.isdigit() and high.isdigit() and int(low) <= int(high):
            found += range(int(low), int(high) + 1)
        elif names and text in names:
            found.append(names.index(text))
        else:
            raise errors.UnknownClassError(
                f"a class must be an index, a range such as 0-9, or a class name; got {text!r}; "
                f"{errors.nearest(text, names or ())}"
            )
    return found
