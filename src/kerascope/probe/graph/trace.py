"""One forward pass without data, in which every layer run is recorded: the survey of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

from kerascope import backend
from kerascope.layout import CHANNELS_FIRST, CHANNELS_LAST, GREY, Layout, read_layout
from kerascope.probe.graph.call_order import number_calls
from kerascope.probe.graph.graph import INPUT, OTHER_INPUT, UNKNOWN, Output, Run, Squashing, Survey
from kerascope.probe.graph.head import ACTIVATIONS
from kerascope.probe.graph.layers import Place, places
from kerascope.probe.intercept.tap import Function, StandIn, called_by_name, tapped


def survey(call: Callable[[Any], Any], model: keras.Model, inputs: Any, explained: int | None) -> Survey:
    """Run `call(inputs)` once without data and record every operation of the model.

    Args:
        call: the model's forward pass.
        model: the model.
        inputs: the input structure, as tensors of the right shapes and types.
        explained: which of the flattened inputs is explained, or None.
    """
    known = tuple(places(model))

    def record(tensors: Any) -> Survey:
        return _Recorder(known).record(call, model, tensors, explained)

    found: Survey = backend.current().abstract(record, inputs)
    return found


class _Recorder:
    def __init__(self, places: tuple[Place, ...]) -> None:
        self.places = places
        self.calls: list[tuple[Place, int, list[Any], list[Any]]] = []
        self.squashed: list[int] = []
        self._begun: dict[tuple[int, int], int] = {}
        self._results: dict[int, list[Any]] = {}
        self._named: list[tuple[str, Any, Any]] = []

    def record(
        self, call: Callable[[Any], Any], model: keras.Model, inputs: Any, explained: int | None
    ) -> Survey:
        hooks = {place.operation: self._hook(place) for place in self.places}
        spies = {
            (place.operation, "activation"): self._spy(place.operation)
            for place in self.places
            if _may_squash(place.operation)
        }
        begins = {place.operation: self._begins(place.operation) for place in self.places}
        seen = called_by_name(ACTIVATIONS, self._named_call)
        with tapped([model, *hooks], hooks, spies, stand_ins=begins), seen:
            outputs = call(inputs)
        given = tree.flatten(inputs)
        # While `calls` holds the tensors, `id` tells them apart. The first run that returns a tensor is its
        # source: what returns it later only hands it on. A run that began before that was given what an
        # operator in a `call` made.
        source = {
            id(tensor): INPUT if explained in (None, place) else OTHER_INPUT
            for place, tensor in enumerate(given)
        }
        every = frozenset(range(len(given)))
        leads = {id(tensor): frozenset({place}) for place, tensor in enumerate(given)}
        for number, (_, _, _, tensors) in enumerate(self.calls):
            source.setdefault(id(tensors[0]), number)
        squashings = {id(result): number for number, (_, _, result) in enumerate(self._named)}
        formats: dict[int, str] = {}
        default = keras.config.image_data_format()
        image_layout = None if explained is None else self._image_layout(tuple(given[explained].shape))
        image = image_layout.spatial if image_layout else None
        batch = given[explained or 0].shape[0]
        nodes = number_calls(model, [(place, index) for place, index, _, _ in self.calls])
        runs: list[Run] = []
        for number, (place, index, arguments, tensors) in enumerate(self.calls):
            tensor = tensors[0]
            shape = tuple(tensor.shape)
            begun = self._begun[id(place.operation), index]
            origins = (source.get(id(argument), UNKNOWN) for argument in arguments)
            sources = tuple(origin if origin < begun else UNKNOWN for origin in origins)
            formats[number] = _format(place.operation, shape, sources, formats, runs) or default
            fault = self._fault(tensor, shape, batch, given[0])
            runs.append(
                Run(
                    number=number,
                    place=place,
                    index=index,
                    node=nodes[number],
                    shape=shape,
                    dtype=keras.backend.standardize_dtype(tensor.dtype),
                    layout=None if fault else _layout(place, shape, formats[number], image, runs),
                    sources=sources,
                    fault=fault,
                    maker=source[id(tensor)],
                    squashes=number in self.squashed,
                    tensors=len(tensors),
                    squashing=squashings.get(id(tensor)),
                    inputs=frozenset[int]().union(
                        *(
                            runs[origin].inputs if origin >= 0 else leads.get(id(argument), every)
                            for origin, argument in zip(sources, arguments, strict=True)
                        )
                    ),
                    sees_image=any(
                        runs[origin].sees_image if origin >= 0 else origin != OTHER_INPUT
                        for origin in sources
                    ),
                )
            )
        named = zip(_names(outputs), tree.flatten(outputs), strict=True)
        found = tuple(
            Output(
                name,
                tuple(tensor.shape),
                source.get(id(tensor), UNKNOWN),
                squashings.get(id(tensor)),
            )
            for name, tensor in named
        )
        calls = tuple(
            Squashing(name, tuple(score.shape), source.get(id(score), UNKNOWN))
            for name, score, _ in self._named
        )
        return Survey(self.places, tuple(runs), found, batch, image, image_layout, squashings=calls)

    def _image_layout(self, shape: tuple[int, ...]) -> Layout | None:
        if len(shape) == 3 and self._is_grey(*shape):
            return Layout(GREY, shape[1:], 1)
        own = keras.config.image_data_format()
        for place, *_ in self.calls:
            turned = _turned(place.operation)
            if turned is not None:
                own = CHANNELS_LAST if turned == CHANNELS_FIRST else CHANNELS_FIRST
                break
            if found := _own_format(place.operation):
                own = found
                break
        return read_layout(shape, own, None)

    def _is_grey(self, count: int, height: int, width: int) -> bool:
        """Whether an input (N, H, W) is a picture without a channel axis, not a sequence of features.

        It is one where it gets a channel axis, or is flattened, before any layer with weights reads it.
        """
        pictures = {(count, height, width, 1), (count, 1, height, width), (count, height * width)}
        for place, _, arguments, (output, *_) in self.calls:
            if pictures & {tuple(tensor.shape) for tensor in (*arguments, output)}:
                return True
            learnt = getattr(place.operation, "weights", None)
            learnt = learnt and not isinstance(place.operation, keras.layers.Normalization)
            if learnt or tuple(output.shape) != (count, height, width):
                return False
        return False

    def _hook(self, place: Place) -> Callable[[int, tuple[Any, ...], Any], Any]:
        def hook(run: int, arguments: tuple[Any, ...], output: Any) -> Any:
            tensors = [value for value in tree.flatten(output) if ops.is_tensor(value)]
            if tensors:
                results = self._results.pop(id(place.operation), [])
                if len(results) == 1 and results[0] is tensors[0]:
                    self.squashed.append(len(self.calls))
                given = [value for value in tree.flatten(arguments) if ops.is_tensor(value)]
                # A structure that holds one tensor is not taken for that tensor.
                held = tensors if ops.is_tensor(output) else [*tensors, None]
                self.calls.append((place, run, given, held))
            return output

        return hook

    def _named_call(self, name: str, score: Any, result: Any) -> Any:
        self._named.append((name, score, result))
        return result

    def _begins(self, operation: keras.Operation) -> StandIn:
        """Note how many runs had ended when a call began; it runs as ever."""

        def begins(run: int) -> None:
            self._begun[id(operation), run] = len(self.calls)

        return begins

    def _spy(self, operation: keras.Operation) -> Function:
        def spy(score: Any, result: Any) -> Any:
            self._results.setdefault(id(operation), []).append(result)
            return result

        return spy

    @staticmethod
    def _fault(tensor: Any, shape: tuple[int, ...], batch: int, root: Any) -> str | None:
        if not backend.current().outlives(tensor, root):
            return "runs inside a loop or a vectorised map"
        if not shape or shape[0] != batch:
            return f"returns {shape}, whose first axis is not the batch of {batch}"
        if None in shape:
            return f"returns {shape}, a shape that is only known when it runs"
        return None


def _may_squash(operation: keras.Operation) -> bool:
    """Whether its own activation is a softmax or sigmoid; that of a recurrent layer is its cell's."""
    return getattr(vars(operation).get("activation"), "__name__", None) in ACTIVATIONS


