"""The table of formats: what Pillow decodes, by which endings it is found, and what is passed over."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from kerascope.dataset import find_images
from kerascope.dataset.decoding.formats import DICOM_ENDINGS, FORMATS, PICTURE_ENDINGS, UNREAD_ENDINGS
from kerascope.dataset.decoding.photograph import decode

pytestmark = pytest.mark.once

Image.init()
ENDINGS = [ending for image_format in FORMATS.values() for ending in image_format.endings]


def test_each_ending_has_one_meaning() -> None:
    assert len(set(ENDINGS)) == len(ENDINGS)
    assert set(ENDINGS) == PICTURE_ENDINGS - DICOM_ENDINGS
    assert not PICTURE_ENDINGS & UNREAD_ENDINGS


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_found_by_its_endings_and_decoded(name: str, tmp_path: Path) -> None:
    if name not in Image.SAVE:
        pytest.skip(f"this Pillow was built without {name}")
    endings = FORMATS[name].endings
    known = Image.registered_extensions()
    assert all(known.get(ending) == name for ending in endings)
    file = io.BytesIO()
    Image.new("RGB", (20, 10), (200, 100, 50)).save(file, name)
    for ending in endings:
        (tmp_path / f"picture-of{ending.replace('.', '-')}{ending}").write_bytes(file.getvalue())
    items = list(find_images(tmp_path)) if endings else []
    assert {Path(item.path).suffix for item in items} == set(endings)
    contents = [item.location.read() for item in items] or [file.getvalue()]
    assert {decode(content).pixels.shape for content in contents} == {(10, 20, 3)}
