"""Samples of a source: some images of many classes, without reading all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice, zip_longest

from kerascope.dataset.labels.label import Label
from kerascope.dataset.reading.folder import FolderPart, list_subfolders
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.source import Part, Source, read_part

_LISTED = 4096
"""Images at the beginning of a list, a table or an archive that are ordered by turns of their labels."""


def interleave_by_label(items: Iterable[Item]) -> Iterator[Item]:
    """Order images: the first of each label, then the second of each, and so on.

    Example:
        >>> from kerascope.dataset.reading.item import Item
        >>> from kerascope.dataset.reading.location import UnreadableLocation
        >>> nowhere = UnreadableLocation("")
        >>> items = [Item(name, name, nowhere, label) for name, label in ("ax", "bx", "cy", "dz")]
        >>> [item.path for item in interleave_by_label(items)]
        ['a', 'c', 'd', 'b']
    """
    by_label: dict[Label, list[Item]] = {}
    for item in items:
        by_label.setdefault(item.label, []).append(item)
    return _interleave(by_label.values())


def sample_by_label(source: Source) -> Iterator[Item]:
    """Images of a source by turns of their labels: of all subfolders, or of the first images."""
    return chain.from_iterable(source.transform(_sample_part(part)) for part in source.parts)


def _sample_part(part: Part) -> Iterator[Item]:
    if isinstance(part, FolderPart) and part.classes:
        return _interleave([_of_class(part, name) for name in list_subfolders(part.path)])
    return interleave_by_label(islice(read_part(part), _LISTED))


def _of_class(part: FolderPart, name: str) -> Iterator[Item]:
    for item in FolderPart(f"{part.path}/{name}", False, part.follow):
        yield replace(item, label=name)


def _interleave(several: Iterable[Iterable[Item]]) -> Iterator[Item]:
    for turn in zip_longest(*several):
        yield from (item for item in turn if item is not None)
