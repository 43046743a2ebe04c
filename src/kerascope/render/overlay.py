"""Overlays: photographs coloured by relevance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from kerascope.errors import ExplanationError, ParameterError
from kerascope.explanation import LEAST_VARIATION, check_has_input, variation
from kerascope.placement import PlacementChoice
from kerascope.render.colour import CENTRE, FINE, Table, apply, colour_table, table_index
from kerascope.render.display import RGBImages, as_batch, choose_display
from kerascope.render.hatching import FLAT, INFORMATIVE, NOT_FINITE, mark
from kerascope.render.smooth import deviation_for, smooth
from kerascope.validation import check_fraction, is_number

if TYPE_CHECKING:
    from kerascope.explanation import Explanation

Scale = float | Literal["image", "shared"]
Maps = npt.NDArray[np.float32]

PERCENTILE = 99
"""Where the colours end of a map with a value per pixel, which a few pixels would outshine."""

_BLOCK_BYTES = 2_000_000  # pictures are made in blocks that fit the processor's cache


@dataclass(frozen=True)
class Relevance:
    """Maps scaled for display.

    Attributes:
        maps: float32 (N, *size) or (N, K, *size), in [0, 1], or [-1, 1] if signed; zero for maps that are
            flat or not finite.
        tops: float32 (N,) or (N, K): the relevance that is scaled to 1.
        clipped: bool, like `tops`: some relevance is larger.
        states: uint8, like `tops`: `INFORMATIVE`, `FLAT` or `NOT_FINITE`.
        signed: whether the maps have both signs.
    """

    maps: Maps
    tops: npt.NDArray[np.float32]
    clipped: npt.NDArray[np.bool_]
    states: npt.NDArray[np.uint8]
    signed: bool

    def __getitem__(self, index: Any) -> Relevance:
        """Return some of the maps."""
        return Relevance(
            self.maps[index], self.tops[index], self.clipped[index], self.states[index], self.signed
        )


def overlay(
    explanation: Explanation,
    alpha: float = 0.5,
    colormap: Any = None,
    scale: Scale = "image",
    images: npt.ArrayLike | None = None,
    placement: PlacementChoice = "auto",
) -> RGBImages:
    """Paint relevance over photographs, one picture per map.

        r = x / top, clipped to [0, 1], or [-1, 1] if signed
        o = alpha min(1, 2 |r|)
        picture = (1 - o) photograph + o colour(r)

    Relevance x of layers on the grid of the input, as in `MultiScaleCAM`, is smoothed first, over 1 % of
    the shorter side, since single pixels are not visible.

    Opacity follows relevance: where a map is zero, the photograph does not change. A flat map (see
    `Explanation.flat`) is hatched with diagonal lines, a map with NaN or infinity is cross-hatched, and
    neither is coloured.

    Args:
        explanation: what to draw, with the images it explains.
        alpha: the greatest opacity, 0 to 1. Default 0.5.
        colormap: see `colour_table`. Default None: "RdBu_r" if signed, else "inferno" for maps with a value
            per pixel and channel, else "turbo" without its darkest reds.
        scale: the relevance that gets the last colour. "image" (default): the greatest |x| of each
            map, or, of maps with a value per pixel and channel and of layers' maps on the input's own
            grid, the 99th percentile. "shared": the greatest of these over all maps, so that maps can
            be compared. A number above 0: that relevance.
        images: other photographs to draw on, (N, H, W, C) of any size, for example without preprocessing.
            Default None: the images of the explanation, converted by `display_images`.
        placement: see `Explanation.heatmaps`.

    Returns:
        uint8 (N, H, W, 3), or (N, K, H, W, 3) if the explanation has a class axis.

    Raises:
        ExplanationError: no images are stored, the number of images differs, or the inputs are not
            images.
        ParameterError: alpha, scale or colormap is out of range or unknown.
        MissingPackageError: matplotlib, which has the colours, is not installed.

    Cost: a few table lookups per pixel; no matplotlib figure is made.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax")])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.render.overlay(ks.explain(model, images), alpha=0.6, scale="shared").shape
        (2, 8, 8, 3)
    """
    check_fraction(alpha, "alpha")
    explanation = explanation.place(placement)
    photographs = photographs_of(explanation, images)
    table = table_of(explanation, colormap)
    relevance = relevance_of(explanation, scale, size=photographs.shape[1:3])
    if relevance.maps.shape[0] != photographs.shape[0]:
        raise ExplanationError(
            f"there must be one image per map, got {photographs.shape[0]} images for "
            f"{relevance.maps.shape[0]} maps; give the explained images, in the same order"
        )
    show = choose_display(photographs)
    paint_over = Paint(table, alpha, relevance.signed)
    pictures = np.empty((*relevance.maps.shape, 3), np.uint8)
    for block in _blocks(len(pictures), pictures[:1].size):
        shown = show(photographs[block])
        maps = relevance.maps[block]
        if maps.ndim == 4:
            shown = shown[:, None]
        pictures[block] = paint_over(shown, maps)
    for index in np.argwhere(relevance.states != INFORMATIVE):
        mark(pictures[tuple(index)], int(relevance.states[tuple(index)]))
    return pictures


def blend(pictures: RGBImages, maps: Maps, table: Table, alpha: float, signed: bool = False) -> RGBImages:
    """Paint maps over pictures: see `Paint`.

    Args:
        pictures: uint8 (..., H, W, 3).
        maps: float (..., H, W), [0, 1], or [-1, 1] if signed.
        table: uint8 (256, 3), see `colour_table`.
        alpha: the greatest opacity, 0 to 1.
        signed: whether the maps have both signs. Default False.

    Returns:
        uint8 (..., H, W, 3); where a map is zero, the picture does not change.
    """
    return Paint(table, alpha, signed)(pictures, maps)


class Paint:
    """Paints maps over pictures: opacity rises with |relevance|, up to alpha at one half.

        picture = ((256 - a) picture + a colour + 128) >> 8, with a = round(256 alpha min(1, 2 |r|))

    Relevance and channel have 256 values each, so every mixture is looked up: one pass over the pixels.

    Args:
        table, alpha, signed: see `blend`.
    """

    def __init__(self, table: Table, alpha: float, signed: bool = False) -> None:
        self._signed = signed
        steps = np.arange(256)
        strength = np.minimum(abs(steps - CENTRE) / 127, 1) if signed else steps / 255
        opacity = np.rint(256 * alpha * np.minimum(2 * strength, 1)).astype(np.uint16)[:, None]
        channel = np.arange(256, dtype=np.uint16)
        self._mixtures = [
            ((256 - opacity) * channel + table[:, [colour]] * opacity + np.uint16(128) >> 8)
            .astype(np.uint8)
            .reshape(-1)
            for colour in range(3)
        ]

    def __call__(self, pictures: RGBImages, maps: Maps) -> RGBImages:
        """See `blend`."""
        rows = table_index(maps, self._signed).astype(np.uint16) << 8
        mixed = np.empty((*np.broadcast_shapes(pictures.shape[:-1], maps.shape), 3), np.uint8)
        for colour, mixtures in enumerate(self._mixtures):
            mixed[..., colour] = mixtures.take(rows | pictures[..., colour])
        return mixed


def paint(relevance: Relevance, table: Table) -> RGBImages:
    """Paint maps alone, in full colour; flat and non-finite maps are hatched grey.

    Args:
        relevance: see `relevance_of`, of images.
        table: uint8 (256, 3), see `colour_table`.

    Returns:
        uint8 (N, H, W, 3) or (N, K, H, W, 3).
    """
    pictures = apply(table, relevance.maps, relevance.signed)
    for index in np.argwhere(relevance.states != INFORMATIVE):
        mark(pictures[tuple(index)], int(relevance.states[tuple(index)]), plain=True)
    return pictures


def relevance_of(
    explanation: Explanation, scale: Scale = "image", size: tuple[int, ...] | None = None
) -> Relevance:
    """Scale the heatmaps of an explanation for display: x / top, never NaN.

    Args:
        explanation: what to draw.
        scale: see `overlay`.
        size: (H, W) of the maps. Default None: the size of the input.

    Returns:
        `Relevance`. An all-zero map stays zero.

    Raises:
        ParameterError: a scale other than "image", "shared" or a number above 0.
    """
    top = _parse_top(scale)
    signed = has_both_signs(explanation)
    maps = heatmaps(explanation, size)
    lead = np.shape(explanation.scores)
    rows = maps.reshape(math.prod(lead), math.prod(maps.shape[len(lead) :]))
    least, greatest = rows.min(axis=1), rows.max(axis=1)
    finite = np.isfinite(least) & np.isfinite(greatest)
    states = np.full(len(rows), INFORMATIVE, np.uint8)
    with np.errstate(invalid="ignore"):
        # A resized map may vary less than its grid does.
        states[np.reshape(explanation.flat, -1) | ~(variation(least, greatest) > LEAST_VARIATION)] = FLAT
    if not signed:
        states[greatest <= 0] = FLAT
    states[~finite] = NOT_FINITE
    rows[states != INFORMATIVE] = 0
    peaks = np.maximum(-least, greatest) if signed else greatest
    peaks[states != INFORMATIVE] = 0
    tops = peaks.copy()
    if is_fine(explanation) or is_on_pixels(explanation) or (signed and explanation.layer is None):
        # Otherwise a few outlying pixels would set the scale.
        high = np.percentile(np.abs(rows), PERCENTILE, axis=1)
        tops = np.where(high > 0, high, peaks).astype(np.float32)
    if scale == "shared":
        tops[:] = tops.max(initial=0)
    elif top is not None:
        tops[:] = top
    with np.errstate(over="ignore"):
        rows /= np.where(tops > 0, tops, 1)[:, None]
    np.clip(rows, -1 if signed else 0, 1, out=rows)
    return Relevance(maps, tops.reshape(lead), (peaks > tops).reshape(lead), states.reshape(lead), signed)


def heatmaps(explanation: Explanation, size: tuple[int, ...] | None = None) -> Maps:
    """Return a copy of the heatmaps, without warnings about values that are not finite.

    Maps of layers on the input's own grid are smoothed, see `kerascope.render.smooth`.
    """
    deviation = smoothing(explanation)
    with np.errstate(invalid="ignore", over="ignore"):
        if deviation:
            explanation = replace(explanation, values=smooth(explanation.values, deviation))
        return np.array(explanation.heatmaps(size=size), dtype=np.float32, order="C")


def has_both_signs(explanation: Explanation) -> bool:
    """Whether heatmaps can be negative; with channels reduced by the greatest |x| they cannot."""
    return bool(explanation.signed) and explanation.reduction != "max_abs"


def is_fine(explanation: Explanation) -> bool:
    """Whether maps have a value per pixel and channel, so that they are speckled."""
    return explanation.reduction != "none"


def is_on_pixels(explanation: Explanation) -> bool:
    """Whether a layer's map has the grid of the input, as in `MultiScaleCAM`."""
    size = tuple(explanation.input_size)
    return explanation.layer is not None and np.shape(explanation.values)[-len(size) :] == size


