"""The base of methods that are computed from the gradient at the image."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from kerascope.method.base import Method
from kerascope.probe import Answer, AnyProbe, Internals, Request
from kerascope.rule import Rule
from kerascope.target import Target


@dataclass(frozen=True)
class InputGradient(Method):
    """Base class: the image and the gradient of the score at it in, one value per pixel and channel out.

    Attributes:
        rule: the gradient rule of rectifiers, or None for their own gradient.

    Raises:
        DisconnectedError: the score does not depend on the input, or not differentiably.
        InputError: the model has several inputs and none was chosen.

    Cost:
        1 forward, and 1 backward per class.
    """

    tags: ClassVar[frozenset[str]] = frozenset({"input", "gradient", "signed"})

    @property
    def rule(self) -> Rule | None:
        return None

    @abstractmethod
    def combine(self, image: Any, gradient: Any) -> Any:
        """The values (N, *spatial, C) from the image and the gradient at it, in the same shape."""

    def compute(self, internals: Internals) -> Any:
        """The values of one class."""
        return self.combine(internals.image, internals.image_gradient)

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """One forward, one backward down to the input."""
        request = Request(image_gradient=True, rule=self.rule)
        return probe.run(self.compute, images, target, request, self)
