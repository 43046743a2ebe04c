"""MultiScaleCAM: a deep layer says what, finer layers and the image say where."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from keras import ops

from kerascope import errors
from kerascope.method.cam.base import ClassActivationMap, spatial_axes
from kerascope.method.cam.fusion import fuse, to_finest
from kerascope.method.gradient.modifier import apply_modifier
from kerascope.perturb.resampling import enlarge, to_image
from kerascope.placement import Placement, combine_finest, stretch
from kerascope.probe import Answer, AnyProbe, Internals, Scales, require_probe
from kerascope.target import Target

FLOOR = 0.01
"""Share of its largest value that the deep map has everywhere, so that finer scales order all pixels."""
_MOST = 16
"""Places along each axis from which the ground of an image is taken."""


@dataclass(frozen=True)
class MultiScaleCAM(ClassActivationMap, name="multi_scale_cam"):
    r"""Multi-scale CAM: what a deep layer finds relevant, where finer layers and the image do too.

    $$L = \big(\mathrm{ReLU}(D) + 0.01 \max|D|\big) \cdot \frac{F}{\max F} \cdot \frac{F + I}{\max(F + I)}$$

    $$D_{ij} = \sum_c \frac{\partial s}{\partial A_{ijc}} A_{ijc}, \qquad
      F = \frac{1}{n} \sum_{l=1}^n \frac{\mathrm{ReLU}(D^l)}{\overline{|D^l|}}, \qquad
      I = \frac{\mathrm{ReLU}(M)}{\overline{|M|}}, \qquad
      M_{ij} = \sum_c \frac{\partial s}{\partial x_{ijc}} (x_{ijc} - \tilde{x}_c)$$

    with the activations $A$ of the deepest layer, $D^l$ alike of the $n$ finer ones, the image $x$, the
    median $\tilde{x}_c$ of a colour over space (from at most 16 places along each axis), means over space,
    and the pre-softmax score $s$. Every map is enlarged to the finest grid. The finer layers are the last
    rectified one of each finer grid on the way; see `kerascope.probe.graph.scales`. Where there is none, $F =
    I$; where no gradient can be taken at the image, $I = 0$. A factor that is blank is left out.

    A deep layer has few cells; the first layers, and the image, have many but hardly know the class. What a
    rectifier returns is zero where nothing was found; for the image the median is subtracted, so that paper
    counts for nothing, be it white or black.

    Args:
        layer: path of the deepest layer; None for the automatic one. Where branches meet only behind their
            pooling, the deep map is the sum of theirs, and finer layers count that all ways go through.
        layers: paths of layers in the place of those that are found, the first of which says what; the image
            is left out then.

    Returns:
        values float32 (N, H, W) on the image's own grid, or on the finest layer's where the input has no such
        axes; at least 0, in units of the score, at most 1.01 times the largest value of the deep map. With
        `relu=False` what speaks against the class, computed alike from -D and -M, is subtracted. A map of
        which all is against the class is small, not blank. Where no gradient can be taken at the image, as
        behind whole numbers, or at a finer layer, a note says so, and the other scales say where.

    Raises:
        ParameterError: `fusion` is given.

    Cost:
        1 forward, and 1 backward per class, down to the image.

    Source:
        None: measured here, see docs/one-pass.md. Relatives: Englebert, Cornu and De Vleeschouwer, Poly-CAM,
        2022, a product over layers, without gradients; Jiang et al., LayerCAM, 2021, section III-C, the
        largest over layers; Lee et al., Relevance-CAM, CVPR 2021, maps of early layers. The maps of layers
        are from Draelos and Carin, HiResCAM, 2020, equation 4; the median stands where Shrikumar et al.,
        DeepLIFT, 2017, have a reference.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.MaxPooling2D(2, name="pool"), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.MultiScaleCAM()(model, images, target=1)
        >>> found.values.shape, found.layer
        ((2, 8, 8), 'pool')
    """

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"pixels"}

    def __post_init__(self) -> None:
        if self.fusion != "mean":
            raise errors.ParameterError(
                f"fusion must be left out: MultiScaleCAM joins layers in its own way; got {self.fusion!r}; "
                "other class activation maps, such as HiResCAM, take it."
            )
        super().__post_init__()

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Gradient times activation, before the sum over channels."""
        return gradients * activations

    def compute(self, internals: Internals) -> Any:
        """The map of one class from all scales."""
        return self._join(internals, self.combine, combine_scales if self.relu else to_signed_map)

    def to_map(self, internals: Internals, gather: Callable[[Any], Any]) -> Any:
        """The signed map, from what `gather` makes of the weighted channels of each scale."""
        return self._join(internals, gather, to_signed_map)

    def _join(self, internals: Internals, gather: Callable[[Any], Any], join: Callable[..., Any]) -> Any:
        layers, image = self.maps(internals, gather)
        placements = _join_branches(internals)
        if image is not None:
            size = tuple(internals.image.shape[1:-1])
            placements.append(stretch(size, size))
        found = join(layers, image, placements)  # raises where they do not fit together
        known = [placement for placement in placements if placement is not None]
        placement = combine_finest(known) if known and len(known) == len(placements) else None
        return enlarge_to_image(found, placement, internals)

    def maps(self, internals: Internals, gather: Callable[[Any], Any]) -> tuple[list[Any], Any]:
        """The signed map of each layer, the deepest first, and of the image, or None."""
        layers = [gather(self.channels(part)) for part in internals.split()]
        if internals.branches > 1:
            together = internals.placements[: internals.branches]
            deep = fuse(layers[: internals.branches], "sum", together)
            layers = [deep, *layers[internals.branches :]]
        if internals.image_gradient is None:
            return layers, None
        standing_out = internals.image - ground(internals.image)
        return layers, gather(
            self.weigh(standing_out, apply_modifier(internals.image_gradient, self.gradients))
        )

    def scales(self, probe: AnyProbe, images: Any, target: Target) -> Scales:
        """Every scale of the model."""
        if self.layers is not None:
            return super().scales(probe, images, target)
        return require_probe(probe).scales(images, target, self.layer)

    def attribute_with(
        self, compute: Callable[[Internals], Any], key: Hashable, probe: AnyProbe, images: Any, target: Target
    ) -> Answer:
        """At all scales; where the score has no gradient at one, without the image, or at the layer alone."""
        if self.layers is not None:
            return _on_image(super().attribute_with(compute, key, probe, images, target))
        found = self.scales(probe, images, target)
        probe = require_probe(probe).without_refresh()
        deep = replace(found, layers=found.layers[: found.branches], image=False)
        *more, alone = dict.fromkeys((found, replace(found, image=False), deep))
        for places in more:
            try:
                answer = self.attribute_at(places, compute, key, probe, images, target)
                break
            except errors.DisconnectedError:
                continue
        else:
            places, answer = alone, self.attribute_at(alone, compute, key, probe, images, target)
        layers = answer.layers[: found.branches]
        return _on_image(replace(answer, layers=layers, notes=(_scales_note(places, found), *answer.notes)))


