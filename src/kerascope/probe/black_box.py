"""A black box: any function from images to scores, asked as a probe is, for methods that need no more."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.layout import CHANNELS_FIRST, CHANNELS_LAST, read_layout
from kerascope.probe.execute.program import CHOSEN, predictions
from kerascope.probe.execute.request import Question, context_of, resolve_target
from kerascope.probe.execute.result import Answer, join
from kerascope.probe.execute.routine import Step
from kerascope.probe.graph.graph import UNKNOWN, Output, Survey
from kerascope.probe.graph.output_kind import Remark, Said, known_outputs
from kerascope.probe.inputs import Batch, padded_rows
from kerascope.target import Forward, OutputKind, Reading, Target, TargetLike, as_target
from kerascope.typing import Array

_HINT = (
    "use one that needs forward passes only, such as Occlusion, RISE, LIME or KernelSHAP, or a Keras model."
)


class BlackBox:
    """Any function from images to scores, in NumPy: another framework's model, an ONNX session, a service.

    It stands in the place of a `Probe` for methods that ask under masks (tag `"masks"`, without `"layer"` and
    `"gradient"`). The function is called with full batches of at most `batch_size` images, never with none.

    Args:
        predict: takes images (n, ...) as NumPy array, in the type and layout of those that are explained,
            and returns scores (n, K) or (n,), or a list or dictionary of such arrays. Return scores before
            the softmax where there are any: of probabilities a warning is given, unless `ks.Probability` is
            explained.
        batch_size: the most images per call, at least 1.
        class_names: names of the classes, in the order of the scores.
        data_format: `"channels_last"` or `"channels_first"`, where the images have their channels.
        input_range: lowest and highest value of the pixels, for baselines such as `"black"`; None for the
            range of each image.
        output: what the function's numbers are: see `Probe`.

    Raises:
        ParameterError: a parameter is not one of these.

    Example:
        >>> import numpy as np, kerascope as ks
        >>> def predict(images):
        ...     return np.stack([images[:, :4].mean((1, 2, 3)), images[:, 4:].mean((1, 2, 3))], axis=1)
        >>> box = ks.BlackBox(predict, input_range=(0, 1))
        >>> images = np.full((1, 8, 8, 1), 0.75, "float32")
        >>> values = ks.Occlusion(window=2, stride=2)(box, images, target=0).values
        >>> bool((values[0, :4] > 0).all() and not values[0, 4:].any())
        True
    """

    trace_count = 0
    backward_count = 0
    numpy: Any = np

    def __init__(
        self,
        predict: Callable[[Array], Any],
        *,
        batch_size: int = 32,
        class_names: Sequence[str] | None = None,
        data_format: str = CHANNELS_LAST,
        input_range: tuple[float, float] | None = None,
        output: OutputKind | Mapping[str, OutputKind] | None = None,
    ) -> None:
        if not callable(predict):
            raise errors.ParameterError(f"predict must be a function of images; got {predict!r}.")
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise errors.ParameterError(
                f"batch_size must be a whole number of at least 1; got {batch_size!r}."
            )
        if data_format not in (CHANNELS_LAST, CHANNELS_FIRST):
            raise errors.ParameterError(
                f"data_format must be {CHANNELS_LAST!r} or {CHANNELS_FIRST!r}; got {data_format!r}."
            )
        if input_range is not None and not (len(input_range) == 2 and input_range[0] < input_range[1]):
            raise errors.ParameterError(
                f"input_range must be a lower and a higher number, or None; got {input_range!r}."
            )
        self.predict = predict
        self.batch_size = batch_size
        self.class_names = None if class_names is None else tuple(map(str, class_names))
        self.data_format = data_format
        self.input_range = input_range
        self.forward_count = 0
        self.output = output
        self._said = Said(output, self.class_names)
        self._known: Survey | None = None

    def pass_size(self, count: int) -> int:
        """How many of `count` images go in one call."""
        return min(count, self.batch_size)

    def with_padding(self, count: int) -> BlackBox:
        """The same: nothing is compiled."""
        return self

    def resolve_target(self, batch: Batch, target: Target) -> tuple[Target, tuple[Remark, ...]]:
        """What a target stands for with what was answered last: see `Engine`."""
        return (target, ()) if self._known is None else resolve_target(self._known, target, self.class_names)

    def pixel_range(self, images: Any) -> tuple[float, float] | None:
        """The range of pixels, as it was given."""
        return self.input_range

    def graph(self, images: Any) -> Survey:
        """What happens inside: nobody can tell.

        Raises:
            ModelError: always.
        """
        raise self._closed()

    def layers(self, images: Any = None) -> Any:
        """The layers inside: nobody can tell.

        Raises:
            ModelError: always.
        """
        raise self._closed()

    def resolve_layers(self, *asked: Any, **more: Any) -> Any:
        """The layers that are read: nobody can tell.

        Raises:
            ModelError: always.
        """
        raise self._closed()

    def scales(self, *asked: Any, **more: Any) -> Any:
        """The scales of a model: nobody can tell.

        Raises:
            ModelError: always.
        """
        raise self._closed()

    def find_cut(self, *asked: Any, **more: Any) -> Any:
        """A cut through a model: there is none.

        Raises:
            ModelError: always.
        """
        raise self._closed()

    def scores(self, images: Any, target: TargetLike = None) -> Array:
        """The number that `target` stands for: see `Probe.scores`."""
        return self.run(None, images, target).scores

    def run(self, compute: None, images: Any, target: TargetLike = None, **inside: Any) -> Answer:
        """Ask about every image.

        Args:
            compute: None: there is nothing to compute from.
            images: (N, ...).
            target: see `kerascope.target`.
            **inside: what only a model can be asked for.

        Raises:
            ModelError: something inside is asked for.
            BlackBoxError: the function failed, or returned what is no score for each image.
            InputError, TargetError: the images or the target do not fit.

        Cost:
            1 forward per image.
        """
        if compute is not None or any(inside.values()):
            raise self._closed()
        batch = self._checked(images)
        size = self.pass_size(batch.count)
        rows: list[dict[str, Array]] = []
        question: Question | None = None
        for start in range(0, batch.count, size):
            part = padded_rows(batch.arrays[0], start, min(size, batch.count - start)).copy()
            outputs = self._predicted(part)
            if question is None:
                question = self._question(batch, outputs, as_target(target))
            arguments = {name: padded_rows(row, start, len(part)) for name, row in question.arguments.items()}
            rows.append(self._row(question, outputs, arguments, len(part)))
            self.forward_count += len(part)
        assert question is not None
        answer = join(rows, question)
        if any(bool(row.get("no_probability", False)) for row in rows):
            raise errors.TargetError(
                f"a probability must come out of the function; {question.target.describe()} was asked for, "
                "and its outputs are none; explain the score instead."
            )
        return answer

    def routine(
        self,
        step: Step,
        images: Any,
        target: Target,
        carried: Sequence[str],
        *,
        key: Hashable,
        rows: int | None = None,
        layers: Sequence[str | None] = (),
        gradient: bool = True,
        replaced: bool = False,
    ) -> Callable[..., dict[str, Any]]:
        """A step to be repeated, in NumPy: see `Probe.routine`. Rows that do not count are not asked."""
        if layers or gradient or replaced or rows is None:
            raise self._closed()
        batch = self._checked(images)
        layout = batch_layout(batch, self.data_format)
        # What is asked in steps was asked about the images themselves before.
        survey = self._survey(batch, ()) if self._known is None else self._known
        known = target.arguments(context_of(survey, batch.count, self.class_names))

        def run(tensors: Mapping[str, Any], count: int | None = None) -> dict[str, Any]:
            real = rows if count is None else count

            def score(pictures: Array, numbers: Array) -> tuple[Array, tuple[Any, ...]]:
                placed = pictures if layout is None else layout.original(pictures, np)
                dtype = batch.arrays[0].dtype
                placed = placed if dtype.kind == "f" else whole(placed, dtype)
                part = np.ascontiguousarray(placed[:real].astype(dtype))
                outputs = self._predicted(part)
                arguments = {name: row[numbers[:real]] for name, row in known.items()}
                scores = self._read(self._survey(batch, outputs), target, outputs, arguments, real)[1].scores
                found = ops.convert_to_numpy(scores).astype("float32")
                return np.pad(found, ((0, rows - real), (0, 0)), mode="edge"), ()

            result = step(score, tensors)
            self.forward_count += real
            return result

        return run

    def _checked(self, images: Any) -> Batch:
        array = np.asarray(images)
        if array.dtype.kind not in "buif" or array.ndim < 2 or not len(array):
            raise errors.InputError(
                "images must be an array of numbers with the batch first, (N, ...), and at least one "
                f"image; got {array.dtype} of shape {array.shape}."
            )
        if not np.isfinite(array).all():
            raise errors.InputError("images must be finite; got NaN or infinite values; repair them.")
        return Batch(None, (array,), 0, ("images",))

    def _predicted(self, images: Array) -> Any:
        """What the function returns, as NumPy arrays."""
        try:
            outputs = tree.map_structure(np.asarray, self.predict(images))
        except Exception as error:
            raise errors.BlackBoxError(
                f"the black box must answer for images of shape {images.shape}; it raised "
                f"{type(error).__name__}: {error}. What was asked until then is in the error's `result`, if "
                "anything."
            ) from error
        if not tree.flatten(outputs):
            raise errors.BlackBoxError(
                f"a black box must return numbers (n, K) or (n,) for n images; it returned {outputs!r}."
            )
        for array in tree.flatten(outputs):
            if array.dtype.kind not in "buif" or array.ndim < 1 or len(array) != len(images):
                raise errors.BlackBoxError(
                    f"a black box must return numbers (n, K) or (n,) for n images; for {len(images)} images "
                    f"it returned {array.dtype} of shape {array.shape}; return one row per image."
                )
        return tree.map_structure(lambda array: array.astype("float32"), outputs)

    def _survey(self, batch: Batch, outputs: Any) -> Survey:
        layout = batch_layout(batch, self.data_format)
        named = tree.flatten_with_path(outputs)
        found = tuple(
            Output("/".join(map(str, path)) or "output", array.shape, UNKNOWN) for path, array in named
        )
        bare = Survey((), (), found, batch.count, layout.spatial if layout else None, layout)
        numbers = (place for place, output in enumerate(found) if math.prod(output.shape[1:]) == 1)
        return known_outputs(replace(bare, opaque=frozenset(numbers)), self._said, None)

    def _question(self, batch: Batch, outputs: Any, target: Target) -> Question:
        survey = self._known = self._survey(batch, outputs)
        context = context_of(survey, batch.count, self.class_names)
        target = target.resolve(context)
        arguments = target.arguments(context)
        return Question(survey, batch, target, arguments, (), False, False, None)

    def _read(
        self, survey: Survey, target: Target, outputs: Any, arguments: Mapping[str, Any], count: int
    ) -> tuple[Forward, Reading]:
        tensors = tree.map_structure(ops.convert_to_tensor, outputs)
        squashed = (False,) * len(tree.flatten(outputs))
        forward = Forward(tensors, tensors, squashed, {}, {}, count, kinds=survey.kinds)
        numbers = {name: ops.convert_to_tensor(value) for name, value in arguments.items()}
        return forward, target.read(forward, numbers)

    def _row(
        self, question: Question, outputs: Any, arguments: Mapping[str, Array], count: int
    ) -> dict[str, Array]:
        forward, reading = self._read(question.survey, question.target, outputs, arguments, count)
        flat = tree.flatten(forward.outputs)
        kept: dict[str, Any] = {"outputs": flat, "scores": flat}
        if reading.labels is not None:
            kept["labels"] = reading.labels
        if reading.columns is not None:
            kept["columns"] = list(reading.columns)
        row = {"scores": ops.cast(reading.scores, "float32")}
        row |= predictions(kept, forward, question.survey.opaque, reading)
        row |= {CHOSEN + name: value for name, value in reading.choices.items()}
        return {name: ops.convert_to_numpy(value) for name, value in row.items()}

    @staticmethod
    def _closed() -> errors.ModelError:
        return errors.ModelError(
            "this method looks inside a model, at its layers or gradients; a black box has neither; " + _HINT
        )


def whole(pictures: Array, dtype: Any) -> Array:
    """Pictures as whole numbers that the type can hold."""
    limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.asarray(np.clip(np.round(pictures), *limits))


def batch_layout(batch: Batch, data_format: str) -> Any:
    """How images lie in space, or None where they have no spatial axes."""
    return read_layout(batch.arrays[0].shape, data_format, None)
