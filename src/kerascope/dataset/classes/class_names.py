"""What the classes of a run are called, and whether its labels and its target are among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.labels.label import Label, find_label_indices
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.source import AS_COLUMNS, Source
from kerascope.probe import Probe
from kerascope.probe.graph.output_kind import answers
from kerascope.target import TargetLike
from kerascope.target.base import class_count as target_class_count

ClassName = str | tuple[str, str]
"""The name of a class; or its code, such as that of WordNet, and its name."""
LABEL = "label"
"""The target that is each image's own label."""
_LOOKED_AT = 256
"""Images whose labels are looked at before a run begins."""


@dataclass(frozen=True)
class SelectedLabel:
    """The one of several labels that is asked about.

    Args:
        place: of it.
        names: of all labels, or None where they are not known.
        count: of all labels.
    """

    index: int
    names: tuple[str, ...] | None
    count: int

    @cached_property
    def indices(self) -> dict[str, int]:
        """The place of each name that stands for one label."""
        return unique_indices(self.names)

    def answer(self, label: Label) -> int | None:
        """1 where it is among an image's labels, 0 where it is not, None where these are not known."""
        found = find_label_indices(label, self.indices, self.count)
        return None if found is None else int(self.index in found)

    def relabel(self, item: Item) -> Item:
        """The image with the answer for its label; labels that the model does not have are noted."""
        answer, notes = self.answer(item.label), item.notes
        if answer is None and item.label is not None:
            notes = (*notes, f"the label {item.label!r:.60} is none of the model's {self.count}")
        return replace(item, label=answer, notes=notes)


@dataclass(frozen=True)
class ClassNames:
    """Names of the classes, in the order of the model's outputs.

    Args:
        names: one for each class, or None where they are not known.
        origin: where they are from, in words.
        count: how many classes the model has; None where it has none.
        codes: names by code.
        asked: of a model with several labels the one that is asked about, so that the classes are no and yes
            and the source is `answered`; else None.
    """

    names: tuple[str, ...] | None
    origin: str
    count: int | None
    codes: Mapping[str, str] = field(default_factory=dict)
    selected: SelectedLabel | None = None

    @cached_property
    def indices(self) -> dict[str, int]:
        """The place of each name that stands for one class."""
        return unique_indices(self.names)

    def label_indices(self, item: Item) -> tuple[int, ...] | None:
        """The places of an image's labels, or None where one is not found."""
        return item.label_indices(self.indices, self.count)


def unique_indices(names: Sequence[str] | None) -> dict[str, int]:
    """The place of each name that stands for one class; one that stands for several is none's.

    Example:
        >>> from kerascope.dataset.classes.class_names import unique_indices
        >>> unique_indices(["crane", "dog", "crane"])
        {'dog': 1}
    """
    counts = Counter(names or ())
    return {name: place for place, name in enumerate(names or ()) if counts[name] == 1}


def class_count(probe: Probe, blank: Any, names: Sequence[Any] | None = None) -> int | None:
    """How many classes a model has, or None: two of one number that is behind a sigmoid, or has two names.

    Args:
        probe: of the model.
        blank: an image as it takes it.
        names: that there are for the classes, or None.
    """
    if names is not None and len(names) == 2:
        probe = probe.with_class_names(tuple(map(str, names)))
    survey = probe.graph(blank)
    if len(survey.outputs) != 1 or survey.kinds[0] in (None, "regression"):
        return None
    shape = survey.outputs[0].shape
    if survey.remarks[0] is not None and survey.remarks[0][0] is not None:
        return None  # a softmax over one number tells no classes
    return target_class_count(shape, survey.kinds[0]) if len(shape) <= 2 else None


def is_multilabel(probe: Probe, images: Any) -> bool:
    """Whether a model has several labels, each a question of its own.

    Args:
        probe: of the model.
        images: (N, ...) as the model takes them.
    """
    survey = probe.graph(images)
    return survey.kinds == ("labels",) and len(survey.outputs[0].shape) == 2


