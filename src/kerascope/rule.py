"""Rules: the same forward value, another gradient.

A rule replaces the gradient of rectifiers (ReLU and its relatives, see
`kerascope.probe.intercept.rectifier`). With f the rectifier, x its input and g the gradient at its output:

    plain gradient                   g f'(x)
    guided backpropagation           max(g, 0) f'(x)
    deconvnet                        max(g, 0)

f' is the rectifier's own derivative, so the same rule serves ReLU, ReLU6, leaky ones, ELU, GELU and SiLU.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from keras import ops

from kerascope import backend, errors


class Rule(ABC):
    """The gradient of a rectifier; a value that can be compared and hashed.

    Attributes:
        name: the name that `backprop=` takes.
    """

    name: ClassVar[str] = ""

    @abstractmethod
    def route(self, before: Any, after: Any, backwards: Callable[[], None]) -> Any:
        """The rectifier's result with the rule's gradient.

        Args:
            before: the input of the rectifier.
            after: its output.
            backwards: called whenever a gradient passes.
        """


@dataclass(frozen=True)
class GuidedRule(Rule):
    """Guided backpropagation: only positive gradients pass, times the rectifier's own derivative.

    Source:
        Springenberg et al., Striving for Simplicity: The All Convolutional Net, ICLR workshop 2015,
        section 3.4. For a ReLU it is the paper's; other rectifiers follow by their derivative.
    """

    name = "guided"

    def route(self, before: Any, after: Any, backwards: Callable[[], None]) -> Any:
        return backend.current().with_custom_gradient(after, after, _positive(backwards))


@dataclass(frozen=True)
class DeconvnetRule(Rule):
    """Deconvnet: only positive gradients pass, wherever the rectifier was closed on the way forward.

    Source:
        Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014, section 2.1.
    """

    name = "deconvnet"

    def route(self, before: Any, after: Any, backwards: Callable[[], None]) -> Any:
        return backend.current().with_custom_gradient(before, after, _positive(backwards))


RULES: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in (GuidedRule(), DeconvnetRule())})
"""Every rule by the name that `backprop=` takes."""


def get_rule(name: str | None) -> Rule | None:
    """The rule of a name, or None for the plain gradient.

    Raises:
        ParameterError: there is no such rule.
    """
    if name is None:
        return None
    if not isinstance(name, str) or name not in RULES:
        raise errors.ParameterError(
            f"backprop must be None for the plain gradient, or one of {sorted(RULES)}; got {name!r}."
        )
    return RULES[name]


def _positive(backwards: Callable[[], None]) -> Callable[[Any], Any]:
    def gate(gradient: Any) -> Any:
        backwards()
        return ops.relu(gradient)

    return gate
