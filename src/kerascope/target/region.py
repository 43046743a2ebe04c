"""A target on the pixels of a segmentation: what a class scores inside a mask."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.layout import TOKENS, Layout
from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.target.indices import check_names, class_indices, one_output, rows
from kerascope.target.kind import class_count, columns
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Region(Target):
    r"""The mean score of a class inside a region of a segmentation.

    $$s_n = \frac{\sum_p m_{n, p}\, z_{n, p, c_n}}{\sum_p m_{n, p}}$$

    with the pre-softmax scores $z$ at each place $p$ and the mask $m$. Outputs (N, *spatial, K), of any
    number of spatial axes; channels first, and the places of a grid in one axis, where the layers that made
    them say so. With one channel in front of a sigmoid, a place belongs to class 1 where its score z is above
    0, else to class 0, whose score is -z.

    Args:
        index: class index or name, or one per image; None for the class that is predicted at the most places
            of each image, inside the mask if one is given, or for class 1 of a single channel without mask.
            Where the background is a class, it counts as one: give the index, or a mask.
        mask: the region, (*spatial) or (N, *spatial) on the grid of the outputs, of booleans or of weights
            that are at least 0; None for the places where the class is predicted.

    What is None is chosen on each image itself, and no gradient passes through the choice. Where the class
    is predicted nowhere, there is nothing to explain: a `TargetError` names the images.

    Source:
        Vinogradova, Dibrov and Myers, Towards Interpretable Semantic Segmentation via Gradient-weighted Class
        Activation Mapping (Seg-Grad-CAM), 2020, equation 2. Deviation: the mean over the region where the
        paper sums, so that the scale of a map does not grow with the area.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, padding="same"),
        ...     keras.layers.Conv2D(2, 1, activation="softmax")])
        >>> mask = np.zeros((8, 8), bool)
        >>> mask[2:5, 2:5] = True
        >>> ks.Saliency()(model, np.ones((1, 8, 8, 3)), ks.Region(1, mask)).target
        'class 1 inside a mask'
    """

    index: int | str | Sequence[int | str] | None = None
    mask: Any = None

    @property
    def chooses(self) -> bool:  # type: ignore[override]
        return self.index is None or self.mask is None

    def key(self) -> Hashable:
        return ("region", self.index is None, self.mask is None)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (one_output(context, "a region"),)

    def arguments(self, context: Context) -> dict[str, Array]:
        one_output(context, "a region")
        (name, shape), *_ = context.outputs.items()
        if len(shape) < 3:
            raise errors.TargetError(
                f"a region needs outputs of shape (N, *spatial, classes); this model returns {shape}; ask "
                "for a class, such as ks.Class(0)."
            )
        grid, channels = _grid(shape, context.layouts.get(name))
        classes = class_count((channels,), context.kind) if channels == 1 else channels
        check_names(classes, context)
        found: dict[str, Array] = {}
        if self.index is not None:
            found["index"] = class_indices(self.index, classes, context)
        if self.mask is not None:
            found["mask"] = self._mask(grid, context.count)
        return found

    def read(self, forward: Forward, arguments: Any) -> Reading:
        before = forward.scores if forward.logits is None else forward.logits
        final, scores = (
            _places(tree.flatten(structure)[0], forward.layout) for structure in (forward.outputs, before)
        )
        grid = tuple(scores.shape[1:-1])
        final, scores = columns(final, scores, forward.kind)
        scores = scores if forward.logits is None else final
        classes = scores.shape[-1]
        flat = (
            ops.reshape(final, (forward.count, -1, classes)),
            ops.reshape(scores, (forward.count, -1, classes)),
        )
        scores = flat[1]
        label, mask = arguments.get("index"), arguments.get("mask")
        if mask is not None:
            mask = ops.reshape(ops.cast(mask, "float32"), scores.shape[:-1])
        own = _predicted(scores)
        if label is None and mask is None and forward.kind == "binary":
            label = ops.ones((forward.count,), "int32")
        if label is None:
            votes = own if mask is None else own * mask[..., None]
            label = ops.argmax(ops.sum(votes, axis=1), axis=-1)
        label = ops.cast(label, "int32")
        if mask is None:
            mask = ops.sum(own * ops.one_hot(label, classes, dtype="float32")[:, None], axis=-1)
        total = ops.sum(mask, axis=1)
        # Nothing is the mean of nothing, also where another target does not ask for what is unmet.
        means = ops.sum(scores * mask[..., None], axis=1) / ops.where(total > 0, total, np.nan)[:, None]
        chosen = {"index": label} if self.index is None else {}
        if self.mask is None:
            chosen["mask"] = ops.reshape(mask, (forward.count, *grid))
        labels = label[:, None]
        return Reading(
            ops.take_along_axis(means, labels, axis=1),
            labels,
            0,
            chosen=chosen,
            unmet=ops.logical_not(total > 0),
            columns=flat,
        )

    def describe(self) -> str:
        if self.index is None:
            named = "most frequent class"
        else:
            named = "given classes" if np.ndim(self.index) else f"class {self.index}"
        return f"{named} {'where it is predicted' if self.mask is None else 'inside a mask'}"

    def complaint(self) -> str:
        return (
            f"{self.describe()}: the class must be predicted somewhere in the image to be explained there; "
            "give a mask, or a class that is there"
        )

    def _mask(self, grid: tuple[int, ...], count: int) -> Array:
        mask = np.asarray(self.mask)
        if mask.shape not in (grid, (count, *grid)):
            raise errors.TargetError(
                f"a mask must have the shape of the outputs' grid, {grid}, or {(count, *grid)} with one for "
                f"each image; got {mask.shape}; resize it to the grid of the outputs."
            )
        if mask.dtype.kind not in "biuf" or not np.isfinite(mask).all() or (mask < 0).any():
            raise errors.TargetError(
                f"a mask must hold booleans, or finite weights of at least 0; got {mask.dtype} from "
                f"{np.min(mask)} to {np.max(mask)}; use 1 inside of the region and 0 outside."
            )
        masks = rows(mask.reshape(-1, *grid), count, "float32")
        empty = np.flatnonzero(masks.reshape(count, -1).sum(axis=1) <= 0)
        if empty.size:
            raise errors.TargetError(
                f"a mask must cover at least one place; it is empty for images {empty.tolist()[:10]}; "
                "give a mask that covers what is to be explained."
            )
        return masks


def _grid(shape: tuple[int, ...], layout: Layout | None) -> tuple[tuple[int, ...], int]:
    """The spatial size and the number of classes of outputs."""
    if _unfolds(shape, layout):
        assert layout is not None
        return layout.spatial, layout.channels
    return shape[1:-1], shape[-1]


def _unfolds(shape: Sequence[int], layout: Layout | None) -> bool:
    """The layout tells more than the shape: channels first, or a grid in one axis and nothing in front."""
    if layout is None or len(shape) < 3:
        return False
    return layout.kind != TOKENS or (not layout.prefix and shape[1] == math.prod(layout.spatial))


def _places(tensor: Any, layout: Layout | None) -> Any:
    """Outputs as (N, *spatial, K)."""
    if layout is not None and _unfolds(tensor.shape, layout):
        return layout.channels_last(tensor)
    return tensor


def _predicted(scores: Any) -> Any:
    """(N, places, K): 1 where a class is predicted; of one class, where its score is above 0."""
    if scores.shape[-1] == 1:
        return ops.cast(scores > 0, "float32")
    return ops.one_hot(ops.argmax(scores, axis=-1), scores.shape[-1], dtype="float32")
