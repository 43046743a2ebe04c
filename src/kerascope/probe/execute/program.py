"""One program: forward pass, score, gradients and a method's arithmetic. Only maps leave the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import ops, tree

from kerascope import backend, errors
from kerascope.layout import Layout
from kerascope.placement import Placement
from kerascope.probe.execute.request import Request
from kerascope.probe.execute.result import BatchResult, Readout, summarize
from kerascope.probe.graph.bias import Biases, BiasTaps, BiasTerm
from kerascope.probe.graph.graph import Graph, LayerCall
from kerascope.probe.graph.head import heads
from kerascope.probe.intercept.forward import forward
from kerascope.probe.intercept.rectifier import Rectifiers
from kerascope.target import Reading, Target
from kerascope.target.base import Forward

INPUT = "the input"
"""Name of the explained input among the leaves that the score must depend on."""


@dataclass(frozen=True)
class Internals:
    """Tensors inside a model that a method computes a map from, for one class of every image.

    Everything is float32, batch first and channels last.

    Args:
        activations: for each layer of the request, (N, *spatial, C); (N, ...) as it is without spatial axes.
        gradients: d score / d activation, in the same shapes; empty where not requested.
        image: the explained input, (N, *spatial, C).
        image_gradient: d score / d image, or None where not requested.
        scores: (N,) the explained scores.
        hvps: for each layer the product of its own block of the Hessian, d2 score / d activation2, with the
            activations, in their shape; empty where not requested.
        biases: the contribution of each constant that the model adds; empty where not requested.
        placements: for each layer of the request where its cells lie on the image; None where that is
            unknown.
        branches: how many layers, the first ones, stand beside one another: see `Request`.
    """

    activations: tuple[Any, ...]
    gradients: tuple[Any, ...]
    image: Any
    image_gradient: Any
    scores: Any
    hvps: tuple[Any, ...] = ()
    biases: tuple[BiasTerm, ...] = ()
    placements: tuple[Placement | None, ...] = ()
    branches: int = 1

    def split(self) -> list[Internals]:
        """The internals of each layer by itself."""
        return [
            replace(
                self,
                activations=self.activations[index : index + 1],
                gradients=self.gradients[index : index + 1],
                hvps=self.hvps[index : index + 1],
                placements=self.placements[index : index + 1],
                branches=1,
            )
            for index in range(len(self.activations))
        ]


@dataclass(frozen=True)
class ModelPass:
    """One forward pass of a program, and what was tapped in it."""

    forward: Forward
    reading: Reading
    rectifiers: Rectifiers | None
    bias_taps: BiasTaps | None


@dataclass(frozen=True)
class Program:
    """What a program computes; everything in it is fixed when it is compiled.

    The leaves that it differentiates at are a nested dictionary: `"layers"`, zeros to add to activations, by
    path; `"input"`, the explained input; `"biases"`, zeros to add to constants, by name; `"replaced"`, what
    takes the place of the output of layers, by path.

    Args:
        run_model: the model's forward pass.
        operations: gives every operation of the model, and the model itself.
        variables: gives the model's variables.
        graph: of the model.
        structure: the input structure, or None for a single input.
        explained: position of the explained input, or None.
        target: whose `read` gives the scores.
        request: which tensors to compute.
        layers: full paths of its layers.
        calls: their calls, by path.
        biases: the constants to differentiate at, or None.
        compute: a method's arithmetic, on each class in turn; None to compute scores only.
        skippable: calls that need not run: see `Graph.find_skippable`.
    """

    run_model: Callable[[Any], Any]
    operations: Callable[[], Sequence[keras.Operation]]
    variables: Callable[[], Sequence[keras.Variable]]
    graph: Graph
    structure: Any
    explained: int | None
    target: Target
    request: Request
    layers: tuple[str, ...]
    calls: Mapping[str, LayerCall]
    biases: Biases | None = None
    compute: Callable[[Internals], Any] | None = None
    skippable: tuple[LayerCall, ...] = ()

    def make_leaves(self, tensors: Sequence[Any]) -> dict[str, Any]:
        """The tensors to differentiate at."""
        leaves: dict[str, Any] = {}
        if self.request.gradients:
            leaves["layers"] = {
                layer: ops.zeros(call.shape, call.dtype) for layer, call in self.calls.items()
            }
        if self.request.image_gradient and self.explained is not None:
            leaves["input"] = tensors[self.explained]
        if self.biases is not None:
            leaves["biases"] = {
                site.name: ops.zeros(site.call.shape, site.call.dtype) for site in self.biases.sites
            }
        return leaves

    def score(
        self, leaves: Mapping[str, Any], tensors: Sequence[Any], arguments: Any, state: Sequence[Any]
    ) -> tuple[Any, ModelPass]:
        """The scores (N, K) as a function of the leaves."""
        tensors = list(tensors)
        if "input" in leaves and self.explained is not None:
            tensors[self.explained] = leaves["input"]
        inputs = tensors[0] if self.structure is None else tree.pack_sequence_as(self.structure, tensors)
        taps = None if self.biases is None else BiasTaps(self.biases.sites, leaves["biases"])
        calls = {layer: self.graph.find_tap(call) for layer, call in self.calls.items()}
        for layer in self.target.layers:
            calls[layer] = self.graph.find_tap(self.graph.find_call(layer))
        operations = self.operations()
        rectifiers = Rectifiers(self.request.rule, operations) if self.request.rule else None
        result = forward(
            self.run_model,
            operations,
            inputs,
            self.variables(),
            state,
            heads(self.graph),
            calls,
            leaves.get("layers", {}),
            rectifiers,
            taps,
            leaves.get("replaced", {}),
            self.skippable,
        )
        result = replace(result, output_layouts=self.graph.output_layouts, kinds=self.graph.kinds)
        if (label := self.graph.label) is not None:
            result = result.only(0, lambda tensor: tensor[:, label : label + 1])
        reading = self.target.read(result, arguments)
        return ops.cast(reading.scores, "float32"), ModelPass(result, reading, rectifiers, taps)

    def __call__(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> BatchResult:
        """The result of one batch."""
        model_pass: ModelPass | None = None

        def score(leaves: Any, tensors: Any, arguments: Any, state: Any) -> tuple[Any, Readout]:
            nonlocal model_pass
            scores, model_pass = self.score(leaves, tensors, arguments, state)
            result, reading, taps = model_pass.forward, model_pass.reading, model_pass.bias_taps
            return scores, Readout(
                [result.activations[layer] for layer in self.layers],
                tree.flatten(result.outputs),
                tree.flatten(result.scores),
                dict(reading.choices),
                {} if taps is None else dict(taps.constants),
                reading.labels,
                reading.undefined,
                reading.columns,
            )

        leaves = self.make_leaves(tensors)
        hvps: list[Any] = []
        if self.request.hvp:
            differentiate = backend.current().value_gradients_and_hvps(score, self._directions)
            scores, readout, gradients, hvps = differentiate(leaves, tensors, arguments, state)
        else:
            differentiate = backend.current().value_and_gradients(score)
            scores, readout, gradients = differentiate(leaves, tensors, arguments, state)
        assert model_pass is not None
        alive = self._check_connection(gradients) if get_required_leaves(leaves) else None
        if model_pass.rectifiers is not None:
            self._check_rule(model_pass.rectifiers)
        values = None
        if self.compute is not None:
            maps = [
                self.compute(
                    self._internals(tensors, readout, scores[:, index], column, hvps[index] if hvps else {})
                )
                for index, column in enumerate(gradients)
            ]
            values = ops.stack(maps, axis=1) if self.target.class_axis else maps[0]
        result = summarize(scores, readout, model_pass.forward, self.graph.opaque, model_pass.reading)
        return result._replace(values=values, alive=alive)

    def is_alive(self, result: BatchResult) -> Any:
        """Whether gradients of a batch are different from zero; None where there are none."""
        return result.alive

    def depends(self, tensors: Sequence[Any], arguments: Any, state: Sequence[Any]) -> bool:
        """Whether the scores can depend on every leaf that they must depend on."""
        leaves = self.make_leaves(tensors)
        return get_required_leaves(leaves).keys() <= self.find_connected(leaves, tensors, arguments, state)

    def find_connected(
        self, leaves: Mapping[str, Any], tensors: Sequence[Any], arguments: Any, state: Sequence[Any]
    ) -> set[str]:
        """Names of the required ones among the leaves on which the scores can depend; it runs without data.

        Args:
            leaves: as `make_leaves` gives them; a scalar is as good as a whole tensor of zeros to add.
            tensors: the model's inputs.
            arguments: the target's.
            state: values of the variables.
        """

        def score(required: Any, tensors: Any, arguments: Any) -> tuple[Any, tuple[()]]:
            return self.score(_replace_leaves(leaves, required), tensors, arguments, state)[0], ()

        return backend.current().connections(score, get_required_leaves(leaves), list(tensors), arguments)

    def make_error(self, names: Sequence[str]) -> errors.DisconnectedError:
        """The error that the score does not depend on some leaves."""
        places = ", ".join("the input" if name == INPUT else f"the layer {name!r}" for name in names)
        return errors.DisconnectedError(
            f"the explained score ({self.target.describe()}) must depend on {places}; it does not: the layer "
            "lies on another branch or behind the score, or what lies between has no gradient (rounding, "
            "argmax, integer inputs). Choose a layer on the way to the score, or another target."
        )

    def _check_connection(self, gradients: Sequence[Any]) -> Any:
        """Whether each required gradient is different from zero in some column."""
        columns = [get_required_leaves(column) for column in gradients]
        for name in columns[0]:
            if any(column[name] is None for column in columns):
                raise self.make_error([name])
        nonzero = [
            ops.stack([ops.any(ops.not_equal(gradient, 0)) for gradient in column.values()])
            for column in columns
        ]
        return ops.any(ops.stack(nonzero), axis=0)

    def _check_rule(self, rectifiers: Rectifiers) -> None:
        if rectifiers.reached:
            return
        places = " and ".join(self.layers or ("the input",))
        rule = self.request.rule.name if self.request.rule else ""
        found = (
            f"none of its {rectifiers.matched} rectifiers lies between {places} and the score, so the rule "
            "would change nothing"
            if rectifiers.matched
            else "none was found in this model"
        )
        raise errors.RuleError(
            f"{rule!r} needs a rectifier (ReLU or a relative) on the way from {places} to the score; {found}."
            " Use the plain gradient, or an earlier layer; rectifiers that are called as a backend's own "
            "function, such as tf.nn.relu(x), are not seen: use keras.activations.relu."
        )

    def _directions(self, readout: Readout) -> dict[str, Any]:
        """Second derivatives are taken along the activations."""
        return {"layers": dict(zip(self.layers, readout.activations, strict=True))}

    def _internals(
        self, tensors: Any, readout: Readout, scores: Any, gradients: Any, hvps: Mapping[str, Any]
    ) -> Internals:
        layouts = [self.calls[layer].layout for layer in self.layers]
        image, image_gradient = None, None
        if self.explained is not None:
            image = channels_last(tensors[self.explained], self.graph.image_layout)
        if "input" in gradients:
            image_gradient = channels_last(gradients["input"], self.graph.image_layout)
        return Internals(
            tuple(map(channels_last, readout.activations, layouts)),
            self._at_layers(gradients, layouts),
            image,
            image_gradient,
            scores,
            self._at_layers(hvps, layouts),
            tuple(self._bias_terms(readout.constants, gradients)) if self.biases else (),
            tuple(self.graph.placement(self.calls[layer]) for layer in self.layers),
            self.request.branches,
        )

    def _at_layers(self, leaves: Mapping[str, Any], layouts: Sequence[Layout | None]) -> tuple[Any, ...]:
        if "layers" not in leaves:
            return ()
        return tuple(map(channels_last, (leaves["layers"][layer] for layer in self.layers), layouts))

    def _bias_terms(self, constants: Mapping[str, Any], gradients: Mapping[str, Any]) -> Iterator[BiasTerm]:
        for site in self.biases.sites if self.biases else ():
            gradient = gradients["biases"][site.name]
            if gradient is None or site.name not in constants:
                continue
            values = ops.cast(gradient, "float32") * constants[site.name]
            yield BiasTerm(channels_last(values, site.call.layout) if site.has_map else values, site.has_map)


def get_required_leaves(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves that the score must depend on, or gradients at them; a constant may have no effect."""
    found = dict(leaves.get("layers", {}))
    if "input" in leaves:
        found[INPUT] = leaves["input"]
    return found


def _replace_leaves(leaves: Mapping[str, Any], required: Mapping[str, Any]) -> dict[str, Any]:
    """The leaves with other required ones: see `get_required_leaves`."""
    found = dict(leaves)
    if "layers" in leaves:
        found["layers"] = {name: required[name] for name in leaves["layers"]}
    if "input" in leaves:
        found["input"] = required[INPUT]
    return found


def channels_last(tensor: Any, layout: Layout | None) -> Any:
    """A tensor as a method sees it: float32, and channels last where it has spatial axes."""
    tensor = ops.cast(tensor, "float32")
    return tensor if layout is None else layout.channels_last(tensor)
