"""The command line: `kerascope COMMAND`. Nothing heavy is imported before a command needs it.

app.py        the program: commands, global options, what an error does
arguments.py  arguments and options that commands share
loading.py    models, names of classes, methods and targets from what was typed
keras2.py     files of Keras 2 as Keras 3 reads them
images.py     a few images of a data set as arrays
interruption.py  Ctrl-C
said.py       what is printed
writable.py   what is written at the end: whether it can be, before the work; signed, and whole
layers.py, explain.py, compare.py, maximize.py, evaluate.py    a command each
"""

from kerascope.cli.app import main

__all__ = ["main"]
