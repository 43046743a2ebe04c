"""The explainer: from an image of a data set to its rows of the table."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.classes.class_names import unique_indices
from kerascope.dataset.classes.outputs import class_count
from kerascope.dataset.decoding.memory_budget import CACHE
from kerascope.dataset.decoding.photograph import Photograph
from kerascope.dataset.options import ResultOptions
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.reading.arrays import ArrayLocation
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.photograph_reader import open_photograph
from kerascope.dataset.running.description import Description
from kerascope.dataset.running.image_labels import check_labels, join_explanations, to_label_columns
from kerascope.dataset.running.images import ExplainedImage, PreparedImage, ResultRow
from kerascope.dataset.running.non_finite_scores import find_prediction, prediction_warnings, score_error
from kerascope.dataset.writing.overlays import Overlays
from kerascope.dataset.writing.store import Store
from kerascope.explanation import Explanation, describe_flatness
from kerascope.layout import Layout
from kerascope.method.base import LARGEST_GAP
from kerascope.placement import AxisPlacement
from kerascope.probe import Probe
from kerascope.target import TargetLike, as_target
from kerascope.typing import Array

_OF_IMAGES = ("FlatMapWarning", "NonFiniteMapWarning", "NonFiniteScoreWarning", "CompletenessWarning")
"""Warnings about single images of a batch, which go into their rows."""
_KEPT = 1 << 20
"""Pixels of the largest photograph that is kept until it is drawn."""


class Explainer:
    """Reads, explains and draws images with one compiled probe, in any thread.

    Args:
        names: of the classes in the order of the model's outputs, or None.
        description: further columns, or None.

    Raises:
        DatasetError: the model does not take one photograph.
        InputError, TargetError, LayerError: the options do not fit the model.
    """

    def __init__(
        self,
        probe: Probe,
        options: ResultOptions,
        names: Sequence[str] | None,
        store: Store,
        description: Description | None = None,
    ) -> None:
        self.probe = probe.with_padding(options.batch_size)
        self.options = options
        self.names = tuple(names or ())
        self.places = unique_indices(self.names)
        self.store = store
        self.description = description
        size = options.preprocessing.size
        self.layout = image_layout(probe, size)
        self.classes = class_count(probe, probe.blank() if size is None else probe.blank(size))
        self._overlays = None if options.overlay is None else Overlays(store, options.overlay)
        # Its bar of progress would be one for each batch.
        quiet = {"progress": False} if hasattr(options.method, "progress") else {}
        self._method = replace(options.method, **quiet)
        self.size: tuple[int, int] = self.layout.spatial  # type: ignore[assignment]

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """The (h, w) of the method's maps; it checks the target and the layers.

        Cost: none, but to measure where cells look: see `Probe.placement`.
        """
        tags = self.options.method.tags
        of_layer = "layer" in tags and not {"input", "pixels"} & set(tags)
        paths = layers_of(self.options.method) if of_layer else ()
        blank = self._to_input(np.zeros((1, *self.size, self.layout.channels), "float32"))
        calls = self.probe.resolve_layers(
            blank, self.options.model_target, paths, spatial=of_layer, every_branch="gradient" in tags
        )
        if not of_layer:
            return self.size
        graph = self.probe.graph(blank)
        placements = [placement for call in calls if (placement := graph.placement(call)) is not None]
        for placement in placements:
            placement.matrices()  # raises where there is no picture
        if any(None in placement.axes for placement in placements):
            return self.size  # such as columns, which are drawn over all rows
        axes = zip(*(placement.axes for placement in placements), strict=True)
        return tuple(
            max(_fineness(axis, side) for axis in cells if axis is not None)
            for side, cells in zip(self.size, axes, strict=True)
        )

    def prepare(self, index: int, item: Item) -> PreparedImage:
        """Read and preprocess an image. Its errors go into the row, and are not raised."""
        start = time.perf_counter()
        row: ResultRow = {
            "index": index,
            "path": item.path,
            **to_label_columns(item, self.places, self.names, self.classes),
        }
        try:
            image, frame, photograph, notes, row["digest"] = self._read(item)
            if self.options.by_label:
                check_labels(row, alone=self.description is not None)
        except errors.MissingPackageError:
            raise
        except (errors.KerascopeError, MemoryError) as error:
            return PreparedImage(item, index, row | _failure(error), seconds=time.perf_counter() - start)
        row |= {"height": frame.height, "width": frame.width, "box": frame.box}
        row["warnings"] += [f"PhotographNote: {note}" for note in notes]
        return PreparedImage(item, index, row, photograph, image, frame, time.perf_counter() - start)

    def _read(self, item: Item) -> tuple[Array, Frame, Photograph | None, tuple[str, ...], str]:
        """Read an image: its pixels, frame, photograph where it is kept, notes, and digest."""
        if isinstance(item.location, ArrayLocation):
            digest = hashlib.sha256(item.location.read()).hexdigest()
            image = np.asarray(self.layout.channels_last(item.location.image[None], np)[0], "float32")
            height, width = image.shape[:2]
            return image, Frame(height, width, 0, 0, height, width), None, (), digest
        with open_photograph(item.location) as (photograph, digest):
            image, frame = self.options.preprocessing(photograph.picture, self.size, self.layout.channels)
            kept = photograph if self._keeps(photograph, frame.height * frame.width) else None
            notes = photograph.notes
            del photograph
            return image, frame, kept, notes, digest

    def _keeps(self, photograph: Photograph, pixels: int) -> bool:
        """Return whether a photograph is kept until it is drawn, rather than decoded again."""
        return self.options.overlay is not None and pixels <= _KEPT and CACHE.reserve(photograph, 4 * pixels)

    def explain(self, batch: Sequence[PreparedImage]) -> list[ExplainedImage]:
        """Explain images in one pass; where that fails, one by one.

        Raises:
            KerascopeError: every one of several images failed for the same reason.
        """
        start = time.perf_counter()
        try:
            explanations, asked = self._explain_batch(batch)
        except Exception as error:
            if len(batch) == 1:
                return [ExplainedImage(batch[0], error)]
            found = [self.explain([prepared])[0] for prepared in batch]
            if len({repr(explained.explanation) for explained in found}) == 1 and isinstance(
                found[0].explanation, Exception
            ):
                raise error from None
            return found
        seconds = (time.perf_counter() - start) / len(batch)
        return [
            ExplainedImage(prepared, explanation, seconds, more)
            for prepared, explanation, more in zip(batch, explanations, asked, strict=True)
        ]

    def finish(self, explained: ExplainedImage) -> list[ResultRow]:
        """Return the rows of an image, one per explained class, and write its overlays."""
        start = time.perf_counter()
        prepared, explanation = explained.prepared, explained.explanation
        if explanation is None:
            return [prepared.row | {"timings": {"read": prepared.seconds}}]
        if isinstance(explanation, Explanation):
            chosen = not self.options.by_label and self.options.model_target.chooses
            explanation = score_error(explanation, chosen) or explanation
        if isinstance(explanation, Exception):
            return [prepared.row | _failure(explanation) | {"timings": {"read": prepared.seconds}}]
        maps = explanation.heatmaps(size=self.grid).reshape(-1, *self.grid)
        notes: list[str] = list(prepared.row["warnings"])
        try:
            pictures = [] if self._overlays is None else self._overlays.draw(prepared, explanation)
        except (errors.PhotographError, MemoryError) as error:
            pictures, notes = [], [*notes, f"PhotographNote: no picture was drawn ({error})"]
        prediction = find_prediction(explanation)
        common = dict(prepared.row)
        if self.description is not None:
            common |= self.description.describe(prepared, explanation, explained.asked)
        rows = []
        for rank, values in enumerate(maps):
            target = int(explanation.targets.reshape(-1)[rank])
            probability = float(explanation.probabilities.reshape(-1)[rank])
            row = {
                "prediction": prediction,
                "prediction_name": self._name(prediction),
                "rank": rank + 1,
                "target": None if target < 0 else target,
                "target_name": explanation.target if target < 0 else self._name(target),
                "score": float(explanation.scores.reshape(-1)[rank]),
                "probability": None if np.isnan(probability) else probability,
                "method": self.options.method.describe(),
                "layer": explanation.layer,
                "map": values,
                "overlay": pictures[rank] if pictures else None,
                "warnings": [*notes, *prediction_warnings(explanation), *self._warnings(explanation, rank)],
                "status": "explained",
            }
            rows.append(common | row)
        seconds = {
            "read": prepared.seconds,
            "explain": explained.seconds,
            "render": time.perf_counter() - start,
        }
        return [row | {"timings": seconds} for row in rows]

    def _explain_batch(self, batch: Sequence[PreparedImage]) -> tuple[Sequence[Explanation], Sequence[Any]]:
        images = self._to_input(
            np.stack([prepared.image for prepared in batch if prepared.image is not None])
        )
        labels = [prepared.row["label_indices"] for prepared in batch] if self.options.by_label else []
        if any(len(own) > 1 for own in labels):
            return self._explain_labels(images, labels), [None] * len(batch)
        target: TargetLike = (
            [own[0] for own in labels] if self.options.by_label else self.options.model_target
        )
        maps = self._call_method(images, target)
        asked: Sequence[Any] = [None] * len(batch)
        if self.description is not None:
            asked = self.description.ask(self.probe, images, as_target(target), maps, batch)
        return [maps[index] for index in range(len(batch))], asked

    def _explain_labels(self, images: Array, labels: Sequence[Sequence[int]]) -> list[Explanation]:
        """Explain images by several labels each, a batch at a time."""
        pairs = [(index, label) for index, own in enumerate(labels) for label in own]
        found: list[list[Explanation]] = [[] for _ in labels]
        for start in range(0, len(pairs), self.options.batch_size):
            places, targets = zip(*pairs[start : start + self.options.batch_size], strict=True)
            maps = self._call_method(images[list(places)], list(targets))
            for row, index in enumerate(places):
                found[index].append(maps[row])
        return [join_explanations(own) for own in found]

    def _call_method(self, images: Array, target: TargetLike) -> Explanation:
        """Explain images by the method; the explanation does not hold them."""
        whole = self._method(self.probe, images, target)
        if any(warning.startswith(errors.InterruptedWarning.__name__) for warning in whole.warnings):
            # The method has kept what it had found; a run keeps whole maps only.
            raise KeyboardInterrupt
        return replace(whole, images=None)

    def _to_input(self, images: Array) -> Array:
        """Convert channels-last images to the layout of the model."""
        return np.asarray(self.layout.original(images, np))

    def _name(self, label: int | None) -> str | None:
        return None if label is None or not 0 <= label < len(self.names) else self.names[label]

    def _warnings(self, explanation: Explanation, rank: int) -> list[str]:
        """Return the warnings of one map."""
        found = [warning for warning in explanation.warnings if not warning.startswith(_OF_IMAGES)]
        values = explanation.values.reshape(explanation.scores.size, -1)[rank]
        if not np.isfinite(values).all():
            found.append("NonFiniteMapWarning: the map holds NaN or infinity.")
        elif explanation.flat.reshape(-1)[rank]:
            how = describe_flatness(explanation.variation.reshape(-1)[rank])
            found.append(f"FlatMapWarning: the map {how} and shows nothing.")
        if "complete" in self.options.method.tags and explanation.completeness_gap is not None:
            gap = abs(float(explanation.completeness_gap.reshape(-1)[rank]))
            if gap > LARGEST_GAP:
                found.append(f"CompletenessWarning: values miss the change of the score by {gap:.0%} of it.")
        if self.options.map_type == "float16":
            with np.errstate(over="ignore", under="ignore"):
                small = values.astype("float16")
            if np.isinf(small).any() or (not small.any() and values.any()):
                found.append("KerascopeWarning: the map leaves the range of float16; store float32.")
        return found


def _fineness(axis: AxisPlacement, side: int) -> int:
    """Cells along a side of the image: the layer's; more where these cover a part of it, as in a crop."""
    covers = axis.cells * abs(axis.step) > 0.75 * side
    return axis.cells if covers else min(side, math.ceil(side / abs(axis.step) - 1e-6))


def image_layout(probe: Probe, size: tuple[int, int] | None) -> Layout:
    """Return how the model takes one photograph."""
    blank = probe.blank() if size is None else probe.blank(size)
    layout = None if isinstance(blank, dict | list | tuple) else probe.graph(blank).image_layout
    if layout is None or len(layout.spatial) != 2 or layout.channels not in (1, 3):
        got = "several inputs" if isinstance(blank, dict | list | tuple) else f"the shape {blank.shape[1:]}"
        raise errors.DatasetError(
            f"the model must take one photograph, of one or three channels; this one takes {got}; call a "
            "method on arrays that you prepare."
        )
    return layout


def layers_of(method: Any) -> tuple[str | None, ...]:
    """Return the layers that a method explains; of a wrapper, those of the wrapped method."""
    while not hasattr(method, "layer") and hasattr(method, "method"):
        method = method.method
    return tuple(getattr(method, "layers", None) or (getattr(method, "layer", None),))


def _failure(error: BaseException) -> ResultRow:
    kind = "" if isinstance(error, errors.PhotographError) else f"{type(error).__name__}: "
    return {"status": "failed", "error": f"{kind}{error}"}
