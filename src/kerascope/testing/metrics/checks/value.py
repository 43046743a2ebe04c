"""A metric is a value that says what its numbers mean, and its docstring says everything."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from kerascope.metric import GROUPS, Metric, metrics
from kerascope.testing.metrics.fixture import MetricFixture
from kerascope.testing.metrics.registry import check
from kerascope.testing.value_checks import (
    check_docstring,
    check_example,
    check_frozen_value,
    check_parameters,
)

SECTIONS = ("Args", "Returns", "Raises", "Cost", "Source", "Example")
NEEDS = frozenset({"labels", "masks", "method", "model"})


@check(1)
def is_a_value(fixture: MetricFixture) -> None:
    """A frozen dataclass: eval(repr(m)) == m, equal ones hash equal, it pickles, it has a name."""
    assert isinstance(fixture.metric, Metric), f"a metric must be a kerascope Metric; got {fixture.type}"
    check_frozen_value(fixture.metric, {fixture.type.__name__: fixture.type})
    assert eval(fixture.metric.describe(), {fixture.type.__name__: fixture.type}) == fixture.metric, (
        f"describe() must give the metric back; it says {fixture.metric.describe()}"
    )


@check(1)
def says_what_it_is(fixture: MetricFixture) -> None:
    """Group, direction, bounds, invariance, needs, cost and quick settings are such as there can be."""
    metric = fixture.metric
    assert metric.group in GROUPS, f"group must be one of {GROUPS}; got {metric.group!r}"
    assert metric.direction in ("higher", "lower", None), f"direction must be no {metric.direction!r}"
    assert metric.invariant in ("scale", "order", None), f"invariant must be no {metric.invariant!r}"
    low, high = metric.bounds
    assert low is None or high is None or low < high, f"bounds must go up; got {metric.bounds}"
    assert metric.needs <= NEEDS, f"needs must be among {sorted(NEEDS)}; got {sorted(metric.needs)}"
    for name in ("forwards", "explanations"):
        count = getattr(metric, name)
        assert count == int(count) >= 0, f"{name} must be a whole number; got {count!r}"
    assert not metric.explanations or "method" in metric.needs, (
        "a metric that explains again needs the method"
    )
    if metric.quick is not None:
        assert isinstance(metric.quick, Mapping), f"quick must be a mapping or None; got {metric.quick!r}"
        dataclasses.replace(metric, **metric.quick)


@check(1)
def bad_parameters(fixture: MetricFixture) -> None:
    """A value that a parameter cannot have raises a ParameterError that names the parameter."""
    check_parameters(fixture.metric)


@check(1)
def registered(fixture: MetricFixture) -> None:
    """The registry gives this class for its name."""
    known = metrics().get(fixture.type.name)
    assert known is fixture.type, (
        f"the name {fixture.type.name!r} must stand for {fixture.type}; it is {known}"
    )


@check(18)
def documented(fixture: MetricFixture) -> None:
    """The docstring has a line, a formula, and the sections, in the order of the house style."""
    check_docstring(fixture.type, SECTIONS, frozenset({"Raises"}), r"\$\$|\b(As|Like) `")


@check(18)
def example_runs(fixture: MetricFixture) -> None:
    """The example in the docstring runs and gives what it shows."""
    check_example(fixture.type)