def smoothing(explanation: Explanation) -> float:
    """Return the deviation in pixels by which maps are smoothed for display, or 0."""
    return deviation_for(tuple(explanation.input_size)) if is_on_pixels(explanation) else 0.0


def table_of(explanation: Explanation, colormap: Any = None) -> Table:
    """Return the colour table of `colormap`, or the one that fits the maps."""
    signed = has_both_signs(explanation)
    if colormap is None and is_fine(explanation) and not signed:
        colormap = FINE
    return colour_table(colormap, signed)


def photographs_of(explanation: Explanation, images: npt.ArrayLike | None = None) -> npt.NDArray[Any]:
    """Return the images to draw on, (N, H, W, C); raise `ExplanationError` if there are none."""
    check_has_input(explanation)
    if len(explanation.input_size) != 2:
        raise ExplanationError(_not_images(explanation))
    if images is None:
        images = explanation.images
    if images is None:
        raise ExplanationError(
            "an overlay needs the images, and this explanation does not hold them; "
            "use overlay(explanation, images=photographs)"
        )
    return as_batch(images)


def _not_images(explanation: Explanation) -> str:
    size = tuple(explanation.input_size)
    if len(size) == 1:
        return (
            f"an overlay needs images, and these inputs are sequences of length {size[0]}; "
            "use plot(), which draws the line with relevance behind it"
        )
    return (
        f"a picture needs inputs of one or two dimensions, and these have {len(size)}: {size}; "
        "take slices, for example heatmaps()[:, depth] over images[:, depth]"
    )


def _parse_top(scale: Any) -> float | None:
    if scale in ("image", "shared"):
        return None
    if is_number(scale) and scale > 0:
        return float(max(scale, np.finfo(np.float32).tiny))
    raise ParameterError(
        f'scale must be "image", "shared" or a finite number above 0, got {scale!r}; '
        '"image" scales each map by itself'
    )


def _blocks(count: int, size: int) -> Iterator[slice]:
    step = max(1, _BLOCK_BYTES // max(size, 1))
    for start in range(0, count, step):
        yield slice(start, start + step)
