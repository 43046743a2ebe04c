"""The state of a probe, and the variants of a probe that differ in one part of it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Self

import keras
from keras import ops, tree

from kerascope import backend, errors
from kerascope.placement import PlacementChoice
from kerascope.probe.execute.cache import ProgramCache
from kerascope.probe.execute.sharding import num_shards
from kerascope.probe.graph.graph import Graph
from kerascope.probe.graph.output_kind import OutputSpec, label_class_names
from kerascope.probe.inputs import InputBatch, check_inputs, input_specs
from kerascope.probe.intercept.training import forbid_training
from kerascope.probe.layer_ref import find_layers
from kerascope.target import OutputKind
from kerascope.typing import Array


class ProbeState:
    """A model with its settings, graphs and compiled programs: see `Probe`.

    Args:
        model: a built model.
        batch_size: images per pass.
        class_names: names of the classes, or None.
        input: name or position of the input to explain, or None.
        compile: compile the programs.
        output: the kinds of the model's outputs, or None.
        label: position of the explained one of several labels, or None.
        placing: how the cells of layers are placed on the image.
    """

    def __init__(
        self,
        model: keras.Model,
        batch_size: int,
        class_names: tuple[str, ...] | None,
        input: str | int | None,
        compile: bool,
        output: OutputKind | Mapping[str, OutputKind] | None,
        label: int | None,
        placing: PlacementChoice = "auto",
    ) -> None:
        self._backend = backend.current()
        self._model: Callable[[], keras.Model | None] = lambda: model
        self.batch_size = batch_size
        self.label_names = None if label is None else class_names
        self.class_names = class_names if label is None else label_class_names(label, class_names)
        self.input = input
        self.compile = compile
        self._lock = threading.RLock()
        self._min_batch = 1
        self._refreshes = True
        self._values: list[Any] | None = None
        self._counts = {"trace": 0, "forward": 0, "backward": 0, "placement": 0}
        self.output = output
        self.label = label
        self.placing = placing
        self.loss: Any = None
        self._cache = ProgramCache(self.compile, self._counts)
        OutputSpec(output, class_names)  # raises where it is none

    @property
    def model(self) -> keras.Model:
        """The model."""
        model = self._model()
        if model is None:
            raise errors.ModelError("the model of this probe must exist; it was deleted; make a new probe.")
        return model

    @property
    def trace_count(self) -> int:
        """Number of programs that were traced or built."""
        return self._counts["trace"]

    @property
    def forward_count(self) -> int:
        """Number of images that went forward; padding is not counted, but in a routine of a fixed batch."""
        return self._counts["forward"]

    @property
    def backward_count(self) -> int:
        """Number of backward passes: one for each image and class; padding is not counted."""
        return self._counts["backward"]

    @property
    def on_host(self) -> bool:
        """Whether the model lies in the memory of the processor, and not on an accelerator."""
        return all(self._backend.on_host(variable.value) for variable in self._variables()[:1])

    @property
    def numpy(self) -> Any:
        """The module that the step of a routine computes with."""
        return ops

    def graph(self, images: Any) -> Graph:
        """The graph of the model on images of this shape.

        Args:
            images: (N, ...) as the model takes them.

        Cost:
            None: the model is run without data; one with a class token also on one image of noise.
        """
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            return self._graph(batch, self._size(batch.count))

    def pass_size(self, count: int) -> int:
        """Number of images per pass, of `count`: the model's fixed batch, else up to `batch_size`."""
        specs = input_specs(self.model)
        fixed = specs[0].shape[0] if specs else None
        if fixed is not None:
            return fixed
        # Devices take equal shards of a batch.
        shards = num_shards()
        return max(1, min(-(-count // shards), self.batch_size // shards)) * shards

    def with_batch_size(self, batch_size: int) -> Self:
        """The same probe with another number of images per pass."""
        return self._replace(batch_size=batch_size)

    def with_class_names(self, class_names: tuple[str, ...] | None) -> Self:
        """The same probe with other names of classes."""
        return self._replace(class_names=class_names)

    def with_label(self, label: int) -> Self:
        """The same probe for one of several labels: see `Probe`."""
        names = label_class_names(label, self.class_names)
        return self._replace(label=label, label_names=self.class_names, class_names=names)

    def with_loss(self, loss: Any) -> Self:
        """The same probe of a model that was compiled with this loss."""
        return self._replace(loss=loss)

    def with_explicit_outputs(self, images: Any) -> Self:
        """The same probe, whose `output` states the kinds that were inferred from the loss or the names.

        Args:
            images: (N, ...) as the model takes them.
        """
        if self.label is not None:
            return self._replace(output="labels")
        graph, spec = self.graph(images), OutputSpec(self.output)
        kinds = {
            output.name: kind
            for output, kind in zip(graph.outputs, graph.kinds, strict=True)
            if kind not in (None, "classes") or (kind == "classes" and spec.of(output.name) is not None)
        }
        return self._replace(output=kinds)

    def without_refresh(self) -> Self:
        """The same probe, for the length of one explanation: changes of the model are not looked for."""
        return self._replace(_refreshes=False)

    def with_padding(self, count: int) -> Self:
        """The same probe, whose passes are padded as if there were at least `count` images.

        So a method that runs more and fewer variants of images in turn compiles one program. Changes of the
        model are not looked for, either.
        """
        return self._replace(_refreshes=False, _min_batch=max(self._min_batch, count))

    def with_values(self, values: Mapping[int, Array]) -> Self:
        """The same probe of the model as if some of its variables had other values.

        The model is not changed and not copied: values of variables are arguments of the programs, which
        serve all such probes.
        """
        self._backend.state(self._variables())  # raises where training has taken them
        return self._replace(
            _values=[
                # By way of NumPy: TensorFlow would pass the variable itself on, not its value.
                ops.convert_to_tensor(
                    values[index] if index in values else ops.convert_to_numpy(variable.value),
                    dtype=keras.backend.standardize_dtype(variable.dtype),
                )
                for index, variable in enumerate(self._variables())
            ]
        )

    def _replace(self, **changes: Any) -> Self:
        """The same probe, with the same cache and counts, but for some attributes."""
        twin = copy.copy(self)
        vars(twin).update(changes)
        return twin

    def _run_model(self, inputs: Any) -> Any:
        # A model from an old file may want its one input in a list, and warn without it.
        wanted = getattr(self.model, "input", None) if isinstance(self.model, keras.models.Model) else None
        if isinstance(wanted, list | tuple) and len(wanted) == 1 and not tree.is_nested(inputs):
            inputs = tree.pack_sequence_as(wanted, [inputs])
        # Also where `call` takes no such argument: Keras passes it on to the layers inside.
        return self.model(inputs, training=False)

    def _operations(self) -> list[keras.Operation]:
        return [self.model, *(layer.operation for layer in find_layers(self.model))]

    def _variables(self) -> list[keras.Variable]:
        return list(self.model.variables)

    def _state(self, variables: Sequence[keras.Variable]) -> list[Any]:
        """The values of the model's variables, as arguments of programs."""
        return self._backend.state(variables) if self._values is None else self._values

    def _graph(self, batch: InputBatch, size: int) -> Graph:
        """The graph of the model as it is now, on images like these."""
        if self._refreshes:
            self._cache.refresh(self.model)
        spec = OutputSpec(self.output, self.class_names, self.label, self.loss)
        variables = self._variables()
        with forbid_training(variables, self._backend.state(variables)):
            return self._cache.graph(self.model, self._run_model, batch, size, spec)

    def _forbid_training(self, state: Sequence[Any]) -> AbstractContextManager[None]:
        """Within the block the model must not be trained, unless it runs with other weights."""
        own = self._values is None
        optimizer = getattr(self.model, "optimizer", None) if own else None
        steps = getattr(optimizer, "iterations", None)
        return forbid_training(self._variables() if own else (), state, steps)

    def _size(self, count: int) -> int:
        """Images per pass: the model's fixed batch, else a power of two up to `batch_size`."""
        return self.pass_size(1 << (max(count, self._min_batch) - 1).bit_length())
