"""Several targets, one image each, in one compiled program."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.target import Class, Context, Forward, Reading, Target, TargetLike, Unit, as_target


@dataclass(frozen=True, eq=False)
class TargetPerImage(Target):
    """Scores image n by target n; all targets share one compiled program."""

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
                f"there must be one target for each image; got {len(self.targets)} for {context.count} "
                "images."
            )
        single = replace(context, count=1)
        rows = [target.arguments(single) for target in self.targets]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        return self.targets[0].read(forward, arguments)

    def describe(self) -> str:
        return ", ".join(dict.fromkeys(target.describe() for target in self.targets))


def split_targets(target: TargetLike) -> tuple[Target, ...]:
    """Split a target into single ones, one image each; none may depend on an image, as `Top` does."""
    if isinstance(target, list | tuple | range):
        if not len(target):
            raise errors.TargetError("there must be at least one target; got an empty list.")
        return tuple(single for part in target for single in split_targets(part))
    whole = as_target(target)
    if isinstance(whole, Class) and np.ndim(whole.index):  # type: ignore[arg-type]
        return tuple(replace(whole, index=index) for index in whole.index)  # type: ignore[union-attr]
    if isinstance(whole, Unit) and isinstance(whole.channel, tuple):
        return tuple(replace(whole, channel=channel) for channel in whole.channel)
    if whole.class_axis:
        raise errors.TargetError(
            f"each image must have one score to maximise; {whole.describe()} has several, which depend on "
            "the image; give the classes: target=[281, 285]."
        )
    if whole.chooses:
        raise errors.TargetError(
            "maximisation needs a target that does not depend on an image, since without an image there is "
            "no predicted class; give a class index or name, a ks.Unit, or a ks.Region with class and mask; "
            f"got {whole.describe()!r}."
        )
    return (whole,)


def group_targets(targets: Sequence[Target]) -> list[list[int]]:
    """Group the indices of targets that share a compiled program."""
    groups: dict[Hashable, list[int]] = {}
    for index, target in enumerate(targets):
        groups.setdefault(target.key(), []).append(index)
    return list(groups.values())