def _layout(
    place: Place, shape: tuple[int, ...], data_format: str, image: tuple[int, ...] | None, runs: list[Run]
) -> Layout | None:
    """The layout of a run, given the runs before it."""
    around = place.parent if len(shape) > 3 else None
    while around is not None:
        # Inside attention, axes are tokens and heads.
        if isinstance(around.operation, keras.layers.MultiHeadAttention | keras.layers.GroupQueryAttention):
            return None
        around = around.parent
    grids = [run.layout.spatial for run in runs if run.layout and len(run.shape) == 4]
    return read_layout(shape, data_format, image, [grid for grid in grids[::-1] if grid != image])


def _own_format(operation: keras.Operation) -> str | None:
    own = getattr(operation, "data_format", None)
    if own in (CHANNELS_FIRST, CHANNELS_LAST):
        return str(own)
    return None


def _turned(operation: keras.Operation) -> str | None:
    """The format of what a Permute or Transpose returns, where it moves the channels of pictures."""
    axes = getattr(operation, "dims" if isinstance(operation, keras.layers.Permute) else "axes", None)
    if not isinstance(axes, tuple | list):
        return None
    moved = tuple(axes) if isinstance(operation, keras.layers.Permute) else tuple(axes)[1:]
    return {(3, 1, 2): CHANNELS_FIRST, (2, 3, 1): CHANNELS_LAST}.get(moved)


def _format(
    operation: keras.Operation,
    shape: tuple[int, ...],
    sources: tuple[int, ...],
    formats: dict[int, str],
    runs: list[Run],
) -> str | None:
    """The data format of a run: its layer's own, else that of what feeds it, else of its predecessor."""
    own = _own_format(operation) or _turned(operation)
    if own is not None:
        return own
    same_rank = [number for number in sources if number >= 0 and len(runs[number].shape) == len(shape)]
    same_rank += [run.number for run in reversed(runs) if len(run.shape) == len(shape)][:1]
    if same_rank:
        return formats[same_rank[0]]
    if isinstance(operation, keras.layers.BatchNormalization) and len(shape) > 3:
        return CHANNELS_FIRST if operation.axis == 1 else CHANNELS_LAST
    return None


def _names(structure: Any) -> list[str]:
    paths = [path for path, _ in tree.flatten_with_path(structure)]
    return ["/".join(map(str, path)) or "output" for path in paths]
