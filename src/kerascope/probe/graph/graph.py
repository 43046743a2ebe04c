"""The graph of one forward pass: every call of a layer, its shape and layout, and what feeds what.

It answers which layers can be explained, which is the last one with a spatial extent on the way to a score,
and where the head's softmax is. `kerascope.probe.graph.trace` makes it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kerascope import errors
from kerascope.layout import Layout
from kerascope.placement import Placement, stretch
from kerascope.probe.layer_ref import LayerRef, match_paths
from kerascope.target import OutputKind

INPUT = -1
"""Source of a tensor that is the explained input of the model, or any input where none is explained."""
OTHER_INPUT = -3
"""Source of a tensor that is another input."""
UNKNOWN = -2
"""Source of a tensor that was made outside of every layer, such as by an operator in `call`."""


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer or operation during a forward pass.

    Args:
        number: position among all calls, in the order in which they ended.
        start: how many calls had ended when it began: those from here to its own number ran inside it.
        layer: the layer or operation, and its path.
        index: how many calls of the same layer ended before it, in this pass.
        node_index: which of the layer's calls it is, in the order of the model's definition.
        shape: shape of the (first) output, batch first.
        dtype: its type.
        layout: how its axes lie in space, or None where it has no spatial axes.
        sources: numbers of the calls whose outputs it was given; -1 the model's input, -2 unknown.
        given: numbers of the tensors that it was given: the same number is the same tensor.
        untappable: why it cannot be tapped, or None.
        producer: number of the call that made its output: its own, or a call inside or before it; -1 or -3
            for an input.
        squashes: it returned the result of its activation, a softmax or sigmoid.
        sees_image: the explained input leads to it, or may do so.
        inputs: positions of all inputs that lead to it, or may do so.
        tensors: 1 where it returned just a tensor, more for a structure; the others are about its first.
        activation_call: number of the `ActivationCall` whose result it returned, or None.
    """

    number: int
    start: int
    layer: LayerRef
    index: int
    node_index: int
    shape: tuple[int, ...]
    dtype: str
    layout: Layout | None
    sources: tuple[int, ...]
    given: tuple[int, ...]
    untappable: str | None
    producer: int
    squashes: bool
    sees_image: bool
    inputs: frozenset[int]
    tensors: int = 1
    activation_call: int | None = None


@dataclass(frozen=True)
class ActivationCall:
    """A call of a softmax or sigmoid by its public name, such as `keras.ops.sigmoid(x)` in a `call`.

    Args:
        function: its name, such as `"sigmoid"`.
        shape: shape of its argument.
        source: number of the call that made the argument; -2 unknown.
    """

    function: str
    shape: tuple[int, ...]
    source: int


@dataclass(frozen=True)
class ModelOutput:
    """One tensor that the model returns.

    Args:
        name: its key or position in the model's output structure.
        shape: its shape, batch first.
        source: number of the call that made it; -2 unknown.
        activation_call: number of the `ActivationCall` that made it, or None.
    """

    name: str
    shape: tuple[int, ...]
    source: int
    activation_call: int | None = None


