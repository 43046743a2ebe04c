"""Names of the classes of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from kerascope import errors
from kerascope.dataset.classes.outputs import class_count, is_multilabel
from kerascope.dataset.labels.label import Label, find_label_indices
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.source import AS_COLUMNS, Source
from kerascope.probe import Probe
from kerascope.probe.graph.output_kind import label_class_names

ClassName = str | tuple[str, str]
"""The name of a class; or its code, such as the one of WordNet, and its name."""
_LOOKED_AT = 256
"""Images whose labels are looked at before a run begins."""


@dataclass(frozen=True)
class SelectedLabel:
    """The label of a multilabel model that a run is about.

    Args:
        names: of all labels, or None where they are not known.
    """

    index: int
    names: tuple[str, ...] | None
    count: int

    @cached_property
    def indices(self) -> dict[str, int]:
        """Indices of the labels whose names are unique, by name."""
        return unique_indices(self.names)

    def answer(self, label: Label) -> int | None:
        """1 where it is one of an image's labels, 0 where it is not, None where these are not known."""
        found = find_label_indices(label, self.indices, self.count)
        return None if found is None else int(self.index in found)

    def relabel(self, item: Item) -> Item:
        """The image with the answer, 0 or 1, as its label; labels that the model does not have are noted."""
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
        count: of the model's classes; None where it has none.
        codes: names by code.
        selected: the label of a multilabel model that the run is about; the classes are then no and yes. Else
            None.
    """

    names: tuple[str, ...] | None
    origin: str
    count: int | None
    codes: Mapping[str, str] = field(default_factory=dict)
    selected: SelectedLabel | None = None

    @cached_property
    def indices(self) -> dict[str, int]:
        """Indices of the classes whose names are unique, by name."""
        return unique_indices(self.names)

    def label_indices(self, item: Item) -> tuple[int, ...] | None:
        """Indices of the classes of an image's labels, or None where a label is no class."""
        return find_label_indices(item.label, self.indices, self.count)

    def apply(self, source: Source) -> Source:
        """Images whose labels are names of classes, not codes, or answers about the selected label."""
        source = source.rename_labels(self.codes) if self.codes else source
        return source if self.selected is None else source.relabel(self.selected.relabel)


def unique_indices(names: Sequence[str] | None) -> dict[str, int]:
    """Indices of the classes by name; a name of several classes is left out.

    Example:
        >>> from kerascope.dataset.classes.class_names import unique_indices
        >>> unique_indices(["crane", "dog", "crane"])
        {'dog': 1}
    """
    counts = Counter(names or ())
    return {name: index for index, name in enumerate(names or ()) if counts[name] == 1}


def find_class_names(
    given: Sequence[ClassName] | None, probe: Probe, source: Source, blank: Any
) -> ClassNames:
    """Find the names of the classes: as given, of the probe, or of the labels of the images.

    Args:
        given: names, or pairs of a code and a name; None for those of the probe or the images.
        probe: of the model.
        source: of the images.
        blank: an image as the model takes it.
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
    """Check that columns of 0 and 1 are the model's labels, or its classes with a single 1 in each row."""
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
    given: Sequence[ClassName] | None, probe: Probe, source: Source, index: int, labels: int
) -> ClassNames:
    """No and yes as the class names of a run about one of several labels."""
    own, codes, _ = (None, {}, "") if given is None else to_unique_names(given)
    known = [own, probe.label_names, source.class_names]
    names = next((names for names in known if names is not None and len(names) == labels), None)
    if given is not None and len(given) != labels:
        raise errors.ParameterError(
            f"class_names must name each of the model's {labels} labels; got {len(given)} names."
        )
    both = label_class_names(index, names)
    return ClassNames(
        both, f"the answers no and yes to {both[1]!r}", 2, codes, SelectedLabel(index, names, labels)
    )


def to_unique_names(given: Sequence[ClassName]) -> tuple[tuple[str, ...], dict[str, str], str]:
    """Make names unique; also return names by code, and a note where names needed their code.

    Args:
        given: names, or pairs of a code and a name, as in an index of ImageNet; names that occur twice get
            their code.
    """
    pairs = [(None, str(name)) if isinstance(name, str) else name for name in given]
    counts = Counter(name for _, name in pairs)
    names = tuple(name if code is None or counts[name] == 1 else f"{name} ({code})" for code, name in pairs)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        where = " and ".join(str(index) for index, name in enumerate(names) if name == twice[0])
        raise errors.ParameterError(
            f"class_names must differ; {twice[0]!r} names outputs {where}; give each a name of its own."
        )
    codes = {code: name for (code, _), name in zip(pairs, names, strict=True) if code is not None}
    doubles = [name for (_, plain), name in zip(pairs, names, strict=True) if name != plain]
    note = f"; names that occur twice have their code, as in {doubles[0]}" if doubles else ""
    return names, codes, note
