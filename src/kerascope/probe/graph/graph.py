"""What happens inside one forward pass: every layer run, its shape, its layout, and what feeds what.

A survey answers which places can be explained, which is the last one with a spatial extent on the way to a
score, and where the head's softmax is. `kerascope.probe.graph.trace` makes it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascope import errors
from kerascope.layout import Layout
from kerascope.probe.graph.layers import Place, find
from kerascope.target import OutputKind

INPUT = -1
"""Source of a tensor that is the explained input of the model, or any input where none is explained."""
OTHER_INPUT = -3
"""Source of a tensor that is another input."""
UNKNOWN = -2
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
        maker: number of the run that made what it returned: its own, that of a run inside or before it, or
            -1 or -3 for an input.
        squashes: it returned the result of its activation, a softmax or sigmoid.
        sees_image: the explained input leads to it, or may do so.
        inputs: positions of all inputs that lead to it, or may do so.
        tensors: 1 where it returned just a tensor, more for a structure; the others are about its first.
        squashing: number of the call by name whose result it returned, see `Squashing`, or None.
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
    maker: int
    squashes: bool
    sees_image: bool
    inputs: frozenset[int]
    tensors: int = 1
    squashing: int | None = None


@dataclass(frozen=True)
class Squashing:
    """A call of a squashing function by its public name, such as `keras.ops.sigmoid(x)` in a `call`.

    Args:
        function: its name, such as `"sigmoid"`.
        shape: of what it was given.
        source: number of the run that made that; -2 unknown.
    """

    function: str
    shape: tuple[int, ...]
    source: int


@dataclass(frozen=True)
class Output:
    """One tensor that the model returns.

    Args:
        name: its key or position in the model's output structure.
        shape: its shape, batch first.
        source: number of the run that made it; -2 unknown.
        squashing: number of the call by name that made it, see `Squashing`, or None.
    """

    name: str
    shape: tuple[int, ...]
    source: int
    squashing: int | None = None


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
        silent: numbers of the runs of tokens whose patches do not reach the score: see `silent.py`.
        squashings: calls of functions such as `keras.ops.sigmoid` by name, in the order in which they ran.
        measured: where the scores of outputs are that arithmetic hides: see `measured_head.py`.
        kinds: what the numbers of each output are, or None where that is not known.
        remarks: what there is to say on each output, or None: see `output_kind.py`.
        label: the one of several labels that is asked about, or None.
        label_count: how many labels there are.
        opaque: positions of the outputs that arithmetic makes, where no score in front was found: they may
            be probabilities.
        known: what was found out from it and is kept, by what that is.
    """

    places: tuple[Place, ...]
    runs: tuple[Run, ...]
    outputs: tuple[Output, ...]
    batch: int
    image: tuple[int, ...] | None
    image_layout: Layout | None
    silent: frozenset[int] = frozenset()
    squashings: tuple[Squashing, ...] = ()
    measured: Mapping[int, Any] = field(default_factory=dict)
    kinds: tuple[OutputKind | None, ...] = ()
    remarks: tuple[tuple[type[Warning] | None, str] | None, ...] = ()
    label: int | None = None
    label_count: int = 0
    opaque: frozenset[int] = frozenset()
    known: dict[Hashable, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def output_layouts(self) -> tuple[Layout | None, ...]:
        """How each of the outputs lies in space; None where it has no spatial axes or cannot be followed."""
        return tuple(
            self.runs[output.source].layout if output.source >= 0 else None for output in self.outputs
        )

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

    def tapped(self, run: Run) -> Run:
        """The run to tap for `run`: of a model that returns a tensor of a layer inside it, that layer's.

        Keras puts masks on what a layer returns when its call has ended, which a tensor that was changed
        further out would lose.
        """
        maker = self.runs[run.maker] if run.maker >= 0 else run
        return maker if maker.place.inside(run.place) else run

    def automatic(self, sources: Iterable[int]) -> Run:
        """The last run with a spatial size above 1 on the way to the runs `sources`.

        It is taken after activations and merges, at any nesting depth. Where tensors are made between the
        layers, by operators in a `call`, and the way cannot be followed, it is the last such run of all.

        Raises:
            NoSpatialExtentError: there is none.
        """
        reached = self.upstream(sources)
        usable = [
            run for run in self.runs if (reached is None or run.number in reached) and self.explainable(run)
        ]
        usable = [run for run in usable if run.sees_image] or usable
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

    def beside(self, run: Run, sources: Iterable[int]) -> list[Run]:
        """The last explainable runs of other branches to `sources`, which `run` does not hand on, last first.

        Empty where the way back cannot be followed.

        Args:
            run: that is explained.
            sources: numbers of runs.
        """
        every, own = self.upstream(sources), self.upstream([run.number])
        if every is None or own is None:
            return []
        behind = set(own)
        found: list[Run] = []
        for number in sorted(every - own, reverse=True):
            other = self.runs[number]
            before = self.upstream([number]) if number not in behind and self.explainable(other) else set()
            if before is None or run.number in before:
                continue
            if before and (other.sees_image or not run.sees_image):
                found.append(other)
            behind |= before
        return found

    def shared(self, sources: Iterable[int]) -> set[int]:
        """Numbers of the runs that lead to all of the runs `sources`, themselves included."""
        everything = {run.number for run in self.runs}
        ways = (self.upstream([source]) for source in sources)
        return set.intersection(*(everything if way is None else way for way in ways))

    def explainable(self, run: Run) -> bool:
        """Whether a map can be made at this run."""
        return (
            run.fault is None
            and run.maker == run.number
            and run.number not in self.silent
            and run.layout is not None
            and run.layout.positions > 1
            and run.dtype.startswith(("float", "bfloat"))
        )

    def upstream(self, sources: Iterable[int], cut: int | None = None) -> set[int] | None:
        """Numbers of the runs that lead to `sources`; None where the way back cannot be followed.

        A tensor that a layer made inside its own `call`, by operators, is taken to come from everything in
        that layer and from what it was given.

        Args:
            sources: numbers of runs.
            cut: number of a run that is not followed any further, nor named.
        """
        waiting, reached = list(sources), set[int]()
        while waiting:
            number = waiting.pop()
            if number == UNKNOWN:
                return None
            if number < 0 or number in reached or number == cut:
                continue
            reached.add(number)
            before = self.origins(self.runs[number])
            if before is None:
                return None
            waiting += before
        return reached

    def origins(self, run: Run) -> list[int] | None:
        """Numbers of what a run was given by, one step back; None where that cannot be said.

        See `upstream` for a tensor that was made between the layers.
        """
        given = [source for source in run.sources if source != UNKNOWN]
        if UNKNOWN not in run.sources:
            return given
        around = next((other for other in self.runs[run.number :] if other.place is run.place.parent), None)
        if around is None:
            return None
        inside = [other for other in self.runs[: around.number] if other.place.inside(around.place)]
        return [*given, around.number, *(other.number for other in inside)]

    def spared(self, cut: Run, sources: Iterable[int]) -> frozenset[int]:
        """Numbers of the runs that need not run where what `cut` returns is given.

        They come before it, and nothing but it hands on what they compute; operations with others inside run
        as ever. Empty where the way back cannot be followed.

        Args:
            cut: the run whose output is given.
            sources: numbers of the runs that are wanted.
        """
        needed = self.upstream(sources, cut.number)
        if needed is None:
            return frozenset()
        around = {id(place.parent) for place in self.places if place.parent is not None}
        return frozenset(
            run.number
            for run in self.runs[: cut.number + 1]
            if run.number not in needed
            and id(run.place) not in around
            and run.tensors == 1
            and run.fault is None
        )

    def _instead(self, path: str) -> str:
        """Which layer around `path` to tap."""
        faulty = {run.place.path for run in self.runs if run.fault is not None}
        readable = {run.place.path for run in self.runs} - faulty
        while "/" in path:
            path = path.rsplit("/", 1)[0]
            if path in readable:
                return f"Tap the layer around it, {path!r}, instead."
        return "Tap another layer; `Probe.layers()` lists them."
