"""Images from arrays in memory instead of files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.labels.label import Label, as_label
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.source import Source
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class ArrayLocation:
    """An image in memory."""

    image: Array

    def read(self) -> bytes:
        return np.ascontiguousarray(self.image).tobytes()


@dataclass(frozen=True, eq=False)
class ArrayPart:
    """Images of an array.

    Args:
        images: (N, ...) as the model takes them.
        labels: of each, see `kerascope.dataset.labels.label.as_label`; or None.
    """

    images: Array
    labels: Sequence[Label] | None
    path = "array"

    def __iter__(self) -> Iterator[Item]:
        for index, image in enumerate(self.images):
            label = None if self.labels is None else self.labels[index]
            yield Item(f"image {index}", f"{index:06d}", ArrayLocation(image), label)

    def count(self) -> int:
        return len(self.images)


def from_arrays(images: Any, labels: Any = None) -> Source:
    """A source of images that are in memory.

    Args:
        images: (N, H, W, C), or (N, H, W) for grey, as the model takes them.
        labels: (N,) indices of the classes in the model's outputs, or their names; a list of lists of these,
            for images with several labels; an array (N, K) of a column of 0 and 1 for each of K classes; None
            where not known. See `kerascope.dataset.labels.label.as_label`.
    """
    given = np.asarray(images)
    if given.ndim == 3:
        given = given[..., None]
    if given.ndim != 4 or not len(given) or given.dtype.kind not in "buif":
        raise errors.InputError(
            f"images must be an array (N, H, W, C) of numbers, or paths; got {given.dtype} {given.shape}."
        )
    digest = hashlib.sha256(np.ascontiguousarray(given).tobytes()).hexdigest()[:16]
    return Source(
        (f"array {given.shape} {digest}",),
        (ArrayPart(given, None if labels is None else as_labels(labels, len(given))),),
        None,
    )


def as_labels(labels: Any, count: int) -> list[Label]:
    """Convert the labels of some images: see `from_arrays`."""
    columns = hasattr(labels, "shape") and len(labels.shape) == 2 and labels.shape[1] > 1
    found = np.asarray(labels) if hasattr(labels, "shape") else labels
    if not hasattr(found, "__len__") or isinstance(found, str) or getattr(found, "ndim", 1) == 0:
        raise errors.InputError(f"labels must be a list or an array; got {labels!r:.60}.")
    if len(found) != count:
        raise errors.InputError(f"there must be one label for each of the {count} images; got {len(found)}.")
    if not columns:
        return [as_label(label) for label in found]
    if not np.isin(found, (0, 1)).all():
        raise errors.InputError(
            f"an array (N, classes) of labels must hold 0 and 1; got {found.dtype} {found.shape} with other "
            "values; give a list of the labels of each image."
        )
    return [as_label(np.flatnonzero(row)) for row in found]
