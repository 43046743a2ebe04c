"""Interventions: exchange pixels between images of a class and others, and compare with a control."""

from __future__ import annotations

from copy import copy
from dataclasses import replace

import numpy as np

from kerascope.auditing.data.audit_data import AuditData
from kerascope.auditing.shortcuts.interventions.controls import (
    ANOTHER_REGION,
    SAME_OF_CLASS,
    SAME_OF_OTHERS,
    derangement,
)
from kerascope.auditing.shortcuts.interventions.masks import enlarge
from kerascope.auditing.shortcuts.interventions.matching import describe_layout, match_donors
from kerascope.auditing.shortcuts.interventions.predictor import Predictor
from kerascope.auditing.shortcuts.interventions.samples import IMAGES_PER_TRIAL, Decomposition, Samples
from kerascope.auditing.shortcuts.interventions.transfer import Transfer
from kerascope.auditing.shortcuts.sample import Sample
from kerascope.auditing.shortcuts.trial import FEWEST, INSERT, REMOVE, Shown, TrialData
from kerascope.dataset.running.cluster import Workers
from kerascope.typing import Array

_CLEANED = 24
"""The most images without a suspect that are kept, to test other suspects on."""
SHOWN = 3
"""Images of an insertion that are kept to be seen."""


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
        self._styles: dict[int, Array] = {}

    def with_own(self, label: int, own: Sample) -> Interventions:
        """The same interventions, with other images of a class: those from which a cause was removed."""
        others = copy(self)
        others.samples = self.samples.with_own(label, own)
        others._styles = {}
        return others

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
        donors = self.match(others, own, masks)
        keep = samples.known_regions(others) if keep_known else np.zeros(1, bool)
        inserted = masks[donors] & ~keep
        control = None if controls is None else controls[donors]
        trials = [self._exchange(INSERT, label, others, own.images[donors], inserted, control)]
        if partner is None:
            donors = self.match(own, others, masks)
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
        control = np.where(masks[..., None], images[self.match_others(recipients, masks)], images)
        return self.measure(name, label, recipients, changed, control, _same(name))

    def exchange_quality(
        self, label: int, own: Sample, others: Sample, transfer: Transfer, kept: Array | None = None
    ) -> list[TrialData]:
        """Give images of other classes a quality of images of a class, and vice versa.

        The control is the same quality of images of still other classes, or of the class. Donors resemble the
        recipients in where they are light and dark, so that the quality alone differs.

        Args:
            label: of the class.
            own: images of the class that have it.
            others: images of other classes.
            transfer: of the quality.
            kept: bool (H, W), a place that stays as it is, or None.
        """
        trials = []
        for name, recipients, donors in ((INSERT, others, own), (REMOVE, own, others)):
            images, given = (self.to_unit_range(sample.images) for sample in (recipients, donors))
            changed = transfer(images, given[self.match(recipients, donors)])
            control = transfer(images, images[self.match_others(recipients)])
            if kept is not None:
                changed, control = (np.where(kept[..., None], images, new) for new in (changed, control))
            trials.append(
                self.measure(
                    name,
                    label,
                    recipients,
                    self.from_unit_range(changed),
                    self.from_unit_range(control),
                    _same(name),
                )
            )
        return trials

    def read_style(self, sample: Sample) -> Array | None:
        """Mean and deviation of the channels of an early layer, (n, 2, C); None if there is no such layer.

        Cost:
            1 forward per image that was not read before.
        """
        if self.predictor.style_layer is None:
            return None
        known = self._styles
        new = np.asarray([place for place, row in enumerate(sample.rows.tolist()) if row not in known], int)
        if len(new):
            found = self.predictor.run_style(sample.images[new], None, 0)
            known.update(zip(sample.rows[new].tolist(), found, strict=True))
        return np.stack([known[row] for row in sample.rows.tolist()])

    def exchange_style(
        self, label: int, own: Sample, others: Sample, own_style: Array, other_style: Array
    ) -> TrialData:
        """Insert the style of images of a class into the features of others.

        Cost:
            1 forward per image to the layer, and 2 behind it.
        """
        donors = own_style[self.match(others, own)], other_style[self.match_others(others)]
        changed, control = self.predictor.run_style(others.images, np.stack(donors, axis=1), label).T
        known = np.isfinite(changed) & np.isfinite(control)
        hits, controls = changed[known] >= 0, control[known] >= 0
        score = float(np.mean(changed[known] - control[known])) if known.any() else 0.0
        return TrialData(INSERT, _same(INSERT), hits, controls, score, None, rows=others.rows[known])

    def match(self, recipients: Sample, donors: Sample, masks: Array | None = None) -> Array:
        """For each recipient the position of the donor that is most alike outside of masks."""
        first, second = (
            describe_layout(self.samples.thumbnails(sample), self._shrink(masks))
            for sample in (recipients, donors)
        )
        return match_donors(first, second)

    def match_others(self, sample: Sample, masks: Array | None = None) -> Array:
        """For each image the position of another one that is most alike, of another class if there is one."""
        layouts = describe_layout(self.samples.thumbnails(sample), self._shrink(masks))
        classes = self.data.columns["prediction"][sample.rows]
        same = classes[:, None] == classes[None]
        return match_donors(layouts, layouts, np.eye(len(sample)) + (0.1 * same if not same.all() else 0))

    def _shrink(self, masks: Array | None) -> Array | None:
        """Where most masks are, on the grid of the thumbnails."""
        return None if masks is None else enlarge(masks.mean(axis=0) > 0.5, self.data.thumbnails.size)

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
        after, under_control = self.predictor.predict((changed, control), label)
        # Scores that are not finite predict nothing, so nothing has changed to or from them.
        known = np.flatnonzero((after.classes >= 0) & (under_control.classes >= 0))
        rows = sample.rows[known]
        labels, before = self.data.labels[rows], self.data.columns["prediction"][rows]
        predicted = [before, after.classes[known], under_control.classes[known]]
        accuracy = None
        if (labels >= 0).all() and len(labels):
            shares = [float((classes == labels).mean()) for classes in predicted]
            accuracy = (shares[0], shares[1], shares[2])
        insert = name == INSERT
        hits, controls = ((classes == label) == insert for classes in predicted[1:])
        outcome = TrialData(
            name,
            against,
            hits,
            controls,
            float(np.mean((after.scores - under_control.scores)[known])) if len(rows) else 0.0,
            accuracy,
            rows=rows,
        )
        if not insert:
            return replace(outcome, cleaned=_keep_cleaned(rows, changed[known], hits))
        best = known[_choose_shown(hits, controls, after.probabilities[known])]
        images = np.stack([sample.images[best], changed[best], control[best]])
        probabilities = np.stack(
            [np.full(len(best), np.nan), *(x.probabilities[best] for x in (after, under_control))]
        )
        classes = np.stack(
            [
                self.data.columns["prediction"][sample.rows[best]],
                after.classes[best],
                under_control.classes[best],
            ]
        )
        return replace(outcome, shown=Shown(sample.rows[best], images, classes, probabilities))

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


def _keep_cleaned(rows: Array, images: Array, hits: Array) -> Sample:
    """Some images from which a suspect was removed: first those whose prediction has changed."""
    kept = np.sort(np.argsort(~hits, kind="stable")[:_CLEANED])
    return Sample(rows[kept], images[kept])


def _choose_shown(hits: Array, controls: Array, probabilities: Array) -> Array:
    """Positions of the images that show an insertion best: turned by it alone, and most probable."""
    turned = hits.astype(float) - controls
    return np.lexsort((-np.nan_to_num(probabilities), -turned))[:SHOWN]


def _composite(images: Array, objects: Array, backgrounds: Array) -> Array:
    """Objects before other backgrounds."""
    share = objects[..., None].astype("float32")
    return np.asarray(share * images + (1 - share) * backgrounds)
