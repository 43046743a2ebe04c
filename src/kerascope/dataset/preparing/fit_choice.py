"""What a model is fed: what was said, else what is likely for it, unless labels say otherwise."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import log
from typing import Any

from kerascope import errors
from kerascope.dataset.classes.class_names import ClassNames
from kerascope.dataset.preparing.detection import Detected, doubt
from kerascope.dataset.preparing.fit_trial import Trial, photographs, tried
from kerascope.dataset.preparing.frame import FITS, Fit, Interpolation
from kerascope.dataset.preparing.loader_defaults import apply_loader_defaults
from kerascope.dataset.preparing.preprocessing import CONVENTIONS, Preprocessing
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.sample import sample_by_label
from kerascope.dataset.reading.source import Source
from kerascope.layout import Layout
from kerascope.probe import Probe
from kerascope.provenance import warn

_FILTERS: tuple[Interpolation, ...] = ("bilinear-aliased", "bilinear", "nearest")
"""Those of `image_dataset_from_directory`, of Pillow, and of `load_img`."""
_LOOKED_AT = 16
"""Photographs whose proportions are looked at."""
_ALIKE = 0.02
"""By how much proportions may differ and still be the same."""
NOTE = "PhotographNote"
"""Begins notes about photographs among stored warnings."""
_DONE = {"crop": "cut to their middle", "stretch": "squeezed", "pad": "framed in black"}


@dataclass(frozen=True)
class Fed:
    """What a model is fed.

    Args:
        preprocessing: of photographs.
        reason: why, in words.
        doubts: stored warnings and notes.
    """

    preprocessing: Preprocessing
    reason: str
    doubts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Evidence:
    """What can tell how photographs were loaded when the model was trained.

    Args:
        probe: of the model.
        source: of the images.
        layout: how the model takes a photograph.
        class_names: of the classes.
    """

    probe: Probe
    source: Source
    layout: Layout
    class_names: ClassNames

    def trial(self, candidates: Sequence[Preprocessing]) -> Trial | None:
        """What labels say of candidates, the first of which is likeliest; None where they say nothing."""
        if (self.class_names.count or 0) < 2 or len(candidates) < 2:
            return None
        return tried(self.probe, self.layout, sample_by_label(self.source), self.labels, candidates)

    def labels(self, item: Item) -> Collection[int]:
        """The places of an image's labels among the classes."""
        return self.class_names.label_indices(item) or ()


def fed(found: Detected, fit: Fit | None, evidence: Evidence) -> Fed:
    """Decide what a model is fed.

    Args:
        found: the arithmetic, and what else was said.
        fit: that the caller asks for, or None.
        evidence: the model and the images.

    Cost:
        Where labels are known and fit or filter are not said: 1 forward for each of at most 64 photographs
        and each candidate: 3 fits, then 3 filters; where the arithmetic is in doubt, each fit with each
        convention.
    """
    said = found.said | ({"fit"} if fit else set())
    given = replace(found.preprocessing, fit=fit or found.preprocessing.fit)
    likely, maker = apply_loader_defaults(given, evidence.probe.model, said)
    first = evidence.trial(_candidates(likely, found, "fit" in said, evidence.layout.channels))
    between = likely if first is None else first.chosen
    second = None if "interpolation" in said else evidence.trial(_filtered(between))
    chosen = between if second is None else second.chosen
    whose = "by the labels" if chosen != likely else "" if said >= {"fit", "interpolation"} else maker
    if whose == maker and "fit" in said:
        whose = f"scaled {maker}"
    how = found.reason if chosen.name == found.preprocessing.name else ""
    told = _told(first, second, found.unclear is not None)
    doubts = [] if _settled(first, "name") else _of_arithmetic(found, chosen, first)
    if "fit" not in said and not _settled(first, "fit"):
        doubts += _of_proportions(chosen, evidence)
    return Fed(chosen, "; ".join(filter(None, [how, whose, told])), tuple(doubts))


def _candidates(likely: Preprocessing, found: Detected, fit_said: bool, channels: int) -> list[Preprocessing]:
    """The likely one, and others with another fit, or where the arithmetic is in doubt another one."""
    conventions = [] if found.unclear is None else [one for one in CONVENTIONS.values() if one.share == 1]
    arithmetic: list[Any] = [likely, *(one for one in conventions if one.takes(channels))]
    fits: Any = [likely.fit] if fit_said else FITS
    every = [
        replace(one, fit=fit, interpolation=likely.interpolation, share=likely.share, size=likely.size)
        for one in arithmetic
        for fit in fits
    ]
    return list(dict.fromkeys([likely, *every]))


def _filtered(chosen: Preprocessing) -> list[Preprocessing]:
    others = [replace(chosen, interpolation=one) for one in _FILTERS]
    return list(dict.fromkeys([chosen, *others]))


def _settled(trial: Trial | None, field: str) -> bool:
    return trial is not None and trial.settles(field)


def _told(first: Trial | None, second: Trial | None, conventions: bool) -> str:
    """What came of the trials: `"right: stretch 100%, crop 50% of 32 labelled images; 64 predictions"`."""
    fields = ("name", "fit") if conventions else ("fit",)
    trials = [(trial, names) for trial, names in ((first, fields), (second, ("interpolation",))) if trial]
    if not trials:
        return ""
    right = "; ".join(trial.told(*names) for trial, names in trials)
    return f"right: {right}; {sum(trial.predictions for trial, _ in trials)} predictions"


def _of_arithmetic(found: Detected, chosen: Preprocessing, trial: Trial | None) -> list[str]:
    """A warning where the arithmetic is a guess."""
    if found.unclear is None:
        return []
    kept = chosen.name == found.preprocessing.name
    text = doubt(found.unclear, f"{chosen.name} was {'assumed' if kept else 'taken, by the labels'}")
    if trial is not None:
        text += f" Right: {trial.told('name', 'fit')}."
    return [warn(errors.PreprocessingWarning, text)]


def _of_proportions(chosen: Preprocessing, evidence: Evidence) -> list[str]:
    """A note where photographs have other proportions than the model's image, and nobody says what to do."""
    height, width = evidence.layout.spatial
    for item, picture in islice(photographs(sample_by_label(evidence.source)), _LOOKED_AT):
        if abs(log(picture.height * width / (picture.width * height))) > _ALIKE:
            size = f"{picture.height} x {picture.width}"
            note = (
                f"{NOTE}: photographs such as {item.path}, {size}, are not of the model's proportions, "
                f"{height} x {width}; they are {_DONE[chosen.fit]}; give fit (--fit) where the model was "
                "trained otherwise."
            )
            return [note]
    return []
