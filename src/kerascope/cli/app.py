"""The program: its commands, global options, and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from kerascope import __version__, errors
from kerascope.backend import BackendName
from kerascope.cli import console
from kerascope.cli.commands.audit import audit
from kerascope.cli.commands.compare import compare
from kerascope.cli.commands.evaluate import evaluate
from kerascope.cli.commands.explain import explain
from kerascope.cli.commands.layers import layers
from kerascope.cli.commands.maximize import maximize
from kerascope.cli.interruption import CODE, exit_on_interrupt

_HELP = """Explain Keras 3 vision models, and measure how far explanations can be trusted.

Exit codes: 0 success, 1 error, 2 invalid arguments, 3 some images failed, 4 an audit found more shortcuts
than allowed, 130 interrupted.
"""

app = typer.Typer(
    name="kerascope",
    help=_HELP,
    no_args_is_help=True,
    # Drawing help with Rich takes three times as long as importing it and Typer.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (layers, explain, compare, maximize, evaluate, audit):
    app.command(no_args_is_help=True)(command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kerascope {__version__}")
        raise typer.Exit


@app.callback()
def _program(
    backend: Annotated[
        BackendName | None,
        typer.Option(
            help="Backend of Keras. Default: the variable KERAS_BACKEND, else the settings of Keras."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if backend is not None:
        os.environ["KERAS_BACKEND"] = backend


def main() -> None:
    """Run the command line of this process, and exit: see `kerascope --help` for the codes."""
    # TensorFlow prints its build on the terminal otherwise.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with console.allow_readers_to_leave(), exit_on_interrupt("run it again"):
        sys.exit(_code())


def _code() -> int:
    """Run the command and return its exit code."""
    try:
        # In its standalone mode, Click reports an interruption as an error.
        code = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return CODE
    except (errors.KerascopeError, OSError) as error:
        print(f"kerascope: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        # Invalid arguments are errors of Click, which print themselves.
        if not hasattr(error, "exit_code"):
            raise
        error.show()  # type: ignore[attr-defined]
        return int(error.exit_code)
    return code if isinstance(code, int) else 0
