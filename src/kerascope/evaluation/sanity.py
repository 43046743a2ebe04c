"""Sanity checks: the change of a method's maps when the model's weights, the class or the labels change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import numpy as np

from kerascope import errors
from kerascope.evaluation.inputs import resolve_inputs
from kerascope.evaluation.statistics import interval
from kerascope.method import Method, as_method
from kerascope.metric import EfficientRandomisation, EvalBatch, EvalItem
from kerascope.metric.randomisation import random_class_maps
from kerascope.metric.similarity import FEATURES, ssim
from kerascope.metric.statistics import finite_mean, pearson
from kerascope.probe import AnyProbe, Probe, as_probe, require_probe
from kerascope.progress import Progress
from kerascope.target import TargetLike
from kerascope.typing import Array
from kerascope.validation import check_whole

Verdict = Literal["passes", "fails", "undecided"]

MAX_RETENTION = 0.25
"""The largest retained share of a map with which a method passes."""
SAME_SIMILARITY = 0.75
"""The structural similarity from which maps count as the same, whatever the image."""


@dataclass(frozen=True, eq=False)
class SanityCheck:
    """One sanity check: the similarity of maps before and after a change of the model or the class.

    Args:
        name: name of the check.
        steps: the changes, such as the lowest randomised layer.
        similarities: by the name of a similarity (see `kerascope.metric.similarity`), (S, N) for each step
            and image, the mean over the randomised models; 1 for equal maps.
        cross_similarity: (S, N), the structural similarity of the map of an image and the changed map of
            another image: what maps of this method have in common anyway.
        decisive: number of the steps on which the verdict depends.
    """

    name: str
    steps: tuple[str, ...]
    similarities: Mapping[str, Array]
    cross_similarity: Array
    decisive: int

    @property
    def retention(self) -> Array:
        """The retained share of the map of each image, (N,), the mean over the steps: see `sanity`."""
        same, other = self.similarities["ssim"][: self.decisive], self.cross_similarity[: self.decisive]
        room = 1.0 - np.where(np.isfinite(same), other, np.nan)
        return finite_mean((same - other) / np.where(room > 0, room, np.nan), axis=0)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % bootstrap interval of the mean of `retention`; NaN with fewer than two images."""
        known = self.retention[np.isfinite(self.retention)]
        low, high = interval(known) if len(known) else (np.nan, np.nan)
        return float(low), float(high)

    @property
    def verdict(self) -> Verdict:
        """Whether the map changed: the interval lies below `MAX_RETENTION`, above it, or includes it."""
        similarity = float(finite_mean(self.similarities["ssim"][: self.decisive].ravel()))
        low, high = self.interval
        if similarity >= SAME_SIMILARITY:
            return "fails"
        if high < MAX_RETENTION:
            return "passes"
        return "fails" if low > MAX_RETENTION else "undecided"

    def __str__(self) -> str:
        (low, high), retention = self.interval, float(finite_mean(self.retention))
        if np.isnan(retention):
            return f"{self.name}: {self.verdict}; nothing could be measured, since no map is informative"
        extent = "of one image" if np.isnan(low) else f"95 %: {low:.0%} to {high:.0%}"
        return f"{self.name}: {self.verdict}; {retention:.0%} of the map is retained ({extent})"


