"""The choice of fit and filter: as stated, else as is likely for the model, unless labels contradict it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import log
from typing import Any

from kerascope import errors
from kerascope.dataset.classes.class_names import ClassNames
from kerascope.dataset.preparing.detection import Detection, describe_doubt
from kerascope.dataset.preparing.fit_trial import FitTrial, read_photographs, try_candidates
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
"""The filters of `image_dataset_from_directory`, of Pillow, and of `load_img`."""
_LOOKED_AT = 16
"""The most photographs whose proportions are compared."""
_ALIKE = 0.02
"""The difference of proportions, in logarithms, that is ignored."""
NOTE = "PhotographNote"
"""The prefix of notes about photographs among stored warnings."""
_DONE = {"crop": "cut to their middle", "stretch": "squeezed", "pad": "framed in black"}


@dataclass(frozen=True)
class PreprocessingChoice:
    """The preprocessing of a model, with fit and filter.

    Args:
        preprocessing: of photographs.
        reason: why, in words.
        doubts: warnings and notes to store.
    """

    preprocessing: Preprocessing
    reason: str
    doubts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class TrialImages:
    """The labelled images on which ways of loading are compared.

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

    def trial(self, candidates: Sequence[Preprocessing]) -> FitTrial | None:
        """Try candidates, the likeliest first; None where labels cannot tell them apart."""
        if (self.class_names.count or 0) < 2 or len(candidates) < 2:
            return None
        return try_candidates(self.probe, self.layout, sample_by_label(self.source), self.labels, candidates)

    def labels(self, item: Item) -> Collection[int]:
        """Return the class indices of an image's labels."""
        return self.class_names.label_indices(item) or ()


def choose_preprocessing(found: Detection, fit: Fit | None, images: TrialImages) -> PreprocessingChoice:
    """Choose the fit and the filter of a model, and its arithmetic where that is in doubt.

    Args:
        found: the arithmetic, and what else was stated.
        fit: of the caller, or None.
        images: of the trials.

    Cost:
        Where labels are known and fit or filter are not stated: 1 forward for each of at most 64 photographs
        and each candidate: 3 fits, then 3 filters; where the arithmetic is in doubt, each fit with each
        convention.
    """
    stated = found.stated | ({"fit"} if fit else set())
    given = replace(found.preprocessing, fit=fit or found.preprocessing.fit)
    likely, maker = apply_loader_defaults(given, images.probe.model, stated)
    first = images.trial(_candidates(likely, found, "fit" in stated, images.layout.channels))
    between = likely if first is None else first.best
    second = None if "interpolation" in stated else images.trial(_filter_candidates(between))
    chosen = between if second is None else second.best
    whose = "by the labels" if chosen != likely else "" if stated >= {"fit", "interpolation"} else maker
    if whose == maker and "fit" in stated:
        whose = f"scaled {maker}"
    how = found.reason if chosen.name == found.preprocessing.name else ""
    trials = _describe_trials(first, second, found.unclear is not None)
    doubts = [] if _is_settled(first, "name") else _warn_of_arithmetic(found, chosen, first)
    if "fit" not in stated and not _is_settled(first, "fit"):
        doubts += _note_proportions(chosen, images)
    return PreprocessingChoice(chosen, "; ".join(filter(None, [how, whose, trials])), tuple(doubts))


def _candidates(
    likely: Preprocessing, found: Detection, fit_stated: bool, channels: int
) -> list[Preprocessing]:
    """Return the likely candidate, then all fits, with each convention where the arithmetic is in doubt."""
    conventions = (
        []
        if found.unclear is None
        else [convention for convention in CONVENTIONS.values() if convention.share == 1]
    )
    arithmetic: list[Any] = [
        likely,
        *(convention for convention in conventions if convention.takes(channels)),
    ]
    fits: Any = [likely.fit] if fit_stated else FITS
    every = [
        replace(base, fit=fit, interpolation=likely.interpolation, share=likely.share, size=likely.size)
        for base in arithmetic
        for fit in fits
    ]
    return list(dict.fromkeys([likely, *every]))


def _filter_candidates(chosen: Preprocessing) -> list[Preprocessing]:
    others = [replace(chosen, interpolation=interpolation) for interpolation in _FILTERS]
    return list(dict.fromkeys([chosen, *others]))


def _is_settled(trial: FitTrial | None, field: str) -> bool:
    return trial is not None and trial.settles(field)


def _describe_trials(first: FitTrial | None, second: FitTrial | None, conventions: bool) -> str:
    """Describe the trials: `"right: stretch 100%, crop 50% of 32 labelled images; 64 predictions"`."""
    fields = ("name", "fit") if conventions else ("fit",)
    trials = [(trial, names) for trial, names in ((first, fields), (second, ("interpolation",))) if trial]
    if not trials:
        return ""
    right = "; ".join(trial.describe(*names) for trial, names in trials)
    return f"right: {right}; {sum(trial.predictions for trial, _ in trials)} predictions"


def _warn_of_arithmetic(found: Detection, chosen: Preprocessing, trial: FitTrial | None) -> list[str]:
    """Warn where the arithmetic is a guess."""
    if found.unclear is None:
        return []
    kept = chosen.name == found.preprocessing.name
    text = describe_doubt(found.unclear, f"{chosen.name} was {'assumed' if kept else 'taken, by the labels'}")
    if trial is not None:
        text += f" Right: {trial.describe('name', 'fit')}."
    return [warn(errors.PreprocessingWarning, text)]


def _note_proportions(chosen: Preprocessing, images: TrialImages) -> list[str]:
    """Note that photographs have other proportions than the model's image, and no fit was stated."""
    height, width = images.layout.spatial
    for item, picture in islice(read_photographs(sample_by_label(images.source)), _LOOKED_AT):
        if abs(log(picture.height * width / (picture.width * height))) > _ALIKE:
            size = f"{picture.height} x {picture.width}"
            note = (
                f"{NOTE}: photographs such as {item.path}, {size}, are not of the model's proportions, "
                f"{height} x {width}; they are {_DONE[chosen.fit]}; give fit (--fit) where the model was "
                "trained otherwise."
            )
            return [note]
    return []
