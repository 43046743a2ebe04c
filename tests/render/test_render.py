"""Pictures: what the numbers become, and that nothing is painted which says nothing."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from itertools import combinations
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.text import Text

from kerascope import render
from kerascope.errors import ExplanationError, MissingPackageError, ParameterError
from kerascope.explanation import Explanation
from kerascope.render.colour import table_index
from kerascope.render.hatching import FLAT, NOT_FINITE, hatching_lines
from kerascope.render.text import fit, number

pytestmark = pytest.mark.once

NAMES = (
    "tiger cat",
    "Egyptian cat",
    "espresso",
    "domestic cat, house cat, Felis domesticus, Felis catus, and every other name it has ever had $5",
)
FLAT_TABLE = np.full((256, 3), (200, 0, 50), np.uint8)  # one colour: only opacity varies


def explain(values: Any, images: Any = None, targets: Any = None, **options: Any) -> Explanation:
    """An explanation of grey images, with the values given."""
    values = np.asarray(values, np.float32)
    targets = np.asarray([0] * len(values) if targets is None else targets, np.int32)
    if images is None and "input_size" not in options:
        images = np.full((len(values), *values.shape[targets.ndim :], 3), 100, np.uint8)
    size = options.pop("input_size", None) or images.shape[1:-1]
    fields: dict[str, Any] = {
        "scores": np.full(targets.shape, 8.213, np.float32),
        "probabilities": np.full(targets.shape, np.nan, np.float32),
        "predictions": None,
        "reduction": "none",
        "signed": False,
        "class_axis": targets.ndim == 2,
        "method": "GradCAM()",
        "target": "predicted class",
        "layer": "backbone/conv_7",
    }
    return Explanation(
        values=values, targets=targets, images=images, input_size=tuple(size), **fields | options
    )


def ramp(count: int = 1, size: int = 32) -> np.ndarray:
    """Maps that rise from left to right, (count, size, size)."""
    return np.tile(np.linspace(0, 1, size, dtype=np.float32), (count, size, 1))


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


# Colours


def test_a_table_holds_the_colours_of_the_map() -> None:
    table = render.colour_table("gray")
    assert table.dtype == np.uint8
    assert table.shape == (256, 3)
    assert abs(table - np.arange(256.0)[:, None]).max() <= 1
    turbo = mpl.colormaps["turbo"](np.arange(256), bytes=True)[:, :3]
    assert np.array_equal(render.colour_table("turbo"), turbo)
    assert np.array_equal(render.colour_table(mpl.colormaps["turbo"]), turbo)
    assert not np.array_equal(render.colour_table("jet"), turbo)


def test_the_default_colours_are_bright_to_the_last() -> None:
    turbo, table = render.colour_table("turbo").astype(int), render.colour_table().astype(int)
    assert np.array_equal(table[0], turbo[0])
    assert np.array_equal(table[255], turbo[225])
    assert table[255].max() > 200 > 130 > turbo[255].max(), "turbo's own end is lost on a dark photograph"


def test_zero_is_neutral_in_a_signed_table() -> None:
    table = render.colour_table(signed=True).astype(int)
    assert table[128].tolist() == [247, 247, 247]
    assert np.array_equal(table[0], table[1])
    assert table[1, 2] > table[1, 0], "blue below zero"
    assert table[255, 0] > table[255, 2], "red above zero"


def test_relevance_rounds_to_the_nearest_entry() -> None:
    assert table_index(np.array([0, 0.5, 1, -3, 7, 0.3 / 255, 0.7 / 255])).tolist() == [
        0, 128, 255, 0, 255, 0, 1,
    ]  # fmt: skip
    signed = table_index(np.array([-9, -1, -0.5, 0, 0.5, 1, np.nan]), signed=True)
    assert signed.tolist() == [1, 1, 65, 128, 192, 255, 128]


def test_apply_paints_what_is_missing_grey() -> None:
    painted = render.apply(render.colour_table("gray"), np.array([[[0, 1], [np.nan, 0.5]]]))
    assert painted.shape == (1, 2, 2, 3)
    assert painted[..., 0].tolist() == [[[0, 255], [200, 128]]]


@pytest.mark.parametrize(
    ("colormap", "says"),
    [
        ("turbi", "turbo"),
        (3, "name"),
        (np.zeros((256, 4), np.uint8), "256, 3"),
        (np.zeros((256, 3)), "uint8"),
    ],
)
def test_a_bad_colour_map_is_an_error(colormap: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        render.colour_table(colormap)


def test_a_finished_table_needs_no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert render.overlay(explain(ramp()), colormap=FLAT_TABLE).shape == (1, 32, 32, 3)
    with pytest.raises(MissingPackageError, match=r"kerascope\[plot\]") as caught:
        render.overlay(explain(ramp()))
    assert isinstance(caught.value, ImportError)


# Photographs from what a model eats

PHOTO = np.random.default_rng(0).integers(0, 256, (2, 6, 5, 3)).astype(np.uint8)
PHOTO[0, 0, 0], PHOTO[0, 0, 1] = 0, 255
TORCH_MEAN, TORCH_SCALE = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.mark.parametrize(
    "given",
    [
        PHOTO,
        PHOTO.astype(np.int64),
        PHOTO.astype(np.float32),
        PHOTO / 255,
        (PHOTO / 255).astype(np.float16),
        PHOTO / 127.5 - 1,
        (PHOTO / 255 - TORCH_MEAN) / TORCH_SCALE,
        PHOTO[..., ::-1] - np.array([103.939, 116.779, 123.68]),
        np.concatenate([PHOTO, PHOTO[..., :1]], axis=-1) / 255,
    ],
    ids=["uint8", "int", "255", "unit", "half", "signed", "torch", "caffe", "alpha"],
)
def test_usual_preprocessing_is_undone(given: np.ndarray) -> None:
    shown = render.display_images(given)
    assert shown.dtype == np.uint8
    assert abs(shown.astype(int) - PHOTO).max() <= (given.dtype == np.float16)


def test_a_lone_dark_image_keeps_the_scale_of_its_batch() -> None:
    pair = np.stack([np.full((2, 2, 1), 0.1), np.eye(2)[..., None]])
    assert render.display_images(pair)[0].max() == 26


def test_overshoot_of_resizing_is_clipped() -> None:
    shown = render.display_images(np.array([-0.03, 0.5, 1.02]).reshape(1, 1, 3, 1))
    assert shown[0, 0, :, 0].tolist() == [0, 128, 255]
    shown = render.display_images(np.array([-6.0, 100.0, 260.0]).reshape(1, 1, 3, 1))
    assert shown[0, 0, :, 0].tolist() == [0, 100, 255]


@pytest.mark.parametrize("channels", [2, 5])
def test_other_channels_show_their_mean(channels: int) -> None:
    images = np.zeros((1, 2, 2, channels))
    images[..., 0] = 1
    shown = render.display_images(images)
    assert shown.shape == (1, 2, 2, 3)
    assert np.unique(shown).tolist() == [round(255 / channels)]
    assert np.array_equal(shown, render.display_images((images * 255).astype(np.uint8)))


def test_the_last_resort_is_the_range_of_each_image() -> None:
    images = np.array([[-4.0, 0.0, 4.0], [-1.0, 0.0, 7.0], [3.0, 3.0, 3.0]])[:, None, :, None]
    shown = render.display_images(images)[:, 0, :, 0]
    assert shown.tolist() == [[0, 128, 255], [0, 32, 255], [128, 128, 128]]


def test_a_known_range_is_used() -> None:
    images = np.array([0.0, 0.25, 0.5]).reshape(1, 1, 3, 1)
    shown = render.display_images(images, value_range=(0, 0.5))
    assert shown[0, 0, :, 0].tolist() == [0, 128, 255]
    with pytest.raises(ParameterError, match="low below high"):
        render.display_images(images, value_range=(1, 1))


def test_pixels_that_are_not_finite_are_black_or_white() -> None:
    images = np.array([np.nan, np.inf, -np.inf, 0.5]).reshape(1, 2, 2, 1)
    assert render.display_images(images)[..., 0].ravel().tolist() == [0, 255, 0, 128]
    images[0, 1, 1] = 1e5
    assert render.display_images(images)[..., 0].ravel().tolist() == [0, 255, 0, 128]


def test_other_number_types_are_shown() -> None:
    assert render.display_images(np.eye(2, dtype=bool)[None])[0, :, :, 0].tolist() == [
        [255, 0],
        [0, 255],
    ]
    deep = np.array([[[0], [1000]], [[4000], [2000]]], np.uint16)[None]
    assert render.display_images(deep)[0, ..., 0].tolist() == [[0, 64], [255, 128]]
    half = pytest.importorskip("ml_dtypes").bfloat16
    assert render.display_images(np.ones((1, 2, 2, 1), half)).min() == 255


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((4, 4, 3)), "batch axis"),
        (np.zeros((4, 4)), "batch axis"),
        (np.zeros((1, 4, 4, 4, 1)), "slices"),
        (np.zeros((1, 4, 4, 1), complex), "numbers"),
        (np.array([[["a"]]]), "numbers"),
    ],
)
def test_what_is_no_batch_of_images_is_an_error(images: np.ndarray, says: str) -> None:
    with pytest.raises(ExplanationError, match=says):
        render.display_images(images)


# Overlays


def test_overlay_by_hand() -> None:
    # r = 0, 1/4, 1/2, 1; opacity = alpha min(1, 2 r) = 0, 1/4, 1/2, 1/2 on grey 100, colour (200, 0, 50)
    picture = render.overlay(explain([[[0, 0.5], [1, 2]]]), alpha=0.5, colormap=FLAT_TABLE)
    expected = [[[100, 100, 100], [125, 75, 87.5]], [[150, 50, 75], [150, 50, 75]]]
    assert picture.dtype == np.uint8
    assert abs(picture[0] - np.array(expected)).max() <= 1


def test_what_does_not_matter_is_untouched_and_what_matters_has_full_colour() -> None:
    images = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
    values = ramp()
    values[0, :, :16] = 0
    picture = render.overlay(explain(values, images), alpha=1)
    assert np.array_equal(picture[:, :, :16], images[:, :, :16])
    assert (picture[:, :, -1] == render.colour_table()[255]).all()
    assert np.array_equal(render.overlay(explain(values, images), alpha=0), images)


def test_opacity_rises_with_relevance() -> None:
    picture = render.overlay(explain(ramp()), colormap=FLAT_TABLE).astype(int)
    assert (np.diff(picture[0, 0, :, 0]) >= 0).all()
    assert picture[0, 0, 0, 0] < picture[0, 0, 10, 0] < picture[0, 0, 16, 0]


def test_scales() -> None:
    result = explain(np.concatenate([ramp(), 4 * ramp()]))
    first, second = render.overlay(result)
    assert np.array_equal(first, second), "each image on its own scale"
    first, second = render.overlay(result, scale="shared")
    assert not np.array_equal(first, second)
    assert np.array_equal(second, render.overlay(result)[1])
    assert np.array_equal(render.overlay(result, scale=4.0), [first, second])
    assert np.array_equal(*render.overlay(result, scale=1e-9)[:, :, 1:]), "clipped at the top"


def test_signed_maps_are_neutral_at_zero_and_symmetric() -> None:
    values = np.linspace(-1, 1, 33, dtype=np.float32)[None, None].repeat(33, axis=1)
    symmetric = np.concatenate([FLAT_TABLE[:1], FLAT_TABLE[1:]])
    picture = render.overlay(explain(values, signed=True), colormap=symmetric)
    assert (picture[0, :, 16] == 100).all()
    assert np.array_equal(picture, picture[:, :, ::-1])
    coloured = render.overlay(explain(values, signed=True), alpha=1)[0, 0].astype(int)
    assert coloured[0, 2] > coloured[0, 0]
    assert coloured[-1, 0] > coloured[-1, 2]
    # The greatest |x| sets the scale, whatever its sign.
    half = np.maximum(values, -0.5)
    below = render.overlay(explain(half, signed=True))
    above = render.overlay(explain(half, signed=True), scale=1.0)
    assert np.array_equal(below, above)


def test_a_map_of_many_pixels_is_not_dimmed_by_a_few() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, (1, 40, 40, 1)).astype(np.float32)
    values[0, 20, 20] = 1000
    options = {"images": np.full((1, 40, 40, 3), 100, np.uint8), "signed": True}
    for reduction in ("max_abs", "sum"):
        speckled = explain(values, reduction=reduction, **options)
        picture = render.overlay(speckled, colormap=FLAT_TABLE)
        assert (picture != 100).any(axis=-1).mean() > 0.9
        top = np.percentile(abs(values), 99)
        assert np.array_equal(picture, render.overlay(speckled, colormap=FLAT_TABLE, scale=float(top)))
        figure = render.figure(speckled)
        assert_tidy(figure)
        assert f"≥{number(top)}" in texts(figure)
        assert any("99th percentile (p99) of each map" in text for text in texts(figure))
        assert f"≥{number(top)}" in texts(render.figure(speckled, scale="shared"))
        assert not any("percentile" in text for text in texts(render.figure(speckled, scale=1.0)))
    of_layer = explain(abs(values[..., 0]), options["images"])  # on the input's own grid
    assert (render.overlay(of_layer, colormap=FLAT_TABLE) != 100).any(axis=-1).mean() > 0.9
    assert any("99th percentile (p99) of each map" in text for text in texts(render.figure(of_layer)))
    smooth = explain(abs(values[:, ::2, ::2, 0]), options["images"])
    assert (render.overlay(smooth, colormap=FLAT_TABLE) != 100).any(axis=-1).mean() < 0.1
    assert not any("≥" in text for text in texts(render.figure(smooth)))


def test_a_layers_map_of_every_pixel_of_a_photograph_is_drawn_smooth() -> None:
    values = np.zeros((1, 200, 100), np.float32)
    values[0, 100, 50] = 1
    photograph = np.full((1, 200, 100, 3), 100, np.uint8)
    peak = explain(values, photograph)
    coloured = (render.overlay(peak, colormap=FLAT_TABLE, scale=0.01)[0] != 100).any(axis=-1)
    rows, columns = np.nonzero(coloured)
    # A Gaussian of 1 % of the shorter side, 1 pixel: heat lies around the peak.
    assert rows.min() + rows.max() == 2 * 100
    assert columns.min() + columns.max() == 2 * 50
    assert 3 <= np.ptp(rows) <= 8
    assert np.ptp(rows) == np.ptp(columns)
    assert any("drawn smooth, over 1% of the side" in text for text in texts(render.figure(peak)))
    np.testing.assert_array_equal(peak.heatmaps(), values)
    coarser = explain(values[:, ::2, ::2], photograph)
    speckled = explain(values[..., None], photograph, reduction="max_abs")
    for other in (coarser, speckled):
        assert not any("drawn smooth" in text for text in texts(render.figure(other)))


def test_a_map_of_few_pixels_that_are_not_zero_is_drawn_to_its_greatest() -> None:
    values = np.zeros((1, 40, 40, 1), np.float32)
    values[0, 3, 4], values[0, 5, 6] = 2, 1
    result = explain(values, np.full((1, 40, 40, 3), 100, np.uint8), reduction="max_abs")
    assert (render.overlay(result, colormap=FLAT_TABLE) != 100).any(axis=-1).sum() == 2
    bar = render.figure(result).axes[3]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "2"]


def test_signed_values_that_reduce_to_one_sign_get_one_signed_colours() -> None:
    values = np.stack([ramp()[0], -2 * ramp()[0]], axis=-1)[None]
    options = {"images": np.zeros((1, 32, 32, 2)), "signed": True}
    saliency = render.overlay(explain(values, reduction="max_abs", **options), alpha=1)
    assert (saliency[0, :, -1] == render.colour_table("inferno")[255]).all()
    attribution = render.overlay(explain(values, reduction="sum", **options), alpha=1)
    assert (attribution[0, :, -1] == render.colour_table(signed=True)[1]).all()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("level", "more"), [(0.0, 0.0), (3.0, 0.0), (3.0, 0.06)])
def test_a_flat_map_is_hatched_and_not_coloured(level: float, more: float, signed: bool) -> None:
    values = np.concatenate([level + more * ramp(), ramp()])
    images = np.full((2, 32, 32, 3), (90, 100, 110), np.uint8)
    picture, neighbour = render.overlay(explain(values, images, signed=signed))
    lines = np.logical_or(*hatching_lines(32, 32, FLAT))
    assert np.array_equal(picture[~lines], images[0][~lines]), "untouched between the lines"
    assert (picture[lines] != images[0][lines]).any(axis=-1).all(), "marked"
    assert 0.1 < lines.mean() < 0.5
    assert (np.ptp(picture[lines].astype(int), axis=-1) == 0).all(), "grey: no colour of a scale"
    assert np.array_equal(neighbour, render.overlay(explain(values[1:], images[1:], signed=signed))[0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("scale", ["image", "shared", 2.0])
def test_a_map_that_is_not_finite_is_cross_hatched(bad: float, scale: Any) -> None:
    values = ramp(2, 4)
    values[0, 1, 2] = bad
    images = np.full((2, 48, 48, 3), 100, np.uint8)
    picture, neighbour = render.overlay(explain(values, images), scale=scale)
    lines = np.logical_or(*hatching_lines(48, 48, NOT_FINITE))
    assert (picture[~lines] == 100).all()
    assert (picture[lines] != 100).any(axis=-1).all()
    assert lines.sum() > np.logical_or(*hatching_lines(48, 48, FLAT)).sum()
    alone = render.overlay(explain(values[1:], images[1:]), scale=scale)[0]
    assert np.array_equal(neighbour, alone)


def test_maps_that_are_infinite_all_over_or_nearly_zero_are_drawn_without_a_warning() -> None:
    values = ramp(3) * np.array([1, 1e-44, 1], np.float32)[:, None, None]
    values[0] = np.inf
    for scale in ("image", "shared", 1e-300):
        picture = render.overlay(explain(values), scale=scale)[2]
        assert (picture != 100).any()


def test_a_class_axis_gives_a_picture_per_class() -> None:
    values = np.stack([np.concatenate([ramp(), 1 - ramp(), 0 * ramp()])] * 2)
    images = PHOTO[:, :1, :1].repeat(32, 1).repeat(32, 2)
    together = render.overlay(explain(values, images, [[0, 1, 2], [2, 1, 0]]))
    assert together.shape == (2, 3, 32, 32, 3)
    for k in range(3):
        assert np.array_equal(together[:, k], render.overlay(explain(values[:, k], images)))


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).random((5, 8, 8, 3)) * np.arange(1, 6)[:, None, None, None]
    result = explain(np.random.default_rng(1).random((5, 2, 2)), images)
    whole = render.overlay(result)
    monkeypatch.setattr(sys.modules["kerascope.render.overlay"], "_BLOCK_BYTES", 1)
    assert np.array_equal(render.overlay(result), whole)


def test_other_photographs_are_drawn_on() -> None:
    photographs = np.full((1, 40, 60, 3), 7, np.uint8)
    picture = render.overlay(explain(ramp()), images=photographs)
    assert picture.shape == (1, 40, 60, 3)
    assert (picture[:, :, 0] == 7).all()


def test_nothing_given_is_changed() -> None:
    result = explain(ramp(2), np.random.default_rng(0).random((2, 32, 32, 3)))
    values, images = result.values.copy(), result.images.copy()
    render.overlay(result)
    render.figure(result)
    assert np.array_equal(values, result.values)
    assert np.array_equal(images, result.images)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, np.nan, True, "0.5"])
def test_alpha_is_checked(alpha: Any) -> None:
    for draw in (render.overlay, render.figure):
        with pytest.raises(ParameterError, match="alpha must be"):
            draw(explain(ramp()), alpha=alpha)


@pytest.mark.parametrize("scale", ["images", 0, -1, np.inf, np.nan, True, None])
def test_scale_is_checked(scale: Any) -> None:
    with pytest.raises(ParameterError, match="scale must be"):
        render.overlay(explain(ramp()), scale=scale)


def test_an_overlay_says_why_it_cannot_be_made() -> None:
    with pytest.raises(ExplanationError, match="does not hold them"):
        render.overlay(explain(ramp(), input_size=(32, 32)))
    with pytest.raises(ExplanationError, match="got 2 images for 1 maps"):
        render.overlay(explain(ramp()), images=np.zeros((2, 32, 32, 3)))
    with pytest.raises(ExplanationError, match=r"use plot\(\)"):
        render.overlay(explain(np.ones((1, 8)), np.zeros((1, 8, 2))))
    with pytest.raises(ExplanationError, match="take slices"):
        render.overlay(explain(np.ones((1, 4, 4, 4)), np.zeros((1, 4, 4, 4, 1))))


# Figures


def assert_tidy(figure: Figure) -> None:
    """Nothing is cut at the edge, and no text lies on another or on a panel it does not belong to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    drawn = [*figure.texts]
    for axes in figure.axes:
        drawn += axes.texts
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=True)
            drawn += [label for place, label in ticks if low <= place <= high]
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in drawn if text.get_text()]
    edge = figure.bbox
    for name, box in boxes:
        assert box.x0 >= 0, name
        assert box.y0 >= 0, name
        assert box.x1 <= edge.x1, name
        assert box.y1 <= edge.y1, name
    for (one, first), (other, second) in combinations(boxes, 2):
        wide = min(first.x1, second.x1) - max(first.x0, second.x0)
        high = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert wide <= 0 or high <= 1, f"{one!r} lies on {other!r}"
    panels = [axes.get_window_extent(renderer) for axes in figure.axes]
    for text in figure.texts:
        box = text.get_window_extent(renderer)
        for panel in panels:
            wide = min(box.x1, panel.x1) - max(box.x0, panel.x0)
            high = min(box.y1, panel.y1) - max(box.y0, panel.y0)
            assert wide <= 0 or high <= 1, f"{text.get_text()!r} lies on a panel"
    for first, second in combinations(panels, 2):
        assert not first.overlaps(second)


