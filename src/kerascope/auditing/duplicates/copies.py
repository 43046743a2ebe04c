"""Copies looked for: among the images of an audit, and in the training data, which passes by."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from kerascope.auditing.duplicates.base import Copy, Duplicates, Group, How
from kerascope.auditing.duplicates.likeness import contrast, sketch
from kerascope.auditing.duplicates.pairs import Pairs, Search, joined
from kerascope.auditing.duplicates.training import Look, Training, labels_meant
from kerascope.dataset.labels.label import format_label
from kerascope.dataset.results import Results
from kerascope.dataset.running.job import Job
from kerascope.typing import Array

FLAT = 4.0
"""The standard deviation of the brightness, 0 to 128, below which a picture is blank."""
LARGEST = 100_000
"""The most images among which nearly equal ones are looked for: a minute; of more, equal ones alone."""
_LISTED = 5
"""The most copies in the training data that are listed of an image."""
_NO_SKETCHES = np.zeros((0, 32, 32, 3), "uint8")


def find_copies(
    job: Job, results: Results, training: Training | None = None, given: Array | None = None
) -> Duplicates:
    """What is there more than once.

    Args:
        job: that has explained the images.
        results: of the job.
        training: the training data, or None.
        given: of a model of several labels, int8 (images, labels): those of each image, -1 where not known.

    Cost:
        No forward. See `kerascope.auditing.duplicates.pairs.Search`; the training data is read once, and not
        kept.
    """
    looks = list(_audited(job, results, given))
    flat = contrast(np.stack([one.sketch for one in looks])) < FLAT
    same: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(looks):
        if not flat[place]:
            same[one.digest].append(place)
    firsts = [places[0] for places in same.values()]
    notes = []
    search = None
    if len(firsts) <= LARGEST:
        search = Search(np.stack([looks[place].sketch for place in firsts]) if firsts else _NO_SKETCHES)
    else:
        notes.append(
            f"Of more than {LARGEST:,} different images, pixel for pixel equal ones alone were looked for."
        )
    pairs = joined([]) if search is None else search.among()
    leaks = _Leaks(firsts, {digest: number for number, digest in enumerate(same)}, search)
    if training is not None:
        for block in training.blocks(job):
            leaks.pass_by(block)
    groups = group_copies(looks, list(same.values()), pairs, leaks.found())
    found = Duplicates(
        len(looks),
        groups,
        tuple(
            one.index for one, is_flat in zip(looks, flat, strict=True) if is_flat and one.index is not None
        ),
        None if training is None else leaks.read,
        leaks.failed,
        notes=tuple(notes),
    )
    return _with_accuracy(found, looks)


def _audited(job: Job, results: Results, given: Array | None) -> Iterator[Look]:
    from PIL import Image

    columns = ["index", "path", "label", "label_index", "label_indices", "prediction", "pixels", "picture"]
    for row in results.image_rows(columns):
        if given is None and row["prediction"] is None:
            continue  # its scores are not finite: it is no part of the audit
        label, meant = row["label"], labels_meant(row["label"], row["label_indices"])
        right = None if row["label_index"] is None else row["label_index"] == row["prediction"]
        if given is not None:
            own, right = given[row["index"]], None
            meant = None if (own < 0).any() else tuple(np.flatnonzero(own).tolist())
            label = None if meant is None else format_label(meant, meant, job.names or ()) or "no label"
        with Image.open(io.BytesIO(row["picture"])) as picture:
            drawn = sketch(picture.convert("RGB"))
        yield Look(row["path"], row["index"], label, meant, row["pixels"], drawn, right)


class _Leaks:
    """What of the training data is equal or nearly equal to an audited image.

    Args:
        firsts: places of the audited images, one of those that are equal.
        numbers: the number of each by its digest.
        search: among these, or None.
    """

    def __init__(self, firsts: Sequence[int], numbers: dict[str, int], search: Search | None) -> None:
        self.firsts, self.numbers, self.search = firsts, numbers, search
        self.read = self.failed = 0
        self._equal: list[tuple[int, Look]] = []
        self._near: list[Pairs] = []
        self._passed: list[Look] = []

    def pass_by(self, block: Sequence[Look | None]) -> None:
        """Compare a block of the training data, and forget what is like nothing."""
        looks = [one for one in block if one is not None]
        self.read += len(looks)
        self.failed += len(block) - len(looks)
        self._equal += [(self.numbers[one.digest], one) for one in looks if one.digest in self.numbers]
        different = list({one.digest: one for one in looks}.values())
        if self.search is None or not different or not self.firsts:
            return
        sketches = np.stack([one.sketch for one in different])
        shown = np.flatnonzero(contrast(sketches) >= FLAT)
        near = self.search.passing(sketches[shown])
        passed = [different[place] for place in shown[near.other].tolist()]
        apart = np.asarray([self.numbers.get(one.digest) for one in passed]) != near.one
        self._near.append(near.chosen(apart))
        self._passed += [one for one, kept in zip(passed, apart, strict=True) if kept]

    def found(self) -> dict[int, list[tuple[How, Look]]]:
        """By the number of an audited image, how alike and to what: the five that are most alike."""
        found: dict[int, list[tuple[How, Look]]] = defaultdict(list)
        for number, one in self._equal:
            found[number].append(("equal", one))
        near = joined(self._near)
        if self.search is not None and len(near):
            kept = self.search.is_near(near)
            for place in np.flatnonzero(kept)[np.argsort(near.remainder[kept], kind="stable")].tolist():
                how: How = "mirrored" if near.mirrored[place] else "nearly equal"
                found[int(near.one[place])].append((how, self._passed[place]))
        return {number: several[:_LISTED] for number, several in found.items()}


def group_copies(
    looks: Sequence[Look],
    same: Sequence[Sequence[int]],
    pairs: Pairs,
    leaks: dict[int, list[tuple[How, Look]]],
) -> tuple[Group, ...]:
    """Copies of one picture together: those that are joined by pairs, in the order of how many they have."""
    near: dict[int, dict[int, How]] = defaultdict(dict)
    for one, other, mirrored in zip(
        pairs.one.tolist(), pairs.other.tolist(), pairs.mirrored.tolist(), strict=True
    ):
        near[one][other] = near[other][one] = "mirrored" if mirrored else "nearly equal"
    groups = []
    done: set[int] = set()
    for first in sorted(range(len(same)), key=lambda number: (-len(near[number]), number)):
        if first in done:
            continue
        done.add(first)
        images = [_copy(looks[same[first][0]], looks[same[first][0]], "equal")]
        waiting = [first]
        for number in waiting:
            original = looks[same[number][0]]
            images += [_copy(looks[place], original, "equal") for place in same[number][1:]]
            images += [_copy(one, original, how) for how, one in leaks.get(number, ())]
            for other, how in near[number].items():
                if other not in done:
                    done.add(other)
                    waiting.append(other)
                    images.append(_copy(looks[same[other][0]], original, how))
        if len(images) > 1:
            groups.append(Group(tuple(images)))
    return tuple(
        sorted(groups, key=lambda group: (not group.contradictions, not group.leaked, -len(group.images)))
    )


def _copy(look: Look, original: Look, how: How) -> Copy:
    assert original.index is not None
    known = look.meant is not None and original.meant is not None and type(look.meant) is type(original.meant)
    contradicts = known and look.meant != original.meant
    picture = look.sketch if look.index is None else None
    return Copy(look.path, look.index, look.label, original.index, how, contradicts, picture)


def _with_accuracy(found: Duplicates, looks: Sequence[Look]) -> Duplicates:
    """With the share that is right: of all, without the training data, and of each picture once."""

    def accuracy(without: dict[int, How]) -> float | None:
        right = [one.right for one in looks if one.right is not None and one.index not in without]
        return float(np.mean(right)) if right else None

    return replace(
        found,
        accuracy=accuracy({}),
        accuracy_apart=accuracy(found.leaks) if found.leaks else None,
        accuracy_once=accuracy(found.again) if found.again else None,
    )
