"""The black box: any function from images to scores, for methods that need no layers or gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.layout import CHANNELS_FIRST, CHANNELS_LAST, read_layout
from kerascope.probe.execute.request import CheckedRequest, Request, resolve_target
from kerascope.probe.execute.result import Answer, BatchResult, Readout, join_results, summarize, to_numpy
from kerascope.probe.execute.routine import RoutineRunner, RoutineStep
from kerascope.probe.graph.graph import UNKNOWN, Graph, ModelOutput
from kerascope.probe.graph.head import make_context
from kerascope.probe.graph.output_kind import OutputSpec, Remark, with_kinds
from kerascope.probe.inputs import InputBatch, pad_rows
from kerascope.target import Forward, OutputKind, Reading, Target, TargetLike, as_target
from kerascope.typing import Array
from kerascope.validation import check_choice, check_whole


class BlackBox:
    """Any function from images to scores, in NumPy: another framework's model, an ONNX session, a service.

    It replaces a `Probe` for methods with masks (tag `"masks"`, without `"layer"` and `"gradient"`). The
    function is called with full batches of at most `batch_size` images, never with none.

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
        output: the kinds of the function's outputs: see `Probe`.

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
    label: int | None = None
    label_names: tuple[str, ...] | None = None

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
        check_whole(batch_size, "batch_size")
        check_choice(data_format, "data_format", (CHANNELS_LAST, CHANNELS_FIRST))
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
        self._spec = OutputSpec(output, self.class_names)
        self._last_graph: Graph | None = None

    def pass_size(self, count: int) -> int:
        """Number of images per call, of `count`."""
        return min(count, self.batch_size)

    def with_padding(self, count: int) -> Self:
        """The same: nothing is compiled."""
        return self

    def resolve_target(self, batch: InputBatch, target: Target) -> tuple[Target, tuple[Remark, ...]]:
        """The target as it applies to the last outputs: see `Probe.resolve_target`."""
        graph = self._last_graph
        return (target, ()) if graph is None else resolve_target(graph, target, self.class_names)

    def pixel_range(self, images: Any) -> tuple[float, float] | None:
        """The range of pixels, `input_range`."""
        return self.input_range

    def scores(self, images: Any, target: TargetLike = None) -> Array:
        """The score of a target: see `Probe.scores`."""
        return self.run(None, images, target).scores

    def run(
        self,
        compute: Callable[..., Any] | None,
        images: Any,
        target: TargetLike = None,
        request: Request = Request(),  # noqa: B008 (frozen)
        key: Hashable = None,
    ) -> Answer:
        """Score every image.

        Args:
            compute: None: there is nothing to compute from.
            images: (N, ...).
            target: see `kerascope.target`.
            request: an empty one.
            key: not used.

        Raises:
            ModelError: layers or gradients are requested.
            BlackBoxError: the function failed, or returned no score for each image.
            InputError, TargetError: the images or the target do not fit.

        Cost:
            1 forward per image.
        """
        if compute is not None or request != Request():
            raise black_box_error()
        batch = self._check_images(images)
        size = self.pass_size(batch.count)
        results: list[BatchResult] = []
        checked: CheckedRequest | None = None
        for start in range(0, batch.count, size):
            part = pad_rows(batch.arrays[0], start, min(size, batch.count - start)).copy()
            outputs = self._predict(part)
            if checked is None:
                checked = self._check_request(batch, outputs, as_target(target))
            arguments = {name: pad_rows(row, start, len(part)) for name, row in checked.arguments.items()}
            graph = checked.graph
            forward, reading = self._read(graph, checked.target, outputs, arguments, len(part))
            flat = tree.flatten(forward.outputs)
            readout = Readout(
                (), flat, flat, dict(reading.choices), {}, reading.labels, columns=reading.columns
            )
            scores = ops.cast(reading.scores, "float32")
            results.append(to_numpy(summarize(scores, readout, forward, graph.opaque, reading)))
            self.forward_count += len(part)
        assert checked is not None
        if any(bool(result.no_probability) for result in results):
            raise errors.TargetError(
                f"a probability must come out of the function; {checked.target.describe()} is to be "
                "explained, and its outputs are none; explain the score instead."
            )
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
        """A step to be repeated, in NumPy: see `Probe.routine`. Rows that do not count are not scored."""
        if request != Request() or replaced or rows is None:
            raise black_box_error()
        batch = self._check_images(images)
        layout = image_layout(batch, self.data_format)
        # The images themselves were scored before.
        graph = self._make_graph(batch, ()) if self._last_graph is None else self._last_graph
        rows_of = target.arguments(make_context(graph, batch.count, self.class_names))

        def run(tensors: Mapping[str, Any], count: int | None = None) -> dict[str, Any]:
            real = rows if count is None else count

            def score(pictures: Array, numbers: Array) -> tuple[Array, tuple[Any, ...]]:
                original = pictures if layout is None else layout.original(pictures, np)
                dtype = batch.arrays[0].dtype
                original = original if dtype.kind == "f" else to_integers(original, dtype)
                part = np.ascontiguousarray(original[:real].astype(dtype))
                outputs = self._predict(part)
                arguments = {name: row[numbers[:real]] for name, row in rows_of.items()}
                graph = self._make_graph(batch, outputs)
                scores = self._read(graph, target, outputs, arguments, real)[1].scores
                found = ops.convert_to_numpy(scores).astype("float32")
                return np.pad(found, ((0, rows - real), (0, 0)), mode="edge"), ()

            result = step(score, tensors)
            self.forward_count += real
            return result

        return run

    def _check_images(self, images: Any) -> InputBatch:
        array = np.asarray(images)
        if array.dtype.kind not in "buif" or array.ndim < 2 or not len(array):
            raise errors.InputError(
                "images must be an array of numbers with the batch first, (N, ...), and at least one "
                f"image; got {array.dtype} of shape {array.shape}."
            )
        if not np.isfinite(array).all():
            raise errors.InputError("images must be finite; got NaN or infinite values; repair them.")
        return InputBatch(None, (array,), 0, ("images",))

    def _predict(self, images: Array) -> Any:
        """The outputs of the function, as NumPy arrays."""
        try:
            outputs = tree.map_structure(np.asarray, self.predict(images))
        except Exception as error:
            raise errors.BlackBoxError(
                f"the black box must answer for images of shape {images.shape}; it raised "
                f"{type(error).__name__}: {error}. Results until then are in the error's `result`, if any."
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

    def _make_graph(self, batch: InputBatch, outputs: Any) -> Graph:
        """A graph without layers."""
        layout = image_layout(batch, self.data_format)
        found = tuple(
            ModelOutput("/".join(map(str, path)) or "output", array.shape, UNKNOWN)
            for path, array in tree.flatten_with_path(outputs)
        )
        numbers = (index for index, output in enumerate(found) if math.prod(output.shape[1:]) == 1)
        spatial = layout.spatial if layout else None
        graph = Graph((), (), found, batch.count, spatial, layout, opaque=frozenset(numbers))
        return with_kinds(graph, self._spec, None)

    def _check_request(self, batch: InputBatch, outputs: Any, target: Target) -> CheckedRequest:
        graph = self._last_graph = self._make_graph(batch, outputs)
        context = make_context(graph, batch.count, self.class_names)
        target = target.resolve(context)
        return CheckedRequest(graph, batch, target, target.arguments(context))

    def _read(
        self, graph: Graph, target: Target, outputs: Any, arguments: Mapping[str, Any], count: int
    ) -> tuple[Forward, Reading]:
        tensors = tree.map_structure(ops.convert_to_tensor, outputs)
        squashed = (False,) * len(tree.flatten(outputs))
        forward = Forward(tensors, tensors, squashed, {}, {}, count, kinds=graph.kinds)
        numbers = {name: ops.convert_to_tensor(value) for name, value in arguments.items()}
        return forward, target.read(forward, numbers)


def black_box_error() -> errors.ModelError:
    """The error that a black box has no layers or gradients."""
    return errors.ModelError(
        "this method looks inside a model, at its layers or gradients; a black box has neither; use one that "
        "needs forward passes only, such as Occlusion, RISE, LIME or KernelSHAP, or a Keras model."
    )


def to_integers(pictures: Array, dtype: Any) -> Array:
    """Pictures as whole numbers within the range of a type."""
    limits = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.asarray(np.clip(np.round(pictures), *limits))


def image_layout(batch: InputBatch, data_format: str) -> Any:
    """How images lie in space, or None where they have no spatial axes."""
    return read_layout(batch.arrays[0].shape, data_format, None)
