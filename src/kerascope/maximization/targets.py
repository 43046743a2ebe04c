"""Several targets of one kind, one image each, in one compiled program."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.target import Class, Context, Forward, Reading, Target, TargetLike, Unit, as_target


@dataclass(frozen=True, eq=False)
class Each(Target):
    """Image n is scored by target n; all of the same kind, so that one program serves.

    Args:
        targets: one per image.
    """

    targets: tuple[Target, ...]

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.targets[0].layers

    def key(self) -> Hashable:
        return ("each", self.targets[0].key())

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        return self.targets[0].outputs(context)

    def arguments(self, context: Context) -> dict[str, Any]:
        if len(self.targets) != context.count:
            raise errors.TargetError(
                f"there must be a target for each image; got {len(self.targets)} for {context.count}."
            )
        one = replace(context, count=1)
        rows = [target.arguments(one) for target in self.targets]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        return self.targets[0].read(forward, arguments)

    def describe(self) -> str:
        return ", ".join(dict.fromkeys(target.describe() for target in self.targets))


def spread(target: TargetLike) -> tuple[Target, ...]:
    """The single targets that `target` stands for, one image each.

    Args:
        target: anything that is a target elsewhere, but None; a list of such; a list of class indices; a
            `Unit` with several channels.

    Raises:
        TargetError: None, or a target such as `Top` that only an image could make clear.
    """
    if isinstance(target, list | tuple | range):
        if not len(target):
            raise errors.TargetError("there must be at least one target; got an empty list.")
        return tuple(single for part in target for single in spread(part))
    found = as_target(target)
    if isinstance(found, Class) and np.ndim(found.index):  # type: ignore[arg-type]
        return tuple(replace(found, index=index) for index in found.index)  # type: ignore[union-attr]
    if isinstance(found, Unit) and isinstance(found.channel, tuple):
        return tuple(replace(found, channel=channel) for channel in found.channel)
    if found.class_axis:
        raise errors.TargetError(
            f"each image must have one score to maximise; {found.describe()} has several, which change with "
            "the image; give the classes: target=[281, 285]."
        )
    if found.chooses:
        raise errors.TargetError(
            "a target must be given to maximise: without an image there is no predicted class, nor anything "
            "else to choose by looking at it; give a class index or name, a ks.Unit, a ks.Region with class "
            f"and mask, or several of them; got {found.describe()!r}."
        )
    return (found,)


def kinds(targets: Sequence[Target]) -> list[list[int]]:
    """Positions of the targets, together where one compiled program serves them."""
    groups: dict[Hashable, list[int]] = {}
    for position, target in enumerate(targets):
        groups.setdefault(target.key(), []).append(position)
    return list(groups.values())
