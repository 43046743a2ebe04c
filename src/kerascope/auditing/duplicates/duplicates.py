"""Duplicate images: in the audited data set, or in it and in the training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from kerascope.typing import Array

How = Literal["equal", "nearly equal", "mirrored"]
_RELATION: Mapping[str, str] = {
    "equal": "is equal to",
    "nearly equal": "is nearly equal to",
    "mirrored": "is the mirror image of",
}


@dataclass(frozen=True, eq=False)
class Copy:
    """A copy of an audited image.

    Args:
        path: of the image.
        index: among the audited images, or None: it is in the training data.
        label: or None if unknown.
        of: the index of the audited image that it was compared with; its own, for the first of a group.
        how: `"equal"`, pixel by pixel, as the model is shown them; `"nearly equal"`, except for size,
            brightness, compression or a slight crop; `"mirrored"`, the same with left and right exchanged.
        contradicts: both labels are known, and they differ.
        picture: uint8 (32, 32, 3) of an image of the training data, else None.
    """

    path: str
    index: int | None
    label: str | None
    of: int
    how: How = "equal"
    contradicts: bool = False
    picture: Array | None = None


@dataclass(frozen=True, eq=False)
class CopyGroup:
    """A picture and its copies.

    Args:
        images: the first is an audited one; each of the others is a copy of the image that it names: in a
            chain, the ends need not be alike.
    """

    images: tuple[Copy, ...]

    @property
    def contradictions(self) -> tuple[Copy, ...]:
        """The copies with another label than their original."""
        return tuple(copy for copy in self.images if copy.contradicts)

    @property
    def is_leaked(self) -> bool:
        """Whether the picture is in the training data, too."""
        return any(copy.index is None for copy in self.images)

    def original(self, copy: Copy) -> Copy:
        """The original of a copy."""
        return next(image for image in self.images if image.index == copy.of)


@dataclass(frozen=True, eq=False)
class Duplicates:
    """All duplicate images.

    Args:
        images: number of audited images.
        groups: of copies: first those with contradicting labels, then those in the training data, then the
            largest.
        blank: indices of audited images that show hardly anything, and do not count as copies of each other.
        training: number of images of the training data that were compared; None without training data.
        training_failed: how many of these could not be read.
        accuracy: on the audited images, or None if unknown.
        accuracy_apart: without those that are in the training data; None if none are, or no others are left.
        accuracy_once: with each picture counted once; None if there are no copies.
        notes: what was left out.
    """

    images: int
    groups: tuple[CopyGroup, ...] = ()
    blank: tuple[int, ...] = ()
    training: int | None = None
    training_failed: int = 0
    accuracy: float | None = None
    accuracy_apart: float | None = None
    accuracy_once: float | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def leaks(self) -> dict[int, How]:
        """The audited images that are in the training data, by their index, and how similar they are."""
        leaks: dict[int, How] = {}
        for copy in self._images():
            if copy.index is None:
                leaks[copy.of] = min(leaks.get(copy.of, copy.how), copy.how, key=list(_RELATION).index)
        # An image that is equal to one of them was compared through it.
        return leaks | {
            copy.index: leaks[copy.of]
            for copy in self._images()
            if copy.index is not None and copy.how == "equal" and copy.of in leaks
        }

    @cached_property
    def copies(self) -> dict[int, How]:
        """The audited images that are copies of another one, by their index, and how similar they are."""
        return {
            copy.index: copy.how
            for copy in self._images()
            if copy.index is not None and copy.index != copy.of
        }

    @property
    def contradictions(self) -> tuple[Copy, ...]:
        """The copies with another label than their original."""
        return tuple(copy for group in self.groups for copy in group.contradictions)

    def _images(self) -> Iterator[Copy]:
        return (copy for group in self.groups for copy in group.images)

    def statements(self) -> list[str]:
        """What must be known of the duplicates, a sentence each; empty if there are none."""
        lines = [*self._describe_contradictions(), *self._describe_leaks(), *self._describe_copies()]
        if len(self.blank) > 1:
            lines.append(f"{len(self.blank):,} images are blank, or nearly so.")
        return [*lines, *self.notes]

    def _describe_contradictions(self) -> Iterator[str]:
        count = len(self.contradictions)
        if count:
            group = next(group for group in self.groups if group.contradictions)
            copy = group.contradictions[0]
            original = group.original(copy)
            where = " (of the training data)" if copy.index is None else ""
            have = f"{count:,} copies have" if count > 1 else "A copy has"
            yield (
                f"{have} another label than the same picture elsewhere: {copy.path}{where}, {copy.label}, "
                f"{_RELATION[copy.how]} {original.path}, {original.label}."
            )

    def _describe_leaks(self) -> Iterator[str]:
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

    def _describe_copies(self) -> Iterator[str]:
        if not self.copies:
            return
        near = sum(how != "equal" for how in self.copies.values())
        which = f" ({near:,} nearly equal)" if near else ""
        are = "is a copy" if len(self.copies) == 1 else "are copies"
        line = f"{len(self.copies):,} of {self.images:,} images {are} of others among them{which}"
        if self.accuracy is not None and self.accuracy_once is not None:
            line += (
                f"; accuracy with each counted once {self.accuracy_once:.1%} instead of {self.accuracy:.1%}"
            )
        yield f"{line}."
