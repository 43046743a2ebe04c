"""A metric is a value that says what its numbers mean, and its docstring says everything."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from kerascope.metric import GROUPS, Metric, metrics
from kerascope.testing.metrics.bench import MetricBench
from kerascope.testing.metrics.clause import clause
from kerascope.testing.values import example_passes, is_documented, is_frozen_value, refuses_nonsense

SECTIONS = ("Args", "Returns", "Raises", "Cost", "Source", "Example")
NEEDS = frozenset({"labels", "masks", "method", "model"})


@clause(1)
def is_a_value(bench: MetricBench) -> None:
    """A frozen dataclass: eval(repr(m)) == m, equal ones hash equal, it pickles, it has a name."""
    assert isinstance(bench.metric, Metric), f"a metric must be a kerascope Metric; got {bench.type}"
    is_frozen_value(bench.metric, {bench.type.__name__: bench.type})
    assert eval(bench.metric.describe(), {bench.type.__name__: bench.type}) == bench.metric, (
        f"describe() must give the metric back; it says {bench.metric.describe()}"
    )


@clause(1)
def says_what_it_is(bench: MetricBench) -> None:
    """Group, direction, bounds, invariance, needs, cost and quick settings are such as there can be."""
    one = bench.metric
    assert one.group in GROUPS, f"group must be one of {GROUPS}; got {one.group!r}"
    assert one.direction in ("higher", "lower", None), f"direction must be no {one.direction!r}"
    assert one.invariant in ("scale", "order", None), f"invariant must be no {one.invariant!r}"
    low, high = one.bounds
    assert low is None or high is None or low < high, f"bounds must go up; got {one.bounds}"
    assert one.needs <= NEEDS, f"needs must be among {sorted(NEEDS)}; got {sorted(one.needs)}"
    for name in ("forwards", "explanations"):
        count = getattr(one, name)
        assert count == int(count) >= 0, f"{name} must be a whole number; got {count!r}"
    assert not one.explanations or "method" in one.needs, "a metric that explains again needs the method"
    if one.quick is not None:
        assert isinstance(one.quick, Mapping), f"quick must be a mapping or None; got {one.quick!r}"
        dataclasses.replace(one, **one.quick)


@clause(1)
def bad_parameters(bench: MetricBench) -> None:
    """A value that a parameter cannot have raises a ParameterError that names the parameter."""
    refuses_nonsense(bench.metric)


@clause(1)
def registered(bench: MetricBench) -> None:
    """The registry gives this class for its name."""
    known = metrics().get(bench.type.name)
    assert known is bench.type, f"the name {bench.type.name!r} must stand for {bench.type}; it is {known}"


@clause(18)
def documented(bench: MetricBench) -> None:
    """The docstring has a line, a formula, and the sections, in the order of the house style."""
    is_documented(bench.type, SECTIONS, frozenset({"Raises"}), r"\$\$|\bAs `")


@clause(18)
def example_runs(bench: MetricBench) -> None:
    """The example in the docstring runs and gives what it shows."""
    example_passes(bench.type)
