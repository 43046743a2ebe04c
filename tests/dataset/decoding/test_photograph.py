"""Photographs from the bytes of files, whatever they hold; the way into the model's image and back."""

from __future__ import annotations

import re
import struct
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from kerascope import errors
from kerascope.dataset import CONVENTIONS, Frame, Preprocessing, as_preprocessing
from kerascope.dataset.decoding.photograph import decode
from tests.helpers.files.photographs import (
    animation,
    bomb,
    colours,
    encoded,
    shipped,
    sixteen_bits,
    tiff,
    turned,
)

pytestmark = pytest.mark.once


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK"])
def test_every_kind_of_colour_becomes_red_green_and_blue(mode: str) -> None:
    kind = "TIFF" if mode == "CMYK" else "PNG"
    found = decode(encoded(colours(mode), kind))
    assert found.pixels.shape == (16, 24, 3)
    assert found.pixels.dtype == np.uint8
    np.testing.assert_array_equal(found.pixels[2, 2], [0, 255, 0])
    np.testing.assert_array_equal(found.pixels[10, 2], [255, 0, 0])
    np.testing.assert_array_equal(found.pixels[10, 20], [0, 0, 255])
    said = {"RGBA": "transparency was dropped", "CMYK": "colour profile"}.get(mode)
    assert bool(found.notes) == (said is not None)
    assert said is None or said in found.notes[0]


def test_grey_is_the_same_in_all_channels() -> None:
    ramp = np.arange(256, dtype="uint8").reshape(16, 16)
    found = decode(encoded(Image.fromarray(ramp), "PNG"))
    np.testing.assert_array_equal(found.pixels, np.repeat(ramp[..., None], 3, -1))
    assert found.notes == ()


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    found = decode(sixteen_bits())
    wanted = np.rint(np.linspace(0, 65535, 24 * 16).reshape(16, 24).astype("uint16") / 257)
    np.testing.assert_array_equal(found.pixels[..., 0], wanted)
    assert "16 bits" in found.notes[0]
    # What the usual conversion makes of it: nearly all of it is white.
    assert (wanted == 255).mean() < 0.01


def test_floating_point_numbers_are_scaled() -> None:
    values = np.linspace(0, 1, 24 * 16).reshape(16, 24).astype("float32")
    found = decode(encoded(Image.fromarray(values), "TIFF"))
    np.testing.assert_array_equal(found.pixels[..., 0], np.rint(values.astype("float64") * 255))
    wide = decode(encoded(Image.fromarray(values * 40 - 20), "TIFF"))
    assert (wide.pixels.min(), wide.pixels.max()) == (0, 255)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "white", "said"),
    [
        (0, 4095, "uint16", 255, "from 0 to 4095 .* 4095 white .as 12 bits, since none needs more"),
        (0, 200, "uint16", 200, "as 8 bits, since none needs more"),
        (0, 8000, "uint16", 31, "16 bits, of which they use less than 1/8: nearly black"),
        (0, 3e9, "uint32", 255, "from 0 to 3e.09 .*their own least and greatest"),
        (-1000, 400, "int16", 255, "from -1000 to 400 .* -1000 black and 400 white"),
        (-50, 50, "int8", 255, "-50 black and 50 white"),
        (-1000, 400, "float32", 255, "floating-point numbers from -1000 to 400 .*their own least"),
        (0, 0.1, "float32", 26, "from 0 to 0.1 .* 1 white .of 0 to 1 they use less than 1/8"),
        (0.5, np.inf, "float32", 128, "1 that are NaN or infinite were taken for 0"),
    ],
)
def test_scans_are_scaled_by_a_range_that_is_said(
    low: float, high: float, dtype: str, white: int, said: str
) -> None:
    values = np.full((4, 6), low, dtype)
    values[1, 1] = high
    found = decode(tiff(values))
    assert (found.pixels.max(), found.pixels[0, 0, 0]) == (white, 0 if np.isfinite(high) else white)
    assert re.search(said, found.notes[0]), found.notes