def seven(**options: Any) -> Explanation:
    return explain(
        ramp(7, 7),
        np.random.default_rng(0).random((7, 32, 48, 3)),
        [0, 3, 2, 3, 1, 0, 3],
        class_names=NAMES,
        predictions=np.array([0, 3, 3, 0, 3, 1, 3]),
        probabilities=np.array([0.385, 0.95, 1, 0.0001, 0, np.nan, 0.5], np.float32),
        **options,
    )


def test_a_figure_says_what_it_shows() -> None:
    figure = render.figure(seven(warnings=("the layer is narrow", "and more")), [0, 5])
    shown = texts(figure)
    assert isinstance(figure, Figure)
    assert shown.count("tiger cat") == 2
    assert "probability 0.385 · score 8.21" in shown
    assert "score 8.21 · predicted Egyptian cat" in shown
    assert {"Input", "GradCAM", "Overlay"} <= set(shown)
    assert "GradCAM() · layer backbone/conv_7" in shown
    assert "Warning: the layer is narrow (+1 more)" in shown
    assert len(figure.axes) == 2 * 4, "input, map, overlay and a colour bar each"
    bar = figure.axes[3]
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0", "1"]
    assert {"Input", "Grad-CAM", "Overlay"} <= set(texts(render.figure(seven(), [0], name="Grad-CAM")))


