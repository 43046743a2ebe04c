"""A target on one detection of an object detector: the one that fits a given box."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.target.corners import FORMATS, corners, overlaps
from kerascope.target.indices import check_names, class_indices, rows, taken
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Box(Target):
    r"""The class score of the detection that fits a box best.

    $$s_n = z_{n, a_n, c_n} \qquad a_n = \arg\max_a \mathrm{IoU}(b_n, \hat b_{n, a}) \qquad
    \mathrm{IoU}(b, \hat b) = \frac{|b \cap \hat b|}{|b \cup \hat b|}$$

    with the pre-softmax scores $z$ and the boxes $\hat b$ of all detections $a$ before any suppression of
    doubles. The detection is chosen on each image itself; gradients flow through its score only, not through
    its box. The model returns either one tensor (N, A, 4 + K), each row a box, what there may be besides, and
    the scores of the classes at the end; or boxes (N, A, 4) and scores (N, A) or (N, A, K), in a dictionary
    or a list.

    Args:
        box: the box to explain, (4,) for all images or (N, 4), in the units of the model's boxes.
        index: class index or name, or one per image; None for the best class of that detection.
        iou: how well a detection must fit, above 0 and up to 1: intersection over union. Where none does, a
            `TargetError` names the images.
        format: what the four numbers are: `"xyxy"` left, top, right, bottom; `"xywh"` left, top, width,
            height; `"cxcywh"` the same with the centre. Any order of axes will do that the model uses too.
        model_format: the same for the model's boxes; None for `format`.
        boxes: key or position of the boxes, for a model with several outputs.
        scores: key or position of the scores.
        box_column: where the box starts in the rows of one tensor.
        class_column: where the scores of the classes start there, such as 5 behind a box and an objectness.

    Source:
        The target of D-RISE, Petsiuk et al., Black-box Explanation of Object Detectors via Saliency Maps,
        2021, section 3.2, for models that have gradients. Deviation: the score of a class, where the paper
        multiplies the overlap with the similarity of all scores and the objectness.

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
        for name in (self.format, self.model_format):
            if name is not None and name not in FORMATS:
                raise errors.TargetError(
                    f"the format of a box must be one of {list(FORMATS)}; got {name!r}; "
                    f"{errors.nearest(str(name), FORMATS)}"
                )
        if isinstance(self.iou, bool) or not isinstance(self.iou, int | float) or not 0 < self.iou <= 1:
            raise errors.TargetError(
                f"iou must be a number above 0 and up to 1; got {self.iou!r}; 0.5 is usual."
            )
        for column in (self.box_column, self.class_column):
            if isinstance(column, bool) or not isinstance(column, int) or column < 0:
                raise errors.TargetError(
                    f"a column must be a whole number of at least 0; got {column!r}; they are counted from 0."
                )

    def key(self) -> Hashable:
        parts = self.format, self.model_format, self.boxes, self.scores, self.box_column, self.class_column
        return ("box", self.index is None, *parts)

    def outputs(self, context: Context) -> tuple[int, ...]:
        return (self._places(list(context.outputs))[1],)

    def arguments(self, context: Context) -> dict[str, Array]:
        boxes, scores = self._places(list(context.outputs))
        shapes = list(context.outputs.values())
        classes = self._classes(shapes[boxes], shapes[scores], boxes == scores)
        check_names(classes, context)
        found = {"box": self._box(context.count), "iou": rows([self.iou], context.count, "float32")}
        if self.index is not None:
            found["index"] = class_indices(self.index, classes, context)
        return found

    def read(self, forward: Forward, arguments: Any) -> Reading:
        names = ["/".join(map(str, path)) or "output" for path, _ in tree.flatten_with_path(forward.outputs)]
        boxes, place = self._places(names)
        finals, scores = tree.flatten(forward.outputs), tree.flatten(forward.scores)[place]
        # Boxes are what the model returns, also where a sigmoid keeps them in the image.
        start = self.box_column if boxes == place else 0
        found = finals[boxes][..., start : start + 4]
        final, scores = (self._detections(tensor, boxes == place) for tensor in (finals[place], scores))
        anchor, unmet = arguments.get("anchor"), None
        if anchor is None:
            found = ops.cast(ops.stop_gradient(found), "float32")
            given = ops.cast(arguments["box"], "float32")[:, None]
            fit = overlaps(given, corners(found, self.model_format or self.format))
            anchor = ops.argmax(fit, axis=-1)
            unmet = ops.max(fit, axis=-1) < arguments["iou"]
        anchor = ops.cast(anchor, "int32")
        final, scores = taken(final, anchor), taken(scores, anchor)
        precise = ops.cast(scores, "float32")
        label = arguments["index"] if "index" in arguments else ops.argmax(precise, axis=-1)
        label = ops.cast(label, "int32")
        chosen = {"anchor": anchor} | ({"index": label} if self.index is None else {})
        labels = label[:, None]
        explained = ops.take_along_axis(precise, labels, axis=1)
        if unmet is not None:
            # No detection has no score, also where another target does not ask for what is unmet.
            explained = explained * ops.where(unmet, np.nan, 1.0)[:, None]
        return Reading(
            explained,
            labels,
            place,
            chosen=chosen,
            unmet=unmet,
            columns=(final, scores),
        )

    def describe(self) -> str:
        if self.index is None:
            named = "best class"
        else:
            named = "given classes" if np.ndim(self.index) else f"class {self.index}"
        return f"{named} of the detection at {'a box' if np.ndim(self.box) < 2 else 'given boxes'}"

    def complaint(self) -> str:
        return (
            "a detection must fit the given box with an intersection over union of at least "
            f"{self.iou:g}; give a box near a detection, in the model's own format and units, or a lower iou"
        )

    def _places(self, names: list[str]) -> tuple[int, int]:
        """Positions of the boxes and of the scores among the flattened outputs."""
        if len(names) == 1:
            return 0, 0
        if names == ["0", "1"] and (self.boxes, self.scores) == ("boxes", "scores"):
            return 0, 1
        found = []
        for name in (self.boxes, self.scores):
            if isinstance(name, str) and name in names:
                found.append(names.index(name))
            elif isinstance(name, int) and 0 <= name < len(names):
                found.append(int(name))
            else:
                raise errors.TargetError(
                    f"boxes and scores must be outputs of the model, or their positions; got {name!r}; it "
                    f"returns {names}; name them with ks.Box(box, boxes=..., scores=...), or choose one "
                    "output that holds both with ks.Output(name, ks.Box(box))."
                )
        return found[0], found[1]

    def _classes(self, boxes: tuple[int, ...], scores: tuple[int, ...], together: bool) -> int:
        """Number of classes, once the shapes are seen to fit."""
        if together:
            if len(scores) != 3 or scores[2] <= self.class_column or scores[2] < self.box_column + 4:
                raise errors.TargetError(
                    "a detector with one output must return (N, detections, columns), with a box in four "
                    f"columns from {self.box_column} on and the scores of the classes from column "
                    f"{self.class_column} on; this model returns {scores}; say where they are with "
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
        """The given boxes as corners, (N, 4)."""
        box = np.asarray(self.box)
        if box.dtype.kind not in "iuf" or box.shape not in ((4,), (count, 4)) or not np.isfinite(box).all():
            raise errors.TargetError(
                f"a box must be four finite numbers, (4,) or ({count}, 4) with one for each image; got "
                f"{box.tolist()!r:.80}; give it in the model's format and units."
            )
        found = np.asarray(corners(box.reshape(-1, 4).astype("float32"), self.format, np))
        if not (found[:, 2:] > found[:, :2]).all():
            raise errors.TargetError(
                f"a box must have a width and a height above 0; got {box.tolist()!r:.80} as "
                f"{self.format!r}; is it in another format ({', '.join(FORMATS)})?"
            )
        return rows(found, count, "float32")

    def _detections(self, tensor: Any, together: bool) -> Any:
        """The scores of the classes, (N, A, K)."""
        if together:
            return tensor[..., self.class_column :]
        return tensor if len(tensor.shape) == 3 else tensor[..., None]
