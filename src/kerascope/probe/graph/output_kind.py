"""The kind of each output of a model, and why it is known: see `kerascope.target.base`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import tree

from kerascope import errors
from kerascope.probe.graph.graph import Graph, ModelOutput
from kerascope.probe.graph.head import OutputHead, heads, is_score
from kerascope.probe.intercept.tap import ACTIVATIONS
from kerascope.target import OUTPUT_KINDS, OutputKind

_BINARY = ("bce", "binarycrossentropy", "binaryfocalcrossentropy", "hinge", "squaredhinge")
_REGRESSION = (
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape", "huber"),
    *("meansquaredlogarithmicerror", "msle", "logcosh", "poisson"),
)
Remark = tuple[type[Warning] | None, str]
"""About an output: a warning, by its class, or a note, by None."""

UNDETERMINED: Remark = (
    None,
    (
        "the model returns one number, either the score of class 1 or a regression; it is explained as it "
        'is; say which with ks.Probe(model, output="binary") or "regression" (--model-output)'
    ),
)
_SINGLE_SOFTMAX = (
    errors.ConstantOutputWarning,
    (
        "a softmax must be over two classes or more; this model's is over one number and always 1; the score "
        "in front of it is explained; end the model in a sigmoid, or in two outputs."
    ),
)


@dataclass(frozen=True)
class OutputSpec:
    """What a user declares of the outputs.

    Args:
        output: the kind of the only output, or of each by name; None to infer it.
        names: names of the classes, or None.
        label: the explained one of several labels, or None.
        loss: the loss of a model that does not have it as an attribute, or None.
    """

    output: OutputKind | Mapping[str, OutputKind] | None = None
    names: tuple[str, ...] | None = None
    label: int | None = None
    loss: Any = None

    def __post_init__(self) -> None:
        kinds = self.output.values() if isinstance(self.output, Mapping) else [self.output or OUTPUT_KINDS[0]]
        for kind in kinds:
            if kind not in OUTPUT_KINDS:
                raise errors.ParameterError(
                    f"output must be one of {', '.join(map(repr, OUTPUT_KINDS))}, or one for each output by "
                    f"name; got {kind!r}."
                )

    def of(self, name: str) -> OutputKind | None:
        """The declared kind of an output, or None."""
        if isinstance(self.output, Mapping):
            return self.output.get(name)
        return self.output


def label_class_names(label: int, names: Sequence[str] | None) -> tuple[str, str]:
    """The names of the two classes of a label: `("not snow", "snow")`."""
    name = names[label] if names is not None and 0 <= label < len(names) else f"label {label}"
    return f"not {name}", name


def with_kinds(graph: Graph, spec: OutputSpec, loss: Any) -> Graph:
    """The graph with the kinds of its outputs.

    In this order: as the user declares, by the softmax or sigmoid that an output ends in, by the loss that
    the model was compiled with, or by two names for one number. Where one of several labels is explained, it
    is the only output, with two classes.
    """
    names = [output.name for output in graph.outputs]
    if isinstance(spec.output, Mapping) and (unknown := set(spec.output) - set(names)):
        raise errors.ModelError(
            f"output must name outputs of the model, {names}; got {sorted(unknown)}; "
            f"{errors.nearest(min(unknown), names)}"
        )
    found = [
        _kind(graph, index, head, spec, plain_loss)
        for index, (head, plain_loss) in enumerate(zip(heads(graph), _losses(loss, names), strict=True))
    ]
    known = replace(
        graph, kinds=tuple(kind for kind, _ in found), remarks=tuple(remark for _, remark in found)
    )
    return known if spec.label is None else _with_label(known, spec.label)


def find_possible_probabilities(graph: Graph, spec: OutputSpec, loss: Any) -> list[int]:
    """Positions of outputs for two classes, or of labels, that may be scores or probabilities."""
    known, found = with_kinds(graph, spec, loss), heads(graph)
    return [
        index
        for index, kind in enumerate(known.kinds)
        if kind in ("binary", "labels") and found[index] is None and not is_score(graph, index)
    ]


def _with_label(graph: Graph, label: int) -> Graph:
    """The graph, as if the model returned one of several labels alone."""
    shapes = [output.shape for output in graph.outputs]
    if graph.kinds != ("labels",) or len(shapes[0]) != 2 or not 0 <= label < shapes[0][1]:
        raise errors.ModelError(
            "label needs a model with one output of several labels, each behind a sigmoid, and the place or "
            f"name of one; got label {label} of {shapes} ({', '.join(map(str, graph.kinds))}); say with "
            'output="labels" that scores are of labels.'
        )
    count, labels = shapes[0]
    return replace(
        graph,
        outputs=(replace(graph.outputs[0], shape=(count, 1)),),
        kinds=("binary",),
        remarks=(None,),
        label=label,
        label_count=labels,
    )


def _kind(
    graph: Graph, index: int, head: OutputHead | None, spec: OutputSpec, loss: str
) -> tuple[OutputKind | None, Remark | None]:
    output, one = graph.outputs[index], _channels(graph, index) == 1
    if (given := spec.of(output.name)) is not None:
        _check(given, output, one, head)
        return given, None
    if head is not None and ACTIVATIONS[head.function] == "classes":
        return "classes", _SINGLE_SOFTMAX if one else None
    if head is not None:
        return ("binary" if one else "labels"), None
    if loss in _REGRESSION:
        return "regression", (None, f"a regression, as the model was compiled with the loss {loss!r}")
    if not one:
        return ("labels" if loss in _BINARY[:3] else "classes"), None
    if loss in _BINARY:
        return "binary", (None, f"the score of class 1, as the model was compiled with the loss {loss!r}")
    if spec.names is not None and len(spec.names) == 2:
        return "binary", (
            None,
            f"the score of class 1, {spec.names[1]!r}: there are two names for one number",
        )
    return None, UNDETERMINED if len(output.shape) <= 2 else None


def _channels(graph: Graph, index: int) -> int:
    shape, layout = graph.outputs[index].shape, graph.output_layouts[index]
    if layout is not None and len(shape) > 2:
        return layout.channels
    return shape[-1] if len(shape) > 1 else 1


def _check(given: OutputKind, output: ModelOutput, one: bool, head: OutputHead | None) -> None:
    if (given == "binary" and not one) or (given in ("classes", "labels") and one):
        raise errors.ModelError(
            f"output={given!r} needs {'one number' if given == 'binary' else 'several numbers'} for each "
            f"image; {output.name!r} is {output.shape}; "
            + ("several sigmoids are 'labels'." if given == "binary" else "one sigmoid is 'binary'.")
        )
    if head is not None and given == "binary" and ACTIVATIONS[head.function] == "classes":
        raise errors.ModelError(_SINGLE_SOFTMAX[1])


def _losses(loss: Any, names: Sequence[str]) -> list[str]:
    """The loss of each output by its plain name, or an empty text."""
    if isinstance(loss, Mapping) and set(loss) & set(names):
        return [_name(loss.get(name)) for name in names]
    if isinstance(loss, Mapping):
        loss = list(loss.values())  # by the names of layers, in the order of the outputs
    flat = tree.flatten(loss) if isinstance(loss, list | tuple) else [loss]
    return [_name(part) for part in flat] if len(flat) == len(names) else [""] * len(names)


def _name(loss: Any) -> str:
    if isinstance(loss, keras.losses.Loss):
        loss = getattr(loss, "fn", None) or type(loss)  # its name may be the user's own
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return str(name).lower().replace("_", "")
