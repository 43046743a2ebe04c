"""What runs programs on a model: its surveys and programs, batch by batch, counted."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Self

import keras
import numpy as np
from keras import ops, tree

from kerascope import backend, errors
from kerascope.probe.execute.cache import Kept
from kerascope.probe.execute.partial import Cut, cut_at
from kerascope.probe.execute.program import Evidence, Plan
from kerascope.probe.execute.randomize import RandomizedLayer, randomize_layers
from kerascope.probe.execute.request import Question, fitted, resolve_target, seen_by, unseen
from kerascope.probe.execute.result import Answer, join
from kerascope.probe.execute.routine import Routine, Step
from kerascope.probe.execute.sharding import shares, spread
from kerascope.probe.graph.graph import Run, Survey
from kerascope.probe.graph.layers import places
from kerascope.probe.graph.output_kind import Remark, Said, answers
from kerascope.probe.graph.scales import Scales, scales
from kerascope.probe.input_range import pixel_range, preprocessing_layer
from kerascope.probe.inputs import Batch, check_inputs, input_specs, padded_rows
from kerascope.probe.intercept.training import undisturbed
from kerascope.rule import Rule
from kerascope.target import OutputKind, Target, TargetLike, as_target
from kerascope.typing import Array

Repeated = Callable[..., dict[str, Any]]
"""`repeated(tensors, count=None) -> results`: a step that was compiled, see `Engine.routine`."""


class Engine:
    """A model with its surveys and compiled programs: see `Probe`, which is what users make of it.

    Args:
        model: a built model.
        batch_size: images per pass.
        class_names: names of the classes, or None.
        input: name or position of the input to explain, or None.
        compile: compile the programs.
        output: what the model's numbers are, or None.
        label: place of the one of several labels that is asked about, or None.
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
    ) -> None:
        self._backend = backend.current()
        self._model: Callable[[], keras.Model | None] = lambda: model
        self.batch_size = batch_size
        self.label_names = None if label is None else class_names
        self.class_names = class_names if label is None else answers(label, class_names)
        self.input = input
        self.compile = compile
        self._lock = threading.RLock()
        self._least = 1
        self._settled = False
        self._values: list[Any] | None = None
        self._counts = {"trace": 0, "forward": 0, "backward": 0}
        self.output = output
        self.label = label
        self.loss: Any = None
        self._kept = Kept(self.compile, self._counts)
        Said(output, class_names)  # raises where it is said wrongly

    @property
    def numpy(self) -> Any:
        """The module that a routine's step computes with."""
        return ops

    def pixel_range(self, images: Any) -> tuple[float, float] | None:
        """The range of pixels that the model states: see `kerascope.probe.input_range`."""
        return pixel_range(self.graph(images))

    def preprocessing_layer(self, images: Any) -> str | None:
        """The last layer of the model's own preprocessing: see `kerascope.probe.input_range`."""
        return preprocessing_layer(self.graph(images))

    @property
    def model(self) -> keras.Model:
        """The model that is asked."""
        model = self._model()
        if model is None:
            raise errors.ModelError("the model of this probe must exist; it was deleted; make a new probe.")
        return model

    @property
    def trace_count(self) -> int:
        """Programs traced or built so far."""
        return self._counts["trace"]

    @property
    def forward_count(self) -> int:
        """Images that went forward so far; padding is not counted, but in a routine of a fixed batch."""
        return self._counts["forward"]

    @property
    def backward_count(self) -> int:
        """Backward passes so far: one for each image and class; padding is not counted."""
        return self._counts["backward"]

    @property
    def on_host(self) -> bool:
        """The model lies in the memory of the processor, and not on an accelerator."""
        return all(self._backend.on_host(variable.value) for variable in self._variables()[:1])

    def graph(self, images: Any) -> Survey:
        """What happens inside the model on images of this shape.

        Args:
            images: (N, ...) as the model takes them.

        Cost:
            None: the model is run without data; one with a class token also on one image of noise.
        """
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            return self._survey(batch, self._size(batch.count))

    def pass_size(self, count: int) -> int:
        """How many of `count` images go in one pass: the model's fixed batch, else up to `batch_size`."""
        specs = input_specs(self.model)
        fixed = specs[0].shape[0] if specs else None
        if fixed is not None:
            return fixed
        # Devices take equal parts of a batch.
        parts = shares()
        return max(1, min(-(-count // parts), self.batch_size // parts)) * parts

    def with_padding(self, count: int) -> Self:
        """The same probe, whose passes are padded as if there were at least `count` images.

        So a method that asks about more and fewer variants of images in turn compiles one program. It is
        settled, too.
        """
        twin = self.without_refresh()
        twin._least = max(self._least, count)
        return twin

    def with_class_names(self, class_names: tuple[str, ...] | None) -> Self:
        """The same probe, whose classes are called so."""
        twin = copy.copy(self)
        twin.class_names = class_names
        return twin

    def with_label(self, label: int) -> Self:
        """The same probe, which asks about one of the labels alone: see `Probe`."""
        twin = copy.copy(self)
        twin.label, twin.label_names = label, self.class_names
        twin.class_names = answers(label, self.class_names)
        return twin

    def with_explicit_outputs(self, images: Any) -> Self:
        """The same probe, to which is said what the outputs are that the loss or the names told.

        Args:
            images: (N, ...) as the model takes them.
        """
        survey, twin = self.graph(images), copy.copy(self)
        if self.label is not None:
            twin.output = "labels"
            return twin
        said, told = Said(self.output), zip(survey.outputs, survey.kinds, strict=True)
        twin.output = {
            output.name: kind
            for output, kind in told
            if kind not in (None, "classes") or (kind == "classes" and said.of(output.name) is not None)
        }
        return twin

    def with_loss(self, loss: Any) -> Self:
        """The same probe of a model of which it is known what loss it was compiled with."""
        twin = copy.copy(self)
        twin.loss = loss
        return twin

    def with_batch_size(self, batch_size: int) -> Self:
        """The same probe with another number of images per pass."""
        twin = copy.copy(self)
        twin.batch_size = batch_size
        return twin

    def without_refresh(self) -> Self:
        """The same probe, for the length of one explanation: the model is not looked over anew."""
        twin = copy.copy(self)
        twin._settled = True
        return twin

    def with_values(self, values: Mapping[int, Array]) -> Self:
        """The same probe, which asks the model as if some of its variables had other values.

        The model is not changed and not copied: values of variables are arguments of the programs, which
        serve all such probes.

        Args:
            values: of variables, by their positions in `model.variables`.
        """
        twin = copy.copy(self)
        self._backend.state(self._variables())  # raises where training has taken them
        twin._values = [
            # By way of NumPy: TensorFlow would hand the variable itself on, not its value.
            ops.convert_to_tensor(
                values[number] if number in values else ops.convert_to_numpy(variable.value),
                dtype=keras.backend.standardize_dtype(variable.dtype),
            )
            for number, variable in enumerate(self._variables())
        ]
        return twin

    def randomize(self, images: Any, seed: int) -> list[RandomizedLayer]:
        """New values for what the model has learnt, layer by layer from the output: see `RandomizedLayer`.

        Args:
            images: (N, ...) as the model takes them.
            seed: of the values.
        """
        return randomize_layers(self.model, self.graph(images), seed)

    def run(
        self,
        compute: Callable[[Evidence], Any] | None,
        images: Any,
        target: TargetLike = None,
        *,
        layers: Sequence[str | None] = (),
        spatial: bool = False,
        gradients: bool = False,
        image_gradient: bool = False,
        rule: Rule | None = None,
        curvatures: bool = False,
        biases: bool = False,
        key: Hashable = None,
    ) -> Answer:
        """Run a method's arithmetic on every image, compiled with the model.

        Args:
            compute: from the `Evidence` on one class of a batch to a tensor (N, ...); None for scores only.
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layers: paths of layers to read; None stands for the automatic layer.
            spatial: these layers must have a height and width.
            gradients: differentiate at these layers.
            image_gradient: differentiate at the explained input.
            rule: what rectifiers hand back; None for their own gradient.
            curvatures: give second derivatives at these layers too.
            biases: differentiate at every constant that the model adds; see `kerascope.probe.intercept.bias`.
            key: what tells this `compute` from another one; `compute` itself where None.

        Cost:
            1 forward per image, and with gradients K backwards, for all places together; with curvatures K
            more for each layer.
        """
        batch = check_inputs(self.model, images, self.input)
        size = self._size(batch.count)
        with self._lock:
            question = self._question(
                batch,
                size,
                as_target(target),
                layers,
                spatial=spatial,
                gradients=gradients,
                image_gradient=image_gradient,
                rule=rule,
                curvatures=curvatures,
                biases=biases,
            )
            name = getattr(compute, "__qualname__", None)
            computed = compute if key is None else (key, name)
            state = self._state(self._variables())
            program = self._kept.program(
                (computed, *question.key, size, bool(state)), self._plan(question, compute)
            )
        rows: list[dict[str, Array]] = []
        for start in range(0, batch.count, size):
            tensors = [spread(ops.convert_to_tensor(part)) for part in batch.chunk(start, size)]
            part = {
                name: spread(ops.convert_to_tensor(padded_rows(array, start, size)))
                for name, array in question.arguments.items()
            }
            with self._undisturbed(state):
                result = program(tensors, part, state)
                rows.append({name: ops.convert_to_numpy(value) for name, value in result.items()})
            if rows[-1].get("no_probability", False):
                raise errors.TargetError(
                    f"a probability must come out of the model; {question.target.describe()} was asked for, "
                    "and the outputs are none; explain the score instead, or end the model in a softmax or "
                    "sigmoid."
                )
            count = min(size, batch.count - start)
            self._check_met(question, rows[-1], start, count)
            with self._lock:
                self._counts["forward"] += count
                if gradients or image_gradient or biases:
                    passes = 1 + (len(question.layers) if curvatures else 0)
                    self._counts["backward"] += count * passes * rows[-1]["scores"].shape[1]
        return join(rows, question)

    def routine(
        self,
        step: Step,
        images: Any,
        target: Target,
        carried: Sequence[str],
        *,
        layers: Sequence[str | None] = (),
        gradient: bool = True,
        rows: int | None = None,
        replaced: bool = False,
        key: Hashable,
    ) -> Repeated:
        """A step to be repeated, compiled with the model: see `kerascope.probe.execute.routine`.

        Args:
            step: from a function that scores images, and from what is carried, to results.
            images: the model's inputs; of the explained one only the shape counts.
            target: whose score the step asks for.
            carried: names of the tensors that the step is handed each time; other shapes are another program.
            layers: paths of layers to read; None stands for the automatic layer.
            gradient: the step differentiates the scores at what it gives.
            rows: how many pictures the step scores at a time, each of which belongs to one of the images;
                None where it scores every image once.
            replaced: the step gives what the one layer returns, in the place of the explained input. What is
                in front of that layer alone does not run.
            key: what tells this step from another one.

        Returns:
            A function from the carried tensors, and how many of the rows count, to the step's results. Where
            they hold `"alive"`, it says whether any gradient was different from zero; where it is false, the
            connection is checked.

        Cost:
            1 forward, and with `gradient` 1 backward, per row and step.
        """
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            size = batch.count if rows is None else self._size(batch.count)
            question = self._question(batch, size, target, layers, image_gradient=gradient)
            routine = Routine(
                self._plan(question, spared=cut_at(question).spared if replaced else ()),
                step,
                len(batch.arrays),
                tuple(carried),
                question.layers[0] if replaced else None,
            )
            name = (key, *question.key, tuple(carried), batch.count, rows, replaced)
        inputs = [ops.convert_to_tensor(array) for array in batch.arrays]
        arguments = {name: ops.convert_to_tensor(value) for name, value in question.arguments.items()}
        variables = self._variables()

        def run(tensors: Mapping[str, Any], count: int | None = None) -> dict[str, Any]:
            given = [*inputs, *(tensors[one] for one in carried)]
            state = self._state(variables)
            with self._lock:
                program = self._kept.program(
                    (*name, *(tuple(one.shape) for one in given), bool(state)), routine
                )
            with self._undisturbed(state):
                result = program(given, arguments, state)
            with self._lock:
                done = batch.count if count is None else count
                self._counts["forward"] += done
                self._counts["backward"] += done if gradient else 0
            return result

        return run

    def resolve_layers(
        self, images: Any, target: TargetLike, layers: Sequence[str | None], spatial: bool = True
    ) -> list[Run]:
        """The runs of the layers that a question would read, checked and not asked.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layers: paths of layers; None stands for the automatic layer.
            spatial: these layers must have a height and width.

        Raises:
            InputError, TargetError, LayerError: what was given does not fit the model.

        Cost:
            None: the model is run without data.
        """
        question = self._asked(images, target, layers, spatial)
        return [question.survey.run(layer) for layer in question.layers]

    def notes(self, images: Any, target: TargetLike, layers: Sequence[str | None]) -> tuple[str, ...]:
        """What there is to say on the layers that a question would read, such as that others stand beside.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layers: paths of layers; None stands for the automatic layer.

        Cost:
            None: the model is run without data.
        """
        return self._asked(images, target, layers, spatial=False).notes

    def resolve_target(self, batch: Batch, target: Target) -> tuple[Target, tuple[Remark, ...]]:
        """What a target stands for with this model, and what there is to say on the outputs that it is about.

        Args:
            batch: the checked images, about which was asked.
            target: what was asked about.
        """
        with self._lock:
            survey = self.without_refresh()._survey(batch, self._size(batch.count))
        return resolve_target(survey, target, self.class_names)

    def scales(self, images: Any, target: TargetLike = None, layer: str | None = None) -> Scales:
        """Where to look at the model at every scale, from a deep layer to the image.

        Args:
            images: (N, ...) as the model takes them.
            target: see `kerascope.target`.
            layer: path of the deepest layer; None for the automatic one.

        Raises:
            InputError, TargetError, LayerError: what was given does not fit the model.

        Cost:
            None: the model is run without data.
        """
        question = self._asked(images, target, (layer,), spatial=True)
        survey = question.survey
        return scales(survey, survey.run(question.layers[0]), question.batch.differentiable)

    def find_cut(self, images: Any, target: Target, layer: str | None, pooled: bool = False) -> Cut:
        """Where the model can be cut, to ask the part behind a layer alone.

        Args:
            images: (N, ...) as the model takes them.
            target: whose score is asked for.
            layer: path of the layer; None for the automatic one.
            pooled: where nothing but a global pooling reads the layer, cut behind that.

        Cost:
            None: the model is run without data.
        """
        return cut_at(self._asked(images, target, (layer,), spatial=True), pooled)

    def _asked(
        self, images: Any, target: TargetLike, layers: Sequence[str | None], spatial: bool
    ) -> Question:
        """A question about images, checked and not put."""
        batch = check_inputs(self.model, images, self.input)
        with self._lock:
            return self._question(batch, self._size(batch.count), as_target(target), layers, spatial=spatial)

    def _question(
        self, batch: Batch, size: int, target: Target, layers: Sequence[str | None], **options: Any
    ) -> Question:
        found, names = self._survey(batch, size), self.class_names
        if batch.explained is not None or not layers:
            return fitted(found, batch, target, names, layers, **options)
        # The layers may say which of several inputs is explained.
        asked = fitted(found, batch, target, names, layers)
        explained = seen_by(found, asked.layers)
        if explained is None:
            return unseen(fitted(found, batch, target, names, layers, **options))
        batch = replace(batch, explained=explained)
        question = fitted(self._survey(batch, size), batch, target, names, asked.layers, **options)
        return replace(question, notes=(*asked.notes, *question.notes))

    def _plan(
        self,
        question: Question,
        compute: Callable[[Evidence], Any] | None = None,
        spared: Sequence[Run] = (),
    ) -> Plan:
        return Plan(
            call=self._call,
            operations=self._operations,
            variables=self._variables,
            survey=question.survey,
            structure=question.batch.structure,
            explained=question.batch.explained,
            target=question.target,
            layers=question.layers,
            gradients=question.gradients,
            image_gradient=question.image_gradient,
            rule=question.rule,
            biases=question.biases,
            compute=compute,
            curvatures=question.curvatures,
            spared=tuple(spared),
        )

    def _call(self, inputs: Any) -> Any:
        # A model from an old file may want its one input in a list, and warn without it.
        wanted = getattr(self.model, "input", None) if isinstance(self.model, keras.models.Model) else None
        if isinstance(wanted, list | tuple) and len(wanted) == 1 and not tree.is_nested(inputs):
            inputs = tree.pack_sequence_as(wanted, [inputs])
        # Also where `call` takes no such argument: Keras hands it on to the layers inside.
        return self.model(inputs, training=False)

    def _operations(self) -> list[keras.Operation]:
        return [self.model, *(place.operation for place in places(self.model))]

    def _variables(self) -> list[keras.Variable]:
        return list(self.model.variables)

    def _state(self, variables: Sequence[keras.Variable]) -> list[Any]:
        """What programs are handed as the values of the model's variables."""
        return self._backend.state(variables) if self._values is None else self._values

    def _survey(self, batch: Batch, size: int) -> Survey:
        """What happens inside the model as it is now, on images like these."""
        if not self._settled:
            self._kept.refresh(self.model)
        said = Said(self.output, self.class_names, self.label, self.loss)
        variables = self._variables()
        with undisturbed(variables, self._backend.state(variables)):
            return self._kept.survey(self.model, self._call, batch, size, said)

    def _undisturbed(self, state: Sequence[Any]) -> AbstractContextManager[None]:
        """Within the block the model must not be trained, unless it is asked with other weights."""
        own = self._values is None
        optimizer = getattr(self.model, "optimizer", None) if own else None
        steps = getattr(optimizer, "iterations", None)
        return undisturbed(self._variables() if own else (), state, steps)

    def _size(self, count: int) -> int:
        """Images per pass: the model's fixed batch, else a power of two up to `batch_size`."""
        return self.pass_size(1 << (max(count, self._least) - 1).bit_length())

    @staticmethod
    def _check_met(question: Question, row: Mapping[str, Array], start: int, count: int) -> None:
        if "undefined" in row and (missing := np.flatnonzero(row["undefined"][:count])).size:
            raise errors.TargetError(
                f"{question.target.requirement()}; not so for images {(missing + start).tolist()[:10]}."
            )
