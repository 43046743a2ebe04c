"""The engine of a probe: runs programs on a model, batch by batch, and counts passes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from kerascope import errors
from kerascope.probe.execute.lookup import ProbeLookup
from kerascope.probe.execute.partial import find_cut
from kerascope.probe.execute.program import Internals
from kerascope.probe.execute.request import CheckedRequest, Request
from kerascope.probe.execute.result import Answer, BatchResult, join_results, to_numpy
from kerascope.probe.execute.routine import Routine, RoutineRunner, RoutineStep
from kerascope.probe.execute.sharding import shard
from kerascope.probe.inputs import check_inputs, pad_rows
from kerascope.target import Target, TargetLike, as_target


class ProbeEngine(ProbeLookup):
    """A probe that runs requests: see `Probe`."""

    def run(
        self,
        compute: Callable[[Internals], Any] | None,
        images: Any,
        target: TargetLike = None,
        request: Request = Request(),  # noqa: B008 (frozen)
        key: Hashable = None,
    ) -> Answer:
        """Run a method's arithmetic on every image, compiled with the model.

        Args:
            compute: from the `Internals` of one class of a batch to a tensor (N, ...); None for scores only.
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            request: which tensors to compute for it.
            key: distinguishes this `compute` from others; `compute` itself where None.

        Raises:
            InputError, TargetError, LayerError: an argument does not fit the model.
            DisconnectedError: the score does not depend on a layer or the input.

        Cost:
            1 forward per image, and with gradients K backwards, for all layers together; with Hessian-vector
            products K more for each layer.
        """
        batch = check_inputs(self.model, images, self.input)
        size = self._size(batch.count)
        with self._lock:
            checked = self._check(batch, size, as_target(target), request)
            function = compute if key is None else (key, getattr(compute, "__qualname__", None))
            state = self._state(self._variables())
            program = self._cache.program(
                (function, *checked.key, size, bool(state)),
                functools.partial(self._make_program, checked, compute),
            )
        batch, request = checked.batch, checked.request
        backwards = 0
        if request.gradients or request.image_gradient or request.biases:
            backwards = 1 + (len(request.layers) if request.hvp else 0)
        results: list[BatchResult] = []
        for start in range(0, batch.count, size):
            tensors = [shard(ops.convert_to_tensor(part)) for part in batch.chunk(start, size)]
            arguments = {
                name: shard(ops.convert_to_tensor(pad_rows(array, start, size)))
                for name, array in checked.arguments.items()
            }
            with self._forbid_training(state):
                result = to_numpy(program(tensors, arguments, state))
            results.append(result)
            count = min(size, batch.count - start)
            _check_result(checked, result, start, count)
            with self._lock:
                self._counts["forward"] += count
                self._counts["backward"] += count * backwards * result.scores.shape[1]
        return join_results(results, checked)

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
    ) -> RoutineRunner:
        """Compile a step with the model, for its caller to repeat: see `kerascope.probe.execute.routine`.

        Args:
            step: from a function that scores images, and the carried tensors, to results.
            images: the model's inputs; of the explained one only the shape counts.
            target: whose scores the step uses.
            carried: names of the tensors that are passed to the step each time; other shapes are another
                program.
            request: its layers to read; with `image_gradient` the step differentiates the scores at its
                pictures.
            rows: number of pictures that the step scores at a time, each of which belongs to one of the
                images; None where it scores every image once.
            replaced: the step gives the output of the one layer, instead of the explained input. Layers that
                lead to that layer alone do not run.
            key: distinguishes this step from others.

        Returns:
            A function from the carried tensors, and the number of rows that count, to the step's results.
            `"alive"` among these says whether any gradient was different from zero; where it is false, the
            connection is checked.

        Cost:
            1 forward, and with `image_gradient` 1 backward, per row and step.
        """
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            size = batch.count if rows is None else self._size(batch.count)
            checked = self._check(batch, size, target, request)
            skippable = find_cut(checked).skippable if replaced else ()
            routine = Routine(
                self._make_program(checked, skippable=skippable),
                step,
                len(batch.arrays),
                tuple(carried),
                checked.layers[0] if replaced else None,
            )
            name = (key, *checked.key, tuple(carried), batch.count, rows, replaced)
        inputs = [ops.convert_to_tensor(array) for array in batch.arrays]
        arguments = {name: ops.convert_to_tensor(value) for name, value in checked.arguments.items()}
        variables = self._variables()

        def run(tensors: Mapping[str, Any], count: int | None = None) -> dict[str, Any]:
            given = [*inputs, *(tensors[name] for name in carried)]
            state = self._state(variables)
            with self._lock:
                shapes = (tuple(tensor.shape) for tensor in given)
                program = self._cache.program((*name, *shapes, bool(state)), lambda: routine)
            with self._forbid_training(state):
                result: dict[str, Any] = program(given, arguments, state)
            with self._lock:
                done = batch.count if count is None else count
                self._counts["forward"] += done
                self._counts["backward"] += done if request.image_gradient else 0
            return result

        return run


def _check_result(checked: CheckedRequest, result: BatchResult, start: int, count: int) -> None:
    if result.no_probability:
        raise errors.TargetError(
            f"a probability must come out of the model; {checked.target.describe()} is to be explained, "
            "and the outputs are none; explain the score instead, or end the model in a softmax or "
            "sigmoid."
        )
    if result.undefined is not None and (missing := np.flatnonzero(result.undefined[:count])).size:
        raise errors.TargetError(
            f"{checked.target.requirement()}; not so for images {(missing + start).tolist()[:10]}."
        )
