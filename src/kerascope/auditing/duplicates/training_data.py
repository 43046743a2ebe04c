"""The training data of a model, streamed for a comparison with the audited images."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from kerascope.auditing.description.pixels import pixel_digest, to_thumbnail
from kerascope.auditing.duplicates.similarity import to_sketch
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.source import Source
from kerascope.dataset.running.explainer import Explainer
from kerascope.dataset.running.job import Job
from kerascope.dataset.writing.store import Store
from kerascope.progress import Progress
from kerascope.typing import Array

_BLOCK = 1024
"""Images that are held in memory together."""


@dataclass(frozen=True, eq=False)
class ImageRecord:
    """The properties of an image that are compared.

    Args:
        path: of the image.
        index: among the audited images, or None.
        label: as text, or None.
        classes: its label for comparisons, or None: indices of classes, else the text.
        digest: of its pixels as the model is shown them.
        sketch: uint8 (32, 32, 3).
        right: whether the prediction is, or None.
    """

    path: str
    index: int | None
    label: str | None
    classes: tuple[int, ...] | str | None
    digest: str
    sketch: Array
    right: bool | None = None


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The training data of a model.

    Args:
        source: of its images.
        threads: that read them; None for the default of a run.
        progress: draw a progress bar; None on a terminal.
    """

    source: Source
    threads: int | None = None
    progress: bool | None = None

    def digest(self) -> str:
        """Identifies the training data by paths: an audit can be resumed only with the same."""
        digest = hashlib.sha256("\0".join(self.source.paths).encode("utf-8", "surrogateescape"))
        for item in self.source:
            digest.update(f"\n{item.path}".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    def read_blocks(self, job: Job) -> Iterator[list[ImageRecord | None]]:
        """Read the images as a job does, in blocks; None for one that cannot be read."""
        source = job.class_names.apply(self.source)
        # Read images with and without a label.
        explainer = Explainer(job.probe, replace(job.options, target=0), job.names, Store(os.devnull))

        def read_record(item: Item) -> ImageRecord | None:
            prepared = explainer.prepare(0, item)
            if prepared.image is None:
                return None
            pixels = job.options.preprocessing.pixels(prepared.image)
            row = prepared.row
            classes = comparable_label(row["label"], row["label_indices"])
            sketch = to_sketch(to_thumbnail(pixels))
            return ImageRecord(item.path, None, row["label"], classes, pixel_digest(pixels), sketch)

        items = iter(source)
        workers = max(1, min(4, os.cpu_count() or 1) if self.threads is None else self.threads)
        with (
            ThreadPoolExecutor(workers, "kerascope-training") as pool,
            Progress(source.count(), self.progress, "compare", "images", patience=0) as progress,
        ):
            while block := list(islice(items, _BLOCK)):
                yield list(pool.map(read_record, block))
                progress.advance(len(block))


def comparable_label(label: str | None, indices: Sequence[int] | None) -> tuple[int, ...] | str | None:
    """A label for comparisons: the indices of its classes, else the text."""
    return label if indices is None else tuple(sorted(indices))
