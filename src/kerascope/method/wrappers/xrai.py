"""XRAI: attributions summed over regions of the image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.explanation import Reduction
from kerascope.method.base import Method
from kerascope.method.path.integrated_gradients import IntegratedGradients
from kerascope.method.wrappers.base import Wrapper
from kerascope.perturb.pixels import on_pixels, pixels_of
from kerascope.probe import Answer, AnyProbe
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_whole, is_number

_ATTRIBUTIONS = IntegratedGradients(baseline=("black", "white"))

_AREA = 224 * 224
"""Pixels of the images that the paper's numbers are for."""
_BLUR = 0.8
"""Standard deviation in pixels, at that size, of the blur before segmentation."""


@dataclass(frozen=True)
class XRAI(Wrapper, name="xrai"):
    r"""XRAI: regions of the image in the order of their attribution.

    $$X_p = \frac{1}{|r \setminus M|} \sum_{q \in r \setminus M} A_q \quad\text{with}\quad
      r = \arg\max_{r} \frac{1}{|r \setminus M|} \sum_{q \in r \setminus M} A_q$$

    with attributions $A$ of another method, on the pixels; $r$ is the region that took pixel $p$, and $M$
    what had been taken before it. Regions come from segmentations of the image at several scales; one
    after the other is taken, the one with the highest mean over its pixels that are not taken yet, until all
    are.

    Args:
        method: the method whose attributions are gathered. Default, as in the paper, integrated gradients
            from black and from white. Its channels are reduced as for its heat maps, and
            maps on a grid are enlarged.
        scales: of the segmentations, numbers above 0; larger ones give larger regions. They and
            `smallest` are for images of 224 x 224 pixels, and change in proportion to the number of pixels.
        smallest: the fewest pixels of a region, at least 1.

    Returns:
        values float32 (N, H, W), in units of the attributions and signed as they are; not normalised.

    Raises:
        MissingPackageError: scikit-image is not installed; `pip install "kerascope[segments]"`.
        InputError: the input is no picture with two spatial axes.

    Cost:
        The cost of `method`; the segmentation, on the host, takes about a second for a picture of 224 x 224
        pixels.

    Source:
        Kapishnikov et al., XRAI: Better Attributions Through Regions, ICCV 2019, algorithm 1; segmentation by
        Felzenszwalb and Huttenlocher, Efficient Graph-Based Image Segmentation, IJCV 2004. Deviations:
        regions are not widened by 5 pixels, so that each scale shares out the image, and are not required to
        bring at least 50 new pixels.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 3))
        >>> ks.XRAI(ks.Saliency())(model, images, target=1).values.shape
        (2, 8, 8)
    """

    method: Method = _ATTRIBUTIONS
    scales: tuple[float, ...] = (50.0, 100.0, 150.0, 250.0, 500.0, 1200.0)
    smallest: int = 150

    def __post_init__(self) -> None:
        super().__post_init__()
        listed = isinstance(self.scales, tuple) and len(self.scales) > 0
        if not listed or not all(is_number(scale) and scale > 0 for scale in self.scales):
            raise errors.ParameterError(
                f"scales must be a tuple of numbers above 0; got {self.scales!r}; larger ones give larger "
                "regions."
            )
        check_whole(self.smallest, "smallest")

    @property
    def tags(self) -> frozenset[str]:  # type: ignore[override]
        """Those of the method, on pixels of pictures."""
        return (self.method.tags - {"input", "complete"}) | {"pixels", "planar"}

    @property
    def reduction(self) -> Reduction:  # type: ignore[override]
        """There are no channels."""
        return "none"

    @property
    def signed(self) -> bool:
        """As the heat maps of the method."""
        return bool(self.method.signed) and self.method.reduction != "max_abs"

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """The attributions of the method, gathered into regions."""
        _import_felzenszwalb()  # raises before the method is asked
        answer = self.method.attribute(probe, images, target)
        pictures = pixels_of(answer)
        if pictures.ndim != 4:
            raise errors.InputError(
                f"regions need pictures with height and width; got inputs with {pictures.ndim - 2} spatial "
                f"axes, of shape {pictures.shape[1:]}; use {self.method.describe()} by itself."
            )
        attributions = on_pixels(answer, self.method.reduction)
        maps = attributions.reshape(len(pictures), -1, *attributions.shape[-2:])
        gathered = np.empty(maps.shape, "float32")
        for picture, of_picture, found in zip(pictures, maps, gathered, strict=True):
            regions = segment(picture, self.scales, self.smallest)
            for column, attribution in enumerate(of_picture):
                found[column] = grow_regions(attribution, regions)
        return replace(
            answer,
            values=gathered.reshape(attributions.shape),
            completeness_gap=None,
            placement=answer.pixels,
        )


def segment(picture: Array, scales: Sequence[float], smallest: int) -> Array:
    """Regions int64 (scales, H, W) of one picture; no number occurs at two scales."""
    felzenszwalb = _import_felzenszwalb()
    height, width, _ = picture.shape
    share = height * width / _AREA
    low, high = float(picture.min()), float(picture.max())
    shown = (_colours(picture) - low) / (high - low if high > low else 1)
    found: list[Array] = []
    count = 0
    for scale in scales:
        labels = felzenszwalb(
            shown,
            scale=scale * share,
            sigma=_BLUR * math.sqrt(share),
            min_size=max(1, round(smallest * share)),
            channel_axis=-1,
        )
        _, numbers = np.unique(labels, return_inverse=True)
        found.append(count + numbers.reshape(height, width))
        count += int(numbers.max()) + 1
    return np.stack(found)


def grow_regions(attribution: Array, regions: Array) -> Array:
    """The mean attribution of the region that takes each pixel, taken greedily."""
    values = attribution.astype("float64").ravel()
    labels = regions.reshape(len(regions), -1)
    count = int(labels.max()) + 1
    sums, areas = np.zeros(count), np.zeros(count, "int64")
    for scale in labels:
        sums += np.bincount(scale, values, count)
        areas += np.bincount(scale, minlength=count)
    # The pixels of each region, once: of region r they are members[r].
    order = np.argsort(labels, axis=None, kind="stable") % labels.shape[1]
    members = np.split(order, np.cumsum(areas)[:-1])
    result = np.empty(values.shape)
    free = np.ones(values.shape, bool)
    while free.any():
        means = np.full(count, -np.inf)
        np.divide(sums, areas, out=means, where=areas > 0)
        chosen = int(np.argmax(means))
        taken = members[chosen][free[members[chosen]]]
        result[taken] = values[taken].mean()
        free[taken] = False
        for scale in labels:
            touched, place = np.unique(scale[taken], return_inverse=True)
            sums[touched] -= np.bincount(place, values[taken])
            areas[touched] -= np.bincount(place)
    return result.reshape(attribution.shape)


def _colours(picture: Array) -> Array:
    """Up to three channels; of more, the mean of three equal parts of them."""
    if picture.shape[-1] <= 3:
        return picture.astype("float64")
    parts = np.array_split(picture.astype("float64"), 3, axis=-1)
    return np.stack([part.mean(axis=-1) for part in parts], axis=-1)


def _import_felzenszwalb() -> Callable[..., Any]:
    """Felzenszwalb's segmentation."""
    try:
        from skimage.segmentation import felzenszwalb
    except ImportError:
        raise errors.MissingPackageError("skimage", "segments") from None
    found: Callable[..., Any] = felzenszwalb
    return found
