"""`kerascope layers`."""

from __future__ import annotations

from dataclasses import asdict

from kerascope.cli import arguments, console


def layers(
    model: arguments.ModelArgument,
    size: arguments.SizeOption = None,
    unsafe: arguments.UnsafeOption = False,
    imports: arguments.ImportOption = None,
    json: arguments.JsonOption = False,
) -> None:
    """List the layers of a model that can be explained; a star marks the default one.

    Example: kerascope layers digits.keras
    """
    from kerascope.cli.loading import load_model, read_size
    from kerascope.probe import Probe

    with console.show_warnings():
        probe = Probe(load_model(model, unsafe, imports))
        table = probe.layers(probe.blank(read_size(size)))
    if json:
        console.print_json([asdict(row) for row in table])
    else:
        console.show(table)
