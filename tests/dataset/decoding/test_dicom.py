"""DICOM as people see it on a viewer, frame by frame, and nothing of whom it shows."""

from __future__ import annotations

import logging
import tarfile
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

import kerascope as ks
from kerascope import errors
from kerascope.dataset import find_images
from kerascope.dataset.decoding.photograph import decode
from tests.helpers.files.dicom import CANARY, of_a_patient, scan, written
from tests.helpers.files.photographs import SMALL, colours, encoded, network, rows_of

pytestmark = pytest.mark.once

_PLAIN = f"{ExplicitVRLittleEndian}\0".encode()
TWELVE = np.array([[0, 1000, 4095], [2048, 0, 0]], "uint16")
HOUNSFIELD = np.array([[-1024, -160, 40], [240, 3000, -1024]], "int16")


def grey(found: Dataset, frame: int | None = None) -> list[list[int]]:
    values = decode(written(found), frame).pixels
    assert (values == values[..., :1]).all()
    return values[..., 0].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        # (v - (40 - .5)) / (400 - 1) + .5, of 255: PS3.3, C.11.2.1.2.1
        (
            scan(HOUNSFIELD, WindowCenter=[40, 600], WindowWidth=[400, 2800]),
            [[0, 0, 128], [255, 255, 0]],
            "centre 40 and width 400, the first of 2",
        ),
        (
            scan(HOUNSFIELD, WindowCenter=39, WindowWidth=400, VOILUTFunction="LINEAR_EXACT"),
            [[0, 1, 128], [255, 255, 0]],
            "centre 39",
        ),
        (
            scan(HOUNSFIELD, WindowCenter=40, WindowWidth=400, VOILUTFunction="SIGMOID"),
            [[0, 30, 128], [225, 255, 0]],  # 255 / (1 + exp(-4 (v - 40) / 400))
            "centre 40",
        ),
        # Stored from 0 on, so 1064 is 40.
        (
            scan(
                (HOUNSFIELD + 1024).astype("uint16"),
                RescaleSlope=1,
                RescaleIntercept=-1024,
                WindowCenter=40,
                WindowWidth=400,
            ),
            [[0, 0, 128], [255, 255, 0]],
            "intercept -1024",
        ),
        (
            scan(HOUNSFIELD, RescaleSlope=2, RescaleIntercept=48),
            [[0, 55, 67], [80, 255, 0]],  # (v + 1024) / 4024, of 255
            "no window is stored, so -2000 is the least and 6048 the greatest",
        ),
        (scan(TWELVE, BitsStored=12, HighBit=11), [[0, 62, 255], [128, 0, 0]], "0 is the least and 4095"),
        (scan(TWELVE, "MONOCHROME1", BitsStored=12, HighBit=11), [[255, 193, 0], [127, 255, 255]], "slope 1"),
        # What lies beside the frame is no least number.
        (
            scan(np.array([[-2000, 0, 100]], "int16"), PixelPaddingValue=-2000),
            [[0, 0, 255]],
            "0 is the least and 100",
        ),
        (
            scan(
                np.array([[-2000, 0, 100]], "int16"), syntax=ImplicitVRLittleEndian, PixelPaddingValue=-2000
            ),
            [[0, 0, 255]],
            "0 is the least and 100",
        ),
        (scan(np.array([[0, 7, 255]], "uint8")), [[0, 7, 255]], None),
        (scan(np.array([[0, 7, 255]], "uint8"), "MONOCHROME1"), [[255, 248, 0]], None),
        # What stands above the bits that count is something else.
        (scan(TWELVE + 0x7000, BitsStored=12, HighBit=11), [[0, 62, 255], [128, 0, 0]], "4095"),
        (scan(TWELVE.astype(">u2"), syntax=ExplicitVRBigEndian), [[0, 62, 255], [128, 0, 0]], "4095"),
    ],
)
def test_grey_is_what_a_viewer_shows(found: Dataset, wanted: list[list[int]], said: str | None) -> None:
    assert grey(found) == wanted
    notes = decode(written(found)).notes
    assert bool(notes) == (said is not None)
    assert said is None or said in notes[0]


def test_tables_in_the_file_are_used() -> None:
    def table(first: int, entries: list[int], bits: int) -> Sequence:
        one = Dataset()
        one.add_new("LUTDescriptor", "US", [len(entries), first, bits])
        one.add_new("LUTData", "US", entries)
        return Sequence([one])

    values = np.array([[0, 1, 2, 3]], "uint8")
    assert grey(scan(values, VOILUTSequence=table(0, [255, 128, 64, 0], 8))) == [[255, 128, 64, 0]]
    found = scan(values, ModalityLUTSequence=table(0, [0, 10, 20, 40], 16))
    assert grey(found) == [[0, 64, 128, 255]]


