"""Targets made of one other target, whose class axis and layers they share."""

from __future__ import annotations

from dataclasses import replace

from kerascope.target.base import Context, Target, TargetLike
from kerascope.target.coerce import as_target
from kerascope.typing import Array


class Around(Target):
    """A target with another one inside.

    Attributes:
        target: the one inside, or a plain value that stands for it.
    """

    target: TargetLike

    @property
    def inside(self) -> Target:
        """The target inside."""
        return as_target(self.target)

    def fitted(self, context: Context) -> Target:
        return replace(self, target=self.inside.fitted(self.within(context)))  # type: ignore[type-var]

    def within(self, context: Context) -> Context:
        """What the target inside may know."""
        return context

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        return self.inside.outputs(context)

    def arguments(self, context: Context) -> dict[str, Array]:
        return self.inside.arguments(self.within(context))

    def complaint(self) -> str:
        return self.inside.complaint()

    @property
    def class_axis(self) -> bool:  # type: ignore[override]
        return self.inside.class_axis

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.inside.layers

    @property
    def chooses(self) -> bool:  # type: ignore[override]
        return self.inside.chooses
