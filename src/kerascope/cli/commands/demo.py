"""`kerascope demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kerascope.cli.interruption import exit_on_interrupt


def demo(
    output: Annotated[Path, typer.Option(help="Folder of the pictures.", metavar="FOLDER")] = Path(
        "demo-output"
    ),
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the digits; default: 14 of 4,000.", min=1, metavar="N")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of training and of choosing digits.", metavar="N")] = 0,
) -> None:
    """Train a small network on digits; explain digits and photographs as pictures. One to two minutes.

    Example: kerascope demo --output pictures
    """
    from kerascope.demo.__main__ import run

    with exit_on_interrupt(f"pictures that were done are in {output}"):
        run(output, epochs, seed, "auto")
