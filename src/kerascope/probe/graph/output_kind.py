"""What the numbers of each output of a model are, and why that is known: see `kerascope.target.base`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import tree

from kerascope import errors
from kerascope.probe.graph.graph import Output, Survey
from kerascope.probe.graph.head import Head, heads, is_score
from kerascope.target import OUTPUT_KINDS, OutputKind

_BINARY = ("bce", "binarycrossentropy", "binaryfocalcrossentropy", "hinge", "squaredhinge")
_REGRESSION = (
    *("meansquarederror", "mse", "meanabsoluteerror", "mae", "meanabsolutepercentageerror", "mape", "huber"),
    *("meansquaredlogarithmicerror", "msle", "logcosh", "poisson"),
)
Remark = tuple[type[Warning] | None, str]
"""What there is to say on an output: a warning of a kind, or a note."""

NOT_SAID: Remark = (
    None,
    (
        "the model returns one number, and whether that is of class 1 or a regression cannot be told; it is "
        'explained as it is; say which with ks.Probe(model, output="binary") or "regression" (--model-output)'
    ),
)
_ALONE = (
    errors.ConstantOutputWarning,
    (
        "a softmax must be over two classes or more; this model's is over one number and always 1; the score "
        "in front of it is explained; end the model in a sigmoid, or in two outputs."
    ),
)


@dataclass(frozen=True)
class Said:
    """What a user said of the outputs.

    Args:
        output: what the numbers are, of the only output or by name; None where nothing was said.
        names: names of the classes, or None.
        label: the one of several labels that is asked about, or None.
        loss: that the model was compiled with, where it does not say so itself, or None.
    """

    output: OutputKind | Mapping[str, OutputKind] | None = None
    names: tuple[str, ...] | None = None
    label: int | None = None
    loss: Any = None

    def __post_init__(self) -> None:
        said = self.output.values() if isinstance(self.output, Mapping) else [self.output or OUTPUT_KINDS[0]]
        for one in said:
            if one not in OUTPUT_KINDS:
                raise errors.ParameterError(
                    f"output must be one of {', '.join(map(repr, OUTPUT_KINDS))}, or one for each output by "
                    f"name; got {one!r}."
                )

    def of(self, name: str) -> OutputKind | None:
        """What was said of an output."""
        if isinstance(self.output, Mapping):
            return self.output.get(name)
        return self.output


def answers(label: int, names: Sequence[str] | None) -> tuple[str, str]:
    """What the two answers to a label are called: `("not snow", "snow")`.

    Args:
        label: its place.
        names: of all labels, or None.
    """
    name = names[label] if names is not None and 0 <= label < len(names) else f"label {label}"
    return f"not {name}", name


def known_outputs(survey: Survey, said: Said, loss: Any) -> Survey:
    """The survey, where it is known what the numbers of the outputs are.

    What the user says counts first, then the softmax or sigmoid that an output ends in, then the loss that
    the model was compiled with, then that there are two names for one number. Of several labels one may be
    asked about: then it is the only number, for the two answers to it.

    Args:
        survey: of the model, its heads found.
        said: by the user.
        loss: that the model was compiled with, or None.

    Raises:
        ModelError: what was said does not fit the model.
    """
    names = [output.name for output in survey.outputs]
    if isinstance(said.output, Mapping) and (unknown := set(said.output) - set(names)):
        raise errors.ModelError(
            f"output must name outputs of the model, {names}; got {sorted(unknown)}; "
            f"{errors.nearest(min(unknown), names)}"
        )
    found = [
        _kind(survey, place, head, said, one)
        for place, (head, one) in enumerate(zip(heads(survey), _losses(loss, names), strict=True))
    ]
    known = replace(survey, kinds=tuple(kind for kind, _ in found), remarks=tuple(said for _, said in found))
    return known if said.label is None else _one_label(known, said.label)


def may_be_chances(survey: Survey, said: Said, loss: Any) -> list[int]:
    """Positions of outputs for two classes, or of labels, of which it is not seen whether they are scores.

    Args:
        survey: of the model.
        said: by the user.
        loss: that the model was compiled with, or None.
    """
    known, found = known_outputs(survey, said, loss), heads(survey)
    return [
        place
        for place, kind in enumerate(known.kinds)
        if kind in ("binary", "labels") and found[place] is None and not is_score(survey, place)
    ]


def _one_label(survey: Survey, label: int) -> Survey:
    """The survey, as if one of several labels were all that the model returns."""
    shapes = [output.shape for output in survey.outputs]
    if survey.kinds != ("labels",) or len(shapes[0]) != 2 or not 0 <= label < shapes[0][1]:
        raise errors.ModelError(
            "label needs a model with one output of several labels, each behind a sigmoid, and the place or "
            f"name of one; got label {label} of {shapes} ({', '.join(map(str, survey.kinds))}); say with "
            'output="labels" that scores are of labels.'
        )
    count, labels = shapes[0]
    return replace(
        survey,
        outputs=(replace(survey.outputs[0], shape=(count, 1)),),
        kinds=("binary",),
        remarks=(None,),
        label=label,
        label_count=labels,
    )


def _kind(
    survey: Survey, place: int, head: Head | None, said: Said, loss: str
) -> tuple[OutputKind | None, Remark | None]:
    output, one = survey.outputs[place], _channels(survey, place) == 1
    if (given := said.of(output.name)) is not None:
        _check(given, output, one, head)
        return given, None
    if head is not None and head.function.endswith("softmax"):
        return "classes", _ALONE if one else None
    if head is not None:
        return ("binary" if one else "labels"), None
    if loss in _REGRESSION:
        return "regression", (None, f"a regression, as the model was compiled with the loss {loss!r}")
    if not one:
        return ("labels" if loss in _BINARY[:3] else "classes"), None
    if loss in _BINARY:
        return "binary", (None, f"the score of class 1, as the model was compiled with the loss {loss!r}")
    if said.names is not None and len(said.names) == 2:
        return "binary", (
            None,
            f"the score of class 1, {said.names[1]!r}: there are two names for one number",
        )
    return None, NOT_SAID if len(output.shape) <= 2 else None


def _channels(survey: Survey, place: int) -> int:
    shape, layout = survey.outputs[place].shape, survey.output_layouts[place]
    if layout is not None and len(shape) > 2:
        return layout.channels
    return shape[-1] if len(shape) > 1 else 1


def _check(given: OutputKind, output: Output, one: bool, head: Head | None) -> None:
    if (given == "binary" and not one) or (given in ("classes", "labels") and one):
        raise errors.ModelError(
            f"output={given!r} needs {'one number' if given == 'binary' else 'several numbers'} for each "
            f"image; {output.name!r} is {output.shape}; "
            + ("several sigmoids are 'labels'." if given == "binary" else "one sigmoid is 'binary'.")
        )
    if head is not None and given == "binary" and head.function.endswith("softmax"):
        raise errors.ModelError(_ALONE[1])


def _losses(loss: Any, names: Sequence[str]) -> list[str]:
    """The loss of each output by its plain name, or an empty text."""
    if isinstance(loss, Mapping) and set(loss) & set(names):
        return [_name(loss.get(name)) for name in names]
    if isinstance(loss, Mapping):
        loss = list(loss.values())  # by the names of layers, in the order of the outputs
    flat = tree.flatten(loss) if isinstance(loss, list | tuple) else [loss]
    return [_name(one) for one in flat] if len(flat) == len(names) else [""] * len(names)


def _name(loss: Any) -> str:
    if isinstance(loss, keras.losses.Loss):
        loss = getattr(loss, "fn", None) or type(loss)  # its name may be the user's own
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", "")
    return str(name).lower().replace("_", "")
