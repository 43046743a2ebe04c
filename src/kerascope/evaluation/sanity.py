"""Sanity checks: does a map change when what the model has learnt does?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.evaluation.questions import questions
from kerascope.method import Method, as_method
from kerascope.metric import EfficientRandomisation, EvalBatch, EvalItem
from kerascope.metric.randomisation import random_class_maps
from kerascope.metric.similarity import FEATURES, ssim
from kerascope.metric.statistics import pearson
from kerascope.probe import Probe, as_probe
from kerascope.progress import Progress
from kerascope.target import TargetLike
from kerascope.typing import Array
from kerascope.validation import check_whole

Verdict = Literal["passes", "fails", "undecided"]

KEPT = 0.25
"""The most that may be left of a map, as a share, for it to pass."""
ALIKE = 0.75
"""The structural similarity from which on maps count as the same, whatever images they are of."""
_RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Check:
    """One sanity check: how alike maps are before and after something was changed.

    Args:
        name: of the check.
        steps: what was changed, such as the lowest layer that was drawn anew.
        similar: by the name of a similarity (see `kerascope.metric.similarity`), (S, N) for each step and
            image, the mean over the random models; 1 for equal maps.
        apart: (S, N), the structural similarity between the map of an image and the changed map of another
            one: what maps of this method and these images have in common anyway.
        judged: how many of the steps count for the verdict.
    """

    name: str
    steps: tuple[str, ...]
    similar: Mapping[str, Array]
    apart: Array
    judged: int

    @property
    def kept(self) -> Array:
        """What is left of the map of each image, (N,), over the steps: see `sanity`."""
        same, other = self.similar["ssim"][: self.judged], self.apart[: self.judged]
        room = 1.0 - np.where(np.isfinite(same), other, np.nan)
        return _mean((same - other) / np.where(room > 0, room, np.nan))

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % bootstrap interval of the mean of `kept`; NaN with fewer than two images."""
        return _interval(self.kept)

    @property
    def verdict(self) -> Verdict:
        """Whether the map changed: the interval lies below `KEPT`, above it, or on both sides."""
        alike = self.similar["ssim"][: self.judged]
        low, high = self.interval
        if float(np.nanmean(alike)) >= ALIKE if np.isfinite(alike).any() else False:
            return "fails"
        if high < KEPT:
            return "passes"
        return "fails" if low > KEPT else "undecided"

    def __str__(self) -> str:
        if not np.isfinite(self.kept).any():
            return f"{self.name}: {self.verdict}; nothing could be measured, since no map shows anything"
        (low, high), kept = self.interval, float(np.nanmean(self.kept))
        if np.isnan(low):
            return f"{self.name}: {self.verdict}; {kept:.0%} of the map is kept, of one image"
        return f"{self.name}: {self.verdict}; {kept:.0%} of the map is kept (95 %: {low:.0%} to {high:.0%})"


