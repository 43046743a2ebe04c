"""FullGrad: the contributions of each pixel and of each bias of the network to the score."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from keras import ops

from kerascope.method.base import Method
from kerascope.perturb.pixels import pixels_of
from kerascope.perturb.resampling import enlarge
from kerascope.probe import Answer, AnyProbe, Internals, Request
from kerascope.target import Target
from kerascope.typing import Array

_EXACT = 0.02
"""Share of the score that rounding, in bfloat16 too, explains."""


@dataclass(frozen=True)
class FullGrad(Method, name="full_grad"):
    r"""FullGrad: the image times its gradient, and every bias of the network times its own.

    $$F = \psi(x \odot \nabla_x s) + \sum_l \sum_c \psi(b^l \odot \nabla_{b^l} s)_c, \qquad
      \psi(f) = U\Big(\frac{|f| - \min |f|}{\max |f| - \min |f|}\Big)$$

    over all layers $l$ with a bias (of a convolution, a batch normalisation at inference, or a
    rescaling), with the gradient where the bias is added, before the layer's
    activation. $U$ enlarges to the image's size. Before $\psi$, the terms of a piecewise linear network sum
    to the score: by how much they do not is in `completeness_gap`, as a share of the score.

    Returns:
        values float32 (N, H, W), at least 0, the sum of maps that are each scaled to 1; not normalised.

    Raises:
        DisconnectedError: the score does not depend on the input, or not differentiably.
        InputError: the model has several inputs and none was chosen, or the input has no spatial axes.

    Cost:
        1 forward, and 1 backward per class for all layers together.

    Source:
        Srinivas and Fleuret, Full-Gradient Representation for Neural Network Visualization, NeurIPS 2019,
        equations 1 to 5. As in the authors' own program, the channels of a layer are scaled together, so that
        a channel of noise stays small, and layers without spatial axes are not drawn; they do count for
        `completeness_gap`. Enlarged bilinearly at half pixels. Biases that cannot be known, as of other
        normalisations, and layers that are not piecewise linear are named in the explanation's notes.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)),
        ...     keras.layers.Conv2D(4, 3, activation="relu", bias_initializer="ones"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> found = ks.FullGrad()(model, images, target=1)
        >>> found.values.shape, bool(abs(found.completeness_gap).max() < 1e-3)
        ((2, 8, 8), True)
    """

    tags: ClassVar[frozenset[str]] = frozenset({"pixels", "gradient"})

    def compute(self, internals: Internals) -> Any:
        """The map of one class, flattened, and behind it what all terms sum to."""
        size = tuple(internals.image.shape[1:-1])
        terms = list(_terms(internals))
        total = sum(ops.sum(values, axis=_axes_but_first(values)) for values, _ in terms)
        # In the first term, the image itself, every pixel counts, so there is a map.
        drawn = sum(enlarge(_psi(values), size) for values, shown in terms if shown)
        flat = ops.reshape(drawn, (-1, math.prod(size)))
        return ops.concatenate([flat, ops.reshape(total, (-1, 1))], axis=1)

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """One forward, one backward down to the input and every bias."""
        answer = probe.run(self.compute, images, target, Request(image_gradient=True, biases=True), self)
        assert answer.values is not None
        size = pixels_of(answer).shape[1:-1]
        values, total = answer.values[..., :-1], answer.values[..., -1]
        values = values.reshape(*answer.scores.shape, *size)
        scale = np.where(answer.scores == 0, 1, np.abs(answer.scores))
        gap = (total - answer.scores) / scale
        return replace(
            answer, values=values, completeness_gap=gap, notes=(*answer.notes, *_find_gaps(answer, gap))
        )


def _find_gaps(answer: Answer, gap: Array) -> Iterator[str]:
    """What is missing from the terms."""
    if len(answer.batch.arrays) > 1:
        yield "what the model's other inputs contribute is left out"
    largest = float(np.max(np.abs(gap)))
    if largest > _EXACT:
        yield (
            f"the terms miss the score by up to {largest:.0%} of it: something in the model adds a constant "
            "that is not known, or is not piecewise linear"
        )


def _terms(internals: Internals) -> Iterator[tuple[Any, bool]]:
    """Every number of the network times the gradient at it, and whether it has a map."""
    yield internals.image * internals.image_gradient, True
    for term in internals.biases:
        yield term.values, term.has_map


def _psi(values: Any) -> Any:
    """Absolute values, from 0 to 1 in each image, summed over channels; all 0 where they do not differ."""
    sizes = ops.abs(values)
    low = ops.min(sizes, axis=_axes_but_first(sizes), keepdims=True)
    spread = ops.max(sizes, axis=_axes_but_first(sizes), keepdims=True) - low
    return ops.sum((sizes - low) / ops.where(spread > 0, spread, 1), axis=-1)


def _axes_but_first(values: Any) -> tuple[int, ...]:
    return tuple(range(1, len(values.shape)))
