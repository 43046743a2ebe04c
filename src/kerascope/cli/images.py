"""A few images of a data set as arrays, for commands that need all images at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope import errors
from kerascope.cli import console
from kerascope.cli.loading import LoadArguments, read_method
from kerascope.dataset.classes.class_names import ClassNames
from kerascope.dataset.classes.outputs import is_multilabel
from kerascope.dataset.classes.targets import LABEL, find_number_doubts, resolve_target
from kerascope.dataset.folder_arrays import read_images
from kerascope.dataset.labels.label import describe_unknown_labels
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.sample import interleave_by_label
from kerascope.dataset.running.job import Job
from kerascope.dataset.running.plan import plan
from kerascope.dataset.writing.overlap import check_no_overlap
from kerascope.probe import Probe

if TYPE_CHECKING:
    from kerascope.method import Method
    from kerascope.target import TargetLike


@dataclass(frozen=True, eq=False)
class LoadedImages:
    """A model and images in memory.

    Args:
        images: (N, ...), of the model.
        labels: class indices, or None where an image has none; of a multi-label model a list per image, or
            None where its labels are unknown.
    """

    job: Job
    probe: Probe
    images: Any
    labels: list[Any] | None
    captions: list[str]

    def resolve_target(self, target: TargetLike) -> TargetLike:
        """Resolve a target; `"label"` to the labels."""
        if target != LABEL:
            for text in find_number_doubts(target, self.job.class_names):
                console.warn(text)
            return resolve_target(target, self.job.class_names)
        found = [_single(label) for label in self.labels or ()]
        if not found or None in found:
            raise errors.TargetError(
                "the target label must find one label of each image among the names of the classes; not "
                "all have just one; give --classes, or --target predicted."
            )
        return found


def load(arguments: LoadArguments, limit: int, outputs: Sequence[Path | None] = ()) -> LoadedImages:
    """Load a model and the first images that can be read, evenly over the classes where there are labels.

    Args:
        arguments: of the command.
        limit: the most images.
        outputs: files that are to be written.

    Raises:
        DatasetError: an image is one of `outputs`.
    """
    source = arguments.find_images()
    for path in outputs:
        if path is not None and path.exists():
            check_no_overlap(path, (), source)
    job = plan(arguments.load_probe(), source, options=arguments.to_image_options())
    layout = job.layout
    chosen = islice(interleave_by_label(job.source), limit)
    height, width = layout.spatial
    images, kept = read_images(chosen, job.options.preprocessing, (height, width), layout.channels)
    return LoadedImages(
        job,
        job.probe,
        layout.original(images, np),
        _labels(kept, job.class_names, is_multilabel(job.probe, layout.original(images[:1], np))),
        [Path(item.path).name for item in kept],
    )


def _single(label: Any) -> int | None:
    """Return the only label of an image; None where it has none or several."""
    if isinstance(label, int):
        return label
    return label[0] if label is not None and len(label) == 1 else None


def _labels(items: Sequence[Item], class_names: ClassNames, several: bool) -> list[Any] | None:
    """Return the class index of each image; None, with a warning, unless each has exactly one.

    Of a multi-label model, return the indices of each image's labels.
    """
    found = [class_names.label_indices(item) for item in items]
    if several:
        return [None if places is None else list(places) for places in found] if any(found) else None
    single = [places[0] for places in found if places is not None and len(places) == 1]
    if len(single) == len(items):
        return single or None
    if any(item.label is not None for item in items):
        console.warn(
            f"every image must have one label among the classes for labels to be used; {len(single)} of "
            f"{len(items)} have, so all are left out.",
        )
        known = zip(items, found, strict=True)
        lost = [item.label for item, places in known if item.label is not None and places is None]
        for text in describe_unknown_labels(Counter(map(str, lost))):
            console.warn(text)
    return None


def read_methods(names: Sequence[str], layer: str | None) -> dict[str, Method]:
    """Return methods by name, at a layer where they have one."""
    separate = [name for text in names for name in text.split(",") if name]
    found = {name: read_method(name, None, None) for name in separate}
    return {name: method if layer is None else method.at(layer) for name, method in found.items()}


def print_choices(loaded: LoadedImages) -> None:
    """Print the choices of the plan."""
    console.print_lines([(name, text) for name, text in loaded.job.choice_lines if name != "method"])