@dataclass(frozen=True, eq=False)
class Sanity:
    """The results of the sanity checks of a method.

    Args:
        method: the expression that creates the method.
        checks: parameter randomisation, cascading and independent; the random logit, if another class has
            its own score; and label randomisation, if a model was given.
        entropy: (N,), the relative rise of the map's entropy when every layer is randomised, by the first
            seed; see `kerascope.metric.EfficientRandomisation`.
        notes: remarks on the checks.
    """

    method: str
    checks: tuple[SanityCheck, ...]
    entropy: Array
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether the map depends on the weights: the verdict on cascading and label randomisation."""
        verdicts = [check.verdict for check in self.checks if check.name in ("cascading", "labels")]
        if "fails" in verdicts:
            return "fails"
        return "undecided" if "undecided" in verdicts else "passes"

    def check(self, name: str) -> SanityCheck:
        """Return a check: `"cascading"`, `"independent"`, `"random logit"` or `"labels"`."""
        known = {check.name: check for check in self.checks}
        if name not in known:
            raise errors.EvaluationError(
                f"a check must be one of {sorted(known)}; got {name!r}; {errors.nearest(name, known)}"
            )
        return known[name]

    def __str__(self) -> str:
        lines = [
            f"{self.method}: the sanity checks do not decide"
            if self.verdict == "undecided"
            else f"{self.method} {self.verdict} the sanity checks"
        ]
        lines += [f"  {check}" for check in self.checks]
        cascade = self.check("cascading")
        lines += ["  SSIM by layer from the output (with the map of another image):"]
        for step, same, other in zip(
            cascade.steps, cascade.similarities["ssim"], cascade.cross_similarity, strict=True
        ):
            lines.append(f"    {finite_mean(same):5.2f}  {finite_mean(other):5.2f}  down to {step}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return f"<Sanity of {self.method}: {self.verdict}>"


def sanity(
    method: Method | str,
    probe: AnyProbe | keras.Model,
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
    r"""Check that a method's maps depend on the weights of the model, and on the class.

    Layers are randomised by their own initialisers: from the output down (cascading), and one at a time
    (independent). Maps before and after are compared by SSIM, Spearman's coefficient with and without signs,
    and histograms of gradients. Since all maps of a method have something in common, the retained share is

    $$\frac{\mathrm{SSIM}(\Phi_\theta(x), \Phi_{\hat\theta}(x)) - \mathrm{SSIM}(\Phi_\theta(x),
    \Phi_{\hat\theta}(x'))}{1 - \mathrm{SSIM}(\Phi_\theta(x), \Phi_{\hat\theta}(x'))}$$

    with the next image $x'$. A method passes if less than a quarter is retained, on average over the steps
    that change the upper half of the layers. It fails if more is, or if maps stay the same (SSIM of 0.75)
    because they are the same for every image. If the bootstrap interval includes the limit, the verdict is
    undecided.

    Args:
        method: a method, or the name of one.
        probe: a `Probe`, or a Keras model. It is not changed, and not copied.
        images: (N, ...) as the model takes them, at least two; some 50 or more to decide much.
        target: the explained target; None for the labels, or without them for the predicted class.
        labels: labels of the images, see `kerascope.evaluate`; each of several labels is explained by itself.
        depths: number of depths at which layers are randomised, evenly spaced, at least 2; default 6.
        draws: number of randomised models, with consecutive seeds; similarities are means over them;
            default 3.
        shuffled: a model of the same architecture trained on shuffled labels, or its probe; None to leave
            this check out.
        seed: seed of the new weights, and of the other class.
        progress: draw a progress bar; None to draw one on a terminal if it takes more than a few seconds.

    Returns:
        The checks, with a verdict and the similarities behind it. The random logit is left out, with a note,
        if there is no other class with its own score: no class is explained, or one sigmoid gives the scores
        of two classes, which are opposite.

    Raises:
        EvaluationError: fewer than two images, a black box, or a label is not a class of the model.
        MissingPackageError: scikit-image is not installed.

    Cost:
        1 forward, and `draws` (2 `depths` - 1) + 2 explanations, with shuffled labels one more: cascading and
        independent randomisation share their first step, and the entropy reuses the fully randomised model.
        All randomised models run through the programs of the first one; forwards are not shared, since a map
        that reaches below the lowest randomised layer needs the gradient there.

    Source:
        Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018, sections 4 and 5; Sixt, Granz and
        Landgraf, When Explanations Lie, ICML 2020, for the random logit; Hedström et al., 2024, for the
        entropy. Deviations: the comparison with another image, and the limit; they reproduce the published
        verdicts on gradient and Grad-CAM (pass), guided backpropagation and guided Grad-CAM
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
    known = as_probe(probe)  # which holds its model weakly: the argument keeps it
    inputs = resolve_inputs(known, images, labels, target)
    batch = EvalBatch(known, inputs.images, inputs.target)
    if not isinstance(known, Probe) or len(batch) < 2:
        raise errors.EvaluationError(
            "sanity checks must be given a Keras model and at least two images, since maps of different "
            f"images are compared; got {type(probe).__name__} and {len(batch)} images."
        )
    method, _ = as_method(method).choose(known, batch.images, batch.answer.pinned)
    explanation = method(known, batch.images, batch.answer.pinned)
    item = EvalItem(batch, explanation, method)
    compare = _MapComparison(item)
    models = [known.randomize(batch.images, seed + draw) for draw in range(draws)]
    layers = models[0]
    stops = sorted({round(stop) for stop in np.linspace(1, len(layers), depths)})
    total = draws * (2 * len(stops) - 1) + 1 + (shuffled is not None)
    notes = [*inputs.warnings]
    with Progress(total, progress, "sanity checks") as bar:
        cascading, independent = _explain_random_models(item, models, stops, bar)
        paths = [layers[stop - 1].path or "the model's own variables" for stop in stops]
        upper = sum(2 * stop <= len(layers) for stop in stops) or 1
        checks = [
            compare.check("cascading", paths, cascading, upper),
            compare.check("independent", paths, independent, len(paths)),
        ]
        try:
            maps = random_class_maps(item, seed)
            checks.append(compare.check("random logit", ["another class"], [[maps]], 1))
        except errors.EvaluationError as error:
            notes.append(f"random logit left out: {error}")
        bar.advance()
        if shuffled is not None:
            maps = batch.explain(method, probe=as_probe(shuffled))
            checks.append(compare.check("labels", ["shuffled labels"], [[maps]], 1))
            bar.advance()
    if mixed := sum(len(layer.shuffled) for layer in layers):
        notes.append(f"{mixed} variables have no initialiser that varies; their values were shuffled")
    entropy = EfficientRandomisation(seed=seed).compute_change(item.maps, cascading[0][-1])
    return Sanity(method.describe(), tuple(checks), entropy, tuple(notes))


