"""Targets on a segmentation: the mean score of a class inside a region."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.layout import TOKENS, Layout
from kerascope.target.base import (
    Context,
    Forward,
    Reading,
    Target,
    class_columns,
    class_count,
)
from kerascope.target.indices import check_names, class_indices, one_output, to_rows
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Region(Target):
    r"""The mean score of a class inside a region of a segmentation.

    $$s_n = \frac{\sum_p m_{n, p}\, z_{n, p, c_n}}{\sum_p m_{n, p}}$$

    with the pre-softmax scores $z$ at each position $p$ and the mask $m$. Outputs are (N, *spatial, K) with
    any number of spatial axes; channels first, or a grid flattened to one axis, if the layers that computed
    them declare it. With a single channel before a sigmoid, a position belongs to class 1 where its score z
    is above 0, else to class 0, whose score is -z.

    Args:
        index: class index or name, or one per image; None for the class that is predicted at most positions
            of each image, inside the mask if there is one, or for class 1 of a single channel without mask.
            A background class counts as a class: give the index, or a mask.
        mask: the region, (*spatial) or (N, *spatial) on the grid of the outputs, booleans or weights of at
            least 0; None for the positions where the class is predicted.

    Parameters that are None are chosen on each image itself, and no gradient passes through the choice. If
    the class is predicted nowhere, there is nothing to explain: a `TargetError` names the images.

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
                f"a region needs outputs of shape (N, *spatial, classes); this model returns {shape}; use "
                "a class, such as ks.Class(0)."
            )
        grid, channels = _grid(shape, context.layouts.get(name))
        classes = class_count((channels,), context.kind) if channels == 1 else channels
        check_names(classes, context)
        arguments: dict[str, Array] = {}
        if self.index is not None:
            arguments["index"] = class_indices(self.index, classes, context)
        if self.mask is not None:
            arguments["mask"] = self._mask(grid, context.count)
        return arguments

    def read(self, forward: Forward, arguments: Any) -> Reading:
        before = forward.scores if forward.logits is None else forward.logits
        final, scores = (
            _channels_last(tree.flatten(structure)[0], forward.layout)
            for structure in (forward.outputs, before)
        )
        grid = tuple(scores.shape[1:-1])
        final, scores = class_columns(final, scores, forward.kind)
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
        predicted = _one_hot_prediction(scores)
        if label is None and mask is None and forward.kind == "binary":
            label = ops.ones((forward.count,), "int32")
        if label is None:
            votes = predicted if mask is None else predicted * mask[..., None]
            label = ops.argmax(ops.sum(votes, axis=1), axis=-1)
        label = ops.cast(label, "int32")
        if mask is None:
            mask = ops.sum(predicted * ops.one_hot(label, classes, dtype="float32")[:, None], axis=-1)
        total = ops.sum(mask, axis=1)
        # The mean over an empty mask is NaN, also for targets that wrap this one and ignore `undefined`.
        means = ops.sum(scores * mask[..., None], axis=1) / ops.where(total > 0, total, np.nan)[:, None]
        choices = {"index": label} if self.index is None else {}
        if self.mask is None:
            choices["mask"] = ops.reshape(mask, (forward.count, *grid))
        labels = label[:, None]
        return Reading(
            ops.take_along_axis(means, labels, axis=1),
            labels,
            0,
            choices=choices,
            undefined=ops.logical_not(total > 0),
            columns=flat,
        )

    def describe(self) -> str:
        if self.index is None:
            name = "most frequent class"
        else:
            name = "given classes" if np.ndim(self.index) else f"class {self.index}"
        return f"{name} {'where it is predicted' if self.mask is None else 'inside a mask'}"

    def requirement(self) -> str:
        return (
            f"{self.describe()}: the class must be predicted somewhere in the image; give a mask, or a class "
            "that is predicted"
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
                f"{np.min(mask)} to {np.max(mask)}; use 1 inside the region and 0 outside."
            )
        masks = to_rows(mask.reshape(-1, *grid), count, "float32")
        empty = np.flatnonzero(masks.reshape(count, -1).sum(axis=1) <= 0)
        if empty.size:
            raise errors.TargetError(
                f"a mask must cover at least one position; it is empty for images {empty.tolist()[:10]}; "
                "mark the positions to explain."
            )
        return masks


def _grid(shape: tuple[int, ...], layout: Layout | None) -> tuple[tuple[int, ...], int]:
    """Return the spatial size and the number of channels of outputs."""
    if _differs(shape, layout):
        assert layout is not None
        return layout.spatial, layout.channels
    return shape[1:-1], shape[-1]


def _differs(shape: Sequence[int], layout: Layout | None) -> bool:
    """Whether the layout differs from the shape: channels first, or a flat grid without prefix."""
    if layout is None or len(shape) < 3:
        return False
    return layout.kind != TOKENS or (not layout.prefix and shape[1] == math.prod(layout.spatial))


def _channels_last(tensor: Any, layout: Layout | None) -> Any:
    """Return outputs as (N, *spatial, K)."""
    if layout is not None and _differs(tensor.shape, layout):
        return layout.channels_last(tensor)
    return tensor


def _one_hot_prediction(scores: Any) -> Any:
    """Return (N, positions, K): 1 where a class is predicted, or where the only score is above 0."""
    if scores.shape[-1] == 1:
        return ops.cast(scores > 0, "float32")
    return ops.one_hot(ops.argmax(scores, axis=-1), scores.shape[-1], dtype="float32")