def describe_outputs(probe: Probe, blank: Any) -> dict[str, str]:
    """What the model's numbers are taken for, where that is not a score for each class.

    Args:
        probe: of the model, with the names of the classes.
        blank: an image as it takes it.
    """
    survey = probe.graph(blank)
    kind, remark = survey.kinds[0], survey.remarks[0]
    no, yes = probe.class_names or ("class 0", "class 1") if kind == "binary" else ("", "")
    usual = {
        "binary": f"one number for two classes: {yes} where p > 0.5, else {no}",
        "labels": "a probability for each label, by itself",
    }
    text = remark[1] if remark is not None else usual.get(kind or "", "")
    return {"output": text} if text else {}


def find_class_names(
    given: Sequence[ClassName] | None, probe: Probe, source: Source, blank: Any
) -> ClassNames:
    """What the classes are called: as given, as the probe says, or as the images' labels are.

    Args:
        given: names, or pairs of a code and a name; None for those of the probe or the images.
        probe: of the model.
        source: of the images.
        blank: an image as the model takes it.

    Raises:
        ParameterError: there is not one name for each class, or a name occurs twice.
    """
    if probe.label is not None:
        return _select_label(given, probe, source, probe.label, probe.graph(blank).label_count)
    count = class_count(probe, blank, given or probe.class_names or source.class_names)
    if given is not None:
        if count is not None and len(given) != count:
            raise errors.ParameterError(
                f"class_names must name each of the model's {count} classes; got {len(given)} names; give "
                "them in the order of the outputs."
            )
        names, codes, note = to_unique_names(given)
        return ClassNames(names, f"{len(names)} as given{note}", count, codes)
    if probe.class_names is not None:
        return ClassNames(probe.class_names, f"{len(probe.class_names)} of the probe", count)
    _check_columns(source, count, is_multilabel(probe, blank))
    if source.class_names is not None and len(source.class_names) == count:
        origin = f"the {count} labels of the images, {source.order}, taken for the model's {count} classes"
        return ClassNames(source.class_names, origin, count)
    return ClassNames(None, "none", count)


def _check_columns(source: Source, count: int | None, several: bool) -> None:
    """An error unless columns of 0 and 1 are the model's labels, or its classes with a single 1 in each row.

    Raises:
        DatasetError: they are not.
    """
    names = source.class_names
    if names is None or source.order != AS_COLUMNS or count is None:
        return
    single = (isinstance(item.label, str) for item in islice(source, _LOOKED_AT))
    if len(names) == count and (several or all(single)):
        return
    raise errors.DatasetError(
        f"columns of 0 and 1 must be one for each of the model's {count} "
        f"{'labels' if several else 'classes, with a single 1 in each row'}; taken were {', '.join(names)}; "
        "name the columns, or the one of the label: label_column (--label-column cat,dog), or '' for none."
    )


def _select_label(
    given: Sequence[ClassName] | None, probe: Probe, source: Source, place: int, labels: int
) -> ClassNames:
    """The two answers to the question about one of several labels."""
    own, codes, _ = (None, {}, "") if given is None else to_unique_names(given)
    known = [own, probe.label_names, source.class_names]
    names = next((one for one in known if one is not None and len(one) == labels), None)
    if given is not None and len(given) != labels:
        raise errors.ParameterError(
            f"class_names must name each of the model's {labels} labels; got {len(given)} names."
        )
    both = answers(place, names)
    return ClassNames(
        both, f"the answers no and yes to {both[1]!r}", 2, codes, SelectedLabel(place, names, labels)
    )


def to_unique_names(given: Sequence[ClassName]) -> tuple[tuple[str, ...], dict[str, str], str]:
    """Names that are all different, names by code, and a note on those that had to be told apart.

    Args:
        given: names, or pairs of a code and a name, as an index of ImageNet has them; names that occur twice
            get their code.

    Raises:
        ParameterError: names without codes occur twice.

    Example:
        >>> from kerascope.dataset.classes.class_names import to_unique_names
        >>> to_unique_names([("n02012849", "crane"), ("n03126707", "crane")])[0]
        ('crane (n02012849)', 'crane (n03126707)')
    """
    pairs = [(None, str(one)) if isinstance(one, str) else one for one in given]
    counts = Counter(name for _, name in pairs)
    names = tuple(name if code is None or counts[name] == 1 else f"{name} ({code})" for code, name in pairs)
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        where = " and ".join(str(place) for place, name in enumerate(names) if name == twice[0])
        raise errors.ParameterError(
            f"class_names must differ; {twice[0]!r} stands for outputs {where}; give each a name of its own."
        )
    codes = {code: name for (code, _), name in zip(pairs, names, strict=True) if code is not None}
    doubles = [name for (_, plain), name in zip(pairs, names, strict=True) if name != plain]
    note = f"; names that occur twice have their code, as in {doubles[0]}" if doubles else ""
    return names, codes, note


