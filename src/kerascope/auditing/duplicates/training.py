"""The training data of a model, read to be compared with what is audited: looked at once, and not kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from kerascope.auditing.describe import pixel_digest, small_picture
from kerascope.auditing.duplicates.likeness import sketch
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.source import Source
from kerascope.dataset.running.explainer import Explainer
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.store import Store
from kerascope.progress import Progress
from kerascope.typing import Array

_BLOCK = 1024
"""Images that are held together."""


@dataclass(frozen=True, eq=False)
class Look:
    """An image as it is compared.

    Args:
        path: what it is called.
        index: among the audited images, or None.
        label: as text, or None.
        meant: its label as it is compared with others, or None: places of classes, else the text.
        digest: of its pixels as the model is shown them.
        sketch: uint8 (32, 32, 3).
        right: whether the prediction is, or None.
    """

    path: str
    index: int | None
    label: str | None
    meant: tuple[int, ...] | str | None
    digest: str
    sketch: Array
    right: bool | None = None


@dataclass(frozen=True, eq=False)
class Training:
    """The training data of a model, to be compared with an audited data set.

    Args:
        source: of its images.
        threads: that read them; None for as many as a run has.
        progress: draw a progress bar; None on a terminal.
    """

    source: Source
    threads: int | None = None
    progress: bool | None = None

    def digest(self) -> str:
        """Of what was given and what the images are called: an audit is resumed with the same only."""
        found = hashlib.sha256("\0".join(self.source.paths).encode("utf-8", "surrogateescape"))
        for item in self.source:
            found.update(f"\n{item.path}".encode("utf-8", "surrogateescape"))
        return found.hexdigest()

    def blocks(self, job: Job) -> Iterator[list[Look | None]]:
        """Its images as they are compared, read as those of the run are; None for one that cannot be read."""
        source = job.class_names.apply(self.source)
        # An image is read whether or not it has a label.
        explainer = Explainer(job.probe, replace(job.options, target=0), job.names, Store(os.devnull))

        def look(item: Item) -> Look | None:
            prepared = explainer.prepare(0, item)
            if prepared.image is None:
                return None
            pixels = job.options.preprocessing.pixels(prepared.image)
            row = prepared.row
            meant = labels_meant(row["label"], row["label_indices"])
            drawn = sketch(small_picture(pixels))
            return Look(item.path, None, row["label"], meant, pixel_digest(pixels), drawn)

        items = iter(source)
        workers = max(1, min(4, os.cpu_count() or 1) if self.threads is None else self.threads)
        with (
            ThreadPoolExecutor(workers, "kerascope-training") as pool,
            Progress(source.count(), self.progress, "compare", "images", patience=0) as progress,
        ):
            while block := list(islice(items, _BLOCK)):
                yield list(pool.map(look, block))
                progress.advance(len(block))


def labels_meant(label: str | None, places: Sequence[int] | None) -> tuple[int, ...] | str | None:
    """A label as it is compared with others: the places of its classes, else the text."""
    return label if places is None else tuple(sorted(places))
