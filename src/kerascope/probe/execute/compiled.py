"""Compiled programs: their traces are counted, and their first result is checked."""

from __future__ import annotations

from typing import Any

from keras import ops

from kerascope import backend, errors
from kerascope.probe.execute.program import Program, get_required_leaves
from kerascope.probe.execute.routine import Routine


class CompiledProgram:
    """A program or routine, compiled where the backend compiles.

    Args:
        program: the program or routine.
        compile: compile it.
        counts: `counts["trace"]` goes up with each trace.
    """

    def __init__(self, program: Program | Routine, compile: bool, counts: dict[str, int]) -> None:
        self._program = program
        self._is_checked = False
        self._disconnected = ""
        current = backend.current()

        def trace(tensors: Any, arguments: Any, state: Any) -> Any:
            counts["trace"] += 1
            return program(tensors, arguments, state)

        if compile and current.compiles:
            self._run = current.compile(trace)
        else:
            # A program that runs eagerly, or is compiled piece by piece, counts as one trace.
            counts["trace"] += 1
            self._run = current.compile(program) if compile else program

    def __call__(self, tensors: Any, arguments: Any, state: Any) -> Any:
        """Run it; see `Program`.

        Raises:
            DisconnectedError: the score does not depend on a leaf; it does not run again then.
        """
        if self._disconnected:
            raise errors.DisconnectedError(self._disconnected)
        try:
            result = self._run(tensors, arguments, state)
            if not self._is_checked:
                self._check(result, tensors, arguments, state)
        except errors.DisconnectedError as error:
            self._disconnected = str(error)
            raise
        return result

    def _check(self, result: Any, tensors: Any, arguments: Any, state: Any) -> None:
        """A gradient of zeros may mean that there is no connection, where the backend does not tell."""
        alive = self._program.is_alive(result)
        dead = alive is not None and not ops.convert_to_numpy(alive).all()
        if dead and not self._program.depends(tensors, arguments, state):
            raise self._program.make_error(list(get_required_leaves(self._program.make_leaves(tensors))))
        self._is_checked = True
