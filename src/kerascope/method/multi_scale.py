"""A class activation map at every scale: a deep layer says what, finer ones and the image say where."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from keras import ops

from kerascope import errors
from kerascope.method.cam import ClassActivationMap, over_space
from kerascope.method.fusion import on_finest
from kerascope.method.modifier import modified
from kerascope.probe import Answer, Evidence, Probe, Scales
from kerascope.target import Target

POWER = 2
"""How sharply the finer scales decide; docs/one-pass.md has what was tried."""
FLOOR = 0.01
"""Share of its largest value that the deep map has everywhere, so that finer scales order all pixels."""
_MOST = 16
"""Places along each axis from which the ground of a channel is taken."""


@dataclass(frozen=True)
class MultiScaleCAM(ClassActivationMap, name="multi_scale_cam"):
    r"""Multi-scale CAM: what a deep layer finds relevant, where finer layers and the image do too.

    $$L = \big(\mathrm{ReLU}(D) + 0.01 \max|D|\big) \Big(\frac{W}{\max W}\Big)^2, \qquad
      W = \sum_l \frac{\mathrm{ReLU}(M_l)}{\overline{|M_l|}}$$

    $$D_{ij} = \sum_c \frac{\partial s}{\partial A_{ijc}} A_{ijc}, \qquad
      M_{l,ij} = \sum_c \frac{\partial s}{\partial A^l_{ijc}} \big(A^l_{ijc} - \tilde{A}^l_c\big)$$

    with the activations $A$ of the deepest layer, those $A^l$ of the finer scales, the median $\tilde{A}^l_c$
    of a channel over space (of at most 16 places along each axis), the mean over space, and the pre-softmax
    score $s$. Every map is enlarged to the finest grid. The finer scales are the last rectified layer of each
    finer grid on the way, and the image itself; see `kerascope.probe.scales`.

    A deep layer has few cells; the first layers, and the image, have many but hardly know the class. The
    median is what a channel has where nothing is: so paper, a plain wall, or a constant that a layer adds
    count for nothing.

    Args:
        layer: path of the deepest layer; None for the automatic one.
        layers: paths of the scales in the place of those that are found, the first of which says what; the
            image is left out then.

    Returns:
        values float32 (N, H, W) on the image's own grid, or on the finest layer's where no gradient can be
        taken at the image; at least 0, in units of the score, at most 1.01 times the largest value of the
        deep map. With `relu=False` what speaks against the class, computed alike from -D and -M, is
        subtracted. A map of which all is against the class is small, not blank.

    Raises:
        LayerError: the layer does not exist, cannot be read, has no spatial extent, or the score does not
            depend on it.
        ParameterError: `fusion` is given.
        RuleError: `backprop` is given, and no rectifier lies between the layer and the score.

    Cost:
        1 forward, and 1 backward per class, down to the image.

    Source:
        None: measured here, see docs/one-pass.md. Relatives: Englebert, Cornu and De Vleeschouwer, Poly-CAM,
        2022, equation 4, a product over layers; Jiang et al., LayerCAM, 2021, section III-C, the largest over
        layers; Lee et al., Relevance-CAM, CVPR 2021, maps of early layers. The maps of layers are those of
        Draelos and Carin, HiResCAM, 2020, equation 4; the median takes the place of the reference of
        Shrikumar et al., DeepLIFT, 2017.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, activation="relu"),
        ...     keras.layers.MaxPooling2D(2), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> found = ks.MultiScaleCAM()(model, images, target=1)
        >>> found.values.shape, found.layer
        ((2, 8, 8), 'max_pooling2d')
    """

    tags: ClassVar[frozenset[str]] = ClassActivationMap.tags | {"pixels"}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fusion != "mean":
            raise errors.ParameterError(
                f"fusion must be left out: MultiScaleCAM joins layers in its own way; got {self.fusion!r}; "
                "other class activation maps, such as HiResCAM, take it."
            )

    def weigh(self, activations: Any, gradients: Any) -> Any:
        """Gradient times activation, before the sum over channels."""
        return gradients * activations

    def compute(self, evidence: Evidence) -> Any:
        """The map of one class from all scales."""
        scales = list(zip(evidence.activations, evidence.gradients, strict=True))
        if evidence.image_gradient is not None:
            scales.append((evidence.image, evidence.image_gradient))
        maps = []
        for place, (values, gradients) in enumerate(scales):
            seen = values if place == 0 else values - ground(values)
            maps.append(self.combine(self.weigh(seen, modified(gradients, self.gradients))))
        speaking = joined(maps)
        return speaking if self.relu else speaking - joined([-one for one in maps])

    def places(self, probe: Probe, images: Any, target: Target) -> Scales:
        """Every scale of the model."""
        if self.layers is not None:
            return super().places(probe, images, target)
        return probe.scales(images, target, self.layer)

    def ask_for(
        self, compute: Callable[[Evidence], Any], key: Hashable, probe: Probe, images: Any, target: Target
    ) -> Answer:
        """At all scales; at the deepest alone where the score has no gradient at another."""
        if self.layers is not None:
            return super().ask_for(compute, key, probe, images, target)
        deepest, *finer = self.places(probe, images, target).layers
        try:
            answer = super().ask_for(compute, key, probe, images, target)
            note = f"where: by {', '.join([*map(str, finer), 'the image'])}"
        except errors.DisconnectedError:
            alone = replace(self, layer=None, layers=(str(deepest),))
            answer = alone.ask_for(compute, (key, alone), probe, images, target)
            note = "where: by the layer alone, since the score has no gradient at every finer scale"
        return replace(answer, layers=answer.layers[:1], notes=(note, *answer.notes))


def joined(maps: Sequence[Any]) -> Any:
    """What speaks for the class, (N, *spatial), from the maps of all scales, signed, the deepest first."""
    if len(maps) == 1:
        return ops.relu(maps[0])
    space = over_places(maps[0])
    least = FLOOR * ops.max(ops.abs(maps[0]), axis=space, keepdims=True)
    deep, *finer = on_finest([ops.relu(maps[0]) + least, *(_of_its_mean(one) for one in maps[1:])])
    total = sum(finer[1:], finer[0])
    return deep * (total / _nonzero(ops.max(total, axis=space, keepdims=True))) ** POWER


def _of_its_mean(values: Any) -> Any:
    """What is positive of maps, in units of their mean absolute value."""
    return ops.relu(values) / _nonzero(ops.mean(ops.abs(values), axis=over_places(values), keepdims=True))


def _nonzero(values: Any) -> Any:
    return ops.where(values > 0, values, 1.0)


def over_places(maps: Any) -> tuple[int, ...]:
    """The axes of maps (N, *spatial) but the first."""
    return tuple(range(1, len(maps.shape)))


def ground(values: Any) -> Any:
    """The median of each channel over space, (N, 1, ..., C), from at most 16 places along each axis.

    Args:
        values: (N, *spatial, C).
    """
    steps = [-(-values.shape[axis] // _MOST) for axis in over_space(values)]
    thinned = values[(slice(None), *(slice(step // 2, None, step) for step in steps))]
    rows = ops.sort(ops.reshape(thinned, (-1, math.prod(thinned.shape[1:-1]), values.shape[-1])), axis=1)
    count = rows.shape[1]
    median = (rows[:, (count - 1) // 2] + rows[:, count // 2]) / 2
    return ops.reshape(median, (-1, *(1 for _ in steps), values.shape[-1]))
