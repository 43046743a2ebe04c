"""Score-CAM: a channel's weight is the score of the image seen through the channel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.method.cam.gradient_free.base import GradientFreeCAM, channels_of
from kerascope.perturb import MapMasks
from kerascope.perturb.host_images import HostImages
from kerascope.perturb.pixels import pixels_of
from kerascope.placement import stretch
from kerascope.probe import Answer, AnyProbe, Request
from kerascope.probe.execute.readouts import activation
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_choice, check_flag, check_number, check_whole

_ROUNDS = 20
"""Rounds of k-means."""


@dataclass(frozen=True)
class ScoreCAM(GradientFreeCAM, name="score_cam"):
    r"""Score-CAM: channels weighted by the score of the image masked by the channel, less the baseline's.

    $$L_{ij} = \mathrm{ReLU}\Big(\sum_c w_c A_{ijc}\Big), \qquad w_c = s(x \circ H_c) - s(b), \qquad
      H_c = \frac{\mathrm{up}(A_c) - \min}{\max - \min}$$

    with the activations $A$ of the layer, enlarged by half-pixel bilinear interpolation, the pre-softmax
    score $s$, and a baseline $b$ for the masked pixels.

    Args:
        channels: number of maps that are scored; default None, every channel.
        choice: which maps these are: `"variance"` (default), the channels that vary most over the image;
            `"clusters"`, the means of as many clusters of channels with similar maps, by k-means.
        softmax: weights go through a softmax over the channels, as in the paper's algorithm 1. The baseline
            then cancels, and where scores differ by less than 1, all channels weigh nearly the same. Default
            False.
        smoothing: None; `"noise"` for SS-CAM, the mean of $w_c$ over `samples` maps with Gaussian noise
            added; `"integrated"` for IS-CAM, the mean of $w_c$ over masks $\frac{i}{n} H_c$ for $i = 1
            \ldots n$.
        samples: n of the smoothing, at least 1; default 10. Without smoothing it is not used.
        sigma: standard deviation of the noise, as a share of each map's range; at least 0; default 0.15.
        seed: of the noise, a whole number of at least 0.

    Returns:
        values float32 (N, h, w) on the layer's grid, at least 0 (signed with `relu=False`), in units of the
        score times the activation; not normalised.

    Raises:
        InputError: the model has several inputs and none was chosen, or the input has no spatial axes.
        ExplanationError: the layer has more spatial axes than the input.

    Cost:
        1 forward, and 1 for each channel (times `samples` with smoothing), for the baseline, and for each
        further baseline. See `Explanation.masks`. Several targets share them.

    Source:
        Wang et al., Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks, CVPR
        Workshops 2020, equations 6 to 8; Wang et al., SS-CAM: Smoothed Score-CAM for Sharper Visual Feature
        Localization, 2020, section 3 (noise on the map); Naidu et al., IS-CAM: Integrated Score-CAM for
        axiomatic- based explanations, 2020. Deviations: no softmax over the weights by default; noise is a
        share of each map's range.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.ScoreCAM(relu=False)(model, images, target=1)
        >>> found.values.shape, found.masks.tolist()
        ((2, 6, 6), [5, 5])
    """

    channels: int | None = None
    choice: str = "variance"
    softmax: bool = False
    smoothing: str | None = None
    samples: int = 10
    sigma: float = 0.15
    seed: int = 0

    tags: ClassVar[frozenset[str]] = GradientFreeCAM.tags

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.channels is not None:
            check_whole(self.channels, "channels")
        check_choice(self.choice, "choice", ("variance", "clusters"))
        check_flag(self.softmax, "softmax")
        check_choice(self.smoothing, "smoothing", (None, "noise", "integrated"))
        check_whole(self.samples, "samples")
        check_whole(self.seed, "seed", 0)
        check_number(self.sigma, "sigma")

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The activations and the score; then the scores under masks made of them."""
        first = probe.run(activation, images, target, Request((self.layer,), spatial=True))
        return self.perturb(probe, first, HostImages.of(probe, first, smooth=False))

    def perturb(self, probe: AnyProbe, first: Answer, pictures: HostImages) -> Answer:
        """The scores of the image seen through each map."""
        spatial = pixels_of(first).shape[1:-1]
        channels = channels_of(first)
        grid = channels.shape[1:-1]
        if len(grid) > len(spatial):
            raise errors.ExplanationError(
                f"masks need a layer with at most the spatial axes of the input of size {spatial}; "
                f"{first.layers[0]!r} gives maps of {grid}; choose another layer."
            )
        maps = self._select_maps(channels)
        placement = first.placement
        if placement is None or placement.obstacle or placement.grid != grid:
            # Of frames, a map that has no axis for them is the mask of each.
            placement = stretch((*[1] * (len(spatial) - len(grid)), *grid), spatial)
        # A mask goes on where no cell sees the image: a zero there would count as the least value of the map.
        placement = replace(placement, seen=())
        grid = tuple(axis.cells if axis else 1 for axis in placement.axes)
        count = maps.shape[-1]
        # The last map is zero, so that nothing is left of the image. It is scored first.
        nothing = np.zeros_like(maps[..., :1])
        resident = {
            name: value.reshape(len(value), *grid, -1)
            for name, value in {
                "maps": np.concatenate([maps, nothing], axis=-1),
                **self._noise(maps),
            }.items()
        }
        codes = np.asarray([(count, 0.0, 0.0), *self._codes(count)], "float32")
        masks = MapMasks(placement, self.sigma if self.smoothing == "noise" else 0.0)
        with self.stream(probe, first, pictures, masks, resident, len(codes)) as stream:
            found = stream.scores(dict.fromkeys(range(len(maps)), codes))
        scores = np.stack([found[image].T for image in found])
        weights = scores[..., 1:] - scores[..., :1]
        repeats = self.samples if self.smoothing else 1
        weights = weights.reshape(*weights.shape[:2], count, repeats)
        known = np.isfinite(weights)
        times = known.sum(axis=-1)
        weights = np.where(known, weights, 0).sum(axis=-1) / np.where(times > 0, times, np.nan)
        if self.softmax:
            powers = np.exp(weights - np.where(times > 0, weights, -np.inf).max(axis=-1, keepdims=True))
            weights = powers / np.where(times > 0, powers, 0).sum(axis=-1, keepdims=True)
        every = channels.shape[-1]
        note = f"{count} maps of {every} channels" if count < every else f"all {every} channels"
        return self.to_answer(stream, self.sum_channels(first, maps, weights), (note,))

    def _codes(self, count: int) -> list[tuple[float, float, float]]:
        """For each map and sample: the number of the map, the factor of the mask, the number of the noise."""
        if self.smoothing == "integrated":
            shares = [(step + 1) / self.samples for step in range(self.samples)]
            return [(index, share, 0.0) for index in range(count) for share in shares]
        samples = self.samples if self.smoothing == "noise" else 1
        return [(index, 1.0, sample) for index in range(count) for sample in range(samples)]

    def _noise(self, maps: Array) -> dict[str, Array]:
        if self.smoothing != "noise":
            return {}
        generator = np.random.default_rng(self.seed)
        noise = generator.standard_normal((*maps.shape[1:-1], self.samples)).astype("float32")
        return {"noise": np.broadcast_to(noise, (len(maps), *noise.shape))}

    def _select_maps(self, channels: Array) -> Array:
        """The maps that are scored, (N, h, w, M)."""
        if self.channels is None or self.channels >= channels.shape[-1]:
            return channels
        flat = channels.reshape(len(channels), -1, channels.shape[-1])
        if self.choice == "variance":
            # Stable, so that the first of equal channels is taken on every backend.
            order = np.argsort(-flat.var(axis=1), axis=-1, kind="stable")[:, : self.channels]
            taken = np.take_along_axis(flat, np.sort(order, axis=-1)[:, None, :], axis=-1)
        else:
            taken = np.stack([cluster_means(maps.T, self.channels).T for maps in flat])
        return taken.reshape(*channels.shape[:-1], -1)


def cluster_means(maps: Array, count: int) -> Array:
    """The means of at most C clusters of maps (C, P), by k-means on maps of length 1 from a fixed start."""
    length = np.linalg.norm(maps, axis=1, keepdims=True)
    unit = maps / np.where(length > 0, length, 1)
    # The next centre is the map that is furthest from the centres so far.
    centres = [int(length.argmax())]
    while len(centres) < count:
        nearest = np.min([((unit - unit[centre]) ** 2).sum(axis=1) for centre in centres], axis=0)
        nearest[centres] = -1
        centres.append(int(nearest.argmax()))
    middle = unit[centres]
    for _ in range(_ROUNDS):
        label = ((unit[:, None] - middle[None]) ** 2).sum(axis=-1).argmin(axis=1)
        label[centres] = np.arange(count)  # no cluster is empty
        middle = np.stack([unit[label == cluster].mean(axis=0) for cluster in range(count)])
    return np.stack([maps[label == cluster].mean(axis=0) for cluster in range(count)])