def test_a_warning_of_flat_maps_stays_with_those() -> None:
    values = ramp(3)
    values[1] = 0
    result = explain(values, warnings=("FlatMapWarning: 1 of 3", "ProbabilityWarning: odd"))
    for draw in (render.figure, render.sheet):
        assert "Warning: FlatMapWarning: 1 of 3 (+1 more)" in texts(draw(result, [0, 1]))
        assert "Warning: ProbabilityWarning: odd" in texts(draw(result, [0, 2]))


def test_seven_rows_with_long_names_are_tidy() -> None:
    figure = render.figure(seven(), captions=["true class 7"] * 7, title="Seven images " * 9)
    assert_tidy(figure)
    shown = texts(figure)
    assert any(text.startswith("domestic cat") and text.endswith("…") for text in shown)
    assert "true class 7 · probability < 0.001 · score 8.21 · predicted tiger cat" in shown
    assert_tidy(render.figure(seven(), panel=0.8))


def test_the_unit_of_each_map_stands_at_its_bar() -> None:
    result = explain(ramp(3) * np.array([1e-5, 20, 3])[:, None, None])

    def tops(**options: Any) -> list[str]:
        axes = render.figure(result, **options).axes[3::4]
        return [bar.get_yticklabels()[-1].get_text() for bar in axes]

    assert tops() == ["1.0e−5", "20", "3"]  # noqa: RUF001
    assert tops(scale="shared") == ["20", "20", "20"]
    assert tops(scale="shared", indices=[0, -1]) == ["20", "20"]
    assert tops(scale=50) == ["50", "50", "50"]
    signed = render.figure(explain(ramp() - 0.5, signed=True)).axes[3]
    assert [label.get_text() for label in signed.get_yticklabels()] == ["−0.5", "0", "0.5"]  # noqa: RUF001


