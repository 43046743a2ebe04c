"""Folders of photographs as arrays."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from kerascope import errors
from kerascope.dataset.decoding.formats import PICTURE_ENDINGS
from kerascope.dataset.preparing.frame import Fit
from kerascope.dataset.preparing.loader_defaults import KERAS
from kerascope.dataset.preparing.preprocessing import CONVENTIONS, Preprocessing
from kerascope.dataset.readable_text import to_readable
from kerascope.dataset.reading.folder import FolderPart, list_subfolders
from kerascope.dataset.reading.item import Item
from kerascope.dataset.reading.photograph_reader import open_photograph
from kerascope.provenance import warn
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Folder:
    """Labelled photographs.

    Args:
        images: float32 (N, H, W, 3), red, green, blue, 0 to 255.
        labels: int64 (N,), indices in `class_names`.
        class_names: names of the subfolders, sorted.
        paths: of the files, relative to the folder.
    """

    images: Array
    labels: Array
    class_names: tuple[str, ...]
    paths: tuple[str, ...]


def read_folder(
    path: str | os.PathLike[str],
    size: int | tuple[int, int],
    per_class: int | None = None,
    seed: int = 0,
    fit: Fit = "stretch",
) -> Folder:
    """Read a folder with a subfolder of pictures for each class.

    Pictures are squeezed to the shape of `size`, and scaled bilinearly without antialiasing, as
    `keras.utils.image_dataset_from_directory` does. Links that lead out of the folder are not followed; files
    that are too large or cannot be read are left out, with a warning.

    Args:
        path: of the folder.
        size: height and width of the images, or one number for both.
        per_class: the most pictures of each class, drawn at random; None for all.
        seed: of the draw.
        fit: of pictures with other proportions: `"stretch"`, `"crop"` or `"pad"`; see
            `Frame.for_size`.

    Raises:
        InputError: there is no such folder, or no picture in its subfolders.
        MissingPackageError: Pillow is not installed.

    Example:
        >>> import tempfile, pathlib
        >>> from PIL import Image
        >>> from kerascope.dataset import read_folder
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("cat", "dog"):
        ...         pathlib.Path(folder, name).mkdir()
        ...         Image.new("RGB", (20, 10)).save(pathlib.Path(folder, name, "1.png"))
        ...     read_folder(folder, size=8).images.shape
        (2, 8, 8, 3)
    """
    root = Path(path)
    if not root.is_dir():
        raise errors.InputError(f"a folder of images must exist; there is none at {os.fspath(path)!r}.")
    height, width = (size, size) if isinstance(size, int) else size
    names = tuple(map(to_readable, list_subfolders(path)))
    chosen: list[Item] = []
    for name, group in groupby(FolderPart(str(root), True, False), key=lambda item: item.label):
        items = list(group) if name in names else []
        if per_class is not None and len(items) > per_class:
            generator = np.random.default_rng([seed, names.index(str(name))])
            selected = generator.choice(len(items), per_class, replace=False)
            items = [items[index] for index in np.sort(selected)]
        chosen += items
    preprocessing = replace(CONVENTIONS["0-255"], **{**KERAS, "fit": fit})
    images, kept = read_images(chosen, preprocessing, (height, width))
    if not kept:
        raise errors.InputError(
            f"a folder must hold a subfolder of pictures for each class; {os.fspath(path)!r} has "
            f"{len(names)} subfolders and no picture that can be read ({', '.join(sorted(PICTURE_ENDINGS))})."
        )
    labels = np.asarray([names.index(str(item.label)) for item in kept], "int64")
    paths = tuple(Path(item.path).relative_to(root).as_posix() for item in kept)
    return Folder(images, labels, names, paths)


def read_images(
    items: Iterable[Item], preprocessing: Preprocessing, size: tuple[int, int], channels: int = 3
) -> tuple[Array, list[Item]]:
    """Read images as a model takes them; those that cannot be read are left out, with a warning.

    Args:
        items: images to read, such as a `Source`.
        preprocessing: of the photographs.
        size: (h, w) of the images.
        channels: 3, or 1 for grey.

    Returns:
        float32 (N, h, w, channels), and their N items.
    """
    images: list[Array] = []
    kept: list[Item] = []
    left_out: list[str] = []
    for item in items:
        try:
            with open_photograph(item.location) as (photograph, _):
                images.append(preprocessing(photograph.picture, size, channels)[0])
            kept.append(item)
        except errors.PhotographError as error:
            left_out.append(f"{item.path} ({error})")
    if left_out:
        more = f", and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        warn(
            errors.KerascopeWarning,
            f"every picture should be readable; left out: {', '.join(left_out[:5])}{more}.",
        )
    whole = np.stack(images) if images else np.empty((0, *size, channels), "float32")
    return whole, kept
