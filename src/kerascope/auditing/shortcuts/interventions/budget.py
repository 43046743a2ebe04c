"""The budget of an audit: the most forwards that its trials may take, and which suspects they test."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kerascope.auditing.shortcuts.finding import Suspect
from kerascope.auditing.shortcuts.interventions.interventions import SHOWN
from kerascope.auditing.shortcuts.interventions.samples import Samples


@dataclass(frozen=True)
class Budget:
    """The most forwards that the trials of an audit may take, their pictures included.

    Args:
        most: forwards; None for no budget.
        count_passes: returns the forwards so far; needed with a budget only.
    """

    most: int | None = None
    count_passes: Callable[[], int] = int

    @property
    def left(self) -> float:
        """The forwards that are left; infinite without a budget."""
        return math.inf if self.most is None else self.most - self.count_passes()

    @property
    def reason(self) -> str:
        """Why something was not tried: what is left is too little for it."""
        return f"the budget of {self.most or 0:,} passes is spent"

    def choose(
        self, suspects: Sequence[Suspect], samples: Samples
    ) -> tuple[Sequence[Suspect], Sequence[Suspect]]:
        """The first suspects whose trials all fit into what is left, and the others.

        None is passed over for a cheaper one after it, so that a budget never hides the most telling ones.
        """
        if self.most is None:
            return suspects, ()
        left = self.left
        for position, suspect in enumerate(suspects):
            left -= most_forwards(suspect, samples)
            if left < 0:
                return suspects[:position], suspects[position:]
        return suspects, ()

    def allows_joint_trials(self, confirmed: Sequence[Suspect], pictures: int, samples: Samples) -> bool:
        """Whether the confirmed suspects of a class may be tried jointly.

        Args:
            confirmed: of the class: each is tried at most once more without each other one.
            pictures: findings of the audit whose pictures are still to be made.
            samples: of the audit.
        """
        if self.most is None or len(confirmed) < 2:
            return True
        cost = (len(confirmed) - 1) * sum(most_forwards(suspect, samples) for suspect in confirmed)
        return cost + pictures * SHOWN <= self.left


UNLIMITED = Budget()


_TWICE = ("sharpness", "style")
"""Kinds that are exchanged in two ways, or through features that are computed first."""


def most_forwards(suspect: Suspect, samples: Samples) -> int:
    r"""The most forwards of the trials of a suspect and of its pictures.

    $$2 \min(m, o) + 2 \min(m, r) + 3$$

    with m images per trial, o images of the class and r of others: its removal and its insertion, each with a
    control; of sharpness and style twice that. Of a companion r images with neither label, and one
    explanation of each of o images that have it alone, which counts as one forward, and takes more with some
    methods.
    """
    details = suspect.details
    if "recipients" in details:
        explained, recipients = (min(len(details[name]), samples.most) for name in ("donors", "recipients"))
        return 2 * recipients + explained + SHOWN
    own, others = len(samples.candidates(suspect.label)), len(samples.other_candidates(suspect.label))
    exchanges = 2 if suspect.kind in _TWICE else 1
    return 2 * exchanges * (min(samples.most, own) + min(samples.most, others)) + SHOWN