def test_maps_that_say_nothing_have_words_and_no_bar() -> None:
    values = ramp(3)
    values[0] = 0
    values[1, 0, 0] = np.nan
    figure = render.figure(explain(values))
    assert_tidy(figure)
    assert {"flat map", "not finite"} <= set(texts(figure))
    assert len(figure.axes) == 3 + 3 + 4
    for row in range(2):
        painted = figure.axes[3 * row + 1].images[0].get_array()
        assert (np.ptp(np.asarray(painted, int), axis=-1) == 0).all(), "grey"


def test_small_inputs_are_crisp_and_their_maps_smooth() -> None:
    digits = np.random.default_rng(0).random((1, 28, 28, 1))
    photograph, heat, overlay = (
        axes.images[0] for axes in render.figure(explain(ramp(1, 7), digits)).axes[:3]
    )
    assert photograph.get_interpolation() == "nearest"
    assert photograph.get_array().shape == (28, 28, 3)
    assert min(heat.get_array().shape[:2]) >= 480
    steps = np.abs(np.diff(np.asarray(heat.get_array(), int), axis=1)).max()
    assert steps < 20, "no blocks"
    factor = overlay.get_array().shape[0] // 28
    left = np.asarray(overlay.get_array())[:, : 2 * factor]
    assert np.array_equal(left[::factor, ::factor], left[factor - 1 :: factor, ::factor])


