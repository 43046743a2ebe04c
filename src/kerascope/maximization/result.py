"""The result of a maximisation: images, exact scores, history, frames."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerascope.typing import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerascope.maximization.optimization import Optimization
    from kerascope.probe import Answer


@dataclass(frozen=True, eq=False)
class Maximization:
    """The best images of a run for each target and copy, with their scores and provenance.

    There are N images: the copies of the first target, then of the next.

    Args:
        images: (N, ...) as model inputs, in the model's range and layout; for a model with several inputs,
            the maximised one.
        scores: float32 (N,), the scores of these images, without transforms.
        targets: int32 (N,), their classes; -1 if the target is no class.
        probabilities: float32 (N,), the model's probability of that class; NaN if unknown.
        titles: a class name, or the description of the target, for each image.
        history: float32 (steps, N), the score at each step, of the transformed image.
        snapshots: int (M,), number of steps before each exact score.
        snapshot_scores: float32 (M, N), the exact scores. The best of them are `scores`.
        frames: uint8 (M, N, H, W, C), the pictures at these steps.
        input_range: the least and the greatest pixel, each a number or one per channel.
        seed: of the random numbers.
        configuration: `repr` of the `Maximize`.
        interrupted: the run was stopped before its last step.
        warnings: issued in the run.
        versions: versions of kerascope, Keras and the backend.
    """

    images: Array
    scores: Array
    targets: Array
    probabilities: Array
    titles: tuple[str, ...]
    history: Array
    snapshots: Array
    snapshot_scores: Array
    frames: Array
    input_range: tuple[Any, Any]
    seed: int
    configuration: str
    interrupted: bool = False
    warnings: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        titles = ", ".join(self.titles[:3]) + (", ..." if len(self.titles) > 3 else "")
        return f"<Maximization of {titles}: images {self.images.shape}, {len(self.history)} steps>"

    def pictures(self) -> Array:
        """Return the images for display.

        Returns:
            uint8 (N, H, W, 3), or (N, H, W, C) if there are neither 1 nor 3 channels.
        """
        return _display(self._best_frames())

    def plot(self, columns: int | None = None, panel: float = 1.6, title: str | None = None) -> Figure:
        """Draw a sheet of all images with their names, probabilities or scores.

        Args:
            columns: images side by side; None for up to 8, in rows of even length.
            panel: width of an image in inches.
            title: above the sheet.

        Raises:
            ExplanationError: the images are neither pictures nor signals.
            MissingPackageError: matplotlib is not installed.
        """
        from kerascope import render

        numbers = [
            f"score {score:.3g}" if np.isnan(probability) else f"probability {probability:.3f}"
            for score, probability in zip(self.scores, self.probabilities, strict=True)
        ]
        return render.gallery(
            self._best_frames(), self.titles, numbers, columns=columns, panel=panel, title=title
        )

    def save_gif(
        self, path: str | os.PathLike[str], image: int | None = None, milliseconds: int = 120
    ) -> Path:
        """Write the run as an animated GIF.

        Args:
            path: the file.
            image: index of an image; None for all side by side.
            milliseconds: duration of each frame; the last one lasts a second longer.

        Returns:
            The path of the file.

        Raises:
            ExplanationError: the images are not pictures with 1 or 3 channels.
            MissingPackageError: Pillow is not installed.
        """
        from kerascope import render

        frames = np.stack([_display(frame) for frame in self.frames])
        frames = (
            np.concatenate(list(np.moveaxis(frames, 1, 0)), axis=2) if image is None else frames[:, image]
        )
        return render.save_gif(frames, Path(path), milliseconds)

    def _best_frames(self) -> Array:
        best = np.nanargmax(self.snapshot_scores, axis=0)
        frames: Array = self.frames[best, np.arange(len(self))]
        return frames

    def _repr_png_(self) -> bytes:
        png: bytes = self.plot()._repr_png_()  # type: ignore[attr-defined]
        return png


def join(
    runs: Sequence[tuple[list[int], Optimization]],
    titles: Sequence[str],
    class_names: tuple[str, ...] | None,
    **provenance: Any,
) -> Maximization:
    """Join the best images of each batch, in the order of their rows."""
    order = np.argsort([row for rows, _ in runs for row in rows])
    # An interrupted batch has fewer steps, and its last snapshot at a step of its own.
    steps = sorted({step for _, run in runs for step in run.snapshots})
    parts: dict[str, list[Array]] = {}
    for rows, run in runs:
        count = len(rows)
        scores = np.stack([answer.scores[:count] for answer in run.answers])
        pictures = np.stack([snapshot[:count] for snapshot in run.pictures])
        best = scores.argmax(axis=0), np.arange(count)
        history = np.full((len(runs[0][1].history), count), np.nan, "float32")
        history[: len(run.history)] = np.stack(run.history)[:, :count]
        # At each step the last frame, but a score only if there was a snapshot.
        latest = np.maximum(np.searchsorted(run.snapshots, steps, side="right") - 1, 0)
        frames = np.round(255 * pictures[latest]).astype("uint8")
        exact = np.where(np.isin(steps, run.snapshots)[:, None], scores[latest], np.nan)
        for name, part in {
            "images": np.stack([_explained_images(answer)[:count] for answer in run.answers])[best],
            "scores": scores[best],
            "targets": np.stack([answer.labels[:count] for answer in run.answers])[best],
            "probabilities": np.stack([answer.probabilities[:count] for answer in run.answers])[best],
            "history": history.T,
            "snapshot_scores": exact.T.astype("float32"),
            "frames": frames.swapaxes(0, 1),
        }.items():
            parts.setdefault(name, []).append(part)
    whole = {name: np.concatenate(part)[order] for name, part in parts.items()}
    for name in ("history", "snapshot_scores", "frames"):
        whole[name] = np.ascontiguousarray(whole[name].swapaxes(0, 1))
    rows = sorted(row for batch, _ in runs for row in batch)
    labels = whole["targets"]
    names = tuple(
        class_names[label] if class_names and label >= 0 else titles[row]
        for row, label in zip(rows, labels, strict=True)
    )
    fields: dict[str, Any] = {**whole, **provenance}
    return Maximization(titles=names, snapshots=np.asarray(steps), **fields)


def _explained_images(answer: Answer) -> Array:
    return answer.batch.arrays[answer.batch.explained or 0]


def _display(pictures: Array) -> Array:
    return np.repeat(pictures, 3, axis=-1) if pictures.shape[-1] == 1 else pictures
