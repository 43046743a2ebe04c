"""Callbacks of an optimisation. Replaces `vis.callbacks`.

Deviation: `GifGenerator` writes with Pillow, at the end, and takes pictures with 1 or 3 channels; keras-vis
needed imageio, and failed on grey pictures.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascope import errors
from kerascope.typing import Array
from kerascope.vis.utils import utils

if TYPE_CHECKING:
    from collections.abc import Sequence


class OptimizerCallback:
    """Called after each step. Subclass it and implement `callback`."""

    def callback(
        self,
        i: int,
        named_losses: Sequence[tuple[str, float]],
        overall_loss: float,
        grads: Array,
        wrt_value: Array,
    ) -> None:
        """Process one step.

        Args:
            i: index of the step, from 0.
            named_losses: name and weighted value of each loss.
            overall_loss: their sum.
            grads: its gradient at `wrt_value`, normalised and modified.
            wrt_value: the image, (1, ...) as model input.
        """
        raise NotImplementedError(f"{type(self).__name__}.callback must be implemented")

    def on_end(self) -> None:
        """Called after the last step."""


class Print(OptimizerCallback):
    """Prints the losses of each step."""

    def callback(
        self,
        i: int,
        named_losses: Sequence[tuple[str, float]],
        overall_loss: float,
        grads: Array,
        wrt_value: Array,
    ) -> None:
        """Print one line."""
        losses = ", ".join(f"{name}: {value:.6g}" for name, value in named_losses)
        print(f"Iteration: {i + 1}, named_losses: {losses}, overall loss: {overall_loss:.6g}")  # noqa: T201


class GifGenerator(OptimizerCallback):
    """Writes the steps as an animated GIF, each with its number.

    Args:
        path: the file; `.gif` is added if missing.
        input_range: ignored, for compatibility with keras-vis; frames are scaled by `deprocess_input`.
        milliseconds: duration of a frame.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        input_range: tuple[float, float] | None = (0, 255),
        milliseconds: int = 50,
    ) -> None:
        name = os.fspath(path)
        self.path = Path(name if name.endswith(".gif") else f"{name}.gif")
        self.input_range = input_range
        self.milliseconds = milliseconds
        self._frames: list[Array] = []

    def callback(
        self,
        i: int,
        named_losses: Sequence[tuple[str, float]],
        overall_loss: float,
        grads: Array,
        wrt_value: Array,
    ) -> None:
        """Store one frame.

        Raises:
            InputError: the image is not a picture.
        """
        image = wrt_value[0]
        if image.ndim == 3 and image.shape[-1] not in (1, 3):
            image = np.moveaxis(image, 0, -1)
        if image.ndim != 3 or image.shape[-1] not in (1, 3):
            raise errors.InputError(
                f"a GIF needs pictures with 1 or 3 channels; got the shape {wrt_value[0].shape}."
            )
        frame = utils.deprocess_input(image).astype("uint8")
        frame = np.repeat(frame, 3 // frame.shape[-1], axis=-1)
        self._frames.append(utils.draw_text(frame, f"Step {i + 1}"))

    def on_end(self) -> None:
        """Write the file.

        Raises:
            MissingPackageError: Pillow is not installed.
        """
        if self._frames:
            from kerascope import render

            render.save_gif(np.stack(self._frames), self.path, self.milliseconds, pause=0)
        self._frames = []