def test_a_class_axis_puts_classes_side_by_side() -> None:
    values = np.stack([np.concatenate([ramp(1, 7), 1 - ramp(1, 7), 0 * ramp(1, 7)])] * 2)
    result = explain(
        values,
        np.random.default_rng(0).random((2, 96, 96, 3)),
        [[0, 1, 3], [3, 1, 0]],
        class_names=NAMES,
        probabilities=np.array([[0.5, 0.25, 0.125], [np.nan] * 3], np.float32),
    )
    figure = render.figure(result, captions=["first.png", "second.png"])
    assert_tidy(figure)
    shown = texts(figure)
    assert {"tiger cat", "Egyptian cat", "probability 0.250", "score 8.21"} <= set(shown)
    assert {"first.png", "second.png", "flat map"} <= set(shown)
    assert len(figure.axes) == 2 * (1 + 3 + 3 + 1)
    assert_tidy(render.sheet(result))
    bare = explain(values, None, [[0, 1, 3], [3, 1, 0]], input_size=(96, 96))
    assert len(render.figure(bare).axes) == 2 * (3 + 1)


def test_sequences_are_lines_over_relevance() -> None:
    series = np.random.default_rng(0).normal(size=(2, 50, 2))
    values = np.zeros((2, 10))
    values[0, 7] = 2
    figure = render.figure(explain(values, series))
    assert_tidy(figure)
    panel = figure.axes[0]
    assert len(panel.lines) == 2
    assert np.allclose(panel.lines[0].get_ydata(), series[0, :, 0])
    background = np.asarray(panel.images[0].get_array(), int)[0]
    assert (background[:20] == 255).all(), "white where nothing matters"
    assert background[37].min() < 200
    assert "flat map" in texts(figure)
    assert len(figure.axes) == 3, "no colour bar for a flat map"
    assert len(render.figure(explain(values, input_size=(50,))).axes[0].lines) == 0


