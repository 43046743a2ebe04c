"""How much work a test does, counted and never timed: what does more than a fast test may is slow."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import keras
import pytest

PROGRAMS = ("python", "chrom")
"""Of which a process takes seconds to start."""


@dataclass(frozen=True)
class Work:
    """What was done, or may be done.

    Args:
        processes: started.
        trained: images that a network was trained on, each as often as it was shown.
        weights: created, of all networks together.
    """

    processes: int = 0
    trained: int = 0
    weights: int = 0

    def since(self, before: Work) -> Work:
        """What came after."""
        return Work(*(now - then for now, then in zip(self.amounts, before.amounts, strict=True)))

    def most(self, other: Work) -> Work:
        """The greater of each."""
        return Work(*map(max, self.amounts, other.amounts))

    @property
    def amounts(self) -> tuple[int, ...]:
        """The numbers, in order."""
        return (self.processes, self.trained, self.weights)


FAST = Work(processes=0, trained=500, weights=1_000_000)
"""The most that a test without the marker `slow` may do."""


def complaint(done: Work) -> str:
    """Why a test that did this is slow; empty where it is not."""
    over = [
        f"{getattr(done, field.name):,} {field.name} (at most {getattr(FAST, field.name):,})"
        for field in fields(Work)
        if getattr(done, field.name) > getattr(FAST, field.name)
    ]
    return (
        f"does more than a fast test may: {', '.join(over)}; mark it `slow`, or make it smaller."
        if over
        else ""
    )


class Counter:
    """Counts from its start until the process ends; a plugin of pytest that fails tests that do too much.

    What a fixture of a module or session does counts for each test that is given it.
    """

    def __init__(self) -> None:
        self.total = Work()
        self._before = Work()
        self._of_fixtures: dict[tuple[str, str], Work] = {}

    def start(self) -> None:
        """Count from now on."""
        sys.addaudithook(self._audit)
        keras.Layer.add_weight = self._counting_weights(keras.Layer.add_weight)
        keras.Model.fit = self._counting_images(keras.Model.fit)

    def _add(self, **amounts: int) -> None:
        self.total = Work(
            *(getattr(self.total, field.name) + amounts.get(field.name, 0) for field in fields(Work))
        )

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen":
            program = arguments[0] or arguments[1][0]
            if Path(str(program)).name.startswith(PROGRAMS):
                self._add(processes=1)

    def _counting_weights(self, add_weight: Callable[..., Any]) -> Callable[..., Any]:
        def counted(layer: keras.Layer, *arguments: Any, **options: Any) -> Any:
            made = add_weight(layer, *arguments, **options)
            self._add(weights=math.prod(made.shape))
            return made

        return counted

    def _counting_images(self, fit: Callable[..., Any]) -> Callable[..., Any]:
        def counted(model: keras.Model, x: Any = None, *arguments: Any, **options: Any) -> Any:
            count = len(x) if hasattr(x, "__len__") else 1
            self._add(trained=count * options.get("epochs", 1))
            return fit(model, x, *arguments, **options)

        return counted

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        """Keep what fixtures do that are shared."""
        before = self.total
        made = yield
        if fixturedef.scope != "function":
            self._of_fixtures[fixturedef.argname, fixturedef.baseid] = self.total.since(before)
        return made

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Any:
        """Remember what was done before this test."""
        self._before = self.total
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Function) -> Any:
        """Fail a test that passes and has done more than it may."""
        result = yield
        done = self.total.since(self._before)
        for (name, base), work in self._of_fixtures.items():
            if name in item.fixturenames and item.nodeid.startswith(base):
                done = done.most(work)
        if not item.get_closest_marker("slow") and (said := complaint(done)):
            pytest.fail(f"{item.name} {said}", pytrace=False)
        return result


COUNTER = Counter()
