"""Targets on an embedding: its similarity to a reference."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops, tree

from kerascope import errors
from kerascope.layout import Layout
from kerascope.target.base import Context, Forward, Reading, Target
from kerascope.target.indices import one_output, to_rows
from kerascope.typing import Array

_LEAST = 1e-12
"""The least length at which an embedding has a direction."""


@dataclass(frozen=True, eq=False)
class Similarity(Target):
    r"""The cosine between an embedding and a reference, such as the embedding of another image.

    $$s_n = \frac{e_n \cdot r_n}{\lVert e_n \rVert \, \lVert r_n \rVert}$$

    from -1 to 1, with the embedding $e$, the output of the model or of a layer. An output with spatial axes,
    such as (N, H, W, D), is averaged over them, so that the similarity does not depend on positions. It
    belongs to no class, and is read after the output activation.

    Args:
        reference: (D,) for all images, or (N, D).
        layer: path of the layer whose output is the embedding; None for the model's only output.

    An embedding of zeros has no direction: a `TargetError` names the images.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(8)])
        >>> images = np.random.default_rng(0).random((2, 4, 4, 1)).astype("float32")
        >>> reference = model.predict(images[:1], verbose=0)[0]
        >>> ks.Probe(model).scores(images, ks.Similarity(reference))[0].round(3).item()
        1.0
    """

    reference: Any
    layer: str | None = None

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        return () if self.layer is None else (self.layer,)

    def key(self) -> Hashable:
        return ("similarity", self.layer)

    def outputs(self, context: Context) -> tuple[int, ...] | None:
        # All columns of the only output: none is selected.
        return () if self.layer is not None else None

    def arguments(self, context: Context) -> dict[str, Array]:
        if self.layer is not None:
            _, size = context.layer(self.layer)
        else:
            one_output(context, "a similarity")
            (name, shape), *_ = context.outputs.items()
            layout = context.layouts.get(name)
            width = shape[-1] if len(shape) > 1 else 1
            size = width if layout is None else layout.channels
        references = np.asarray(self.reference)
        if references.dtype.kind not in "biuf" or references.shape not in ((size,), (context.count, size)):
            raise errors.TargetError(
                f"a reference must hold numbers of shape ({size},), or ({context.count}, {size}) with one "
                f"row for each image; got {references.dtype} of shape {references.shape}; give the "
                "embedding of another image."
            )
        reference = to_rows(references.reshape(-1, size), context.count, "float32")
        lengths = np.linalg.norm(reference, axis=1)
        if not (np.isfinite(lengths) & (lengths > _LEAST)).all():
            raise errors.TargetError(
                "a reference must be finite and not all zeros; got one of length "
                f"{lengths.min():.3g}; give the embedding of another image."
            )
        return {"reference": reference / lengths[:, None]}

    def read(self, forward: Forward, arguments: Any) -> Reading:
        if self.layer is None:
            embedding, output = _pool(tree.flatten(forward.outputs)[0], forward.layout), 0
        else:
            embedding = _pool(forward.activations[self.layer], forward.layouts[self.layer])
            output = None
        squares = ops.sum(embedding * embedding, axis=-1, keepdims=True)
        valid = squares > _LEAST**2
        length = ops.where(valid, ops.sqrt(ops.where(valid, squares, 1.0)), 1.0)
        scores = ops.sum(embedding / length * arguments["reference"], axis=-1, keepdims=True)
        columns = None if output is None else (scores, scores)
        return Reading(scores, output=output, undefined=ops.logical_not(valid)[:, 0], columns=columns)

    def describe(self) -> str:
        return f"similarity{f' of {self.layer}' if self.layer is not None else ''} to the reference"

    def requirement(self) -> str:
        return "an embedding must not be all zeros; choose another layer"


def _pool(tensor: Any, layout: Layout | None) -> Any:
    """Return (N, D) float32, the mean over spatial axes."""
    tensor = tensor if layout is None else layout.channels_last(tensor)
    tensor = ops.cast(tensor, "float32")
    if len(tensor.shape) == 1:
        return tensor[:, None]
    return ops.mean(tensor, axis=tuple(range(1, len(tensor.shape) - 1))) if len(tensor.shape) > 2 else tensor
