"""The protocol of probes: what a method or metric may use of a `Probe` and of a `BlackBox` alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, Self

from kerascope.probe.execute.request import Request
from kerascope.probe.execute.result import Answer
from kerascope.probe.execute.routine import RoutineRunner, RoutineStep
from kerascope.probe.graph.output_kind import Remark
from kerascope.probe.inputs import InputBatch
from kerascope.target import OutputKind, Target, TargetLike
from kerascope.typing import Array


class AnyProbe(Protocol):
    """A `Probe` or a `BlackBox`: scores of images, and steps that score images under masks.

    `require_probe` gives the `Probe`, which also has layers and gradients, or an error that says so.
    """

    batch_size: int
    class_names: tuple[str, ...] | None
    output: OutputKind | Mapping[str, OutputKind] | None
    label: int | None
    label_names: tuple[str, ...] | None

    @property
    def trace_count(self) -> int: ...
    @property
    def forward_count(self) -> int: ...
    @property
    def backward_count(self) -> int: ...
    @property
    def numpy(self) -> Any: ...

    def scores(self, images: Any, target: TargetLike = None) -> Array: ...
    def pass_size(self, count: int) -> int: ...
    def pixel_range(self, images: Any) -> tuple[float, float] | None: ...
    def with_padding(self, count: int) -> Self: ...
    def resolve_target(self, batch: InputBatch, target: Target) -> tuple[Target, tuple[Remark, ...]]: ...
    def run(
        self,
        compute: Callable[..., Any] | None,
        images: Any,
        target: TargetLike = None,
        request: Request = Request(),  # noqa: B008 (frozen)
        key: Hashable = None,
    ) -> Answer: ...
    def routine(
        self,
        step: RoutineStep,
        images: Any,
        target: Target,
        carried: Sequence[str],
        request: Request = Request(),  # noqa: B008 (frozen)
        *,
        rows: int | None = None,
        replaced: bool = False,
        key: Hashable,
    ) -> RoutineRunner: ...
