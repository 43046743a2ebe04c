"""Masks of the objects in images: pictures in a folder, a COCO file, or an array."""

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
    """Masks of objects, read on demand.

    Args:
        folder: of mask pictures, named like the images (`cat/1.png` for `cat/1.jpg`) and black outside the
            object; or None.
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

    def to_json(self) -> dict[str, Any]:
        """What identifies the masks."""
        if self.array is not None:
            return {"array": hashlib.sha256(np.ascontiguousarray(self.array).tobytes()).hexdigest()[:16]}
        if self.shapes is not None:
            text = json.dumps(self.shapes, sort_keys=True)
            return {"shapes": hashlib.sha256(text.encode()).hexdigest()[:16]}
        return {"folder": str(self.folder)}

    def inside(self, item: Item, frame: Frame, size: tuple[int, int]) -> Array | None:
        """The mask of an image.

        Args:
            item: the image.
            frame: where the model's image lies in the photograph.
            size: (h, w) of the model's image.

        Returns:
            bool (h, w), or None if the image has no mask, or it cannot be read.
        """
        from PIL import Image

        mask = self._full_mask(item, frame)
        if mask is None:
            return None
        # Beyond the photograph there is no object, and a mask is cropped like its image.
        return frame.cut(Image.fromarray(mask), size, "nearest") > 127

    def _full_mask(self, item: Item, frame: Frame) -> Array | None:
        """uint8 (height, width) over the upright photograph, 255 on the object."""
        from PIL import Image, ImageDraw

        if self.array is not None:
            index = int(item.name) if isinstance(item.location, ArrayLocation) else -1
            return None if index < 0 else np.where(self.array[index], 255, 0).astype("uint8")
        if self.folder is not None:
            return self._read_mask(item, frame)
        shapes = self._by_name.get(item.path) or self._by_name.get(Path(item.path).name)
        if not shapes:
            return None
        picture = Image.new("L", (frame.width, frame.height))
        draw = ImageDraw.Draw(picture)
        for shape in shapes:
            polygons = shape.get("segmentation")
            if isinstance(polygons, list) and polygons:
                for polygon in polygons:
                    draw.polygon([tuple(pair) for pair in np.reshape(polygon, (-1, 2))], fill=255)
            elif shape.get("bbox"):
                left, top, width, height = shape["bbox"]
                draw.rectangle([left, top, left + width - 1, top + height - 1], fill=255)
        return np.asarray(picture)

    def _read_mask(self, item: Item, frame: Frame) -> Array | None:
        from PIL import Image

        assert self.folder is not None
        stem = self.folder / safe_name(item.name)
        candidates = [stem.with_name(f"{stem.name}{suffix}") for suffix in (".png", ".bmp", ".tif", ".jpg")]
        path = next((candidate for candidate in candidates if candidate.is_file()), None)
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
        """Shapes by the path in the file, and by its last part where that is unambiguous."""
        assert self.shapes is not None
        last: dict[str, list[list[dict[str, Any]]]] = {}
        for name, shapes in self.shapes.items():
            last.setdefault(Path(name).name, []).append(shapes)
        return {name: several[0] for name, several in last.items() if len(several) == 1} | dict(self.shapes)


def as_objects(masks: Any) -> Objects | None:
    """The masks of `kerascope.audit`, in any of their forms.

    Args:
        masks: None; a folder of mask pictures; a COCO file (`.json`) with boxes or polygons; an array, bool
            (N, H, W), for images in an array; or `Objects`.
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
        files = {image["id"]: image["file_name"] for image in content["images"]}
        shapes: dict[str, list[dict[str, Any]]] = {}
        for annotation in content["annotations"]:
            shape = {name: annotation[name] for name in ("bbox", "segmentation") if annotation.get(name)}
            shapes.setdefault(files[annotation["image_id"]], []).append(shape)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise errors.ParameterError(
            "a COCO file must have images with file names and annotations with boxes or polygons; "
            f"{os.fspath(masks)!r} cannot be read as one ({type(error).__name__}: {error})."
        ) from error
    return Objects(shapes=shapes)
