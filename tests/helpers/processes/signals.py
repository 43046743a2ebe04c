"""A process that sends a signal to itself: once a shard is written and before it is moved to its place, in a
pass that never ends, or before a map.

It imports this module, as the command line does with `--import` and a worker of a cluster with `imports`.
"""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

IMPORT = ("--import", Path(__file__).stem)
_VARIABLE = "KERASCOPE_TEST_STOP"


def environment(name: str, moment: int | str, mark: Path) -> dict[str, str]:
    """Variables of a process that is to stop.

    Args:
        name: of the signal.
        moment: number of the shard; `"pass"`, or `"map 1"` for that of the second method of an evaluation.
        mark: a file that is made then. Where it is there nothing is sent: one worker is killed, once.
    """
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, _VARIABLE: f"{name}|{moment}|{mark}"}


if _VARIABLE in os.environ:
    _name, _moment, _mark = os.environ[_VARIABLE].split("|")
    _replace = Path.replace

    def _came(moment: object) -> bool:
        """Whether the moment is there for the first time; the signal is sent then."""
        if str(moment) != _moment or Path(_mark).exists():
            return False
        Path(_mark).touch()
        os.kill(os.getpid(), signal.Signals[_name])
        return True

    def _moved(path: Path, target: Path) -> Path:
        if target.name.startswith("part-"):
            _came(int(target.stem.removeprefix("part-")))
        return _replace(path, target)

    def _passed(program: Any, *arguments: Any) -> Any:
        if _came("pass"):
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # half an hour, in which Python does nothing
        return _pass(program, *arguments)

    def _mapped(table: Any, row: int, **options: Any) -> None:
        _came(f"map {row}")
        _fill(table, row, **options)

    Path.replace = _moved  # type: ignore[method-assign]
    if not _moment.isdigit():
        from kerascope.evaluation.measurement_table import MeasurementTable
        from kerascope.probe.execute.compiled import CompiledProgram

        _pass, _fill = CompiledProgram.__call__, MeasurementTable.measure_method
        CompiledProgram.__call__, MeasurementTable.measure_method = _passed, _mapped  # type: ignore[method-assign]