def test_a_file_says_how_many_bits_it_uses() -> None:
    """By its tag for the greatest number, so that a dark picture of a set is not made light."""
    found = decode(tiff(np.full((4, 6), 1000, "uint16"), greatest=4095))
    assert (int(found.pixels.max()), found.notes[0][-9:]) == (62, "(12 bits)")


@pytest.mark.parametrize(
    ("dtype", "low", "high", "mirror", "options"),
    [
        ("bool", 0, 1, 1, {}),
        ("uint8", 0, 255, 255, {}),
        ("uint8", 0, 255, 255, {"compression": "zlib"}),
        ("uint16", 0, 65535, 65535, {}),
        ("uint16", 0, 65535, 65535, {"byteorder": ">"}),
        ("uint16", 0, 65535, 65535, {"compression": "zlib"}),
        ("uint16", 0, 65535, 65535, {"bigtiff": True}),
        ("uint16", 0, 4095, 4095, {}),
        ("uint16", 0, 4095, 65535, {}),
        ("uint16", 0, 1000, 4095, {"greatest": 4095}),
        ("uint32", 0, 4e9, 2**32 - 1, {}),
        ("int8", -100, 27, -1, {}),
        ("int16", -1000, 400, -1, {}),
        ("int16", -1000, 400, -1, {"byteorder": ">"}),
        ("int32", -100_000, 70_000, -1, {}),
        ("float32", 0, 1, 1, {}),
        ("float32", 0.2, 0.6, 1, {}),
        ("float32", -1000, 400, 0, {}),
    ],
)
def test_white_is_zero_is_the_same_scene_at_every_depth(
    dtype: str, low: float, high: float, mirror: float, options: dict[str, Any]
) -> None:
    """As its twin, in which black is zero: what is stored is what is meant, taken from a number."""
    scene = np.linspace(low, high, 8 * 12).reshape(8, 12)
    meant = scene.astype(dtype) if dtype.startswith("f") else np.rint(scene).astype(dtype)
    stored = (mirror - meant.astype("float64")).astype(dtype)
    plain = decode(tiff(meant, **options, photometric="minisblack")).pixels
    found = decode(tiff(stored, **options, photometric="miniswhite")).pixels
    assert np.abs(plain.astype(int) - found).max() <= (1 if dtype.startswith("f") else 0)
    assert int(found[-1, -1, 0]) - int(found[0, 0, 0]) > 50  # the greatest that is meant is the lightest