def test_volumes_are_refused() -> None:
    result = explain(np.ones((1, 4, 4, 4)), np.zeros((1, 4, 4, 4, 1)))
    with pytest.raises(ExplanationError, match="draw slices"):
        render.figure(result)
    assert render.png(result) is None


def test_without_images_the_maps_are_drawn() -> None:
    figure = render.figure(explain(ramp(2), input_size=(32, 32)))
    assert_tidy(figure)
    assert len(figure.axes) == 4
    assert "Overlay" not in texts(figure)
    given = render.figure(explain(ramp(2), input_size=(32, 32)), images=np.zeros((2, 40, 60, 3), np.uint8))
    assert len(given.axes) == 8


def test_a_target_without_a_class_is_named_in_words() -> None:
    result = explain(ramp(), targets=[-1], target="unit 3 of conv", predictions=np.array([2]))
    shown = texts(render.figure(result))
    assert "unit 3 of conv" in shown
    assert "class 0" in texts(render.figure(explain(ramp())))


def test_many_images_are_cut_off_aloud() -> None:
    figure = render.figure(explain(ramp(20, 7), np.zeros((20, 32, 32, 1))))
    assert "The first 12 of 20 images." in texts(figure)
    assert len(figure.axes) == 12 * 4
    sheet = render.sheet(explain(ramp(70, 7), np.zeros((70, 16, 16, 1))), show=["input"])
    assert "The first 64 of 70 images." in texts(sheet)


