"""The search for duplicates: among the audited images, and in the training data."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.duplicates.duplicates import Copy, CopyGroup, Duplicates, How
from kerascope.auditing.duplicates.near_duplicates import NearDuplicateSearch, Pairs
from kerascope.auditing.duplicates.similarity import contrast, to_sketch
from kerascope.auditing.duplicates.training_data import ImageRecord, TrainingData, comparable_label
from kerascope.dataset.labels.label import format_label
from kerascope.dataset.results import Results
from kerascope.dataset.running.job import Job
from kerascope.typing import Array

FLAT = 4.0
"""The standard deviation of the brightness, 0 to 128, below which a picture is blank."""
LARGEST = 100_000
"""The most images among which nearly equal ones are searched for, in a minute; of more, equal ones only."""
_LISTED = 5
"""The most copies in the training data that are listed of an image."""


def find_copies(
    job: Job, results: Results, training: TrainingData | None = None, label_values: Array | None = None
) -> Duplicates:
    """Find the duplicate images of an audit.

    Args:
        job: that has explained the images.
        results: of the job.
        training: the training data, or None.
        label_values: for a model of several labels, see `kerascope.auditing.data.label_matrix.LabelMatrix`.

    Cost:
        No forward. See `kerascope.auditing.duplicates.near_duplicates.NearDuplicateSearch`; the training data
        is read once, and not stored.
    """
    records = list(_read_records(job, results, label_values))
    flat = contrast(np.stack([record.sketch for record in records])) < FLAT
    equal: dict[str, list[int]] = defaultdict(list)
    for position, record in enumerate(records):
        if not flat[position]:
            equal[record.digest].append(position)
    firsts = [records[positions[0]] for positions in equal.values()]
    search, notes = None, []
    if len(firsts) <= LARGEST:
        sketches = [record.sketch for record in firsts]
        search = NearDuplicateSearch(np.stack(sketches) if sketches else np.zeros((0, 32, 32, 3), "uint8"))
    else:
        notes.append(
            f"Of more than {LARGEST:,} different images, only equal ones were searched for, pixel by pixel."
        )
    pairs = Pairs.concatenate([]) if search is None else search.pairs()
    leaks = LeakSearch(firsts, search)
    if training is not None:
        for block in training.read_blocks(job):
            leaks.compare(block)
    duplicates = Duplicates(
        len(records),
        group_copies(records, list(equal.values()), pairs, leaks.leaks()),
        tuple(
            record.index
            for record, is_flat in zip(records, flat, strict=True)
            if is_flat and record.index is not None
        ),
        None if training is None else leaks.read,
        leaks.failed,
        notes=tuple(notes),
    )
    return _with_accuracy(duplicates, records)


def _read_records(job: Job, results: Results, label_values: Array | None) -> Iterator[ImageRecord]:
    """The audited images."""
    from PIL import Image

    columns = ["index", "path", "label", "label_index", "label_indices", "prediction", "pixels", "picture"]
    for row in results.image_rows(columns):
        if label_values is None and row["prediction"] is None:
            continue  # its scores are not finite: it is not part of the audit
        label, classes = row["label"], comparable_label(row["label"], row["label_indices"])
        right = None if row["label_index"] is None else row["label_index"] == row["prediction"]
        if label_values is not None:
            own, right = label_values[row["index"]], None
            classes = None if (own < 0).any() else tuple(np.flatnonzero(own).tolist())
            label = None if classes is None else format_label(classes, classes, job.names or ()) or "no label"
        with Image.open(io.BytesIO(row["picture"])) as picture:
            sketch = to_sketch(picture.convert("RGB"))
        yield ImageRecord(row["path"], row["index"], label, classes, row["pixels"], sketch, right)


class LeakSearch:
    """Images of the training data that are equal or nearly equal to an audited image.

    Args:
        firsts: different audited images.
        search: among these, or None to find equal ones only.
    """

    def __init__(self, firsts: Sequence[ImageRecord], search: NearDuplicateSearch | None) -> None:
        self._positions = {record.digest: position for position, record in enumerate(firsts)}
        self._search = search
        self.read = self.failed = 0
        self._equal: list[tuple[int, ImageRecord]] = []
        self._near: list[Pairs] = []
        self._candidates: list[ImageRecord] = []

    def compare(self, block: Sequence[ImageRecord | None]) -> None:
        """Compare a block of the training data, and keep images with a match only."""
        records = [record for record in block if record is not None]
        self.read += len(records)
        self.failed += len(block) - len(records)
        positions = self._positions
        self._equal += [
            (positions[record.digest], record) for record in records if record.digest in positions
        ]
        different = list({record.digest: record for record in records}.values())
        if self._search is None or not different or not positions:
            return
        sketches = np.stack([record.sketch for record in different])
        visible = np.flatnonzero(contrast(sketches) >= FLAT)
        pairs = self._search.match(sketches[visible])
        candidates = [different[position] for position in visible[pairs.second].tolist()]
        unequal = np.asarray([positions.get(record.digest) for record in candidates]) != pairs.first
        self._near.append(pairs.take(unequal))
        self._candidates += [candidates[position] for position in np.flatnonzero(unequal)]

    def leaks(self) -> dict[int, list[tuple[How, ImageRecord]]]:
        """By the position of an audited image, the five most similar images, and how similar they are."""
        leaks: dict[int, list[tuple[How, ImageRecord]]] = defaultdict(list)
        for position, record in self._equal:
            leaks[position].append(("equal", record))
        pairs = Pairs.concatenate(self._near)
        if self._search is not None and len(pairs):
            near = self._search.is_near(pairs)
            for pair in np.flatnonzero(near)[np.argsort(pairs.distance[near], kind="stable")].tolist():
                how: How = "mirrored" if pairs.mirrored[pair] else "nearly equal"
                leaks[int(pairs.first[pair])].append((how, self._candidates[pair]))
        return {position: several[:_LISTED] for position, several in leaks.items()}


def group_copies(
    records: Sequence[ImageRecord],
    equal: Sequence[Sequence[int]],
    pairs: Pairs,
    leaks: dict[int, list[tuple[How, ImageRecord]]],
) -> tuple[CopyGroup, ...]:
    """Group copies of one picture, directly or through other copies; pictures with most copies first."""
    near: dict[int, dict[int, How]] = defaultdict(dict)
    for first, second, mirrored in zip(
        pairs.first.tolist(), pairs.second.tolist(), pairs.mirrored.tolist(), strict=True
    ):
        near[first][second] = near[second][first] = "mirrored" if mirrored else "nearly equal"
    groups = []
    grouped: set[int] = set()
    for start in sorted(range(len(equal)), key=lambda picture: (-len(near[picture]), picture)):
        if start in grouped:
            continue
        grouped.add(start)
        original = records[equal[start][0]]
        images = [_to_copy(original, original, "equal")]
        queue = [start]
        for picture in queue:
            original = records[equal[picture][0]]
            images += [_to_copy(records[position], original, "equal") for position in equal[picture][1:]]
            images += [_to_copy(record, original, how) for how, record in leaks.get(picture, ())]
            for other, how in near[picture].items():
                if other not in grouped:
                    grouped.add(other)
                    queue.append(other)
                    images.append(_to_copy(records[equal[other][0]], original, how))
        if len(images) > 1:
            groups.append(CopyGroup(tuple(images)))
    groups.sort(key=lambda group: (not group.contradictions, not group.is_leaked, -len(group.images)))
    return tuple(groups)


def _to_copy(record: ImageRecord, original: ImageRecord, how: How) -> Copy:
    assert original.index is not None
    known = record.classes is not None and original.classes is not None
    comparable = known and type(record.classes) is type(original.classes)
    contradicts = comparable and record.classes != original.classes
    picture = record.sketch if record.index is None else None
    return Copy(record.path, record.index, record.label, original.index, how, contradicts, picture)


def _with_accuracy(duplicates: Duplicates, records: Sequence[ImageRecord]) -> Duplicates:
    """Add the accuracy: on all images, without the training data, and on each picture once."""

    def accuracy(without: dict[int, How]) -> float | None:
        right = [
            record.right for record in records if record.right is not None and record.index not in without
        ]
        return float(np.mean(right)) if right else None

    return replace(
        duplicates,
        accuracy=accuracy({}),
        accuracy_apart=accuracy(duplicates.leaks) if duplicates.leaks else None,
        accuracy_once=accuracy(duplicates.copies) if duplicates.copies else None,
    )
