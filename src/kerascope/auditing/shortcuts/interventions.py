"""Interventions: exchange pixels between images of a class and others, and compare with a control."""

from __future__ import annotations

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.controls import ANOTHER_REGION, SAME_OF_CLASS, SAME_OF_OTHERS, derangement
from kerascope.auditing.shortcuts.predictor import Predictor
from kerascope.auditing.shortcuts.samples import IMAGES_PER_TRIAL, Decomposition, Sample, Samples
from kerascope.auditing.shortcuts.trial import FEWEST, INSERT, REMOVE, TrialData
from kerascope.dataset.running.cluster import Workers
from kerascope.typing import Array


class Interventions:
    """Interventions on the images of a data set.

    Args:
        data: of the audit.
        images_per_trial: the most images of a trial.
        workers: processes that run the model; None for this one.
    """

    def __init__(
        self, data: AuditData, images_per_trial: int = IMAGES_PER_TRIAL, workers: Workers | None = None
    ) -> None:
        self.data = data
        self.samples = Samples(data, images_per_trial)
        self.predictor = Predictor(data, workers)

    def exchange_region(
        self,
        label: int,
        own: Sample,
        masks: Array,
        controls: Array | None,
        partner: int | None = None,
        keep_known: bool = False,
    ) -> list[TrialData]:
        """Insert a region of images of a class into others, and remove it from them.

        Without another region of the same size, the control is the same exchange between images of which
        none, or all, are of the class.

        Args:
            label: of the class.
            own: images of the class.
            masks: bool (n, H, W), the region in each of them.
            controls: bool (n, H, W), regions of the same size, or None.
            partner: the only class that it is inserted into, or None.
            keep_known: keep regions that other classes are known to rely on: without them their prediction is
                arbitrary.
        """
        samples = self.samples
        others = samples.of_others(label, partner, keep_known)
        if not len(own) or not len(others):
            return []
        masks = masks & ~samples.known_region(label, own)
        if not keep_known and partner is None:
            # An image that relies on something in the region might be taken for anything without it.
            relies = (samples.known_regions(others) & masks.any(axis=0)).any(axis=(1, 2))
            others = others.take(np.flatnonzero(~relies)) if (~relies).sum() >= 2 * FEWEST else others
        donors = np.arange(len(others)) % len(own)
        keep = samples.known_regions(others) if keep_known else np.zeros(1, bool)
        inserted = masks[donors] & ~keep
        control = None if controls is None else controls[donors]
        trials = [self._exchange(INSERT, label, others, own.images[donors], inserted, control)]
        if partner is None:
            donors = np.arange(len(own)) % len(others)
            trials.append(self._exchange(REMOVE, label, own, others.images[donors], masks, controls))
        return trials

    def _exchange(
        self, name: str, label: int, recipients: Sample, donors: Array, masks: Array, controls: Array | None
    ) -> TrialData:
        """Replace a region of the recipients by the same region of the donors."""
        images = recipients.images
        changed = np.where(masks[..., None], donors, images)
        if controls is not None:
            control = np.where(controls[..., None], donors, images)
            return self.measure(name, label, recipients, changed, control, ANOTHER_REGION)
        control = np.where(masks[..., None], images[derangement(len(images))], images)
        return self.measure(name, label, recipients, changed, control, _same(name))

    def exchange_background(self, label: int, own: Decomposition, others: Decomposition) -> list[TrialData]:
        """Put objects of others before backgrounds of a class, and vice versa.

        The control is the same with backgrounds of other images of which none, or all, are of the class.
        """
        # Regions that others are known to rely on stay: without them their prediction is arbitrary.
        kept = np.maximum(others.objects, self.samples.known_regions(others.sample))
        trials = []
        for name, recipients, objects, donors in (
            (INSERT, others, kept, own.backgrounds),
            (REMOVE, own, own.objects, others.backgrounds),
        ):
            images = recipients.sample.images
            count = len(images)
            changed = _composite(images, objects, donors[np.arange(count) % len(donors)])
            control = _composite(images, objects, recipients.backgrounds[derangement(count)])
            trials.append(self.measure(name, label, recipients.sample, changed, control, _same(name)))
        return trials

    def measure(
        self, name: str, label: int, sample: Sample, changed: Array, control: Array, against: str
    ) -> TrialData:
        """Predict changed images and their control, and compare.

        Cost:
            2 forwards per image.
        """
        (after, scores), (under_control, control_scores) = self.predictor.predict((changed, control), label)
        # Scores that are not finite predict nothing, so nothing has changed to or from them.
        known = (after >= 0) & (under_control >= 0)
        rows, after, under_control = sample.rows[known], after[known], under_control[known]
        labels, before = self.data.labels[rows], self.data.columns["prediction"][rows]
        accuracy = None
        if (labels >= 0).all() and len(labels):
            shares = [float((predicted == labels).mean()) for predicted in (before, after, under_control)]
            accuracy = (shares[0], shares[1], shares[2])
        insert = name == INSERT
        return TrialData(
            name,
            against,
            (after == label) if insert else (after != label),
            (under_control == label) if insert else (under_control != label),
            float(np.mean(scores[known] - control_scores[known])) if len(rows) else 0.0,
            accuracy,
        )

    def to_unit_range(self, images: Array) -> Array:
        """Images with 0 for black and 1 for white."""
        black, white = self._range
        return np.asarray((images - black) / (white - black))

    def from_unit_range(self, images: Array) -> Array:
        """The inverse of `to_unit_range`."""
        black, white = self._range
        return np.asarray(black + images * (white - black), "float32")

    @property
    def _range(self) -> list[Array]:
        return [np.asarray(end, "float32") for end in self.data.job.options.preprocessing.range]


def _same(name: str) -> str:
    """The control that exchanges the same region between images of the same side."""
    return SAME_OF_OTHERS if name == INSERT else SAME_OF_CLASS


def _composite(images: Array, objects: Array, backgrounds: Array) -> Array:
    """Objects before other backgrounds."""
    share = objects[..., None].astype("float32")
    return np.asarray(share * images + (1 - share) * backgrounds)