def _scales_note(places: Scales, found: Scales) -> str:
    """Which scales say where, and which ones cannot."""
    finer = _scale_names(places)
    missing = [name for name in _scale_names(found) if name not in finer]
    note = f"where: by {', '.join(finer) or 'the layer alone'}"
    return f"{note}; the score has no gradient at {' or '.join(missing)}" if missing else note


def _scale_names(places: Scales) -> list[str]:
    return [*map(str, places.layers[places.branches :]), *["the image"] * places.image]


def _join_branches(internals: Internals) -> list[Placement | None]:
    """Where the deep map and each finer one lie."""
    together, finer = internals.placements[: internals.branches], internals.placements[internals.branches :]
    known = [placement for placement in together if placement is not None]
    return [combine_finest(known) if known and len(known) == len(together) else None, *finer]


def _on_image(answer: Answer) -> Answer:
    """The answer, whose maps were brought to the image where they have its axes."""
    placed, layout = answer.placement, answer.image_layout
    if answer.values is None or layout is None or placed is None or not _covers_image(placed):
        return answer
    return replace(answer, placement=stretch(answer.values.shape[answer.scores.ndim :], layout.spatial))


def _covers_image(placement: Placement) -> bool:
    return not placement.obstacle and None not in placement.axes


def enlarge_to_image(maps: Any, placement: Placement | None, internals: Internals) -> Any:
    """Maps on the explained input's own grid, or as fine as they are, where that has as many axes."""
    grid = tuple(maps.shape[1:])
    size = () if internals.image is None else tuple(internals.image.shape[1:-1])
    if len(grid) != len(size) or (placement is not None and not _covers_image(placement)):
        return maps
    finest = tuple(map(max, grid, size))
    return enlarge(maps, finest) if placement is None else to_image(maps, placement, finest)


