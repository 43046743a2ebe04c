"""What is kept of a model until it changes: surveys and compiled programs."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import ops

from kerascope import errors
from kerascope.probe.execute.compiled import Program
from kerascope.probe.execute.program import Plan
from kerascope.probe.execute.routine import Routine
from kerascope.probe.graph.dead_tokens import silent
from kerascope.probe.graph.fingerprint import Fingerprint
from kerascope.probe.graph.graph import Survey
from kerascope.probe.graph.head import Head
from kerascope.probe.graph.measured_head import measured_heads, opaque
from kerascope.probe.graph.output_kind import Said, known_outputs, may_be_chances
from kerascope.probe.graph.trace import survey
from kerascope.probe.inputs import Batch, input_specs

LIMIT = 64
"""Compiled programs kept per probe; the least recently used one goes first."""


class Kept:
    """Surveys by the shape of the images, and programs by the question.

    Args:
        compile: compile the programs.
        counts: `counts["trace"]` goes up with each trace.
    """

    def __init__(self, compile: bool, counts: dict[str, int]) -> None:
        self._compile = compile
        self._counts = counts
        self._fingerprint: Fingerprint | None = None
        self._surveys: dict[Hashable, Survey] = {}
        self._bare: dict[Hashable, Survey] = {}
        self._measured: dict[Hashable, dict[int, Head]] = {}
        self._programs: OrderedDict[Hashable, Program] = OrderedDict()

    def refresh(self, model: keras.Model) -> None:
        """Forget what was kept for a model that has since been changed."""
        now = Fingerprint(model)
        if now != self._fingerprint:
            for kept in (self._surveys, self._bare, self._measured, self._programs):
                kept.clear()
            self._fingerprint = now

    def survey(
        self, model: keras.Model, call: Callable[[Any], Any], batch: Batch, size: int, said: Said
    ) -> Survey:
        """What happens inside the model on images like those of a batch, `size` at a time.

        Args:
            model: the model.
            call: its forward pass.
            batch: the checked images.
            size: images per pass.
            said: what the user said of the model's outputs.

        Raises:
            InputError: the model does not run on them.
            ModelError: what was said of its outputs does not fit.
        """
        # Compiling the model anew may say something else of its outputs.
        loss = getattr(model, "loss", None) or said.loss
        key = (batch.signature, batch.explained, size, repr(said), repr(loss))
        if key not in self._surveys:
            for kept in (self._surveys, self._bare, self._measured):
                if len(kept) >= LIMIT:
                    kept.clear()
            tensors = [ops.convert_to_tensor(part) for part in batch.chunk(0, size)]
            bare = key[:3]
            if bare not in self._bare:
                # Around the whole survey: what is made in it, such as a seed, must not outlive it.
                with keras.StatelessScope():
                    found = survey(_told(call, batch), model, batch.structured(tensors), batch.explained)
                found = replace(found, opaque=opaque(found))
                self._bare[bare] = replace(found, silent=_silent(model, call, found, batch, tensors))
            found = self._bare[bare]
            chances = tuple(sorted(may_be_chances(found, replace(said, label=None), loss)))
            once = (batch.signature, batch.explained, chances)
            if once not in self._measured:
                self._measured[once] = _measured(model, call, found, batch, tensors, chances)
            measured = self._measured[once]
            found = replace(found, measured=measured, opaque=found.opaque - measured.keys())
            self._surveys[key] = known_outputs(found, said, loss)
        return self._surveys[key]

    def program(self, key: Hashable, plan: Plan | Routine) -> Program:
        """The program of a question, made from `plan` where it is new."""
        if key not in self._programs:
            self._programs[key] = Program(plan, self._compile, self._counts)
            while len(self._programs) > LIMIT:
                self._programs.popitem(last=False)
        self._programs.move_to_end(key)
        return self._programs[key]


def _told(call: Callable[[Any], Any], batch: Batch) -> Callable[[Any], Any]:
    """The model's forward pass, whose exceptions alone are told as its fault, not those of the survey."""

    def told(inputs: Any) -> Any:
        try:
            return call(inputs)
        except errors.KerascopeError:
            raise
        except Exception as error:
            shapes = [array.shape for array in batch.arrays]
            raise errors.InputError(
                f"the model must run on these images, of shape {shapes}; it failed with "
                f"{type(error).__name__}: {error}; try model(images[:1]) by itself."
            ) from error

    return told


def _measured(
    model: keras.Model,
    call: Callable[[Any], Any],
    found: Survey,
    batch: Batch,
    tensors: Sequence[Any],
    chances: Collection[int],
) -> dict[int, Head]:
    """The heads that have to be measured, on four images: see `kerascope.probe.graph.measured_head`."""
    specs = input_specs(model)
    if specs is None or specs[0].shape[0] is None:
        tensors = [ops.repeat(tensor[:1], 4, axis=0) for tensor in tensors]
    operations = [model, *(place.operation for place in found.places)]
    with contextlib.suppress(Exception), keras.StatelessScope():
        return measured_heads(call, operations, found, batch.structured(tensors), chances)
    return {}


def _silent(
    model: keras.Model, call: Callable[[Any], Any], found: Survey, batch: Batch, tensors: Sequence[Any]
) -> frozenset[int]:
    """See `kerascope.probe.graph.dead_tokens`; tried on one image, where the model takes any number."""
    specs = input_specs(model)
    if specs is None or specs[0].shape[0] is None:
        tensors = [tensor[:1] for tensor in tensors]
    operations = [model, *(place.operation for place in found.places)]
    try:
        with keras.StatelessScope():
            return silent(call, operations, found, batch.structured(tensors))
    except Exception:  # noqa: BLE001 (a model without a gradient can still be asked for scores)
        return frozenset()