@pytest.mark.parametrize(("bits", "fill"), [(1, b"\x0f"), (4, b"\x09"), (2, b"\x1b")])
def test_white_is_zero_of_few_bits_stays_a_positive(bits: int, fill: bytes) -> None:
    """By hand: a row of one byte, whose first number is 0 and so white."""
    tags = [
        (256, 8 // bits),
        (257, 1),
        (258, bits),
        (259, 1),
        (262, 0),
        (273, 8),
        (277, 1),
        (278, 1),
        (279, 1),
    ]
    head = b"II*\0" + struct.pack("<I", 10) + fill + b"\0" + struct.pack("<H", len(tags))
    content = head + b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags) + bytes(4)
    top = 2**bits - 1
    numbers = [fill[0] >> (8 - bits * (place + 1)) & top for place in range(8 // bits)]
    wanted = [255 * (top - number) // top for number in numbers]
    assert decode(content).pixels[0, :, 0].tolist() == wanted
    assert wanted[0] == 255


def test_a_file_that_lies_about_its_bits_is_not_clipped() -> None:
    found = decode(tiff(np.array([[0, 4095, 65535]], "uint16"), greatest=4095))
    assert found.pixels[0, :, 0].tolist() == [0, 16, 255]


def test_colours_of_16_bits_are_cut_and_that_is_said() -> None:
    found = decode(tiff(np.full((4, 6, 3), 4095, "uint16")))
    assert found.pixels.max() == 15
    assert "end at 15 of 255: nearly black" in found.notes[0]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_picture_of_several_is_taken(kind: str) -> None:
    found = decode(animation(kind))
    assert "first of 2" in found.notes[0]
    assert int(found.pixels[10, 2, 0]) > 200
    assert int(found.pixels[10, 2, 1]) < 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_turned_back(orientation: int) -> None:
    """The green stripe at the top of the file goes where its EXIF data says."""
    found = decode(turned(orientation)).pixels.astype(int)
    assert found.shape[:2] == ((32, 48) if orientation < 5 else (48, 32))
    green = {
        "top": found[1, found.shape[1] // 2],
        "bottom": found[-2, found.shape[1] // 2],
        "left": found[found.shape[0] // 2, 1],
        "right": found[found.shape[0] // 2, -2],
    }
    side = ["top", "top", "bottom", "bottom", "left", "right", "right", "left"][orientation - 1]
    assert max(green, key=lambda one: green[one][1] - green[one].max() + green[one][1]) == side


def test_damaged_exif_data_do_not_lose_the_picture() -> None:
    good = turned(6)
    place = good.index(b"Exif")
    damaged = good[: place + 10] + b"\xff" * 12 + good[place + 22 :]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's own
        assert decode(damaged).pixels.shape in ((32, 48, 3), (48, 32, 3))
    with pytest.raises(errors.PhotographError, match="EXIF"):  # where warnings are errors
        decode(damaged)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 bytes"),
        (b"hello", "b'hello'"),
        (encoded(colours(), "JPEG")[:200], "undamaged"),
        (encoded(colours(), "PNG")[:60], "undamaged"),
        (bomb(), "67,108,864 pixels"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "formats"),  # would start another program
    ],
    ids=["empty", "text", "cut jpeg", "cut png", "bomb", "postscript"],
)
def test_what_is_no_picture_is_said(content: bytes, said: str) -> None:
    with pytest.raises(errors.PhotographError, match=said):
        decode(content)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_no_damage_raises_anything_else(place: int, value: int, cut: int) -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        content = bytearray(encoded(colours(size=(12, 9)), kind))
        content[place % len(content)] = value
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of some damages
            for damaged in (bytes(content), bytes(content[: cut % len(content)])):
                with suppress(errors.PhotographError):
                    decode(damaged)


# ---- frames ----------------------------------------------------------------------------------


def test_the_box_of_each_fit() -> None:
    assert Frame.for_size(100, 200, (8, 8)).box == (0, 50, 100, 150)
    assert Frame.for_size(200, 100, (8, 8)).box == (50, 0, 150, 100)
    assert Frame.for_size(100, 200, (8, 8), "stretch").box == (0, 0, 100, 200)
    assert Frame.for_size(100, 200, (8, 8), "pad").box == (-50, 0, 150, 200)
    assert Frame.for_size(100, 200, (8, 16)).box == (0, 0, 100, 200)
    assert Frame.for_size(300, 451, (224, 224), share=0.875).box == (19, 94, 281, 356)


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    size=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    fit=st.sampled_from(["crop", "stretch", "pad"]),
    share=st.floats(0.2, 1),
)
def test_maps_go_where_the_pixels_came_from(
    height: int, width: int, size: tuple[int, int], fit: str, share: float
) -> None:
    frame = Frame.for_size(height, width, size, fit, share if fit == "crop" else 1.0)  # type: ignore[arg-type]
    rows, columns = frame.visible
    assert 0 <= rows.start < rows.stop <= height
    assert 0 <= columns.start < columns.stop <= width
    if fit == "pad":
        assert (rows, columns) == (slice(0, height), slice(0, width))
    ramp = np.linspace(-1, 1, size[0] * size[1]).reshape(size).astype("float32")
    spread = frame.uncrop(ramp)
    assert spread.shape == (height, width)
    seen = np.zeros((height, width), bool)
    seen[rows, columns] = True
    np.testing.assert_array_equal(np.isnan(spread), ~seen)
    covered = seen.astype(int)
    for beside in frame.hidden:
        covered[beside] += 1
    assert (covered == 1).all()
    for row in range(rows.start, rows.stop):
        for column in range(columns.start, columns.stop):
            assert spread[row, column] == pytest.approx(interpolated(ramp, frame, row, column), abs=1e-5)


def interpolated(values: np.ndarray, frame: Frame, row: int, column: int) -> float:
    """Half-pixel bilinear interpolation of one pixel, in loops."""
    found = 0.0
    places = []
    for place, low, high, count in (
        (row, frame.top, frame.bottom, values.shape[0]),
        (column, frame.left, frame.right, values.shape[1]),
    ):
        position = (place - low + 0.5) * count / (high - low) - 0.5
        position = min(max(position, 0.0), count - 1.0)
        below = int(position)
        above = min(below + 1, count - 1)
        places.append(((below, 1 - (position - below)), (above, position - below)))
    for one, share in places[0]:
        for two, other in places[1]:
            found += share * other * float(values[one, two])
    return found


def test_a_map_of_another_corner_is_found_out() -> None:
    """The wrong variant: spread over the whole photograph, as if nothing had been cut off."""
    frame = Frame.for_size(40, 80, (4, 4))
    values = np.zeros((4, 4), "float32")
    values[:, 0] = 1
    whole = frame.uncrop(values)
    wrong = Frame.for_size(40, 80, (4, 4), "stretch").uncrop(values)
    assert np.nanargmax(whole[20]) == 20
    assert np.nanargmax(wrong[20]) == 0


# ---- preprocessing ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "mode"), [("-1-1", "tf"), ("caffe", "caffe"), ("torch", "torch")])
def test_conventions_are_those_of_keras(name: str, mode: str) -> None:
    pixels = np.asarray(Image.open(shipped("chelsea.png")).convert("RGB").resize((32, 32)))
    found, frame = CONVENTIONS[name](pixels, (32, 32))
    wanted = keras.applications.imagenet_utils.preprocess_input(pixels.astype("float32")[None], mode=mode)[0]
    assert frame.box == (0, 0, 32, 32)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)
    low, high = CONVENTIONS[name].range
    assert found.min() >= np.min(low) - 1e-4
    assert found.max() <= np.max(high) + 1e-4


def test_efficientnet_lite_is_that_of_the_demo() -> None:
    from examples.efficientnet_lite.preprocessing import preprocess

    pixels = np.asarray(Image.open(shipped("coffee.png")).convert("RGB"))
    found, _ = CONVENTIONS["efficientnet-lite"](pixels, (224, 224))
    np.testing.assert_allclose(found, preprocess([pixels])[0], atol=1e-6)


def test_one_channel_is_luma() -> None:
    found, _ = CONVENTIONS["0-255"](np.full((4, 4, 3), (255, 0, 0), "uint8"), (2, 2), channels=1)
    assert found.shape == (2, 2, 1)
    np.testing.assert_array_equal(found, 76)


def test_a_file_says_the_preprocessing(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(
        '{"convention": "torch", "fit": "stretch", "interpolation": "bicubic", "size": [96, 128]}'
    )
    found = as_preprocessing(path)
    assert (found.name, found.fit, found.interpolation, found.size) == (
        "torch",
        "stretch",
        "bicubic",
        (96, 128),
    )
    assert found.scale == CONVENTIONS["torch"].scale
    path.write_text('{"scale": 0.5, "offset": [1, 2, 3], "order": "bgr"}')
    assert as_preprocessing(str(path)) == Preprocessing("mine", 0.5, (1.0, 2.0, 3.0), "bgr")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"convention": "torchh"}', "torchh"),
        ('{"scales": 1}', "did you mean 'scale'"),
        ('{"fit": "squeeze"}', "crop, stretch, pad"),
        ('{"scale": "much"}', "finite number"),
        ('{"scale": [1, 2]}', "each channel"),
        ('{"share": 0}', "above 0"),
        ('{"interpolation": "cubic"}', "bicubic"),
        ('{"order": "gbr"}', "rgb or bgr"),
        ('{"size": [0, 3]}', "above 0"),
        ("[1]", "JSON object"),
        ("{", "JSON object"),
    ],
)
def test_a_file_that_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(errors.ParameterError, match=said):
        as_preprocessing(path)


def test_an_unknown_convention_is_said() -> None:
    with pytest.raises(errors.ParameterError, match="did you mean 'torch'"):
        as_preprocessing("torhc")
