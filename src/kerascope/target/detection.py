"""Targets on a detection: the class score of the detection that fits a given box."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.target.base import (
    Context,
    Forward,
    Reading,
    Target,
)
from kerascope.target.indices import check_names, class_indices, take_per_image, to_rows
from kerascope.typing import Array
from kerascope.validation import check_choice, check_share, check_whole

FORMATS = ("xyxy", "xywh", "cxcywh")
"""Corners; a corner, width and height; the centre, width and height."""


def to_corners(boxes: Any, format: str, numpy: Any = ops) -> Any:
    """Convert boxes (..., 4) in one of `FORMATS` to left, top, right, bottom."""
    if format == "xyxy":
        return boxes
    start, size = boxes[..., :2], boxes[..., 2:]
    if format == "cxcywh":
        start = start - size / 2
    return numpy.concatenate([start, start + size], axis=-1)


def compute_iou(boxes: Any, others: Any) -> Any:
    """Return the intersection over union of boxes (..., 4) in corners; 0 for a box without an area."""
    low = ops.maximum(boxes[..., :2], others[..., :2])
    high = ops.minimum(boxes[..., 2:], others[..., 2:])
    intersection = _area(low, high)
    union = _area(boxes[..., :2], boxes[..., 2:]) + _area(others[..., :2], others[..., 2:]) - intersection
    return ops.where(union > 0, intersection / ops.where(union > 0, union, 1.0), 0.0)


def _area(low: Any, high: Any) -> Any:
    sides = ops.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]


@dataclass(frozen=True, eq=False)
class Box(Target):
    r"""The class score of the detection that fits a box best.

    $$s_n = z_{n, a_n, c_n} \qquad a_n = \arg\max_a \mathrm{IoU}(b_n, \hat b_{n, a}) \qquad
    \mathrm{IoU}(b, \hat b) = \frac{|b \cap \hat b|}{|b \cup \hat b|}$$

    with the pre-softmax scores $z$ and the boxes $\hat b$ of all detections $a$ before non-maximum
    suppression. The detection is chosen on each image itself; gradients flow through its score only, not
    through its box. The model returns either one tensor (N, A, 4 + K), in which each row holds a box, maybe
    other numbers, and the class scores at the end; or boxes (N, A, 4) and scores (N, A) or (N, A, K), in a
    dictionary or a list.

    Args:
        box: the box to explain, (4,) for all images or (N, 4), in the units of the model's boxes.
        index: class index or name, or one per image; None for the best class of that detection.
        iou: least intersection over union of a detection with the box, above 0 and up to 1. A `TargetError`
            names the images on which no detection reaches it.
        format: order of the four numbers: `"xyxy"` left, top, right, bottom; `"xywh"` left, top, width,
            height; `"cxcywh"` centre, width, height. Axes may be swapped if the model swaps them too.
        model_format: format of the model's boxes; None for `format`.
        boxes: key or position of the boxes, for a model with several outputs.
        scores: key or position of the scores.
        box_column: first column of the box, for a model with one output.
        class_column: first column of the class scores there, such as 5 after a box and an objectness.

    Source:
        The target of D-RISE, Petsiuk et al., Black-box Explanation of Object Detectors via Saliency Maps,
        2021, section 3.2, for models that have gradients. Deviation: the score of one class, where the paper
        multiplies the overlap by the similarity of all scores and the objectness.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> box = keras.layers.Dense(4, kernel_initializer="zeros", bias_initializer="ones")
        >>> image = keras.Input((4, 4, 1))
        >>> rows = keras.layers.Reshape((16, 1))(image)
        >>> model = keras.Model(image, {"boxes": box(rows), "scores": keras.layers.Dense(2)(rows)})
        >>> target = ks.Box([1, 1, 1, 1], index=0, format="xywh")
        >>> ks.Saliency()(model, np.ones((1, 4, 4, 1)), target).target
        'class 0 of the detection at a box'
    """

    box: Any
    index: int | str | Sequence[int | str] | None = None
    iou: float = 0.5
    format: str = "xyxy"
    model_format: str | None = None
    boxes: str | int = "boxes"
    scores: str | int = "scores"
    box_column: int = 0
    class_column: int = 4

    chooses = True

    def __post_init__(self) -> None:
        check_choice(self.format, "format", FORMATS)
        check_choice(self.model_format, "model_format", (None, *FORMATS))
        check_share(self.iou, "iou")
        check_whole(self.box_column, "box_column", least=0)
        check_whole(self.class_column, "class_column", least=0)

    def key(self) -> Hashable:
        parts = self.format, self.model_format, self.boxes, self.scores, self.box_column, self.class_column
        return ("box", self.index is None, *parts)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (self._positions(list(context.outputs))[1],)

    def arguments(self, context: Context) -> dict[str, Array]:
        boxes, scores = self._positions(list(context.outputs))
        shapes = list(context.outputs.values())
        classes = self._classes(shapes[boxes], shapes[scores], boxes == scores)
        check_names(classes, context)
        arguments = {"box": self._box(context.count), "iou": to_rows([self.iou], context.count, "float32")}
        if self.index is not None:
            arguments["index"] = class_indices(self.index, classes, context)
        return arguments

    def read(self, forward: Forward, arguments: Any) -> Reading:
        names = ["/".join(map(str, path)) or "output" for path, _ in tree.flatten_with_path(forward.outputs)]
        boxes, output = self._positions(names)
        finals, scores = tree.flatten(forward.outputs), tree.flatten(forward.scores)[output]
        # Boxes are read after the output activation: a sigmoid may keep them inside the image.
        start = self.box_column if boxes == output else 0
        found = finals[boxes][..., start : start + 4]
        final, scores = (self._detections(tensor, boxes == output) for tensor in (finals[output], scores))
        anchor, undefined = arguments.get("anchor"), None
        if anchor is None:
            found = ops.cast(ops.stop_gradient(found), "float32")
            given = ops.cast(arguments["box"], "float32")[:, None]
            iou = compute_iou(given, to_corners(found, self.model_format or self.format))
            anchor = ops.argmax(iou, axis=-1)
            undefined = ops.max(iou, axis=-1) < arguments["iou"]
        anchor = ops.cast(anchor, "int32")
        final, scores = take_per_image(final, anchor), take_per_image(scores, anchor)
        float_scores = ops.cast(scores, "float32")
        label = arguments["index"] if "index" in arguments else ops.argmax(float_scores, axis=-1)
        label = ops.cast(label, "int32")
        choices = {"anchor": anchor} | ({"index": label} if self.index is None else {})
        labels = label[:, None]
        explained = ops.take_along_axis(float_scores, labels, axis=1)
        if undefined is not None:
            # NaN also tells targets that wrap this one and ignore `undefined`.
            explained = explained * ops.where(undefined, np.nan, 1.0)[:, None]
        return Reading(
            explained,
            labels,
            output,
            choices=choices,
            undefined=undefined,
            columns=(final, scores),
        )

    def describe(self) -> str:
        if self.index is None:
            name = "best class"
        else:
            name = "given classes" if np.ndim(self.index) else f"class {self.index}"
        return f"{name} of the detection at {'a box' if np.ndim(self.box) < 2 else 'given boxes'}"

    def requirement(self) -> str:
        return (
            "a detection must overlap the given box with an intersection over union of at least "
            f"{self.iou:g}; give a box near a detection, in the model's own format and units, or a lower iou"
        )

    def _positions(self, names: list[str]) -> tuple[int, int]:
        """Return the indices of the boxes and of the scores among the flattened outputs."""
        if len(names) == 1:
            return 0, 0
        if names == ["0", "1"] and (self.boxes, self.scores) == ("boxes", "scores"):
            return 0, 1
        positions = []
        for name in (self.boxes, self.scores):
            if isinstance(name, str) and name in names:
                positions.append(names.index(name))
            elif isinstance(name, int) and 0 <= name < len(names):
                positions.append(int(name))
            else:
                raise errors.TargetError(
                    f"boxes and scores must be outputs of the model, or their positions; got {name!r}; the "
                    f"model returns {names}; name them with ks.Box(box, boxes=..., scores=...), or choose "
                    "one output that holds both with ks.Output(name, ks.Box(box))."
                )
        return positions[0], positions[1]

    def _classes(self, boxes: tuple[int, ...], scores: tuple[int, ...], together: bool) -> int:
        """Check the shapes; return the number of classes."""
        if together:
            if len(scores) != 3 or scores[2] <= self.class_column or scores[2] < self.box_column + 4:
                raise errors.TargetError(
                    "a detector with one output must return (N, detections, columns), with a box in four "
                    f"columns from column {self.box_column} on and the class scores from column "
                    f"{self.class_column} on; this model returns {scores}; set the columns with "
                    "ks.Box(box, box_column=..., class_column=...)."
                )
            return scores[2] - self.class_column
        if len(boxes) != 3 or boxes[2] != 4 or len(scores) not in (2, 3) or scores[1] != boxes[1]:
            raise errors.TargetError(
                "a detector must return boxes (N, detections, 4) and scores (N, detections) or (N, "
                f"detections, classes); got {boxes} and {scores}; name the outputs with "
                "ks.Box(box, boxes=..., scores=...)."
            )
        return scores[2] if len(scores) == 3 else 1

    def _box(self, count: int) -> Array:
        """Return the given boxes as corners, (N, 4)."""
        box = np.asarray(self.box)
        if box.dtype.kind not in "iuf" or box.shape not in ((4,), (count, 4)) or not np.isfinite(box).all():
            raise errors.TargetError(
                f"a box must be four finite numbers, (4,) or ({count}, 4) with one for each image; got "
                f"{box.tolist()!r:.80}; give it in the model's format and units."
            )
        corners = np.asarray(to_corners(box.reshape(-1, 4).astype("float32"), self.format, np))
        if not (corners[:, 2:] > corners[:, :2]).all():
            raise errors.TargetError(
                f"a box must have a width and a height above 0; got {box.tolist()!r:.80} as "
                f"{self.format!r}; check whether it has another format ({', '.join(FORMATS)})."
            )
        return to_rows(corners, count, "float32")

    def _detections(self, tensor: Any, together: bool) -> Any:
        """Return the class scores, (N, A, K)."""
        if together:
            return tensor[..., self.class_column :]
        return tensor if len(tensor.shape) == 3 else tensor[..., None]
