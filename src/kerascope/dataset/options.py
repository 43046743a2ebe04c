"""The options of reading, explaining and running, which `explain_dataset`, `audit` and the commands share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from kerascope import errors
from kerascope.dataset.classes.class_names import ClassName
from kerascope.dataset.classes.targets import LABEL
from kerascope.dataset.preparing.detection import AUTO
from kerascope.dataset.preparing.frame import Fit
from kerascope.dataset.preparing.preprocessing import Preprocessing
from kerascope.dataset.reading.source import Source, find_images
from kerascope.method import Method
from kerascope.target import Target, TargetLike, as_target
from kerascope.validation import check_choice, check_whole

if TYPE_CHECKING:
    from kerascope.dataset.running.cluster import Cluster, Workers

Picture = Literal["jpg", "png"]
DatasetPaths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class ReadOptions:
    """How images are found in paths: see `kerascope.dataset.find_images`."""

    image_column: str | None = None
    label_column: str | None = None
    follow_links: bool = False

    def find_images(self, paths: DatasetPaths) -> Source:
        """Find the images of paths."""
        return find_images(
            paths,
            image_column=self.image_column,
            label_column=self.label_column,
            follow_links=self.follow_links,
        )


@dataclass(frozen=True)
class ImageOptions:
    """How images are shown to a model, and which results are stored: see `kerascope.explain_dataset`."""

    class_names: Sequence[ClassName] | None = None
    preprocessing: str | os.PathLike[str] | Preprocessing = AUTO
    fit: Fit | None = None
    size: int | tuple[int, int] | None = None
    overlay: Picture | None = "jpg"
    map_type: Literal["float32", "float16"] = "float32"
    batch_size: int | None = None
    shard_size: int = 256
    model_file: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        check_choice(self.overlay, "overlay", ("jpg", "png", None))
        check_choice(self.map_type, "map_type", ("float32", "float16"))
        if self.batch_size is not None:
            check_whole(self.batch_size, "batch_size")
            object.__setattr__(self, "batch_size", int(self.batch_size))  # NumPy's are not written as JSON
        check_whole(self.shard_size, "shard_size")
        object.__setattr__(self, "shard_size", int(self.shard_size))


@dataclass(frozen=True)
class RunOptions:
    """How a run is executed, whatever its results: see `kerascope.explain_dataset`."""

    threads: int | None = None
    resume: bool = False
    overwrite: bool = False
    workers: int | Cluster | Workers | None = None
    imports: Sequence[str] = field(default=())
    safe_mode: bool = True
    progress: bool | None = None

    def __post_init__(self) -> None:
        if self.threads is not None:
            check_whole(self.threads, "threads", 0)
        if self.resume and self.overwrite:
            raise errors.ParameterError(
                "a run must be resumed (--resume) or overwritten (--overwrite); both were given; leave one "
                "out."
            )

    @property
    def thread_count(self) -> int:
        """The number of threads for reading and drawing."""
        return min(4, os.cpu_count() or 1) if self.threads is None else self.threads


@dataclass(frozen=True)
class ResultOptions:
    """The options that decide the results of a run, apart from the model and the images.

    Args:
        method: how to explain.
        target: what to explain; `"label"` for each image's own label.
        preprocessing: from photographs to images of the model.
        overlay: the kind of pictures to write, or None.
        map_type: of the stored maps, `"float32"` or `"float16"`.
        batch_size: images per pass; the last pass of a shard is padded.
        shard_size: images per shard.
    """

    method: Method
    target: TargetLike
    preprocessing: Preprocessing
    overlay: Picture | None
    map_type: str
    batch_size: int
    shard_size: int

    @property
    def by_label(self) -> bool:
        """Whether the target is each image's own label."""
        return isinstance(self.target, str) and self.target == LABEL

    @property
    def model_target(self) -> Target:
        """The target; for labels, one of the same kind."""
        return as_target(0 if self.by_label else self.target)
