"""One pure forward pass: inputs, weights and perturbations in; outputs, scores and activations out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops, tree

from kerascope.probe.graph.graph import Run
from kerascope.probe.graph.head import ACTIVATIONS, Head
from kerascope.probe.intercept.bias import BiasTaps
from kerascope.probe.intercept.rectifier import Rectifiers
from kerascope.probe.intercept.tap import Function, Hook, StandIn, called_by_name, tapped
from kerascope.target.base import Forward

_LEAST = 1e-7
"""The least probability that a logit is taken of."""


def forward(
    call: Callable[[Any], Any],
    operations: Iterable[keras.Operation],
    inputs: Any,
    variables: Sequence[keras.Variable],
    state: Sequence[Any],
    heads: Sequence[Head | None],
    runs: Mapping[str, Run],
    deltas: Mapping[str, Any],
    rectifiers: Rectifiers | None = None,
    biases: BiasTaps | None = None,
    replacements: Mapping[str, Any] | None = None,
    spared: Iterable[Run] = (),
) -> Forward:
    """Run the model on given weights, add `deltas` to what layers return, and read it.

    Args:
        call: the model's forward pass.
        operations: every operation of the model, and the model itself.
        inputs: its input structure.
        variables: the model's variables, in the order of `state`.
        state: the values to use for them; empty for those that they have when the program runs.
        heads: where the score of each output is.
        runs: the runs to read, by name.
        deltas: what to add to the output of some of them, in the output's own shape and type.
        rectifiers: those whose gradient follows a rule.
        biases: where constants are added that are to be read.
        replacements: what takes the place of the output of some of the runs, in its layout; tokens in front
            of a grid stay what they are.
        spared: runs that return zeros without running, since nothing hangs on them.
    """
    activations: dict[str, Any] = {}
    seen: dict[Head, Any] = {}
    count = tree.flatten(inputs)[0].shape[0]
    tap = _Taps(heads, runs, deltas, activations, seen, rectifiers, biases, replacements or {})
    stand_ins = _stand_ins(spared, count)
    with (
        tapped(operations, tap.hooks(), tap.functions(), biases.arguments() if biases else None, stand_ins),
        rectifiers.called_by_name() if rectifiers else contextlib.nullcontext(),
        tap.called_by_name(),
        keras.StatelessScope(list(zip(variables, state, strict=True)) if state else None),
    ):
        outputs = call(inputs)
    flat = [_score(output, head, seen) for head, output in zip(heads, tree.flatten(outputs), strict=True)]
    scores = tree.pack_sequence_as(outputs, flat) if tree.is_nested(outputs) else flat[0]
    squashed = tuple(
        head is not None and (head in seen or head.part == "logit") and not head.logarithm for head in heads
    )
    layouts = {name: run.layout for name, run in runs.items()}
    return Forward(outputs, scores, squashed, activations, layouts, count)


def _score(output: Any, head: Head | None, seen: Mapping[Head, Any]) -> Any:
    """The score of an output, in its shape."""
    if head is not None and head.part == "logit":
        chance = ops.clip(ops.cast(output, "float32"), _LEAST, 1 - _LEAST)
        return ops.log(chance) - ops.log1p(-chance)
    if head is not None and head.part == "difference" and head in seen:
        both = ops.reshape(seen[head], (-1, 2))
        return ops.reshape(both[:, 1] - both[:, 0], output.shape)
    return output if head is None or head not in seen else ops.reshape(seen[head], output.shape)


def _stand_ins(spared: Iterable[Run], count: int) -> dict[keras.Operation, StandIn]:
    """Zeros in the shape of what the runs return, for a batch of `count`."""
    by_operation: dict[keras.Operation, dict[int, Run]] = {}
    for run in spared:
        by_operation.setdefault(run.place.operation, {})[run.index] = run

    def stand_in(found: Mapping[int, Run]) -> StandIn:
        return lambda index: (
            ops.zeros((count, *found[index].shape[1:]), found[index].dtype) if index in found else None
        )

    return {operation: stand_in(found) for operation, found in by_operation.items()}


@dataclass(frozen=True)
class _Taps:
    heads: Sequence[Head | None]
    runs: Mapping[str, Run]
    deltas: Mapping[str, Any]
    activations: dict[str, Any]
    seen: dict[Head, Any]
    rectifiers: Rectifiers | None
    biases: BiasTaps | None
    replacements: Mapping[str, Any]

    def hooks(self) -> dict[keras.Operation, Hook]:
        operations = [run.place.operation for run in self.runs.values()]
        operations += [
            head.operation for head in self._at("operation", "output", "difference") if head.operation
        ]
        operations += self.rectifiers.operations if self.rectifiers else []
        operations += self.biases.operations if self.biases else []
        return {operation: self._hook(operation) for operation in operations}

    def functions(self) -> dict[tuple[keras.Operation, str], Function]:
        spies = {
            (head.operation, "activation"): self._spy(self._at("activation", of=head.operation))
            for head in self._at("activation")
            if head.operation
        }
        return (self.rectifiers.functions if self.rectifiers else {}) | spies

    def called_by_name(self) -> contextlib.AbstractContextManager[None]:
        """See the scores that functions are given which are called by name."""
        if not (wanted := self._at("function")):
            return contextlib.nullcontext()
        spy = self._spy(wanted)
        return called_by_name(ACTIVATIONS, lambda _, score, result: spy(score, result))

    def _at(self, *parts: str, of: keras.Operation | None = None) -> list[Head]:
        """The heads whose score is at one of the parts."""
        return [head for head in self.heads if head and head.part in parts and of in (None, head.operation)]

    def _hook(self, operation: keras.Operation) -> Hook:
        named: dict[int, list[str]] = {}
        for name, run in self.runs.items():
            if run.place.operation is operation:
                named.setdefault(run.index, []).append(name)
        before = {head.index: head for head in self._at("operation", of=operation)}
        behind = {head.index: head for head in self._at("output", "difference", of=operation)}

        def hook(index: int, arguments: tuple[Any, ...], output: Any) -> Any:
            if index in before:
                self.seen[before[index]] = arguments[0]
            if self.rectifiers and operation in self.rectifiers.operations:
                output = self.rectifiers.apply(arguments[0], output)
            if self.biases and operation in self.biases.operations:
                output = self.biases.apply(operation, index, output)
            if index in named:
                output = self._moved(named[index], output)
            if index in behind:
                self.seen[behind[index]] = output
            return output

        return hook

    def _moved(self, names: Sequence[str], output: Any) -> Any:
        """What an operation returns, replaced or moved as was asked for under some names, and kept."""
        # Of several outputs, the first tensor is the activation.
        flat = tree.flatten(output)
        first = next(place for place, value in enumerate(flat) if ops.is_tensor(value))
        for name in names:
            if name in self.replacements:
                flat[first] = self._replaced(name, flat[first])
            if name in self.deltas:
                flat[first] = flat[first] + self.deltas[name]
        for name in names:
            self.activations[name] = flat[first]
        return tree.pack_sequence_as(output, flat) if tree.is_nested(output) else flat[0]

    def _replaced(self, name: str, output: Any) -> Any:
        """What takes the place of an output, behind the tokens in front of its grid."""
        given = ops.cast(self.replacements[name], output.dtype)
        layout = self.runs[name].layout
        prefix = layout.prefix if layout else 0
        return ops.concatenate([output[:, :prefix], given], axis=1) if prefix else given

    def _spy(self, heads: Iterable[Head]) -> Function:
        wanted = {head.index: head for head in heads}
        seen = 0

        def spy(score: Any, result: Any) -> Any:
            nonlocal seen
            if seen in wanted:
                self.seen[wanted[seen]] = score
            seen += 1
            return result

        return spy