def _explain_random_models(
    item: EvalItem, models: Sequence[Any], stops: Sequence[int], bar: Progress
) -> tuple[list[list[Array]], list[list[Array]]]:
    """Return the maps of each randomised model: all layers down to each stop, and the layer at each stop."""
    batch, method = item.batch, item.method
    assert method is not None

    def explain(layers: Sequence[Any]) -> Array:
        values = {index: value for layer in layers for index, value in layer.values.items()}
        maps = batch.explain(method, probe=require_probe(batch.probe).with_values(values))
        bar.advance()
        return maps

    cascading, independent = [], []
    for layers in models:
        cascading.append([explain(layers[:stop]) for stop in stops])
        # The first layer alone is the first step of both.
        independent.append([cascading[-1][0], *(explain(layers[stop - 1 : stop]) for stop in stops[1:])])
    return cascading, independent


class _MapComparison:
    """Compares changed maps with the maps of an explanation."""

    def __init__(self, item: EvalItem) -> None:
        informative = item.is_informative.reshape(-1, *[1] * (item.maps.ndim - 1))
        self.maps = np.where(informative, item.maps, np.nan)
        self.features = {name: compute(self.maps) for name, compute in FEATURES.items()}

    def check(
        self, name: str, steps: Sequence[str], changed: Sequence[Sequence[Array]], decisive: int
    ) -> SanityCheck:
        """Return a check from the changed maps of each model and step."""
        similarities = {
            key: _mean_over_models(
                [[pearson(self.features[key], compute(maps)) for maps in row] for row in changed]
            )
            for key, compute in FEATURES.items()
        }
        similarities["ssim"], cross = (
            _mean_over_models(
                [[ssim(self.maps, np.roll(maps, -shift, axis=0)) for maps in row] for row in changed]
            )
            for shift in (0, 1)
        )
        return SanityCheck(name, tuple(steps), similarities, cross, decisive)


def _mean_over_models(rows: Sequence[Sequence[Array]]) -> Array:
    return finite_mean(np.asarray(rows), axis=0)
