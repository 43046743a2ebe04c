"""One run of the demo, made once per run of the tests: what it printed, and the files that it left."""

from __future__ import annotations

import contextlib
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import pytest

from examples.demo import compare_digits, compare_photographs, explain_photographs
from examples.demo.__main__ import main
from examples.demo.explain_digits import AUTO
from tests.helpers.processes.once_per_run import once_per_run

EPOCHS = 10
"""Fewer than the 14 of a user, to save time."""


@dataclass(frozen=True)
class DemoRun:
    """One run of the demo.

    Args:
        folder: holds `output`, which the demo has made and filled.
    """

    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "new" / "output"

    @property
    def printed(self) -> str:
        return (self.folder / "printed.txt").read_text(encoding="utf-8")

    @property
    def network(self) -> keras.Model:
        """The network that it has trained."""
        return keras.saving.load_model(self.output / "digits.keras", safe_mode=True)

    def maps(self) -> dict[str, Any]:
        """Of each photograph: Grad-CAM, raw `values` and the heat map, `map`; `auto`, the heat map of the
        automatic method; and the best `classes`.
        """
        with np.load(self.folder / "maps.npz") as file:
            return dict(file)

    def find(self, pattern: str) -> str:
        found = re.search(pattern, self.printed)
        assert found, f"{pattern!r} is not in what was printed:\n{self.printed}"
        return found[1]


def demo_run(factory: pytest.TempPathFactory, seed: int, brief: bool = False) -> DemoRun:
    """The run with a seed; a brief one takes the whole path, with little training and fewer steps."""
    return DemoRun(once_per_run(factory, "demo", lambda folder: _run(folder, seed, brief)))


def _run(folder: Path, seed: int, brief: bool) -> None:
    results: list[explain_photographs.PhotographResult] = []
    explain = explain_photographs.explain_photographs

    def record(where: Path) -> list[explain_photographs.PhotographResult]:
        results.extend(explain(where))
        return results

    output, printed = folder / "new" / "output", io.StringIO()
    epochs = 2 if brief else EPOCHS
    arguments = ["--output", output, "--digits", "package", "--epochs", epochs, "--seed", seed]
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.object(explain_photographs, "explain_photographs", record))
        if brief:
            ideal = replace(compare_digits.IDEAL, steps=32)
            stack.enter_context(patch.object(compare_digits, "IDEAL", ideal))
            stack.enter_context(patch.object(compare_photographs, "SHOWN", slice(0, 1)))
        stack.enter_context(contextlib.redirect_stdout(printed))
        status = main([str(argument) for argument in arguments])
    assert status == 0, printed.getvalue()
    (folder / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    found = [result.explanations["Grad-CAM"] for result in results]
    auto = [result.explanations[AUTO] for result in results]
    np.savez(
        folder / "maps.npz",
        values=np.concatenate([one.values for one in found]),
        map=np.concatenate([one.heatmaps() for one in found]),
        auto=np.concatenate([one.heatmaps() for one in auto]),
        classes=np.asarray([result.classes for result in results]),
    )
