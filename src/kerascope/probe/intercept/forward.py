"""One pure forward pass: inputs, weights and perturbations in; outputs, scores and activations out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
from keras import ops, tree

from kerascope.probe.intercept.rectifier import Rectifiers
from kerascope.probe.intercept.tap import (
    ACTIVATIONS,
    ActivationHook,
    Hook,
    StandIn,
    tap_functions,
    tap_operations,
)
from kerascope.target.base import Forward

if TYPE_CHECKING:
    from kerascope.probe.graph.bias import BiasTaps
    from kerascope.probe.graph.graph import LayerCall
    from kerascope.probe.graph.head import OutputHead

_LEAST = 1e-7
"""The least probability with a logit of its own."""


def forward(
    run_model: Callable[[Any], Any],
    operations: Iterable[keras.Operation],
    inputs: Any,
    variables: Sequence[keras.Variable],
    state: Sequence[Any],
    heads: Sequence[OutputHead | None],
    calls: Mapping[str, LayerCall],
    deltas: Mapping[str, Any],
    rectifiers: Rectifiers | None = None,
    biases: BiasTaps | None = None,
    replacements: Mapping[str, Any] | None = None,
    skippable: Iterable[LayerCall] = (),
) -> Forward:
    """Run the model on given weights, add `deltas` to outputs of layers, and read these.

    Args:
        run_model: the model's forward pass.
        operations: every operation of the model, and the model itself.
        inputs: its input structure.
        variables: the model's variables, in the order of `state`.
        state: the values to use for them; empty for those that they have when the program runs.
        heads: where the score of each output is.
        calls: the calls to read, by name.
        deltas: tensors to add to the output of some of them, in its shape and type.
        rectifiers: the rectifiers whose gradient follows a rule.
        biases: the taps of constants.
        replacements: tensors that replace the output of some of the calls, in its layout; tokens in front of
            a grid stay.
        skippable: calls that return zeros without running, since no wanted tensor depends on them.
    """
    activations: dict[str, Any] = {}
    scores_at: dict[OutputHead, Any] = {}
    count = tree.flatten(inputs)[0].shape[0]
    tap = _Taps(heads, calls, deltas, activations, scores_at, rectifiers, biases, replacements or {})
    stand_ins = _stand_ins(skippable, count)
    with (
        tap_operations(
            operations, tap.hooks(), tap.functions(), biases.arguments() if biases else None, stand_ins
        ),
        rectifiers.tap_functions() if rectifiers else contextlib.nullcontext(),
        tap.tap_functions(),
        keras.StatelessScope(list(zip(variables, state, strict=True)) if state else None),
    ):
        outputs = run_model(inputs)
    flat = [
        _score(output, head, scores_at) for head, output in zip(heads, tree.flatten(outputs), strict=True)
    ]
    scores = tree.pack_sequence_as(outputs, flat) if tree.is_nested(outputs) else flat[0]
    squashed = tuple(
        head is not None and (head in scores_at or head.part == "logit") and not head.logarithm
        for head in heads
    )
    layouts = {name: call.layout for name, call in calls.items()}
    return Forward(outputs, scores, squashed, activations, layouts, count)


def _score(output: Any, head: OutputHead | None, scores_at: Mapping[OutputHead, Any]) -> Any:
    """The score of an output, in its shape."""
    if head is not None and head.part == "logit":
        probability = ops.clip(ops.cast(output, "float32"), _LEAST, 1 - _LEAST)
        return ops.log(probability) - ops.log1p(-probability)
    if head is not None and head.part == "difference" and head in scores_at:
        both = ops.reshape(scores_at[head], (-1, 2))
        return ops.reshape(both[:, 1] - both[:, 0], output.shape)
    return output if head is None or head not in scores_at else ops.reshape(scores_at[head], output.shape)


def _stand_ins(skippable: Iterable[LayerCall], count: int) -> dict[keras.Operation, StandIn]:
    """Zeros in the shape of the outputs of calls, for a batch of `count`."""
    by_operation: dict[keras.Operation, dict[int, LayerCall]] = {}
    for call in skippable:
        by_operation.setdefault(call.layer.operation, {})[call.index] = call

    def stand_in(skipped: Mapping[int, LayerCall]) -> StandIn:
        return lambda index: (
            ops.zeros((count, *skipped[index].shape[1:]), skipped[index].dtype) if index in skipped else None
        )

    return {operation: stand_in(skipped) for operation, skipped in by_operation.items()}


@dataclass(frozen=True)
class _Taps:
    heads: Sequence[OutputHead | None]
    calls: Mapping[str, LayerCall]
    deltas: Mapping[str, Any]
    activations: dict[str, Any]
    scores_at: dict[OutputHead, Any]
    rectifiers: Rectifiers | None
    biases: BiasTaps | None
    replacements: Mapping[str, Any]

    def hooks(self) -> dict[keras.Operation, Hook]:
        operations = [call.layer.operation for call in self.calls.values()]
        operations += [
            head.operation for head in self._at("operation", "output", "difference") if head.operation
        ]
        operations += self.rectifiers.operations if self.rectifiers else []
        operations += self.biases.operations if self.biases else []
        return {operation: self._hook(operation) for operation in operations}

    def functions(self) -> dict[tuple[keras.Operation, str], ActivationHook]:
        spies = {
            (head.operation, "activation"): self._spy(self._at("activation", of=head.operation))
            for head in self._at("activation")
            if head.operation
        }
        return (self.rectifiers.functions if self.rectifiers else {}) | spies

    def tap_functions(self) -> contextlib.AbstractContextManager[None]:
        """Read the arguments of functions that are called by name."""
        if not (heads_at := self._at("function")):
            return contextlib.nullcontext()
        spy = self._spy(heads_at)
        return tap_functions(ACTIVATIONS, lambda _, score, result: spy(score, result))

    def _at(self, *parts: str, of: keras.Operation | None = None) -> list[OutputHead]:
        """The heads with one of the parts."""
        return [head for head in self.heads if head and head.part in parts and of in (None, head.operation)]

    def _hook(self, operation: keras.Operation) -> Hook:
        names_at: dict[int, list[str]] = {}
        for name, call in self.calls.items():
            if call.layer.operation is operation:
                names_at.setdefault(call.index, []).append(name)
        before = {head.index: head for head in self._at("operation", of=operation)}
        behind = {head.index: head for head in self._at("output", "difference", of=operation)}

        def hook(index: int, arguments: tuple[Any, ...], output: Any) -> Any:
            if index in before:
                self.scores_at[before[index]] = arguments[0]
            if self.rectifiers and operation in self.rectifiers.operations:
                output = self.rectifiers.apply(arguments[0], output)
            if self.biases and operation in self.biases.operations:
                output = self.biases.apply(operation, index, output)
            if index in names_at:
                output = self._replace_and_add(names_at[index], output)
            if index in behind:
                self.scores_at[behind[index]] = output
            return output

        return hook

    def _replace_and_add(self, names: Sequence[str], output: Any) -> Any:
        """The output of an operation, replaced and added to under some names, and recorded."""
        # Of several outputs, the first tensor is the activation.
        flat = tree.flatten(output)
        first = next(index for index, value in enumerate(flat) if ops.is_tensor(value))
        for name in names:
            if name in self.replacements:
                flat[first] = self._replace(name, flat[first])
            if name in self.deltas:
                flat[first] = flat[first] + self.deltas[name]
        for name in names:
            self.activations[name] = flat[first]
        return tree.pack_sequence_as(output, flat) if tree.is_nested(output) else flat[0]

    def _replace(self, name: str, output: Any) -> Any:
        """The replacement of an output, between the tokens around its grid."""
        given = ops.cast(self.replacements[name], output.dtype)
        layout = self.calls[name].layout
        if layout is None or not layout.prefix + layout.suffix:
            return given
        behind = output.shape[1] - layout.suffix
        return ops.concatenate([output[:, : layout.prefix], given, output[:, behind:]], axis=1)

    def _spy(self, heads: Iterable[OutputHead]) -> ActivationHook:
        heads_at = {head.index: head for head in heads}
        scores_at = 0

        def spy(score: Any, result: Any) -> Any:
            nonlocal scores_at
            if scores_at in heads_at:
                self.scores_at[heads_at[scores_at]] = score
            scores_at += 1
            return result

        return spy
