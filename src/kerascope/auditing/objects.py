"""Where the objects are in images, where somebody has said so: masks in a folder, or boxes in a COCO file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.preparing.frame import Frame
from kerascope.dataset.reading.arrays import ArrayLocation
from kerascope.dataset.reading.item import Item, safe_name
from kerascope.dataset.reading.location import FileLocation
from kerascope.dataset.reading.photograph_reader import open_photograph
from kerascope.typing import Array


@dataclass(frozen=True, eq=False)
class Objects:
    """Masks of objects, read when they are asked for.

    Args:
        folder: of mask pictures, named like the images (`cat/1.png` for `cat/1.jpg`), where what is not black
            is the object; or None.
        shapes: from the file name of an image to the boxes and polygons of its objects, as in a COCO file, by
            x and y in pixels; or None.
        array: bool (N, H, W), for images that are arrays; or None.
    """

    folder: Path | None = None
    shapes: Mapping[str, list[dict[str, Any]]] | None = None
    array: Array | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Another process may work in another folder.
        folder = None if self.folder is None else self.folder.absolute()
        return {"folder": folder, "shapes": self.shapes, "array": self.array}

    def written(self) -> dict[str, Any]:
        """What it is, as JSON takes it."""
        if self.array is not None:
            return {"array": hashlib.sha256(np.ascontiguousarray(self.array).tobytes()).hexdigest()[:16]}
        if self.shapes is not None:
            text = json.dumps(self.shapes, sort_keys=True)
            return {"shapes": hashlib.sha256(text.encode()).hexdigest()[:16]}
        return {"folder": str(self.folder)}

    def inside(self, item: Item, frame: Frame, size: tuple[int, int]) -> Array | None:
        """Which pixels of the model's image are object.

        Args:
            item: the image.
            frame: where the model's image lies in the photograph.
            size: (h, w) of the model's image.

        Returns:
            bool (h, w), or None where nothing is known of this image, or its mask cannot be read.
        """
        from PIL import Image

        whole = self._whole(item, frame)
        if whole is None:
            return None
        # Beyond the photograph there is no object, and a mask is cut like its image.
        return frame.cut(Image.fromarray(whole), size, "nearest") > 127

    def _whole(self, item: Item, frame: Frame) -> Array | None:
        """uint8 (height, width) over the upright photograph, 255 for the object."""
        from PIL import Image, ImageDraw

        if self.array is not None:
            number = int(item.name) if isinstance(item.location, ArrayLocation) else -1
            return None if number < 0 else np.where(self.array[number], 255, 0).astype("uint8")
        if self.folder is not None:
            return self._read(item, frame)
        names = self._by_name
        found = names.get(item.path) or names.get(Path(item.path).name)
        if not found:
            return None
        picture = Image.new("L", (frame.width, frame.height))
        draw = ImageDraw.Draw(picture)
        for shape in found:
            polygons = shape.get("segmentation")
            if isinstance(polygons, list) and polygons:
                for polygon in polygons:
                    draw.polygon([tuple(pair) for pair in np.reshape(polygon, (-1, 2))], fill=255)
            elif shape.get("bbox"):
                left, top, width, height = shape["bbox"]
                draw.rectangle([left, top, left + width - 1, top + height - 1], fill=255)
        return np.asarray(picture)

    def _read(self, item: Item, frame: Frame) -> Array | None:
        from PIL import Image

        assert self.folder is not None
        name = safe_name(item.name)
        stem = self.folder / name
        candidates = [stem.with_name(f"{stem.name}{suffix}") for suffix in (".png", ".bmp", ".tif", ".jpg")]
        path = next((one for one in candidates if one.is_file()), None)
        if path is None or not path.resolve().is_relative_to(self.folder.resolve()):
            return None
        try:
            with open_photograph(FileLocation(str(path))) as (photograph, _):
                mask = photograph.picture.convert("L")
        except (errors.PhotographError, OSError):
            return None
        if mask.size != (frame.width, frame.height):
            mask = mask.resize((frame.width, frame.height), Image.Resampling.NEAREST)
        # Masks of whole numbers, 1 for the object, are masks, too.
        return np.where(np.asarray(mask) > 0, 255, 0).astype("uint8")

    @cached_property
    def _by_name(self) -> dict[str, list[dict[str, Any]]]:
        """By the whole path as it was written, and by the last part of it where that is unambiguous."""
        assert self.shapes is not None
        last: dict[str, list[list[dict[str, Any]]]] = {}
        for name, found in self.shapes.items():
            last.setdefault(Path(name).name, []).append(found)
        return {name: one[0] for name, one in last.items() if len(one) == 1} | dict(self.shapes)


def as_objects(masks: Any) -> Objects | None:
    """Masks as they are given to `kerascope.audit`.

    Args:
        masks: None; a folder of mask pictures; a COCO file (`.json`) with boxes or polygons; an array, bool
            (N, H, W), beside images that are one; or `Objects`.

    Raises:
        ParameterError: it is none of these, or cannot be read.

    Example:
        >>> import numpy as np
        >>> from kerascope.auditing.objects import as_objects
        >>> as_objects(np.ones((2, 4, 4), bool)).array.shape
        (2, 4, 4)
    """
    if masks is None or isinstance(masks, Objects):
        return masks
    if not isinstance(masks, str | os.PathLike):
        array = np.asarray(masks)
        if array.ndim != 3:
            raise errors.ParameterError(
                f"masks must be (N, H, W), a mask for each image; got {array.dtype} {array.shape}."
            )
        return Objects(array=array.astype(bool))
    path = Path(masks)
    if path.is_dir():
        return Objects(folder=path)
    if path.suffix.lower() != ".json":
        raise errors.ParameterError(
            f"masks must be a folder of mask pictures, or a COCO file, .json; got {os.fspath(masks)!r}."
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {one["id"]: one["file_name"] for one in content["images"]}
        shapes: dict[str, list[dict[str, Any]]] = {}
        for one in content["annotations"]:
            kept = {name: one[name] for name in ("bbox", "segmentation") if one.get(name)}
            shapes.setdefault(files[one["image_id"]], []).append(kept)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise errors.ParameterError(
            "a COCO file must have images with file names and annotations with boxes or polygons; "
            f"{os.fspath(masks)!r} cannot be read as one ({type(error).__name__}: {error})."
        ) from error
    return Objects(shapes=shapes)