def test_colours_become_red_green_and_blue() -> None:
    red = np.array([[[255, 0, 0], [0, 255, 0]]], "uint8")
    assert decode(written(scan(red, "RGB"))).pixels.tolist() == red.tolist()
    deep = decode(written(scan(red.astype("uint16") * 257, "RGB")))
    assert deep.pixels.tolist() == red.tolist()
    assert "of 16 bits the upper 8" in deep.notes[0]
    # ITU-R BT.601: Y 76, Cb 85, Cr 255 is red.
    ybr = decode(written(scan(np.array([[[76, 85, 255]]], "uint8"), "YBR_FULL"))).pixels[0, 0]
    assert np.abs(ybr.astype(int) - [254, 0, 0]).max() <= 1
    palette = scan(np.array([[0, 1]], "uint8"), "PALETTE COLOR")
    for name, entries in (("Red", [0, 65535]), ("Green", [0, 32768]), ("Blue", [65535, 0])):
        palette.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [2, 0, 16])
        palette.add_new(f"{name}PaletteColorLookupTableData", "OW", np.array(entries, "<u2").tobytes())
    assert decode(written(palette)).pixels.tolist() == [[[0, 0, 255], [255, 128, 0]]]


def test_each_frame_is_shown_by_what_is_said_of_it() -> None:
    """Of multi-frame objects, windows and slopes stand with frames, or with all of them."""

    def group(name: str, **values: Any) -> Dataset:
        inner, outer = Dataset(), Dataset()
        for keyword, value in values.items():
            setattr(inner, keyword, value)
        setattr(outer, name, Sequence([inner]))
        return outer

    values = np.array([[[0, 100, 200]], [[0, 100, 200]]], "int16")
    found = scan(values, NumberOfFrames=2)
    found.SharedFunctionalGroupsSequence = Sequence(
        [group("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=0)]
    )
    found.PerFrameFunctionalGroupsSequence = Sequence(
        [group("FrameVOILUTSequence", WindowCenter=centre, WindowWidth=201) for centre in (100.5, 300.5)]
    )
    assert grey(found, 0) == [[0, 255, 255]]
    assert grey(found, 1) == [[0, 0, 255]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (written(scan(TWELVE))[:-8], "whole and hold a picture"),
        (written(scan(TWELVE))[:300], "hold a picture"),
        (written(scan(TWELVE, Rows=60000, Columns=60000)), "67,108,864 pixels; got 60000 x 60000"),
        (written(scan(TWELVE, CANARY)), "another"),
        (written(scan(TWELVE, syntax=DeflatedExplicitVRLittleEndian)), "Deflated"),
        (
            written(scan(TWELVE)).replace(_PLAIN, b"1.2.840.CANARY.2.1.5"),
            "in a transfer syntax that is not known",
        ),
    ],
    ids=["cut", "cut head", "bomb", "no kind", "deflated", "unknown syntax"],
)
def test_what_cannot_be_shown_is_said(content: bytes, said: str) -> None:
    with pytest.raises(errors.PhotographError, match=said) as caught:
        decode(content)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MR_small_jpeg_ls_lossless.dcm", r"1\.2\.840\.10008\.1\.2\.4\.80 \(JPEG-LS.*pip install pyjpegls"),
        ("SC_rgb_jpeg_gdcm.dcm", r"1\.2\.840\.10008\.1\.2\.4\.70 \(JPEG Lossless.*pylibjpeg-libjpeg"),
        ("JPGExtended.dcm", r"1\.2\.840\.10008\.1\.2\.4\.51 \(JPEG Extended.*pylibjpeg-libjpeg"),
        ("test-SR.dcm", "this one has none, as reports"),
        ("dicomdirtests/DICOMDIR", "this one has none, as reports"),
        ("image_dfl.dcm", "Deflated"),
    ],
)
def test_files_of_others_that_cannot_be_shown(name: str, said: str) -> None:
    with pytest.raises(errors.PhotographError, match=said):
        decode(example(name))


@pytest.mark.parametrize("ending", ["", "_RLE", "_bigendian", "_implicit", "_jp2klossless"])
def test_files_of_others_are_the_same_however_they_are_stored(ending: str) -> None:
    found = decode(example(f"MR_small{ending}.dcm")).pixels
    assert (found == decode(example("MR_small.dcm")).pixels).all()
    assert (found.min(), found.max()) == (52, 255)


def example(name: str) -> bytes:
    """A file that comes with pydicom."""
    return (Path(str(pydicom.data.__file__)).parent / "test_files" / name).read_bytes()


# ---- as parts of a source --------------------------------------------------------------------


def three_frames() -> bytes:
    return written(scan(np.arange(36, dtype="uint8").reshape(3, 3, 4) * 7, NumberOfFrames=3))


