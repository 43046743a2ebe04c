"""What a maximisation found: images, exact scores, history, frames."""

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

    from kerascope.maximization.climb import Climb
    from kerascope.probe import Answer


@dataclass(frozen=True, eq=False)
class Maximization:
    """The best image of a run for each target (and copy), with what is needed to trust and repeat it.

    N images: for each target in turn, its copies.

    Args:
        images: (N, ...) exactly as the model takes them, in its own range and layout; for a model with
            several inputs, the maximised one.
        scores: float32 (N,), the score of exactly these images, not moved by any transform.
        targets: int32 (N,), the classes they belong to; -1 where it is no class.
        probabilities: float32 (N,), the model's probability of that class; NaN where it gives none.
        titles: what each image was made for: a class name, or the target in words.
        history: float32 (steps, N), the score at each step, of the image as it was seen: moved by transforms.
        snapshots: int (M,), after how many steps exact scores were taken.
        snapshot_scores: float32 (M, N), these scores. The best of them are `scores`.
        frames: uint8 (M, N, H, W, C), the pictures at these steps.
        input_range: the least and the greatest pixel, each a number or one per channel.
        seed: of the random numbers.
        configuration: the `Maximize` as it would be written.
        interrupted: the run was stopped from outside before its last step.
        warnings: what was warned about.
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
        shown = ", ".join(self.titles[:3]) + (", ..." if len(self.titles) > 3 else "")
        return f"<Maximization of {shown}: images {self.images.shape}, {len(self.history)} steps>"

    def pictures(self) -> Array:
        """The images for display.

        Returns:
            uint8 (N, H, W, 3), or (N, H, W, C) where there are neither 1 nor 3 channels; grey is repeated.
        """
        return _display(self._best_frames())

    def plot(self, columns: int | None = None, panel: float = 1.6, title: str | None = None) -> Figure:
        """A sheet of all images with their names, probabilities or scores.

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
            f"score {score:.3g}" if np.isnan(chance) else f"probability {chance:.3f}"
            for score, chance in zip(self.scores, self.probabilities, strict=True)
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
            image: which image; None for all side by side.
            milliseconds: how long each frame is shown; the last one a second longer.

        Returns:
            The path that was written.

        Raises:
            ExplanationError: the images are no pictures of 1 or 3 channels.
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
        found: Array = self.frames[best, np.arange(len(self))]
        return found

    def _repr_png_(self) -> bytes:
        found: bytes = self.plot()._repr_png_()  # type: ignore[attr-defined]
        return found


def join(
    found: Sequence[tuple[list[int], Climb]],
    titles: Sequence[str],
    class_names: tuple[str, ...] | None,
    **provenance: Any,
) -> Maximization:
    """The best images of each batch, in the order of their rows.

    Args:
        found: rows and climb of each batch; a climb may hold padding behind its rows.
        titles: of every row, in words.
        class_names: names of the classes, or None.
        **provenance: what else the result holds.
    """
    order = np.argsort([row for rows, _ in found for row in rows])
    # A batch that was interrupted has fewer steps, and its last snapshot at another one.
    steps = sorted({step for _, climb in found for step in climb.snapshots})
    parts: dict[str, list[Array]] = {}
    for rows, climb in found:
        count = len(rows)
        scores = np.stack([answer.scores[:count] for answer in climb.answers])
        pictures = np.stack([kept[:count] for kept in climb.pictures])
        best = scores.argmax(axis=0), np.arange(count)
        history = np.full((len(found[0][1].history), count), np.nan, "float32")
        history[: len(climb.history)] = np.stack(climb.history)[:, :count]
        # At each step the frame that was last taken, and a score only where one was taken.
        taken = np.maximum(np.searchsorted(climb.snapshots, steps, side="right") - 1, 0)
        frames = np.round(255 * pictures[taken]).astype("uint8")
        exact = np.where(np.isin(steps, climb.snapshots)[:, None], scores[taken], np.nan)
        for name, part in {
            "images": np.stack([_explained(answer)[:count] for answer in climb.answers])[best],
            "scores": scores[best],
            "targets": np.stack([answer.labels[:count] for answer in climb.answers])[best],
            "probabilities": np.stack([answer.probabilities[:count] for answer in climb.answers])[best],
            "history": history.T,
            "snapshot_scores": exact.T.astype("float32"),
            "frames": frames.swapaxes(0, 1),
        }.items():
            parts.setdefault(name, []).append(part)
    whole = {name: np.concatenate(part)[order] for name, part in parts.items()}
    for name in ("history", "snapshot_scores", "frames"):
        whole[name] = np.ascontiguousarray(whole[name].swapaxes(0, 1))
    rows = sorted(row for chosen, _ in found for row in chosen)
    labels = whole["targets"]
    named = tuple(
        class_names[label] if class_names and label >= 0 else titles[row]
        for row, label in zip(rows, labels, strict=True)
    )
    known: dict[str, Any] = {**whole, **provenance}
    return Maximization(titles=named, snapshots=np.asarray(steps), **known)


def _explained(answer: Answer) -> Array:
    return answer.batch.arrays[answer.batch.explained or 0]


def _display(pictures: Array) -> Array:
    return np.repeat(pictures, 3, axis=-1) if pictures.shape[-1] == 1 else pictures
