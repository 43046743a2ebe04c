"""The command line: `kerascope COMMAND`. Nothing heavy is imported before a command needs it."""

from kerascope.cli.app import main

__all__ = ["main"]