@pytest.mark.parametrize("draw", [render.figure, render.sheet])
def test_figure_arguments_are_checked(draw: Any) -> None:
    result = explain(ramp(2))
    for indices in (2, -3, [0, 5], [], [0.5], "a", [[0]]):
        with pytest.raises(ParameterError, match="indices must be"):
            draw(result, indices)
    for captions in (["one"], "ab"):
        with pytest.raises(ParameterError, match="captions must be"):
            draw(result, captions=captions)
    with pytest.raises(ParameterError, match="panel must be"):
        draw(result, panel=0)


def test_a_sheet_follows_its_images() -> None:
    first, second = explain(ramp(3), targets=[0, 1, 2]), explain(ramp(2), targets=[5, 6])
    figure = render.sheet([first, second], columns=2, show=("input", "map", "overlay"))
    assert_tidy(figure)
    assert len(figure.axes) == 5 * 3 + 1, "one colour bar where it fits all"
    assert "max" in texts(figure)
    assert len(render.sheet([first, explain(ramp(2), signed=True)]).axes) == 5 * 2 + 2
    assert [text for text in texts(figure) if text.startswith("class")] == [
        f"class {target}" for target in (0, 1, 2, 5, 6)
    ]
    chosen = render.sheet([first, second], [4, 0], captions=list("abcde"))
    assert [text for text in texts(chosen) if text in "abcde"] == ["e", "a"]
    unlike = render.sheet([first[0], explain(3 * ramp(1))])
    assert "max" in texts(unlike), "one bar for two scales"
    assert len(unlike.axes) == 2 * 2 + 1
    for bad in ("input", [], ["inputs"]):
        with pytest.raises(ParameterError, match="show must hold"):
            render.sheet(first, show=bad)
    with pytest.raises(ParameterError, match="columns"):
        render.sheet(first, columns=-1)
    with pytest.raises(ParameterError, match="got none"):
        render.sheet([])
    with pytest.raises(ExplanationError, match="does not hold them"):
        render.sheet(explain(ramp(), input_size=(32, 32)))
    assert render.sheet(explain(ramp(), input_size=(32, 32)), show=["map"])


def test_compare_puts_methods_side_by_side() -> None:
    cam, saliency = explain(ramp(2)), explain(ramp(2) - 0.5, signed=True, method="Saliency()")
    figure = render.compare({"Grad-CAM": cam, "Saliency": saliency})
    assert_tidy(figure)
    assert {"Input", "Grad-CAM", "Saliency", "GradCAM() · layer backbone/conv_7"} <= set(texts(figure))
    assert len(figure.axes) == 2 * 3 + 2, "a bar below each method"
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == [
        "−max",  # noqa: RUF001
        "0",
        "max",
    ]
    shared = render.compare({"a": cam, "b": saliency}, scale="shared", show="map")
    assert shared.axes[-1].get_xticklabels()[-1].get_text() == "0.5"


