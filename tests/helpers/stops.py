"""A process that sends a signal to itself once a shard is written, and before it is moved to its place.

It imports this module, as the command line does with `--import` and a worker of a cluster with `imports`.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

IMPORT = ("--import", Path(__file__).stem)
_VARIABLE = "KERASCOPE_TEST_STOP"


def environment(name: str, shard: int, mark: Path) -> dict[str, str]:
    """Variables of a process that is to stop.

    Args:
        name: of the signal.
        shard: its number.
        mark: a file that is made then. Where it is there nothing is sent: one worker is killed, once.
    """
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, _VARIABLE: f"{name} part-{shard:05d}.parquet {mark}"}


if _VARIABLE in os.environ:
    _name, _shard, _mark = os.environ[_VARIABLE].split(maxsplit=2)
    _replace = Path.replace
    if _name == "SIGINT":  # which is ignored by what a shell has started in the background, and its children
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _stopped(path: Path, target: Path) -> Path:
        if target.name == _shard and not Path(_mark).exists():
            Path(_mark).touch()
            signal.raise_signal(signal.Signals[_name])
        return _replace(path, target)

    Path.replace = _stopped  # type: ignore[method-assign]
