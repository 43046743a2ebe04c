"""Processes of their own: whatever is measured starts fresh, and leaves nothing behind for the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]


def child(module: str, backend: str, question: dict[str, Any]) -> Any:
    """Run a module of this package on a backend; it reads the question, and answers on its last line.

    Raises:
        subprocess.CalledProcessError: the child failed; what it said is on stderr.
    """
    # A thread of PyTorch that waits for another one spins, unless told otherwise: where the two share a core,
    # every operation then takes as long as the system's turns do.
    unless_set = {"OMP_WAIT_POLICY": "passive", "TF_CPP_MIN_LOG_LEVEL": "2"}
    environment = unless_set | os.environ | {"KERAS_BACKEND": backend}
    command = [sys.executable, "-m", f"benchmarks.cost.{module}", json.dumps(question)]
    ran = subprocess.run(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(ran.stdout.splitlines()[-1])


def question_of_parent() -> dict[str, Any]:
    """The question that this process was started with."""
    question: dict[str, Any] = json.loads(sys.argv[1])
    return question


def answer(found: Any) -> None:
    """Tell `child`."""
    print(json.dumps(found), flush=True)