def test_compare_draws_speckles_alone_and_smooth_maps_on_the_photograph() -> None:
    values = np.random.default_rng(0).random((2, 96, 96, 1))
    speckled = explain(values, np.full((2, 96, 96, 3), 100, np.uint8), reduction="max_abs", signed=True)
    smooth = explain(ramp(2, 96))
    figure = render.compare({"Grad-CAM": smooth, "Saliency": speckled})
    assert_tidy(figure)
    on_photograph, alone = (np.asarray(axes.images[0].get_array()) for axes in figure.axes[1:3])
    assert np.array_equal(on_photograph, render.overlay(smooth)[0])
    table = render.colour_table("inferno")
    greatest = np.unravel_index(values[0, ..., 0].argmax(), (96, 96))
    assert np.array_equal(alone[greatest], table[255])
    assert "≥p99" in texts(figure)
    over = render.compare({"Saliency": speckled}, show="overlay")
    assert np.array_equal(over.axes[1].images[0].get_array(), render.overlay(speckled)[0])


def test_compare_is_strict() -> None:
    cam = explain(ramp(2))
    other = explain(ramp(2), targets=[1, 0], class_names=NAMES)
    assert {"Egyptian cat", "class 0"} <= set(texts(render.compare({"a": cam, "b": other})))
    with pytest.raises(ExplanationError, match="same images"):
        render.compare({"a": cam, "b": explain(ramp(3))})
    with pytest.raises(ParameterError, match="mapping"):
        render.compare([cam])  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="show must be"):
        render.compare({"a": cam}, show="input")
    with pytest.raises(ExplanationError, match="class axis"):
        render.compare({"a": explain(ramp(2)[None], PHOTO[:1], [[0, 1]])})
    with pytest.raises(ExplanationError, match="sequences"):
        render.compare({"a": explain(np.ones((1, 8)), np.zeros((1, 8, 2)))})


def test_a_users_style_does_not_reach_the_figure() -> None:
    result = explain(ramp(2))
    plain = render.png(result)
    assert plain is not None
    assert plain.startswith(b"\x89PNG")
    style = {
        "axes.grid": True,
        "figure.autolayout": True,
        "image.origin": "lower",
        "image.aspect": "auto",
        "axes.facecolor": "black",
        "figure.facecolor": "black",
        "text.color": "red",
    }
    with mpl.rc_context(style):
        assert render.png(result) == plain


def test_a_figure_shows_itself_in_a_notebook() -> None:
    assert render.figure(explain(ramp()))._repr_png_().startswith(b"\x89PNG")


@pytest.mark.slow
def test_drawing_needs_no_pyplot_and_importing_no_matplotlib() -> None:
    program = """
import sys, warnings
warnings.simplefilter("error")
import numpy as np
from kerascope import render
assert "matplotlib" not in sys.modules
from kerascope.explanation import Explanation
result = Explanation(
    values=np.eye(7, dtype="float32")[None], targets=np.zeros(1, int), scores=np.ones(1),
    probabilities=np.ones(1), predictions=None, images=np.zeros((1, 28, 28, 1)),
    input_size=(28, 28), reduction="none", signed=False, class_axis=False, method="m", target="t",
)
render.overlay(result), render.png(result), render.sheet(result), render.compare({"a": result})
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("module", ["colour", "display", "overlay", "figure", "sheet"])
@pytest.mark.filterwarnings("ignore::kerascope.errors.FlatMapWarning")  # untrained weights
def test_the_examples_run(module: str) -> None:
    home = importlib.import_module(f"kerascope.render.{module}")
    failed, tried = doctest.testmod(home)
    assert tried
    assert not failed


# Words


def test_text_is_made_to_fit() -> None:
    assert fit("a  short\ntext", 20, len) == ["a short text"]
    assert fit("one two three four", 9, len, lines=2) == ["one two", "three fo…"]
    assert fit("one two three four", 9, len, lines=3) == ["one two", "three", "four"]
    assert fit("unbreakable", 5, len) == ["unbr…"]
    assert fit("unbreakable", 5, len, lines=3) == ["unbre", "akabl", "e"]
    assert fit("", 5, len) == []
    assert fit("x", 0.1, len) == ["x…"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0"),
        (1, "1"),
        (8.2134, "8.21"),
        (0.00412, "0.00412"),
        (12345.6, "1.2e4"),
        (2345.6, "2346"),
        (-3.14e-7, "−3.1e−7"),  # noqa: RUF001
        (np.nan, "nan"),
    ],
)
def test_numbers_are_short(value: float, written: str) -> None:
    assert number(value) == written