@dataclass(frozen=True)
class Graph:
    """The layer calls of one forward pass at one input shape, and the outputs.

    Args:
        layers: every operation of the model, called or not.
        calls: the calls, in the order in which they ended.
        outputs: the model's outputs, flattened.
        batch: size of the leading axis.
        image: spatial size of the explained input, or None where it has none.
        image_layout: how the explained input lies in space.
        dead_tokens: numbers of the calls whose patch tokens do not reach the score: see `dead_tokens.py`.
        activation_calls: calls of functions such as `keras.ops.sigmoid` by name, in running order.
        measured: scores of outputs that arithmetic makes, by position: see `handwritten_softmax.py`.
        kinds: what the numbers of each output are, or None where that is not known.
        remarks: the warning or note about each output, or None: see `output_kind.py`.
        label: the explained one of several labels, or None.
        label_count: how many labels there are.
        opaque: positions of the outputs that arithmetic makes, where no score in front was found: they may
            be probabilities.
        memo: results of walks through the graph, by question.
        placements: where the cells of layers lie on the image, by the number of their call, where that was
            found by more than shapes: see `kerascope.probe.placing`.
    """

    layers: tuple[LayerRef, ...]
    calls: tuple[LayerCall, ...]
    outputs: tuple[ModelOutput, ...]
    batch: int
    image: tuple[int, ...] | None
    image_layout: Layout | None
    dead_tokens: frozenset[int] = frozenset()
    activation_calls: tuple[ActivationCall, ...] = ()
    measured: Mapping[int, Any] = field(default_factory=dict)
    kinds: tuple[OutputKind | None, ...] = ()
    remarks: tuple[tuple[type[Warning] | None, str] | None, ...] = ()
    label: int | None = None
    label_count: int = 0
    opaque: frozenset[int] = frozenset()
    memo: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)
    placements: Mapping[int, Placement] = field(default_factory=dict)

    def placement(self, call: LayerCall) -> Placement | None:
        """Where the cells of a layer lie on the image; None where it has none, or the image has no axes."""
        if call.layout is None or self.image is None:
            return None
        known = self.placements.get(self.maker(call))
        return stretch(call.layout.spatial, self.image) if known is None else known

    def with_places(self, found: Mapping[int, tuple[Layout, Placement]]) -> Graph:
        """The graph with layouts and placements of calls, by the number of the call that makes them."""
        calls = (
            replace(call, layout=found[self.maker(call)][0]) if self.maker(call) in found else call
            for call in self.calls
        )
        placements = {number: placement for number, (_, placement) in found.items()}
        return replace(self, calls=tuple(calls), placements={**self.placements, **placements}, memo={})

    @staticmethod
    def maker(call: LayerCall) -> int:
        """Number of the call that makes the tensor which a call returns."""
        return call.producer if call.producer >= 0 else call.number

    @property
    def output_layouts(self) -> tuple[Layout | None, ...]:
        """How each of the outputs lies in space; None where it has no spatial axes or cannot be followed."""
        return tuple(
            self.calls[output.source].layout if output.source >= 0 else None for output in self.outputs
        )

    def name(self, call: LayerCall) -> str:
        """The path of a call, with `#index` where its layer is called more than once."""
        count = sum(other.layer is call.layer for other in self.calls)
        return f"{call.layer.path}#{call.node_index}" if count > 1 else call.layer.path

    def find_call(self, layer: str) -> LayerCall:
        """The call of a layer, by its path, with `#index` where needed.

        Raises:
            UnknownLayerError: no layer has this path.
            AmbiguousLayerError: several layers fit, or the layer has several calls and no index is given.
            UntappableLayerError: the layer is not called, or is called where nothing can be read.
        """
        path, _, index = layer.partition("#")
        matches = match_paths(path, [ref.path for ref in self.layers])
        if len(matches) > 1:
            raise errors.AmbiguousLayerError(
                f"a layer path must fit one layer; {path!r} fits {', '.join(map(repr, matches))}; "
                "give one of these."
            )
        calls = sorted(
            (call for call in self.calls if call.layer.path == matches[0]), key=lambda call: call.node_index
        )
        if not calls:
            raise errors.UntappableLayerError(
                f"a layer must run in the forward pass to be explained; {matches[0]!r} did not run on this "
                f"input. {self._suggest_around(matches[0])}"
            )
        if index and not (index.isdecimal() and int(index) < len(calls)):
            raise errors.UnknownLayerError(
                f"{matches[0]!r} runs {len(calls)} times, numbered from #0 to #{len(calls) - 1}; got "
                f"#{index}; give one of these."
            )
        chosen = [call for call in calls if call.node_index == int(index)] if index else calls
        for call in chosen:
            if call.untappable is not None:
                raise errors.UntappableLayerError(
                    f"a layer must run where its output can be read; {call.layer.path!r} {call.untappable}. "
                    f"{self._suggest_around(call.layer.path)}"
                )
        if len(chosen) > 1:
            names = ", ".join(f"{call.layer.path}#{call.node_index} {call.shape[1:]}" for call in chosen)
            raise errors.AmbiguousLayerError(
                f"one run of a layer must be chosen; {matches[0]!r} runs {len(chosen)} times: {names}; "
                "add the number of the run to the path."
            )
        return chosen[0]

    def find_tap(self, call: LayerCall) -> LayerCall:
        """The call to tap for `call`: where it returns a tensor of a layer inside it, that layer's call.

        Keras puts masks on what a layer returns when its call has ended, which a tensor that was changed
        further out would lose.
        """
        producer = self.calls[call.producer] if call.producer >= 0 else call
        return producer if producer.layer.is_inside(call.layer) else call

    def common_ancestors(self, sources: Iterable[int]) -> set[int]:
        """Numbers of the calls that lead to all of the calls `sources`, which are included."""
        everything = {call.number for call in self.calls}
        ways = (self.upstream([source]) for source in sources)
        return set.intersection(*(everything if way is None else way for way in ways))

    def has_no_places(self, call: LayerCall) -> bool:
        """Whether the positions of a layer were found to be no places of the image."""
        known = self.placements.get(self.maker(call))
        return known is not None and bool(known.obstacle)

    def is_explainable(self, call: LayerCall) -> bool:
        """Whether a map can be made at this call."""
        return (
            call.untappable is None
            and call.producer == call.number
            and call.number not in self.dead_tokens
            and not self.has_no_places(call)
            and call.layout is not None
            and call.layout.positions > 1
            and call.dtype.startswith(("float", "bfloat"))
        )

    def upstream(self, sources: Iterable[int], cut: int | None = None) -> set[int] | None:
        """Numbers of the calls that lead to `sources`; None where the way back cannot be followed.

        A tensor that operators made inside a layer's own `call` counts as made from everything that ran in
        that layer before, and from what the layer was given.

        Args:
            sources: numbers of calls.
            cut: number of a call that is neither followed any further nor included.
        """
        waiting, reached = list(sources), set[int]()
        while waiting:
            number = waiting.pop()
            if number == UNKNOWN:
                return None
            if number < 0 or number in reached or number == cut:
                continue
            reached.add(number)
            before = self.origins(self.calls[number])
            if before is None:
                return None
            waiting += before
        return reached

    def find_certain(self, sources: Iterable[int]) -> set[int]:
        """Numbers of the calls that are sure to lead to `sources`: each handed its very tensor on.

        A layer of its own code may leave out some of several tensors that it is given.
        """
        waiting, reached = list(sources), set[int]()
        while waiting:
            number = waiting.pop()
            if number >= 0 and number not in reached:
                reached.add(number)
                call = self.calls[number]
                if call.producer != number:
                    waiting.append(call.producer)
                elif len(set(call.sources)) == 1 or type(call.layer.operation).__module__.startswith(
                    "keras."
                ):
                    waiting += call.sources
        return reached

    def origins(self, call: LayerCall) -> list[int] | None:
        """Numbers of the calls that feed a call, and of inputs; None where the way back cannot be followed.

        Of a call that returned another one's tensor, that one feeds it; else what it was given, and what
        ran inside it. See `upstream` for a tensor that was made between the layers.
        """
        if call.producer != call.number:
            return [call.producer]
        given = self._follow_given(call)
        return None if given is None else [*given, *range(call.start, call.number)]

    def find_around(self, call: LayerCall) -> LayerCall | None:
        """The call that another one ran in: the first to end later that had begun before; None for none."""
        return next((other for other in self.calls[call.number + 1 :] if other.start <= call.start), None)

    def _follow_given(self, call: LayerCall) -> list[int] | None:
        """Numbers of the calls and inputs that what a call was given was made from."""
        given = [source for source in call.sources if source != UNKNOWN]
        if UNKNOWN not in call.sources:
            return given
        around = self.find_around(call)
        before = None if around is None else self._follow_given(around)
        if around is None or before is None:
            return None
        return [*given, *range(around.start, call.start), *before]

    def find_skippable(self, cut: LayerCall, sources: Iterable[int]) -> frozenset[int]:
        """Numbers of the calls that need not run where the output of `cut` is given.

        They come before it, and lead to the wanted ones through it alone; layers with others inside are not
        among them. Empty where the way back cannot be followed.

        Args:
            cut: the call whose output is given.
            sources: numbers of the wanted calls.
        """
        needed = self.upstream(sources, cut.number)
        if needed is None:
            return frozenset()
        around = {id(ref.parent) for ref in self.layers if ref.parent is not None}
        return frozenset(
            call.number
            for call in self.calls[: cut.number + 1]
            if call.number not in needed
            and id(call.layer) not in around
            and call.tensors == 1
            and call.untappable is None
        )

    def _suggest_around(self, path: str) -> str:
        """Advice which layer around `path` to tap."""
        closed = {call.layer.path for call in self.calls if call.untappable is not None}
        readable = {call.layer.path for call in self.calls} - closed
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            if path in readable:
                return f"Tap the layer around it, {path!r}, instead."
        return "Tap another layer; `Probe.layers()` lists them."