def resolve_target(target: TargetLike, naming: ClassNames) -> TargetLike:
    """A target, where the name or code of a class is its place.

    Args:
        target: see `explain_dataset`.
        naming: of the classes.

    Raises:
        UnknownClassError: there is no class of that name.
        TargetError: several are called so.
    """
    if not isinstance(target, str) or target == LABEL:
        return target
    name, names = naming.codes.get(target, target), naming.names or ()
    if name in naming.indices:
        return naming.indices[name]
    if name in names:
        where = " and ".join(str(place) for place, one in enumerate(names) if one == name)
        raise errors.TargetError(
            f"a target must be one class; {name!r} stands for outputs {where}; give the number of one."
        )
    hint = errors.nearest(target, names) if names else "names are given by class_names (--classes)"
    raise errors.UnknownClassError(
        f"a target must be the name of a class, a number, 'label', or None for the predicted class; got "
        f"{target!r}; {hint}"
    )


def find_doubts(target: TargetLike, source: Source, naming: ClassNames) -> Iterator[str]:
    """What is doubtful about the paths, the labels, and a number that is the name of another class.

    Raises:
        TargetError: labels are the target, and those that were looked at are no classes.
    """
    yield from source.doubts
    yield from find_number_doubts(target, naming)
    items = list(islice(source, _LOOKED_AT))
    yield from next((item.notes for item in items if item.notes), ())
    labelled = [item for item in items if item.label is not None]
    unknown = [item for item in labelled if naming.label_indices(item) is None]
    lost = len(unknown) == len(labelled) and (labelled or naming.names is None)
    if isinstance(target, str) and target == LABEL and lost:
        got = f"the first is {unknown[0].label!r}" if unknown else f"the first {len(items)} have none"
        raise errors.TargetError(
            f"the target 'label' must find each label among the classes; {got}; give class_names "
            "(--classes) in the order of the model's outputs."
        )
    if naming.count is not None:
        yield from _find_label_doubts(source, naming, unknown, len(labelled))


def _find_label_doubts(
    source: Source, naming: ClassNames, unknown: Sequence[Item], labelled: int
) -> Iterator[str]:
    """Labels that are no classes: of a source that has names for its classes, or else of its first images."""
    own, count = source.class_names or (), naming.count
    strangers = [name for name in own if find_label_indices(name, naming.indices, count) is None]
    if strangers:
        yield (
            f"labels should be names of the model's classes; the images have {len(own)} labels, such as "
            f"{strangers[0]!r}, and the model {count} outputs; {_hint(strangers[0], naming)}"
        )
    elif unknown:
        one = unknown[0]
        yield (
            f"labels should be names or places of the model's {count} classes, counted from 0; "
            f"{len(unknown)} of the first {labelled} are not, such as {one.label!r} of {one.path!r}; "
            f"{_hint(str(one.label), naming)}"
        )


def _hint(label: str, naming: ClassNames) -> str:
    if naming.names is not None:
        return errors.nearest(label, naming.names)
    return "give class_names (--classes) to have them matched."


def find_number_doubts(target: TargetLike, naming: ClassNames) -> Iterator[str]:
    """What is doubtful about a number that is also what another class is called.

    Args:
        target: see `explain_dataset`.
        naming: of the classes.
    """
    if isinstance(target, bool) or not isinstance(target, int | np.integer):
        return
    place = naming.indices.get(str(target))
    if place is not None and place != target and naming.names and 0 <= target < len(naming.names):
        yield (
            f"the target {target} is output {target}, which is called {naming.names[target]!r}; the class "
            f"that is called '{target}' is output {place}: give {place} for that."
        )
