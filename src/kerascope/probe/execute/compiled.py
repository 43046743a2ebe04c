"""A plan made to run: compiled where the backend compiles, its traces counted, its first answer checked."""

from __future__ import annotations

from typing import Any

from keras import ops

from kerascope import backend, errors
from kerascope.probe.execute.program import Plan
from kerascope.probe.execute.routine import Routine


class Program:
    """A plan, compiled, that counts its traces and checks its first answer.

    Args:
        plan: what is computed.
        compile: compile it.
        counts: `counts["trace"]` goes up with each trace.
    """

    def __init__(self, plan: Plan | Routine, compile: bool, counts: dict[str, int]) -> None:
        self._plan = plan
        self._checked = False
        self._disconnected = ""
        serving = backend.current()

        def traced(tensors: Any, arguments: Any, state: Any) -> dict[str, Any]:
            counts["trace"] += 1
            return plan(tensors, arguments, state)

        if compile and serving.compiles:
            self._run = serving.compile(traced)
        else:
            # What runs eagerly, or is compiled piece by piece, is built once, whatever is inside.
            counts["trace"] += 1
            self._run = serving.compile(plan) if compile else plan

    def __call__(self, tensors: Any, arguments: Any, state: Any) -> dict[str, Any]:
        """Run it; see `Plan`.

        Raises:
            DisconnectedError: there is no connection to some place; it does not run again then.
        """
        if self._disconnected:
            raise errors.DisconnectedError(self._disconnected)
        try:
            result: dict[str, Any] = self._run(tensors, arguments, state)
            self._check(result, tensors, arguments, state)
        except errors.DisconnectedError as error:
            self._disconnected = str(error)
            raise
        return result

    def _check(self, result: dict[str, Any], tensors: Any, arguments: Any, state: Any) -> None:
        """A gradient of zeros may mean that there is no connection, where the backend does not tell."""
        if self._checked:
            return
        alive = ops.convert_to_numpy(result.get("alive", True))
        if not alive.all() and not self._plan.depends(tensors, arguments, state):
            raise self._plan.disconnected(", ".join(self._plan.watched(self._plan.moving(tensors))))
        self._checked = True
