"""PartitionSHAP: the score shared out among halves of the image, and halves of these."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kerascope.method.segments.base import SegmentMethod, Valuation
from kerascope.perturb.hierarchy import SegmentGroup, hierarchy
from kerascope.typing import Array
from kerascope.validation import check_whole

_LEAST = 16
"""Fewest groups that are split at a time, if there are as many."""
_SHARE = 4
"""One group of this many is split at a time."""
_DIGITS = 6
"""Digits of the worth of a group, so that rounding does not decide the order on any backend."""


@dataclass(frozen=True)
class PartitionSHAP(SegmentMethod, name="partition_shap"):
    r"""PartitionSHAP: Owen values of the segments in a hierarchy of halves, the greatest split first.

    $$V_i = \frac{1}{2^d} \sum_{T \subseteq \{B_1, \ldots, B_d\}}
      \Big(s\big(\textstyle\bigcup T \cup \{i\}\big) - s\big(\bigcup T\big)\Big)$$

    where the segment $i$ is reached from the whole image by $d$ splits, and $B_1, \ldots, B_d$ are the other
    halves of these. A group of segments is worth $s(C \cup G) - s(C)$ in each context $C$ of such halves. It
    is split by asking about $C$ with either half; what the group is worth is shared out among these halves,
    each in the context with and without the other one. Groups that are worth most, times the weight of their
    context, are split first, a quarter of those that can be at a time, and at least 16, so that passes are
    filled. When no mask is left, what a group is worth is shared evenly among its segments.

    The hierarchy is cut across the longest side of each group, near its middle; of 2 x 4 cells into 2 x 2,
    these into 2 x 1, and these into cells.

    The values of the segments sum exactly to the score less the score of the empty coalition, however few
    masks there are. With at least 2/3 (S^2 - 1) masks, for S segments whose halves are equal, every group is
    split, and values are the Owen values of that hierarchy; if the score is a sum over segments, they are its
    terms.

    Args:
        masks: the most coalitions besides the empty one, at least 2; default 1000. A split takes two.

    Returns:
        values float32 (N, *spatial), the same over a segment, signed, in units of the score; not normalised.
        NaN where the score of the empty coalition is not known. A group is not split where a score that this
        takes is NaN. With several targets, a group is worth what it is for the one where this is most, so
        that, until all are split, values differ from those for one target alone.

    Cost:
        2 forwards, and at most 1 for each mask and baseline. Several targets share them.

    Source:
        Owen, Values of Games with a Priori Unions, 1977, for unions within unions; the order of splits, and
        the even shares, after `PartitionExplainer` of the package shap, version 0.51, which has no paper.
        Deviations: groups are split in rounds; segments are the leaves, not pixels.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.PartitionSHAP(segments=(4, 4))(model, images, target=1).masks  # all 170, and the empty one
        array([171, 171], dtype=int32)
    """

    masks: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.masks, "masks", 2)

    @property
    def forwards(self) -> int:  # type: ignore[override]
        """One for the score, and for each baseline one without any segment and one for each mask.

        The number of segments is known of a grid alone, whose halves are taken to be equal; of others all
        masks are counted.
        """
        splits = self.masks // 2
        if isinstance(self.segments, tuple):
            splits = min(splits, _splits(math.prod(self.segments)))
        return 1 + (1 + 2 * splits) * self.baselines

    def value_segments(self, count: int, whole: Array, labels: Array) -> Valuation:
        """Groups are split, those that are worth most first."""
        root = _Part(hierarchy(labels), np.zeros(count), 1.0)
        splits = self.masks // 2
        # The first levels are split in any case, so their coalitions go together.
        request = [
            root.context,
            *(coalition for part in _levels(root, splits) for coalition in part.coalitions()),
        ]
        known = _ScoreCache()
        known.add(request, (yield np.stack(request)))
        known.add([np.ones(count)], whole[None])
        if not np.isfinite(known.worth(root)).all():
            return np.full((len(whole), count), np.nan)
        values = np.zeros((len(whole), count))
        open_, closed = [root], []
        while splits > 0 and any(part.group.halves for part in open_):
            closed += [part for part in open_ if not part.group.halves]
            open_ = [part for part in open_ if part.group.halves]
            worth = [float(np.abs(known.worth(part)).max()) for part in open_]
            order = self.order(np.asarray(worth))
            number = min(splits, max(_LEAST, len(open_) // _SHARE))
            chosen = [open_[index] for index in order[:number]]
            open_ = [open_[index] for index in order[number:]]
            splits -= len(chosen)
            request = [new for part in chosen for new in part.coalitions() if not known.has(new)]
            if request:
                known.add(request, (yield np.stack(request)))
            for part in chosen:
                if all(np.isfinite(known.of(coalition)).all() for coalition in part.coalitions()):
                    open_ += part.split()
                else:
                    closed.append(part)
        for part in open_ + closed:
            members = part.group.members
            values[:, members] += known.worth(part)[:, None] / len(members)
        return values

    def order(self, worth: Array) -> Array:
        """Numbers of the groups that can be split, in the order in which they should be."""
        highest = worth.max()
        shares = worth / highest if highest > 0 else worth
        return np.argsort(-np.round(shares, _DIGITS), kind="stable")


@dataclass(frozen=True, eq=False)
class _Part:
    """A group in a context (S,), 1 for the segments outside the group that are left, and its weight."""

    group: SegmentGroup
    context: Array
    weight: float

    @property
    def with_group(self) -> Array:
        return _unite(self.context, self.group)

    def coalitions(self) -> list[Array]:
        """The coalitions that a split asks about: the context with either half."""
        return [_unite(self.context, half) for half in self.group.halves]

    def split(self) -> list[_Part]:
        """Each half, without the other one and with it."""
        first, second = self.group.halves
        return [
            _Part(half, context, self.weight / 2)
            for half, other in ((first, second), (second, first))
            for context in (self.context, _unite(self.context, other))
        ]


class _ScoreCache:
    """Scores by coalition."""

    def __init__(self) -> None:
        self._scores: dict[bytes, Array] = {}

    def add(self, coalitions: list[Array], scores: Array) -> None:
        self._scores.update(zip(map(_key, coalitions), scores, strict=True))

    def has(self, coalition: Array) -> bool:
        return _key(coalition) in self._scores

    def of(self, coalition: Array) -> Array:
        return self._scores[_key(coalition)]

    def worth(self, part: _Part) -> Array:
        """(K,) what the group is worth in its context, times the weight of this."""
        return np.asarray(part.weight * (self.of(part.with_group) - self.of(part.context)))


def _unite(context: Array, group: SegmentGroup) -> Array:
    joined = context.copy()
    joined[group.members] = 1
    return joined


def _key(coalition: Array) -> bytes:
    return np.packbits(coalition > 0).tobytes()


def _levels(root: _Part, splits: int) -> Iterator[_Part]:
    """The parts of the first levels, as many of these as are split whole whatever they are worth."""
    level = [root]
    while len(level) <= min(_LEAST, splits):
        level = [part for part in level if part.group.halves]
        if not level:
            return
        yield from level
        splits -= len(level)
        level = [child for part in level for child in part.split() if child.group.halves]


def _splits(count: int) -> int:
    """The number of splits of `count` segments, in equal halves and in every context."""
    return 0 if count == 1 else 1 + 2 * (_splits(count // 2) + _splits(count - count // 2))
