"""What happens inside one forward pass: every layer run, its shape, its layout, and what feeds what.

A survey runs the model once without data. It answers which places can be explained, which is the last one
with a spatial extent on the way to a score, and where the head's softmax is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops, tree

from kerascope import backend, errors
from kerascope.layout import CHANNELS_FIRST, CHANNELS_LAST, Layout, read_layout
from kerascope.probe.order import number_calls
from kerascope.probe.tap import tapped
from kerascope.probe.tree import Place, find, places

_INPUT = -1
"""Source of a tensor that is an input of the model."""
_UNKNOWN = -2
"""Source of a tensor that was made outside of every layer, such as by an operator in `call`."""


@dataclass(frozen=True)
class Run:
    """One call of one operation during a forward pass.

    Args:
        number: position among all runs, in the order in which they ended.
        place: the operation and its path.
        index: how many calls of the same operation came before, in this pass.
        node: which of its calls it is, in the order in which they stand in the model's definition.
        shape: shape of the (first) output, batch first.
        dtype: its type.
        layout: how its axes lie in space, or None where it has no spatial axes.
        sources: numbers of the runs whose outputs it was given; -1 the model's input, -2 unknown.
        fault: why it cannot be tapped, or None.
        returns_input: it handed one of its inputs through.
    """

    number: int
    place: Place
    index: int
    node: int
    shape: tuple[int, ...]
    dtype: str
    layout: Layout | None
    sources: tuple[int, ...]
    fault: str | None
    returns_input: bool


@dataclass(frozen=True)
class Output:
    """One tensor that the model returns.

    Args:
        name: its key or position in the model's output structure.
        shape: its shape, batch first.
        source: number of the run that made it; -2 unknown.
    """

    name: str
    shape: tuple[int, ...]
    source: int


@dataclass(frozen=True)
class Survey:
    """The runs of one forward pass at one input shape, and the outputs.

    Args:
        places: every operation of the model, run or not.
        runs: what ran, in the order in which it ended.
        outputs: the model's outputs, flattened.
        batch: size of the leading axis.
        image: spatial size of the explained input, or None where it has none.
        image_layout: how the explained input lies in space.
    """

    places: tuple[Place, ...]
    runs: tuple[Run, ...]
    outputs: tuple[Output, ...]
    batch: int
    image: tuple[int, ...] | None
    image_layout: Layout | None

    def name(self, run: Run) -> str:
        """The path of a run, with `#index` where its operation runs more than once."""
        count = sum(other.place is run.place for other in self.runs)
        return f"{run.place.path}#{run.node}" if count > 1 else run.place.path

    def run(self, layer: str) -> Run:
        """The run that a layer path, with `#index` where needed, stands for.

        Raises:
            UnknownLayerError: no layer has this path.
            AmbiguousLayerError: several layers fit, or the layer runs more than once and no index is given.
            UntappableLayerError: the layer did not run, or runs where nothing can be read.
        """
        path, _, index = layer.partition("#")
        matches = find(path, [place.path for place in self.places])
        if len(matches) > 1:
            raise errors.AmbiguousLayerError(
                f"a layer path must fit one layer; {path!r} fits {', '.join(map(repr, matches))}; "
                "give one of these."
            )
        runs = sorted((run for run in self.runs if run.place.path == matches[0]), key=lambda run: run.node)
        if not runs:
            raise errors.UntappableLayerError(
                f"a layer must run in the forward pass to be explained; {matches[0]!r} did not run on this "
                f"input. {self._instead(matches[0])}"
            )
        if index and not (index.isdecimal() and int(index) < len(runs)):
            raise errors.UnknownLayerError(
                f"{matches[0]!r} runs {len(runs)} times, numbered from #0 to #{len(runs) - 1}; got "
                f"#{index}; give one of these."
            )
        chosen = [run for run in runs if run.node == int(index)] if index else runs
        for run in chosen:
            if run.fault is not None:
                raise errors.UntappableLayerError(
                    f"a layer must run where its output can be read; {run.place.path!r} {run.fault}. "
                    f"{self._instead(run.place.path)}"
                )
        if len(chosen) > 1:
            names = ", ".join(f"{run.place.path}#{run.node} {run.shape[1:]}" for run in chosen)
            raise errors.AmbiguousLayerError(
                f"one run of a layer must be chosen; {matches[0]!r} runs {len(chosen)} times: {names}; "
                "add the number of the run to the path."
            )
        return chosen[0]

    def automatic(self, sources: Iterable[int]) -> Run:
        """The last run with a spatial size above 1 on the way to the runs `sources`.

        It is taken after activations and merges, at any nesting depth. Where tensors are made between the
        layers, by operators in a `call`, and the way cannot be followed, it is the last such run of all.

        Raises:
            NoSpatialExtentError: there is none.
        """
        reached = self._upstream(sources)
        usable = [run for run in self.runs if run.number in reached and self.explainable(run)]
        # A map with the input's own number of axes can be drawn on it; one with others is second best.
        fitting = [
            run
            for run in usable
            if self.image is None or (run.layout and len(run.layout.spatial) == len(self.image))
        ]
        for run in reversed(fitting or usable):
            return run
        sizes = ", ".join(f"{self.name(run)} {run.shape[1:]}" for run in self.runs[-4:])
        raise errors.NoSpatialExtentError(
            "a class activation map needs a layer whose output has a height and width above 1 on the way to "
            f"the score; this model has none at this input size (its last layers: {sizes}). Use larger "
            "images, or a method that explains the input itself, such as Saliency."
        )

    def explainable(self, run: Run) -> bool:
        """Whether a map can be made at this run."""
        return (
            run.fault is None
            and not run.returns_input
            and run.layout is not None
            and run.layout.positions > 1
            and run.dtype.startswith(("float", "bfloat"))
        )

    def _upstream(self, sources: Iterable[int]) -> set[int]:
        """Numbers of the runs that lead to `sources`; all runs where the way back cannot be followed."""
        waiting, reached, complete = list(sources), set[int](), False
        while waiting:
            number = waiting.pop()
            complete |= number == _INPUT
            if number >= 0 and number not in reached:
                reached.add(number)
                waiting += self.runs[number].sources
        return reached if complete else {run.number for run in self.runs}

    def _instead(self, path: str) -> str:
        """Which layer around `path` to tap."""
        faulty = {run.place.path for run in self.runs if run.fault is not None}
        readable = {run.place.path for run in self.runs} - faulty
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            if path in readable:
                return f"Tap the layer around it, {path!r}, instead."
        return "Tap another layer; `Probe.layers()` lists them."


def survey(call: Callable[[Any], Any], model: keras.Model, inputs: Any, explained: int | None) -> Survey:
    """Run `call(inputs)` once without data and record every operation of the model.

    Args:
        call: the model's forward pass.
        model: the model.
        inputs: the input structure, as tensors of the right shapes and types.
        explained: which of the flattened inputs is explained, or None.
    """
    recorder = _Recorder(tuple(places(model)))

    def record(tensors: Any) -> Survey:
        return recorder.record(call, model, tensors, explained)

    found: Survey = backend.current().abstract(record, inputs)
    return found


class _Recorder:
    def __init__(self, places: tuple[Place, ...]) -> None:
        self.places = places
        self.calls: list[tuple[Place, int, list[Any], Any]] = []

    def record(
        self, call: Callable[[Any], Any], model: keras.Model, inputs: Any, explained: int | None
    ) -> Survey:
        hooks = {place.operation: self._hook(place) for place in self.places}
        with tapped([model, *hooks], hooks):
            outputs = call(inputs)
        given = tree.flatten(inputs)
        # While `calls` holds the tensors, `id` tells them apart. The first run that returns a tensor is its
        # source: what returns it later only hands it on.
        source = {id(tensor): _INPUT for tensor in given}
        for number, (_, _, _, tensor) in enumerate(self.calls):
            source.setdefault(id(tensor), number)
        formats: dict[int, str] = {}
        default = keras.config.image_data_format()
        image_layout = None
        if explained is not None:
            own = (_own_format(place.operation) for place, *_ in self.calls)
            first = next((data_format for data_format in own if data_format), default)
            image_layout = read_layout(tuple(given[explained].shape), first, None)
        image = image_layout.spatial if image_layout else None
        batch = given[explained or 0].shape[0]
        nodes = number_calls([(place, index) for place, index, _, _ in self.calls])
        runs: list[Run] = []
        for number, (place, index, arguments, tensor) in enumerate(self.calls):
            shape = tuple(tensor.shape)
            sources = tuple(source.get(id(argument), _UNKNOWN) for argument in arguments)
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
                    layout=None if fault else read_layout(shape, formats[number], image),
                    sources=sources,
                    fault=fault,
                    returns_input=source[id(tensor)] != number,
                )
            )
        named = zip(_names(outputs), tree.flatten(outputs), strict=True)
        found = tuple(
            Output(name, tuple(tensor.shape), source.get(id(tensor), _UNKNOWN)) for name, tensor in named
        )
        return Survey(self.places, tuple(runs), found, batch, image, image_layout)

    def _hook(self, place: Place) -> Callable[[int, tuple[Any, ...], Any], Any]:
        def hook(run: int, arguments: tuple[Any, ...], output: Any) -> Any:
            tensors = [value for value in tree.flatten(output) if ops.is_tensor(value)]
            if tensors:
                given = [value for value in tree.flatten(arguments) if ops.is_tensor(value)]
                self.calls.append((place, run, given, tensors[0]))
            return output

        return hook

    @staticmethod
    def _fault(tensor: Any, shape: tuple[int, ...], batch: int, root: Any) -> str | None:
        if not backend.current().outlives(tensor, root):
            return "runs inside a loop or a vectorised map"
        if not shape or shape[0] != batch:
            return f"returns {shape}, whose first axis is not the batch of {batch}"
        if None in shape:
            return f"returns {shape}, a shape that is only known when it runs"
        return None


def _own_format(operation: keras.Operation) -> str | None:
    own = getattr(operation, "data_format", None)
    if own in (CHANNELS_FIRST, CHANNELS_LAST):
        return str(own)
    return None


def _format(
    operation: keras.Operation,
    shape: tuple[int, ...],
    sources: tuple[int, ...],
    formats: dict[int, str],
    runs: list[Run],
) -> str | None:
    """The data format of a run: its layer's own, else that of what feeds it, else of its predecessor."""
    own = _own_format(operation)
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
