"""What an audit notes of each image in the pass that explains it: where and at what the model looks."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.auditing.objects import Objects
from kerascope.auditing.traits import traits
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.running.images import PreparedImage
from kerascope.explanation import Explanation, reduce_channels
from kerascope.method import Method
from kerascope.probe import Probe
from kerascope.resize import bilinear_weights
from kerascope.target import Target
from kerascope.typing import Array

CELLS = 8
"""Cells along each side of the grid on which it is told where a model looks."""
PICTURE = 64
"""Pixels along the longer side of the small picture that is kept of each image."""
_CONTENT = 64
"""Numbers that are kept of the model's own features; more are projected at random."""
_COMPARED = 14
"""Cells along each side on which maps of several methods are compared."""
_SATURATED = 0.9


@dataclass(frozen=True)
class AuditDescription:
    """A `kerascope.dataset.running.description.Description`: see `columns`.

    Args:
        preprocessing: of the run.
        methods: further methods, with whose maps the map is compared.
        objects: where the objects are, or None.
        training: the digest of the training data with which the images are compared, or None.
    """

    preprocessing: Preprocessing
    methods: tuple[Method, ...] = ()
    objects: Objects | None = None
    training: str | None = None

    def columns(self) -> Sequence[tuple[str, Any]]:
        """See `Description.columns`.

        `position`: 8 x 8 cells, the share of positive relevance in each. `content`: the model's features at
        the explained layer, pooled under the map, of unit length. `traits`: see `kerascope.auditing.traits`.
        `agreement`: Spearman's coefficient with the map of each further method. `saturated`: the share of the
        map that is above 90 % of its greatest value. `outside`: the share of positive relevance outside the
        object, and `beside`: that of the area. `pixels`: see `pixel_digest`. `picture`: a small PNG file.
        """
        import pyarrow as pa

        numbers = pa.list_(pa.float32())
        return [
            ("position", numbers),
            ("content", numbers),
            ("traits", numbers),
            ("agreement", numbers),
            ("saturated", pa.float32()),
            ("outside", pa.float32()),
            ("beside", pa.float32()),
            ("pixels", pa.string()),
            ("picture", pa.binary()),
        ]

    def to_json(self) -> Mapping[str, Any]:
        return {
            "methods": [method.describe() for method in self.methods],
            "objects": None if self.objects is None else self.objects.written(),
            "pixels": "SHA-256",
            "training": self.training,
        }

    def ask(
        self,
        probe: Probe,
        images: Array,
        target: Target,
        explanation: Explanation,
        batch: Sequence[PreparedImage],
    ) -> Sequence[Any]:
        """See `Description.ask`.

        Cost:
            1 forward, and that of the further methods.
        """
        pooled = self._contents(probe, images, explanation)
        own = _ranked(explanation)
        others = [_ranked(method(probe, images, target)) for method in self.methods]
        agreement = [
            [_correlation(own[image], other[image]) for other in others] for image in range(len(own))
        ]
        return list(zip(pooled, agreement, strict=True))

    def _contents(self, probe: Probe, images: Array, explanation: Explanation) -> Array:
        layer = None if explanation.layer is None else explanation.layer.split(", ")[-1]
        try:
            features = probe.activations(images, layer)
        except errors.LayerError:
            return np.zeros((len(images), 0), "float32")
        if features.ndim != 4:
            return np.zeros((len(images), 0), "float32")
        return contents(features, positive(explanation, features.shape[1:3]))

    def describe(self, prepared: PreparedImage, explanation: Explanation, asked: Any) -> Mapping[str, Any]:
        content, agreement = asked
        assert prepared.image is not None
        assert prepared.frame is not None
        pixels = self.preprocessing.pixels(prepared.image)
        weights = positive(explanation, pixels.shape[:2])[0]
        row: dict[str, Any] = {
            "position": np.ravel(cells(weights)),
            "content": content,
            "traits": np.ravel(traits(pixels, weights)),
            "agreement": agreement,
            "saturated": float((weights > _SATURATED * weights.max()).mean()) if weights.any() else 0.0,
            "pixels": pixel_digest(pixels),
            "picture": encode(small_picture(pixels), "PNG", compress_level=3),
        }
        if self.objects is not None:
            inside = self.objects.inside(prepared.item, prepared.frame, pixels.shape[:2])
            if inside is not None and inside.any() and not inside.all():
                row["beside"] = float(1 - inside.mean())
                if weights.any():
                    row["outside"] = float(weights[~inside].sum() / weights.sum())
        return row


def positive(explanation: Explanation, size: tuple[int, ...]) -> Array:
    """What speaks for the target, float32 (N, h, w); zero where a map says nothing or is not finite."""
    maps = speaking_for(reduce_channels(explanation.values, explanation.reduction))
    return fitted(maps * ~np.expand_dims(explanation.flat, (-2, -1)), size).reshape(-1, *size)


