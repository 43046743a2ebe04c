"""The columns that an audit adds to each image, in the pass that explains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.auditing.description.object_masks import Objects
from kerascope.auditing.description.pixels import pixel_digest, to_thumbnail
from kerascope.auditing.description.qualities import compute_qualities, middle
from kerascope.auditing.description.relevance import (
    cell_shares,
    pool_features,
    positive_relevance,
    unit_ranks,
)
from kerascope.auditing.description.traits import compute_traits
from kerascope.dataset.decoding.photograph import encode
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.running.images import PreparedImage
from kerascope.explanation import Explanation
from kerascope.method import Method
from kerascope.probe import Probe
from kerascope.target import Target
from kerascope.typing import Array

_SATURATED = 0.9


@dataclass(frozen=True)
class AuditDescription:
    """A `kerascope.dataset.running.description.Description`: see `columns`.

    Args:
        preprocessing: of the run.
        methods: further methods, with whose maps the map is compared.
        objects: masks of the objects, or None.
        training: the digest of the training data with which the images are compared, or None.
    """

    preprocessing: Preprocessing
    methods: tuple[Method, ...] = ()
    objects: Objects | None = None
    training: str | None = None

    def columns(self) -> Sequence[tuple[str, Any]]:
        """See `Description.columns`.

        `position`: 8 x 8 cells, the share of positive relevance in each. `content`: the model's features at
        the explained layer, pooled under the map, of unit length. `traits`: of the background and the middle,
        see `kerascope.auditing.description.traits`. `qualities`: of the whole picture
        and of its middle, see
        `kerascope.auditing.description.qualities`. `agreement`: Spearman's coefficient with the map of each
        further method. `saturated`: the share of the map above 90 % of its greatest value. `outside`: the
        share of positive relevance outside the object, and `beside`: the same share of the area. `pixels`:
        see `pixel_digest`. `picture`: a thumbnail as a PNG file.
        """
        import pyarrow as pa

        numbers = pa.list_(pa.float32())
        return [
            ("position", numbers),
            ("content", numbers),
            ("traits", numbers),
            ("qualities", numbers),
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
            "objects": None if self.objects is None else self.objects.to_json(),
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
            1 forward, and the cost of the further methods.
        """
        features = self._pool_features(probe, images, explanation)
        own = unit_ranks(explanation)
        others = [unit_ranks(method(probe, images, target)) for method in self.methods]
        agreement = [
            [_correlation(ranks, other[image]) for other in others] for image, ranks in enumerate(own)
        ]
        return list(zip(features, agreement, strict=True))

    def _pool_features(self, probe: Probe, images: Array, explanation: Explanation) -> Array:
        layer = None if explanation.layer is None else explanation.layer.split(", ")[-1]
        try:
            features = probe.activations(images, layer)
        except errors.LayerError:
            return np.zeros((len(images), 0), "float32")
        if features.ndim != 4:
            return np.zeros((len(images), 0), "float32")
        placement, grid = probe.placement(images, layer), features.shape[1:3]
        own = explanation.placement is not None and explanation.placement.grid == grid
        if placement is None or placement.kind != "measured" or own:
            return pool_features(features, positive_relevance(explanation, grid))
        return pool_features(features, placement.to_cells(positive_relevance(explanation, placement.size)))

    def describe(self, prepared: PreparedImage, explanation: Explanation, asked: Any) -> Mapping[str, Any]:
        content, agreement = asked
        assert prepared.image is not None
        assert prepared.frame is not None
        pixels = self.preprocessing.pixels(prepared.image)
        weights = positive_relevance(explanation, pixels.shape[:2])[0]
        row: dict[str, Any] = {
            "position": np.ravel(cell_shares(weights)),
            "content": content,
            "traits": np.ravel(compute_traits(pixels)),
            "qualities": np.concatenate([compute_qualities(pixels), compute_qualities(middle(pixels))]),
            "agreement": agreement,
            "saturated": float((weights > _SATURATED * weights.max()).mean()) if weights.any() else 0.0,
            "pixels": pixel_digest(pixels),
            "picture": encode(to_thumbnail(pixels), "PNG", compress_level=3),
        }
        if self.objects is not None:
            inside = self.objects.inside(prepared.item, prepared.frame, pixels.shape[:2])
            if inside is not None and inside.any() and not inside.all():
                row["beside"] = float(1 - inside.mean())
                if weights.any():
                    row["outside"] = float(weights[~inside].sum() / weights.sum())
        return row


def _correlation(first: Array, second: Array) -> float:
    return float(first @ second) if first.any() and second.any() else float("nan")
