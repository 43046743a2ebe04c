"""Guided integrated gradients: a path that moves first where the score does not mind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from kerascope.method.gradient.saliency import Saliency
from kerascope.method.path.base import BaselinePath, to_complete_answer
from kerascope.perturb.baseline import describe_baselines
from kerascope.perturb.host_images import HostImages
from kerascope.probe import Answer, AnyProbe
from kerascope.target import ClassColumn, Target
from kerascope.typing import Array
from kerascope.validation import check_share

TIE = 1e-5
"""Slopes that differ by less than this share are the same."""


@dataclass(frozen=True)
class GuidedIntegratedGradients(BaselinePath, name="guided_integrated_gradients"):
    r"""Guided integrated gradients: integrated gradients along a path that avoids steep slopes.

    $$V_i = \sum_{t=1}^{n} (x^{t}_i - x^{t-1}_i)\,
      \frac{1}{2} \Big(\frac{\partial s}{\partial x_i}(x^{t-1}) + \frac{\partial s}{\partial
      x_i}(x^{t})\Big)$$

    with $x^{0}$ the baseline, and $n$ steps that each bring the image nearer by $1/n$ of the distance
    $\sum_i |x_i - x'_i|$. In step $t$, with $g$ the gradient at $x^{t-1}$: those pixels on their way whose
    $|g_i|$ is within the lowest `fraction` of all move first, as far as they may; then the next ones; the
    last move together by as much as the distance leaves. No pixel is allowed further than `deviation` of its
    way before or behind the straight path (tag `adaptive`: each class has a path of its own): at least $t/n -
    d$ and at most $t/n + d$ of it.

    Args:
        fraction: share of all pixels and channels that move together, above 0 and at most 1; default 0.25.
        deviation: how far a pixel may be off the straight path, as a share of its way, above 0 and at most 1;
            default 0.02. With 1 it is the paper's path without anchors.

    Returns:
        values float32 (N, H, W, C), signed, in units of the score, channels last; not normalised. The heat
        map is the sum over the channels.

    Cost:
        With B baselines and K classes, 1 + K B (steps + 1) forwards, since each class has a path of its own,
        and B (steps + 1) backwards per class: the points of a path, one after the other.

    Source:
        Kapishnikov et al., Guided Integrated Gradients: an Adaptive Path Method for Removing Noise, CVPR
        2021, section 3 and algorithm 1. Deviation: in place of anchors, points that the path has to pass, the
        distance from the straight path is bounded everywhere. And a step is multiplied with the mean of the
        gradients where it begins and ends, not with the first of them, whose sum missed the change of the
        score by up to a sixth on tiny networks where this one misses it by a thirtieth.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.GuidedIntegratedGradients(steps=10)(model, images, target=1).values.shape
        (2, 8, 8, 3)
    """

    fraction: float = 0.25
    deviation: float = 0.02

    tags: ClassVar[frozenset[str]] = BaselinePath.tags | {"adaptive"}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share(self.fraction, "fraction")
        check_share(self.deviation, "deviation")

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The score of the image, which pins the target; then every step of every class's path."""
        first = probe.run(None, images, target)
        probe = probe.with_padding(first.batch.count)
        pictures = HostImages.of(probe, first)
        starts = self.baselines(pictures)
        pinned = first.pinned
        classes: Sequence[Target] = [pinned]
        if pinned.class_axis:
            classes = [ClassColumn(pinned, index) for index in range(first.scores.shape[1])]
        found = [[self._walk(probe, first, pictures, start, part) for start, _ in starts] for part in classes]
        values = np.stack([np.mean([walk[0] for walk in column], axis=0) for column in found], axis=1)
        scores = np.stack([np.mean([walk[1] for walk in column], axis=0) for column in found], axis=1)
        if not pinned.class_axis:
            values, scores = values[:, 0], scores[:, 0]
        alive = any(walk[2] for column in found for walk in column)
        return to_complete_answer(
            replace(first, alive=alive), values, scores, describe_baselines([note for _, note in starts])
        )

    def _walk(
        self, probe: AnyProbe, first: Answer, pictures: HostImages, start: Array, target: Target
    ) -> tuple[Array, Array, bool]:
        """The values along one path, the score where it begins, and whether any gradient was not zero."""
        way = pictures.pixels - start
        shape = way.shape
        distances = np.abs(way).reshape(len(way), -1)
        gone = np.zeros_like(distances)
        step = np.zeros(shape)
        values = np.zeros(shape)
        scores: Array | None = None
        alive = False
        for index in range(self.steps + 1):
            point = start + gone.reshape(shape) * way
            inputs = first.batch.with_pixels(pictures.to_inputs(point))
            answer = Saliency().attribute(probe, inputs, target)
            assert answer.values is not None
            gradients = answer.values.astype("float64")
            alive = alive or answer.alive
            scores = answer.scores.astype("float64") if scores is None else scores
            # Half of the step that ends here, and half of the one that begins.
            values += gradients * step / 2
            if index < self.steps:
                after = self.advance(gone, distances, np.abs(gradients).reshape(gone.shape), index + 1)
                step = (after - gone).reshape(shape) * way
                values += gradients * step / 2
                gone = after
        assert scores is not None
        return values, scores, alive

    def advance(self, gone: Array, distances: Array, slopes: Array, index: int) -> Array:
        """How far each pixel is after a step, (N, pixels), from how far it has gone, both 0 to 1."""
        share = index / self.steps
        least, most = max(share - self.deviation, 0.0), min(share + self.deviation, 1.0)
        gone = np.maximum(gone, least)
        wanted = distances.sum(axis=1) * (1 - share)
        together = int(self.fraction * (gone.shape[1] - 1))
        while True:
            left = (distances * (1 - gone)).sum(axis=1)
            excess = left - wanted
            going = excess > 1e-9 * distances.sum(axis=1)
            if not going.any():
                return gone
            ranked = np.where((gone < most) & (distances > 0), slopes, np.inf)
            limit = np.partition(ranked, together, axis=1)[:, together, None]
            # Slopes that only rounding tells apart move together, else the path would follow the rounding.
            moving = (ranked <= limit * (1 + TIE)) & np.isfinite(ranked) & going[:, None]
            room = (distances * (most - gone) * moving).sum(axis=1)
            part = np.clip(excess / np.where(room > 0, room, 1), 0, 1)[:, None]
            stuck = going & (room <= 0)
            if stuck.any():
                going = going & ~stuck
                if not going.any():
                    return gone
            gone = np.where(moving, np.where(part >= 1, most, gone + part * (most - gone)), gone)
