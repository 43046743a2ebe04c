"""The base class of methods that wrap another method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kerascope import errors
from kerascope.explanation import Reduction
from kerascope.method.base import Method
from kerascope.method.cam.grad_cam import GradCAM
from kerascope.probe import AnyProbe
from kerascope.target import TargetLike

_INSIDE = GradCAM()


@dataclass(frozen=True)
class Wrapper(Method):
    """Base class: another method in, its values changed. What a member does not say is as in that method.

    Args:
        method: the method inside; default `GradCAM()`.

    Raises:
        ParameterError: `method` is no method.
    """

    method: Method = _INSIDE

    def __post_init__(self) -> None:
        if not isinstance(self.method, Method):
            raise errors.ParameterError(
                f"method must be a kerascope method, such as ks.GradCAM(); got {self.method!r}."
            )

    def choose(self, probe: AnyProbe, images: Any, target: TargetLike = None) -> tuple[Method, str]:
        """The same around the method that is chosen inside."""
        inside, reason = self.method.choose(probe, images, target)
        return replace(self, method=inside), reason

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the method inside; values that were changed need not sum to anything."""
        return frozenset(self.method.tags - {"complete"})

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """As many as the method inside takes."""
        return int(self.method.forwards)

    @property
    def backwards(self) -> int:  # type: ignore[override]
        """As many as the method inside takes."""
        return int(self.method.backwards)

    @property
    def programs(self) -> int:  # type: ignore[override]
        """As many as the method inside takes."""
        return int(self.method.programs)

    @property
    def reduction(self) -> Reduction:  # type: ignore[override]
        """As the method inside."""
        return self.method.reduction

    @property
    def signed(self) -> bool:
        """As the method inside."""
        return bool(self.method.signed)

    @property
    def seed(self) -> int | None:
        """That of the method inside, or None."""
        return getattr(self.method, "seed", None)

    def at(self, layer: str | None) -> Method:
        """The same with the method inside at another layer."""
        return replace(self, method=self.method.at(layer))
