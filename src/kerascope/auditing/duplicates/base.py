"""Pictures that are there more than once: in an audited data set, or in it and in the training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from kerascope.auditing.report.json import pixels
from kerascope.typing import Array

How = Literal["equal", "nearly equal", "mirrored"]
_SAID: Mapping[str, str] = {
    "equal": "is equal to",
    "nearly equal": "is nearly equal to",
    "mirrored": "is the mirror image of",
}


@dataclass(frozen=True, eq=False)
class Copy:
    """An image that is there again.

    Args:
        path: what it is called.
        index: of it among the audited images, or None: it is in the training data.
        label: of it, or None where that is not known.
        of: the index of the audited image that it was compared with; its own, for the first of a group.
        how: `"equal"`, pixel by pixel, as the model is shown them; `"nearly equal"`, but for its size,
            brightness, compression or a small cut; `"mirrored"`, the same with left and right exchanged.
        contradicts: it has another label than that image, where both are known.
        picture: uint8 (32, 32, 3) of one of the training data, else None.
    """

    path: str
    index: int | None
    label: str | None
    of: int
    how: How = "equal"
    contradicts: bool = False
    picture: Array | None = None


@dataclass(frozen=True, eq=False)
class Group:
    """A picture, and where it is.

    Args:
        images: the first is an audited one, which most others are copies of; each of the others is a copy of
            the image that it names: in a chain, the ends need not be alike.
    """

    images: tuple[Copy, ...]

    @property
    def contradictions(self) -> tuple[Copy, ...]:
        """The copies that have another label than the image that they are copies of."""
        return tuple(one for one in self.images if one.contradicts)

    @property
    def leaked(self) -> bool:
        """Whether it is in the training data, too."""
        return any(one.index is None for one in self.images)

    def original(self, copy: Copy) -> Copy:
        """The image that one is a copy of."""
        return next(one for one in self.images if one.index == copy.of)


@dataclass(frozen=True, eq=False)
class Duplicates:
    """What is there more than once.

    Args:
        images: how many were audited.
        groups: of copies: first those with labels that contradict each other, then those in the training
            data, then the largest.
        blank: indices of audited images that show hardly anything, and are no copies of each other.
        training: how many images of the training data were compared; None where none were given.
        training_failed: how many of these could not be read.
        accuracy: the share of the audited images that is right, or None where that is not known.
        accuracy_apart: the same without those that are in the training data; None where none are, or no
            others are left.
        accuracy_once: the same with each picture counted once; None where all are there once.
        notes: what was left out.
    """

    images: int
    groups: tuple[Group, ...] = ()
    blank: tuple[int, ...] = ()
    training: int | None = None
    training_failed: int = 0
    accuracy: float | None = None
    accuracy_apart: float | None = None
    accuracy_once: float | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def leaks(self) -> dict[int, How]:
        """The audited images that are in the training data, by their index, and how alike they are."""
        found: dict[int, How] = {}
        for one in self._copies():
            if one.index is None:
                found[one.of] = min(found.get(one.of, one.how), one.how, key=list(_SAID).index)
        # What is equal to one of them was compared by it.
        return found | {
            one.index: found[one.of]
            for one in self._copies()
            if one.index is not None and one.how == "equal" and one.of in found
        }

    @cached_property
    def again(self) -> dict[int, How]:
        """The audited images that are copies of another one, by their index, and how alike they are."""
        return {one.index: one.how for one in self._copies() if one.index is not None and one.index != one.of}

    @property
    def contradictions(self) -> tuple[Copy, ...]:
        """The copies whose label is not that of the image that they are copies of."""
        return tuple(one for group in self.groups for one in group.contradictions)

    def _copies(self) -> Iterator[Copy]:
        return (one for group in self.groups for one in group.images)

    def told(self) -> list[str]:
        """What must be known of it, a sentence each; nothing where everything is there once."""
        lines = [*self._contradictions_told(), *self._leaks_told(), *self._again_told()]
        if len(self.blank) > 1:
            lines.append(f"{len(self.blank):,} images are blank, or nearly so.")
        return [*lines, *self.notes]

    def _contradictions_told(self) -> Iterator[str]:
        found = self.contradictions
        if found:
            group = next(group for group in self.groups if group.contradictions)
            copy = group.contradictions[0]
            original = group.original(copy)
            where = " (of the training data)" if copy.index is None else ""
            count = f"{len(found):,} copies have" if len(found) > 1 else "A copy has"
            yield (
                f"{count} another label than the same picture elsewhere: {copy.path}{where}, {copy.label}, "
                f"{_SAID[copy.how]} {original.path}, {original.label}."
            )

    def _leaks_told(self) -> Iterator[str]:
        if self.training is None:
            return
        near = sum(how != "equal" for how in self.leaks.values())
        if self.leaks:
            which = f" ({near:,} nearly equal)" if near else ""
            are = "is" if len(self.leaks) == 1 else "are"
            line = f"{len(self.leaks):,} of {self.images:,} images {are} in the training data{which}"
            if self.accuracy is not None and self.accuracy_apart is not None:
                line += f"; accuracy without them {self.accuracy_apart:.1%} instead of {self.accuracy:.1%}"
            yield f"{line}."
        else:
            yield f"None of {self.images:,} images was found among {self.training:,} of the training data."
        if self.training_failed:
            failed = f"{self.training_failed:,} images of the training data"
            yield f"{failed} could not be read and were not compared."

    def _again_told(self) -> Iterator[str]:
        if not self.again:
            return
        near = sum(how != "equal" for how in self.again.values())
        which = f" ({near:,} nearly equal)" if near else ""
        are = "is a copy" if len(self.again) == 1 else "are copies"
        line = f"{len(self.again):,} of {self.images:,} images {are} of others among them{which}"
        if self.accuracy is not None and self.accuracy_once is not None:
            line += (
                f"; accuracy with each counted once {self.accuracy_once:.1%} instead of {self.accuracy:.1%}"
            )
        yield f"{line}."


def duplicates_of(content: Mapping[str, Any] | None) -> Duplicates | None:
    """From JSON, as `kerascope.auditing.report.json.plain` gave it; None where they were not looked for."""
    if content is None:
        return None
    groups = tuple(
        Group(tuple(Copy(**{**one, "picture": pixels(one["picture"])}) for one in group["images"]))
        for group in content["groups"]
    )
    given = {**content, "groups": groups, "blank": tuple(content["blank"]), "notes": tuple(content["notes"])}
    return Duplicates(**given)
