"""Where suspects are tried: pixels are exchanged between images, and the model is asked what it says then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kerascope.auditing.data import Gallery, Material
from kerascope.auditing.shortcuts.finding import BRING, FEWEST, TAKE_AWAY, Outcome
from kerascope.auditing.shortcuts.trial_work import Said, TrialWork
from kerascope.dataset.running.cluster import Workers
from kerascope.dataset.running.worker import SharedProbe
from kerascope.resize import resize
from kerascope.typing import Array

Cause = Callable[[Array], Array]
"""From places of images to bool (n, H, W): where something is in them that was confirmed already."""

SAMPLE = 96
"""The most images of a trial."""
_MEMORY = 128 << 20
"""Bytes of the images of a trial; some five times as many are held while it runs."""
_HELD = 256 << 20
"""Bytes of the images of classes that are held for later trials."""
ANOTHER_REGION = "another region of the same size"
SAME_OF_OTHERS = "the same of images of still other classes"
SAME_OF_CLASS = "the same of other images of the class"
"""Controls."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Some images.

    Args:
        places: (n,) in the material.
        images: float32 (n, H, W, C), as the model takes them, channels last.
    """

    places: Array
    images: Array

    def __len__(self) -> int:
        return len(self.places)

    def taken(self, chosen: Array) -> Sample:
        """Some of them, in this order; images may come twice."""
        return Sample(self.places[chosen], self.images[chosen])


@dataclass(frozen=True, eq=False)
class Scene:
    """Images taken apart.

    Args:
        sample: the images.
        objects: float32 (n, H, W), 1 where their objects are, 0 where they are not, between at their rims.
        scenes: float32 (n, H, W, C), the images without these.
    """

    sample: Sample
    objects: Array
    scenes: Array


class Laboratory:
    """Trials of suspects on a data set.

    Args:
        material: of the audit.
        sample: the most images of a trial; fewer where they are so large that they take too much memory.
        workers: who ask the model; None for this process.
    """

    def __init__(self, material: Material, sample: int = SAMPLE, workers: Workers | None = None) -> None:
        self.material = material
        self._workers = workers
        height, width = material.explainer.size
        room = _MEMORY // (4 * height * width * material.explainer.layout.channels)
        self.sample = min(sample, max(room, 2 * FEWEST))
        self.causes: dict[int, list[Cause]] = {}
        self.resting: set[int] = set()
        """Classes that rest on something that is everywhere in their pictures: see `others`."""
        self._own: dict[int, Sample] = {}

    @cached_property
    def _everyone(self) -> Sample:
        """A sample of all classes, in turn, of those that are predicted as they were explained."""
        material = self.material
        turns = []
        for label in material.classes:
            own = np.random.default_rng([material.seed, 1, label]).permutation(self._candidates(label))
            turns += [(turn, place) for turn, place in enumerate(own.tolist())]
        chosen = [place for _, place in sorted(turns)[: 2 * self.sample]]
        return self.sampled(np.sort(np.asarray(chosen, "int64")))

    def sampled(self, places: Array) -> Sample:
        """These images, which may be none."""
        if not len(places):
            explainer = self.material.explainer
            return Sample(places, np.zeros((0, *explainer.size, explainer.layout.channels), "float32"))
        images, found = self.material.images(places)
        return Sample(found, images)

    def _candidates(self, label: int) -> Array:
        """Pictures of the gallery of a class, which is also predicted."""
        gallery, columns = self.material.gallery, self.material.columns
        places = gallery.places[columns["target"][gallery.places] == label]
        return np.asarray(places[columns["prediction"][places] == label])

    def own(self, label: int) -> Sample:
        """Images of a class, by what the model predicts."""
        if label not in self._own:
            chosen = self.material.sampled(self._candidates(label), self.sample, salt=label + 2)
            held = self.sampled(chosen)
            # Suspects of a class are tried now and then, so some classes are held; the oldest go.
            while self._own and sum(one.images.nbytes for one in self._own.values()) > _HELD:
                self._own.pop(next(iter(self._own)))
            self._own[label] = held
        return self._own[label]

    def others(self, label: int, partner: int | None = None, steady: bool = False) -> Sample:
        """Images that the model takes for other classes.

        Args:
            label: of the class.
            partner: of one other class, where only this is meant.
            steady: only of classes that are not known to rest on their background or colours, where there are
                enough: without these they might be taken for anything.
        """
        if partner is not None:
            return self.own(partner)
        everyone = self._everyone
        predicted = self.material.columns["prediction"][everyone.places]
        away = predicted != label
        if steady:
            sure = away & ~np.isin(predicted, sorted(self.resting))
            away = sure if sure.sum() >= 2 * FEWEST else away
        return everyone.taken(np.flatnonzero(away)[: self.sample])

    def gallery(self, sample: Sample) -> Gallery:
        """Small pictures and maps of a sample, all of which is of the material's gallery."""
        gallery = self.material.gallery
        return gallery.chosen(np.searchsorted(gallery.places, sample.places))

    def maps(self, sample: Sample) -> Array:
        """Their maps over the model's images, float32 (n, H, W), each up to 1."""
        maps = resize(self.gallery(sample).maps, sample.images.shape[1:3])
        top = maps.max(axis=(1, 2), keepdims=True)
        return np.asarray(maps / np.where(top > 0, top, 1))

    def caused(self, label: int, sample: Sample) -> Array:
        """bool (n, H, W): what was confirmed already for a class, in some of its images."""
        found = np.zeros(sample.images.shape[:3], bool)
        for cause in self.causes.get(label, ()):
            found |= cause(sample.places)
        return found

    def rested_on(self, sample: Sample) -> Array:
        """bool (n, H, W): what was confirmed already for the class of each image."""
        found = np.zeros(sample.images.shape[:3], bool)
        targets = self.material.targets[sample.places]
        for label in np.unique(targets).tolist():
            own = np.flatnonzero(targets == label)
            found[own] = self.caused(label, sample.taken(own))
        return found

    def swapped(
        self,
        label: int,
        own: Sample,
        masks: Array,
        controls: Array | None,
        partner: int | None = None,
        kept: bool = False,
    ) -> list[Outcome]:
        """Bring a region of images of a class to others, and take it away from them.

        Where there is no other region of the same size, the control is the same exchange between images of
        which none, or all, are of the class.

        Args:
            label: of the class.
            own: images of the class.
            masks: bool (n, H, W), the region in each of them.
            controls: bool (n, H, W), regions of the same size, or None.
            partner: the class that it is brought to; None for all others.
            kept: leave what others are known to rest on, without which they might be taken for anything.
        """
        others = self.others(label, partner, kept)
        if not len(own) or not len(others):
            return []
        masks = masks & ~self.caused(label, own)
        if not kept and partner is None:
            # What rests on something there might be taken for anything without it.
            rests = (self.rested_on(others) & masks.any(axis=0)).any(axis=(1, 2))
            others = others.taken(np.flatnonzero(~rests)) if (~rests).sum() >= 2 * FEWEST else others
        bring, to = np.arange(len(others)) % len(own), np.arange(len(others))
        donors, victims = own.taken(bring), others.taken(to)
        stays = self.rested_on(victims)[..., None] if kept else False
        here = masks[bring][..., None] & ~np.asarray(stays)
        if controls is None:
            strangers = others.images[turned(len(others))]
            control = np.where(here, strangers, victims.images)
            against = SAME_OF_OTHERS
        else:
            control = np.where(controls[bring][..., None], donors.images, victims.images)
            against = ANOTHER_REGION
        brought = np.where(here, donors.images, victims.images)
        found = [self.outcome(BRING, label, victims, brought, control, against)]
        if partner is not None:
            return found

        keep, away = np.arange(len(own)), np.arange(len(own)) % len(others)
        owners, givers = own.taken(keep), others.taken(away)
        if controls is None:
            siblings = own.images[turned(len(own))]
            control = np.where(masks[keep][..., None], siblings, owners.images)
            against = SAME_OF_CLASS
        else:
            control = np.where(controls[keep][..., None], givers.images, owners.images)
            against = ANOTHER_REGION
        taken = np.where(masks[keep][..., None], givers.images, owners.images)
        return [*found, self.outcome(TAKE_AWAY, label, owners, taken, control, against)]

    def resettled(self, label: int, own: Scene, others: Scene) -> list[Outcome]:
        """Put objects of others before scenes of a class, and those of the class before scenes of others.

        The control is the same with scenes of other images of which none, or all, are of the class.
        """
        given = np.arange(len(others.sample)) % len(own.sample)
        # What others are known to rest on stays: without it they might be taken for anything.
        inside = np.maximum(others.objects, self.rested_on(others.sample))
        victims = others.sample.images
        brought = _before(victims, inside, own.scenes[given])
        control = _before(victims, inside, others.scenes[turned(len(victims))])
        found = [self.outcome(BRING, label, others.sample, brought, control, SAME_OF_OTHERS)]
        given = np.arange(len(own.sample)) % len(others.sample)
        owners = own.sample.images
        taken = _before(owners, own.objects, others.scenes[given])
        control = _before(owners, own.objects, own.scenes[turned(len(owners))])
        return [*found, self.outcome(TAKE_AWAY, label, own.sample, taken, control, SAME_OF_CLASS)]

    def outcome(
        self, name: str, label: int, sample: Sample, changed: Array, control: Array, against: str
    ) -> Outcome:
        """What the model says of images that were changed, and of the control.

        Cost:
            2 forwards per image.
        """
        (after, scores), (beside, others) = self.asked((changed, control), label)
        # Scores that are not finite predict nothing, so nothing has changed to or from them.
        known = (after >= 0) & (beside >= 0)
        sample = sample.taken(np.flatnonzero(known))
        after, scores, beside, others = (one[known] for one in (after, scores, beside, others))
        labels = self.material.labels[sample.places]
        before = self.material.columns["prediction"][sample.places]
        accuracy = None
        if (labels >= 0).all() and len(labels):
            accuracy = tuple(float((one == labels).mean()) for one in (before, after, beside))
        toward = name == BRING
        return Outcome(
            name,
            against,
            (after == label) if toward else (after != label),
            (beside == label) if toward else (beside != label),
            float(np.mean(scores - others)) if len(scores) else 0.0,
            accuracy,  # type: ignore[arg-type]
        )

    def from_black_to_white(self, images: Array) -> Array:
        """Images with 0 for black and 1 for white."""
        black, white = (np.asarray(end, "float32") for end in self.material.job.options.preprocessing.range)
        return np.asarray((images - black) / (white - black))

    def as_given(self, images: Array) -> Array:
        """The inverse of `from_black_to_white`."""
        black, white = (np.asarray(end, "float32") for end in self.material.job.options.preprocessing.range)
        return np.asarray(black + images * (white - black), "float32")

    def asked(self, several: Sequence[Array], label: int) -> list[Said]:
        """Predictions, and scores of a class, of images with channels last, several times."""
        explainer = self.material.explainer
        given = [
            np.asarray(explainer.layout.original(np.ascontiguousarray(images), np)) for images in several
        ]
        if self._workers is None:
            said = self._work.start(explainer.probe)
            return [said((images, label)) for images in given]
        size = self._work.batch_size
        parts = [
            (number, (images[start : start + size], label))
            for number, images in enumerate(given)
            for start in range(0, len(images), size)
        ]
        answers = self._workers.all(self._work, (part for _, part in parts))
        found: list[Said] = []
        for wanted in range(len(given)):
            own = [answer for (number, _), answer in zip(parts, answers, strict=True) if number == wanted]
            found.append((np.concatenate([one for one, _ in own]), np.concatenate([one for _, one in own])))
        return found

    @cached_property
    def _work(self) -> TrialWork:
        job = self.material.job
        return TrialWork(SharedProbe.of(job.probe, job.blank), job.options.batch_size)


def turned(count: int) -> Array:
    """Positions of so many images, each that of another one: by half of them further on."""
    return np.asarray((np.arange(count) + max(1, count // 2)) % max(count, 1))


def _before(images: Array, objects: Array, scenes: Array) -> Array:
    """Objects before other scenes."""
    share = objects[..., None].astype("float32")
    return np.asarray(share * images + (1 - share) * scenes)
