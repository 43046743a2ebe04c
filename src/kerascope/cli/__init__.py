"""The command line: `kerascope COMMAND`. Nothing heavy is imported before a command needs it.

app.py        the program: commands, global options, what an error does
arguments.py  arguments and options that commands share
loading.py    models, names of classes, methods and targets from what was typed
images.py     a few images of a data set as arrays
said.py       what is printed
layers.py, explain.py, compare.py, maximize.py, evaluate.py, demo.py    a command each
"""

from kerascope.cli.app import main

__all__ = ["main"]