def speaking_for(maps: Array) -> Array:
    """The positive part of maps; zero where they are not finite."""
    return np.asarray(np.maximum(np.nan_to_num(maps, posinf=0.0, neginf=0.0), 0))


def fitted(maps: Array, size: tuple[int, ...]) -> Array:
    """Maps on another grid: interpolated where that is finer, the mean within each cell where it is coarser.

    What is interpolated on a coarser grid is read at a few pixels only: a mark between these would be lost.

    Args:
        maps: (..., H, W).
        size: (h, w).

    Returns:
        float32 (..., h, w).

    Example:
        >>> import numpy as np
        >>> from kerascope.auditing.describe import fitted
        >>> fitted(np.diag([8, 0, 0, 0]), (2, 2))
        array([[2., 0.],
               [0., 0.]], dtype=float32)
    """
    down, across = (
        bilinear_weights(old, new) if old <= new else _overlaps(old, new) * np.float32(new / old)
        for old, new in zip(maps.shape[-2:], size, strict=True)
    )
    return np.asarray(down @ maps @ across.T, "float32")


def cells(weights: Array, count: int = CELLS) -> Array:
    """The share of a map in each cell of a grid.

    Args:
        weights: (H, W), not negative.
        count: cells along each side.

    Returns:
        float32 (count, count), sums to 1, or all zero where the map is.

    Example:
        >>> import numpy as np
        >>> from kerascope.auditing.describe import cells
        >>> cells(np.eye(4), 2)
        array([[0.5, 0. ],
               [0. , 0.5]], dtype=float32)
    """
    summed = _overlaps(weights.shape[0], count) @ weights @ _overlaps(weights.shape[1], count).T
    total = summed.sum()
    return np.asarray(summed / total if total > 0 else summed, "float32")


@functools.lru_cache(maxsize=8)
def _overlaps(old: int, new: int) -> Array:
    """By how much each of the old cells of an axis lies in each of the new ones: (new, old)."""
    edges = np.arange(new + 1) * old / new
    starts = np.arange(old)
    low = np.maximum(edges[:-1, None], starts)
    high = np.minimum(edges[1:, None], starts + 1)
    return np.asarray(np.maximum(high - low, 0), "float32")


def contents(features: Array, weights: Array) -> Array:
    """The model's features pooled under maps, of unit length.

    Args:
        features: (N, h, w, C).
        weights: (N, h, w), not negative.

    Returns:
        float32 (N, min(C, 64)); more features are projected at random, always alike.

    Source:
        For the projection: Johnson and Lindenstrauss, Extensions of Lipschitz mappings, 1984.
    """
    total = weights.sum(axis=(1, 2), keepdims=True)
    shares = weights / np.where(total > 0, total, 1)
    pooled = np.einsum("nhwc,nhw->nc", features, shares)
    if pooled.shape[1] > _CONTENT:
        projection = np.random.default_rng(0).normal(size=(pooled.shape[1], _CONTENT)) / np.sqrt(_CONTENT)
        pooled = pooled @ projection
    length = np.linalg.norm(pooled, axis=1, keepdims=True)
    return np.asarray(pooled / np.where(length > 0, length, 1), "float32")


def _ranked(explanation: Explanation) -> Array:
    """Ranks of the cells of each map, (N, cells), centred and of unit length; zero for a flat map."""
    from scipy.stats import rankdata

    maps = fitted(np.nan_to_num(explanation.heatmaps()), (_COMPARED, _COMPARED))
    ranks = rankdata(maps.reshape(len(maps), -1), axis=1)
    ranks = (ranks - ranks.mean(axis=1, keepdims=True)) * ~explanation.flat.reshape(-1, 1)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.asarray(ranks / np.where(length > 0, length, 1))


def _correlation(one: Array, two: Array) -> float:
    return float(one @ two) if one.any() and two.any() else float("nan")


def pixel_digest(pixels: Array) -> str:
    """SHA-256 of an image as the model is shown it, in 8 bits: the same, whatever file it came in.

    Args:
        pixels: uint8 (H, W, 3).
    """
    return hashlib.sha256(str(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def small_picture(pixels: Array) -> Any:
    """A small picture of Pillow.

    Args:
        pixels: uint8 (H, W, 3).
    """
    from PIL import Image

    picture = Image.fromarray(pixels)
    longest = max(picture.size)
    if longest > PICTURE:
        size = tuple(max(1, round(side * PICTURE / longest)) for side in picture.size)
        picture = picture.resize(size, Image.Resampling.BOX)
    return picture