@dataclass(frozen=True, eq=False)
class Sanity:
    """What sanity checks found about a method.

    Args:
        method: as it would be written.
        checks: parameter randomisation, cascading and independent; the random logit, where another class has
            a score of its own; and, where a model was given, label randomisation.
        entropy: (N,), by how much the entropy of the map rises when every layer is drawn anew, by the first
            seed; see `kerascope.metric.EfficientRandomisation`.
        notes: what else there is to know.
    """

    method: str
    checks: tuple[Check, ...]
    entropy: Array
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """That of the parameters, cascading, and of the labels: does the map depend on what was learnt?"""
        found = [one.verdict for one in self.checks if one.name in ("cascading", "labels")]
        if "fails" in found:
            return "fails"
        return "undecided" if "undecided" in found else "passes"

    def check(self, name: str) -> Check:
        """One of the checks: `"cascading"`, `"independent"`, `"random logit"` or `"labels"`."""
        known = {one.name: one for one in self.checks}
        if name not in known:
            raise errors.EvaluationError(
                f"a check must be one of {sorted(known)}; got {name!r}; {errors.nearest(name, known)}"
            )
        return known[name]

    def __str__(self) -> str:
        lines = [
            f"{self.method} {self.verdict} the sanity checks"
            if self.verdict != "undecided"
            else (f"{self.method}: the sanity checks do not decide")
        ]
        lines += [f"  {one}" for one in self.checks]
        cascade = self.check("cascading")
        lines += ["  what is left, layer by layer from the output (SSIM; of another image's map):"]
        for step, same, other in zip(cascade.steps, cascade.similar["ssim"], cascade.apart, strict=True):
            lines.append(f"    {_mean_of(same):5.2f}  {_mean_of(other):5.2f}  down to {step}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return f"<Sanity of {self.method}: {self.verdict}>"


def sanity(
    method: Method | str,
    probe: Probe | keras.Model,
    images: Any,
    target: TargetLike = None,
    *,
    labels: Any = None,
    depths: int = 6,
    draws: int = 3,
    shuffled: Probe | keras.Model | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> Sanity:
    r"""Check that a method's maps depend on what the model has learnt, and on the class.

    Layers are drawn anew by their own initialisers: from the output down (cascading), and one at a time
    (independent). How alike maps are before and after is told by SSIM, Spearman's coefficient with and
    without signs, and histograms of gradients. Since maps of one method are alike anyway, what is kept is

    $$\frac{\mathrm{SSIM}(\Phi_\theta(x), \Phi_{\hat\theta}(x)) - \mathrm{SSIM}(\Phi_\theta(x),
    \Phi_{\hat\theta}(x'))}{1 - \mathrm{SSIM}(\Phi_\theta(x), \Phi_{\hat\theta}(x'))}$$

    with the next image $x'$. A method passes where less than a quarter is kept, on average over the steps
    that change the upper half of the layers; it fails where more is, or where maps stay alike at all (SSIM
    of 0.75) because they are the same for every image. Where the bootstrap interval holds the limit, nothing
    is decided.

    Args:
        method: a method, or the name of one.
        probe: a `Probe`, or a Keras model. It is not changed, and not copied.
        images: (N, ...) as the model takes them, at least two; some 50 or more to decide much.
        target: what is explained; None for the labels, or without them for the predicted class.
        labels: of the images, see `kerascope.evaluate`: of several labels each is asked about by itself.
        depths: at how many depths layers are drawn anew, evenly spread, at least 2; default 6.
        draws: how often, by how many seeds one after the other; likenesses are means over them; default 3.
        shuffled: a model of the same kind that was trained on shuffled labels, or its probe; None to leave
            this check out.
        seed: of the new weights, and of the other class.
        progress: draw a progress bar; None on a terminal where it takes longer than some seconds.

    Returns:
        The checks, with a verdict, and the similarities that it rests on. Where there is no other class with
        a score of its own, the random logit is left out, with a note: no class is explained, or one sigmoid
        stands for two classes, whose scores are opposite.

    Raises:
        EvaluationError: fewer than two images, no model to look into, or a label is no class of the model.
        MissingPackageError: scikit-image is needed and not installed.

    Cost:
        1 forward, and `draws` (2 `depths` - 1) + 2 explanations, with shuffled labels one more: cascading and
        independent randomisation have their first step in common, and the entropy has its random model with
        the last one. All random models run through the programs of the first one; forwards are not shared,
        since a map that reaches below the lowest layer drawn anew needs the gradient there.

    Source:
        Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018, sections 4 and 5; Sixt, Granz and
        Landgraf, When Explanations Lie, ICML 2020, for the random logit; Hedström et al., 2024, for the
        entropy. Deviations: the comparison with another image, and the limit, which are ours; they reproduce
        the published verdicts on gradient and Grad-CAM (pass), guided backpropagation and guided Grad-CAM
        (fail).

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(8, 3, activation="relu"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((4, 16, 16, 1))
        >>> [check.name for check in ks.sanity(ks.EdgeMap(), model, images).checks]
        ['cascading', 'independent', 'random logit']
        >>> ks.sanity(ks.EdgeMap(), model, images).verdict
        'fails'
    """
    check_whole(depths, "depths", 2)
    check_whole(draws, "draws")
    check_whole(seed, "seed", 0)
    asked = as_probe(probe)  # which holds its model weakly: the argument keeps it
    wanted = questions(asked, images, labels, target)
    images = wanted.images
    batch = EvalBatch(asked, images, wanted.target)
    if not isinstance(asked, Probe) or len(batch) < 2:
        raise errors.EvaluationError(
            "sanity checks must be given a Keras model and at least two images, since maps of different "
            f"images are compared; got {type(probe).__name__} and {len(batch)} images."
        )
    method, _ = as_method(method).choose(asked, images, batch.answer.pinned)
    explanation = method(asked, images, batch.answer.pinned)
    item = EvalItem(batch, explanation, method)
    drawn = [asked.randomize(images, seed + draw) for draw in range(draws)]
    layers = drawn[0]
    places = sorted({round(place) for place in np.linspace(1, len(layers), depths)})
    upper = sum(2 * place <= len(layers) for place in places) or 1

    def maps(values: Mapping[int, Array], of: Probe = asked) -> Array:
        answer = method.attribute(of.with_values(values) if values else of, images, batch.answer.pinned)
        assert answer.values is not None
        return batch.maps(method, answer.values)

    original = np.where(item.is_informative.reshape(-1, *[1] * (item.maps.ndim - 1)), item.maps, np.nan)
    before = {key: rows(original) for key, rows in FEATURES.items()}

    def told(name: str, steps: Sequence[str], changed: Sequence[Sequence[Array]], judged: int) -> Check:
        """A check, of changed maps for each draw and step."""
        similar = {
            key: _mean(np.stack([[pearson(before[key], rows(one)) for one in row] for row in changed]))
            for key, rows in FEATURES.items()
        }
        similar["ssim"], apart = (
            _mean(
                np.stack([[ssim(original, np.roll(one, -shift, axis=0)) for one in row] for row in changed])
            )
            for shift in (0, 1)
        )
        return Check(name, tuple(steps), similar, apart, judged)

    total = draws * (2 * len(places) - 1) + 1 + (shuffled is not None)
    with Progress(total, progress, "sanity checks") as bar:
        cascading: list[list[Array]] = [[] for _ in drawn]
        independent: list[list[Array]] = [[] for _ in drawn]
        for draw, found in enumerate(drawn):
            for place in places:
                values = {number: value for layer in found[:place] for number, value in layer.values.items()}
                cascading[draw].append(maps(values))
                bar.advance()
                if place == 1:
                    independent[draw].append(cascading[draw][0])
                else:
                    independent[draw].append(maps(found[place - 1].values))
                    bar.advance()
        paths = [layers[place - 1].path or "the model's own variables" for place in places]
        checks = [
            told("cascading", paths, cascading, upper),
            told("independent", paths, independent, len(paths)),
        ]
        notes = [*wanted.doubts]
        try:
            checks.append(told("random logit", ["another class"], [[random_class_maps(item, seed)]], 1))
        except errors.EvaluationError as error:
            notes.append(f"random logit left out: {error}")
        bar.advance()
        if shuffled is not None:
            checks.append(told("labels", ["shuffled labels"], [[maps({}, as_probe(shuffled))]], 1))
            bar.advance()
    entropy = EfficientRandomisation(seed=seed)
    mixed = [name for layer in layers for name in layer.shuffled]
    if mixed:
        notes.append(f"{len(mixed)} variables have no initialiser that varies; their values were shuffled")
    return Sanity(
        method.describe(),
        tuple(checks),
        entropy.compute_change(item.maps, cascading[0][-1]),
        tuple(notes),
    )


def _interval(values: Array) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean of what is known."""
    known = values[np.isfinite(values)]
    if len(known) < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(0).integers(0, len(known), (_RESAMPLES, len(known)))
    low, high = np.quantile(known[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def _mean(rows: Array) -> Array:
    """The mean over the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(rows)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _mean_of(row: Array) -> float:
    return float(_mean(row[:, None])[0])