def test_frames_are_images_wherever_a_file_lies(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.dcm").write_bytes(three_frames())
    (folder / "b.DICOM").write_bytes(written(scan(TWELVE)))
    (folder / "c.png").write_bytes(encoded(colours(), "PNG"))
    wanted = ["a.dcm#1", "a.dcm#2", "a.dcm#3", "b.DICOM", "c.png"]
    source = find_images(folder)
    assert [Path(item.path).name for item in source] == wanted
    assert source.count() == 5
    (tmp_path / "list.csv").write_text("path,label\nin/a.dcm,cat\nin/c.png,dog\n")
    listed = list(find_images(tmp_path / "list.csv"))
    assert [item.label for item in listed] == ["cat"] * 3 + ["dog"]
    assert len({item.name for item in listed}) == 4
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        archive.add(folder / "a.dcm", "a.dcm")
    assert find_images(tmp_path / "x.tar").count() == 3
    assert [decode(item.location.read(), 1).pixels[0, 0, 0] for item in list(source)[1:2]] == [84]


@pytest.mark.parametrize("frames", [0, 1000, 2**31 - 1, "many"])
def test_a_head_that_is_not_true_makes_no_rows(frames: Any, tmp_path: Path) -> None:
    content = written(scan(np.zeros((1, 3, 4), "uint8"), NumberOfFrames=1))
    text = str(frames).encode().ljust(2)
    begin = content.index(b"\x28\0\x08\0IS")
    content = (
        content[: begin + 6]
        + len(text + b" " * (len(text) % 2)).to_bytes(2, "little")
        + text
        + b" " * (len(text) % 2)
        + content[begin + 10 :]
    )
    (tmp_path / "a.dcm").write_bytes(content)
    assert find_images(tmp_path).count() == 1


def test_a_missing_package_is_said_at_once_or_in_the_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.dcm").write_bytes(three_frames())
    monkeypatch.setitem(__import__("sys").modules, "pydicom", None)
    real = util.find_spec
    monkeypatch.setattr(
        "kerascope.dataset.reading.dicom_frames.find_spec",
        lambda name: None if name == "pydicom" else real(name),
    )
    with pytest.raises(errors.MissingPackageError, match=r"kerascope\[dicom\]"):
        find_images(tmp_path)
    (tmp_path / "b.png").write_bytes(encoded(colours(), "PNG"))
    scanned, _ = find_images(tmp_path)
    with pytest.raises(errors.PhotographError, match=r"kerascope\[dicom\]"):
        scanned.location.read()


def test_nothing_of_the_patient_is_in_any_output(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Good and damaged files with a name in every text; all bytes that are written, printed or logged."""
    folder = tmp_path / "in"
    folder.mkdir()
    ramp = np.arange(48 * 48, dtype="uint16").reshape(48, 48)
    good = written(of_a_patient(scan(ramp, WindowCenter=1000, WindowWidth=900)))
    assert good.count(CANARY.encode()) > 1000
    (folder / "good.dcm").write_bytes(good)
    frames = scan(np.stack([ramp, ramp[::-1]]), NumberOfFrames=2)
    (folder / "frames.dcm").write_bytes(written(of_a_patient(frames)))
    (folder / "no-kind.dcm").write_bytes(written(of_a_patient(scan(ramp, CANARY))))
    (folder / "cut.dcm").write_bytes(good[:-2000])
    (folder / "no-mark.dcm").write_bytes(CANARY.encode() * 30 + good[180:])
    (folder / "rle.dcm").write_bytes(good.replace(_PLAIN, f"{RLELossless}\0".encode()))
    (folder / "syntax.dcm").write_bytes(good.replace(_PLAIN, b"1.2.840.CANARY.2.1.5"))
    (folder / "table.dcm").write_bytes(good.replace(b"US\x02\0\x30\0", b"LO\x02\0CA", 1))
    for place in range(0, len(good) - 2 * ramp.size, 7919):
        damaged = bytearray(good)
        damaged[place : place + 9] = b"CANARYCAN"
        (folder / f"damaged-{place}.dcm").write_bytes(damaged)
    capfd.readouterr()
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    results = ks.explain_dataset(network(1), folder, tmp_path / "out", target=0, **SMALL)
    rows = rows_of(results)
    by_name = {Path(row["path"]).name: row for row in rows}
    assert by_name["good.dcm"]["status"] == by_name["frames.dcm#2"]["status"] == "explained"
    assert all(by_name[f"{name}.dcm"]["status"] == "failed" for name in ("cut", "no-mark", "rle", "syntax"))
    printed = capfd.readouterr()
    for text in (printed.out, printed.err, caplog.text, repr(rows), repr(results.manifest)):
        assert CANARY not in text
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_a_file_in_memory_needs_no_name() -> None:
    """As in a cell of a table: the first of its frames is taken, and that is said."""
    found = decode(three_frames())
    assert found.pixels.shape == (3, 4, 3)
    assert "the first of 3 frames" in found.notes[0]
    with pytest.raises(errors.PhotographError, match="DICM"):
        decode(encoded(colours(), "PNG"), frame=0)
