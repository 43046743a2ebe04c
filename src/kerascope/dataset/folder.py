"""A folder of photographs, one subfolder for each class, as arrays."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.provenance import warned

Array = np.ndarray[Any, Any]

KINDS = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
"""Endings of files that are taken for pictures."""
LARGEST = 1 << 26
"""Pixels of the largest picture that is decoded: 67 million, 200 MB."""


@dataclass(frozen=True, eq=False)
class Folder:
    """Labelled photographs.

    Args:
        images: float32 (N, H, W, 3), red, green, blue, 0 to 255.
        labels: int64 (N,), places in `class_names`.
        class_names: names of the subfolders, sorted.
        paths: of the files, relative to the folder.
    """

    images: Array
    labels: Array
    class_names: tuple[str, ...]
    paths: tuple[str, ...]


def read_folder(
    path: str | os.PathLike[str], size: int | tuple[int, int], per_class: int | None = None, seed: int = 0
) -> Folder:
    """Read a folder with a subfolder of pictures for each class.

    Pictures are cut around their centre to the shape of `size`, and scaled bilinearly. Links that lead out of
    the folder are not followed; files that are too large or cannot be read are left out, with a warning.

    Args:
        path: of the folder.
        size: height and width of the images, or one number for both.
        per_class: the most pictures of each class, drawn at random; None for all.
        seed: of the draw.

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
    try:
        from PIL import Image
    except ImportError:
        raise errors.MissingPackageError("pillow", "plot") from None
    root = Path(path).resolve()
    if not root.is_dir():
        raise errors.InputError(f"a folder of images must exist; there is none at {os.fspath(path)!r}.")
    height, width = (size, size) if isinstance(size, int) else size
    names = tuple(sorted(one.name for one in root.iterdir() if one.is_dir() and _inside(one, root)))
    images, labels, paths, left_out = [], [], [], []
    for label, name in enumerate(names):
        files = [
            file
            for file in sorted((root / name).iterdir())
            if file.suffix.lower() in KINDS and file.is_file() and _inside(file, root)
        ]
        if per_class is not None and len(files) > per_class:
            chosen = np.random.default_rng([seed, label]).choice(len(files), per_class, replace=False)
            files = [files[number] for number in np.sort(chosen)]
        for file in files:
            shown = file.relative_to(root).as_posix()
            try:
                with Image.open(file) as picture:
                    # The size stands in the head of a file: nothing is decoded yet.
                    if picture.width * picture.height > LARGEST:
                        raise ValueError(f"{picture.width} x {picture.height} pixels")
                    images.append(_cut(picture, height, width))
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                left_out.append(f"{shown} ({error})")
                continue
            labels.append(label)
            paths.append(shown)
    if left_out:
        more = f", and {len(left_out) - 5} more" if len(left_out) > 5 else ""
        warned(
            errors.KerascopeWarning,
            f"every picture should be readable and of at most {LARGEST} pixels; left out: "
            f"{', '.join(left_out[:5])}{more}.",
        )
    if not images:
        raise errors.InputError(
            f"a folder must hold a subfolder of pictures for each class; {os.fspath(path)!r} has "
            f"{len(names)} subfolders and no picture that can be read ({', '.join(sorted(KINDS))})."
        )
    return Folder(np.stack(images), np.asarray(labels, "int64"), names, tuple(paths))


def _inside(path: Path, root: Path) -> bool:
    """Whether a path leads to something in the folder, links followed."""
    return path.resolve().is_relative_to(root)


def _cut(picture: Any, height: int, width: int) -> Array:
    """The middle of a picture in the wanted shape and size, float32 (height, width, 3)."""
    from PIL import Image, ImageOps

    turned = ImageOps.exif_transpose(picture).convert("RGB")
    fitted = ImageOps.fit(turned, (width, height), Image.Resampling.BILINEAR)
    return np.asarray(fitted, "float32")