def to_signed_map(
    layers: Sequence[Any], image: Any = None, placements: Sequence[Placement | None] = ()
) -> Any:
    """What speaks for the class less what speaks against it: see `combine_scales`."""
    against = combine_scales([-layer for layer in layers], None if image is None else -image, placements)
    return combine_scales(layers, image, placements) - against


def combine_scales(
    layers: Sequence[Any], image: Any = None, placements: Sequence[Placement | None] = ()
) -> Any:
    """What speaks for the class, at least 0, on the finest grid.

    Args:
        layers: the signed map of each layer, the deepest first.
        image: the signed map of the image, or None.
        placements: where each of these lies on the image; without, they are stretched.
    """
    deep, *finer = layers
    scales = finer if image is None else [*finer, image]
    if not scales:
        return ops.relu(deep)
    maps = [ops.relu(deep), *map(_divide_by_mean, scales)]
    what, *where = to_finest(maps, placements or [None] * len(maps))
    behind = where[: len(finer)] or where
    mean = sum(behind[1:], behind[0]) / len(behind)
    every = mean if image is None else mean + where[-1]
    least = FLOOR * ops.max(ops.abs(deep), axis=map_axes(deep), keepdims=True)
    some = ops.any(every > 0, axis=map_axes(every), keepdims=True)
    return (what + ops.where(some, least, 0.0)) * _divide_by_max(mean) * _divide_by_max(every)


def _divide_by_max(values: Any) -> Any:
    """Maps, at least 0, as a share of their largest value; 1 where one is blank and decides nothing."""
    largest = ops.max(values, axis=map_axes(values), keepdims=True)
    return ops.where(largest > 0, values / _nonzero(largest), 1.0)


def _divide_by_mean(values: Any) -> Any:
    """What is positive of maps, in units of their mean absolute value."""
    return ops.relu(values) / _nonzero(ops.mean(ops.abs(values), axis=map_axes(values), keepdims=True))


def _nonzero(values: Any) -> Any:
    return ops.where(values > 0, values, 1.0)


def map_axes(maps: Any) -> tuple[int, ...]:
    """The axes of maps (N, *spatial) but the first."""
    return tuple(range(1, len(maps.shape)))


def ground(values: Any) -> Any:
    """The median of each colour over space, (N, 1, ..., C), from at most 16 places along each axis."""
    steps = [-(-values.shape[axis] // _MOST) for axis in spatial_axes(values)]
    thinned = values[(slice(None), *(slice(step // 2, None, step) for step in steps))]
    rows = ops.sort(ops.reshape(thinned, (-1, math.prod(thinned.shape[1:-1]), values.shape[-1])), axis=1)
    count = rows.shape[1]
    median = (rows[:, (count - 1) // 2] + rows[:, count // 2]) / 2
    return ops.reshape(median, (-1, *(1 for _ in steps), values.shape[-1]))
