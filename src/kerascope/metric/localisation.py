"""Localisation: overlap of the map with the mask of the object."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import EvalItem
from kerascope.registry import alias
from kerascope.typing import Array
from kerascope.validation import check_inside, check_number


@dataclass(frozen=True)
class Localisation(Metric):
    """Base class: a value from a map and a mask. An empty mask has no value, and is not a hit.

    Cost:
        None.
    """

    group: ClassVar[str] = "localisation"
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    needs: ClassVar[frozenset[str]] = frozenset({"masks"})
    quick: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def score_map(self, relevance: Array, mask: Array) -> float:
        """Return the value of a map (*spatial) with a nonempty mask, bool (*spatial)."""

    def measure(self, item: EvalItem) -> Measurement:
        """Return the value of each image with a nonempty mask."""
        masks = item.batch.masks
        assert masks is not None
        maps = item.relevance.reshape(masks.shape)
        values = np.full(len(maps), np.nan)
        for image, (relevance, mask) in enumerate(zip(maps, masks, strict=True)):
            if mask.any() and item.is_informative[image]:
                values[image] = self.score_map(relevance, mask)
        empty = int((~masks.reshape(len(masks), -1).any(axis=1)).sum())
        warning = f"every mask should have a pixel; {empty} of {len(masks)} have none, and no value."
        return Measurement(values, warnings=(warning,) if empty else ())


@dataclass(frozen=True)
class PointingGame(Localisation, name="pointing_game"):
    r"""Pointing game: whether the most relevant pixel lies on the object.

    $$\mathbb{1}\big[\arg\max_p a_p \in s\big]$$

    Args:
        tolerance: largest distance from the object that counts as a hit, in pixels, at least 0; default 0.

    Returns:
        values (N,), 0 or 1, higher is better; where several pixels share the maximum, the share of them that
        hits. Invariant to any increasing change of the map. NaN where the mask is empty.

    Source:
        Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016, section 4.2. Deviation: a
        shared maximum counts in parts; other libraries take the first pixel.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.PointingGame(tolerance=3).tolerance
        3
    """

    tolerance: float = 0.0

    invariant: ClassVar[Invariance | None] = "order"

    def __post_init__(self) -> None:
        check_number(self.tolerance, "tolerance")

    def score_map(self, relevance: Array, mask: Array) -> float:
        """Return the share of the maxima that lie within the tolerance."""
        from scipy.ndimage import distance_transform_edt

        near = distance_transform_edt(~mask) <= self.tolerance if self.tolerance else mask
        return float(near[relevance == relevance.max()].mean())


TolerantPointingGame = alias(
    PointingGame,
    "TolerantPointingGame",
    "pointing_game_15",
    "Pointing game with a tolerance of 15 pixels, as in its published tables.",
    tolerance=15.0,
)


@dataclass(frozen=True)
class EnergyPointingGame(Localisation, name="energy_pointing_game"):
    r"""Energy-based pointing game: the share of the positive relevance that lies on the object.

    $$\frac{\sum_{p \in s} \max(0, a_p)}{\sum_p \max(0, a_p)}$$

    Returns:
        values (N,), 0 to 1, higher is better; a constant map gets the share of the image that the object
        covers. Invariant to the map's scale. NaN where the mask is empty or no relevance is positive.

    Source:
        Wang et al., Score-CAM, CVPR workshops 2020, section 4.3. Deviation: a mask instead of a box.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.EnergyPointingGame.direction
        'higher'
    """

    def score_map(self, relevance: Array, mask: Array) -> float:
        """Return the share of the positive relevance inside the mask."""
        positive = np.maximum(relevance, 0.0)
        total = positive.sum()
        return float(positive[mask].sum() / total) if total > 0 else np.nan


@dataclass(frozen=True)
class RelevanceRank(Localisation, name="relevance_rank"):
    r"""Relevance rank accuracy: the share of the most relevant pixels that lies on the object.

    $$\frac{|\mathrm{top}_{|s|}(a) \cap s|}{|s|}$$

    with as many pixels as the object has.

    Returns:
        values (N,), 0 to 1, higher is better. Depends only on the order of pixels; of pixels that share the
        last rank, the expected share is taken. NaN where the mask is empty.

    Source:
        Arras, Osman and Samek, CLEVR-XAI, Information Fusion 2022, equation 5.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.RelevanceRank.bounds
        (0.0, 1.0)
    """

    invariant: ClassVar[Invariance | None] = "order"

    def score_map(self, relevance: Array, mask: Array) -> float:
        """Return the precision of the top |s| pixels."""
        count = int(mask.sum())
        last = np.partition(relevance.ravel(), -count)[-count]
        above, at = relevance > last, relevance == last
        room = count - int(above.sum())
        return float((mask[above].sum() + room * mask[at].mean()) / count)


@dataclass(frozen=True)
class LocalisationAUC(Localisation, name="roc_auc"):
    r"""ROC-AUC: the probability that a pixel on the object is more relevant than one off it.

    $$P(a_p > a_q) + \tfrac12 P(a_p = a_q), \qquad p \in s,\; q \notin s$$

    Returns:
        values (N,), 0 to 1, higher is better; 0.5 for a random map. Depends only on the order of pixels. NaN
        where the mask is empty or full.

    Source:
        Fawcett, An Introduction to ROC Analysis, 2006, section 7: the Mann-Whitney statistic.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.LocalisationAUC.name
        'roc_auc'
    """

    invariant: ClassVar[Invariance | None] = "order"

    def score_map(self, relevance: Array, mask: Array) -> float:
        """Return the area, from the ranks of the pixels on the object."""
        from scipy.stats import rankdata

        inside, count = int(mask.sum()), mask.size
        if inside == count:
            return np.nan
        rank_sum = rankdata(relevance.ravel())[mask.ravel()].sum()
        return float((rank_sum - inside * (inside + 1) / 2) / (inside * (count - inside)))


@dataclass(frozen=True)
class OtsuIoU(Localisation, name="iou"):
    r"""IoU: the overlap of the object with the pixels above Otsu's threshold of the map.

    $$\frac{|b \cap s|}{|b \cup s|}, \qquad b = \{p : \max(0, a_p) > t_{\mathrm{Otsu}}\}$$

    Returns:
        values (N,), 0 to 1, higher is better. Invariant to the map's scale. NaN where the mask is empty; 0
        where no relevance is positive.

    Source:
        Otsu, A Threshold Selection Method from Gray-Level Histograms, 1979, with 256 classes.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.OtsuIoU.direction
        'higher'
    """

    def score_map(self, relevance: Array, mask: Array) -> float:
        """Return the intersection over union."""
        positive = np.maximum(relevance, 0.0)
        segment = positive > otsu(positive) if positive.max() > positive.min() else positive > 0
        return float((segment & mask).sum() / (segment | mask).sum())


@dataclass(frozen=True)
class BoxLocalisation(Localisation, name="box"):
    r"""Weakly supervised localisation: whether the bounding box of the map matches the object's.

    $$\mathbb{1}\Big[\frac{|b \cap \mathrm{box}(s)|}{|b \cup \mathrm{box}(s)|} \ge \tfrac12\Big]$$

    with the box $b$ of the largest connected part of the map above a share of its maximum.

    Args:
        share: threshold as a share of the maximum, between 0 and 1; default 0.15.

    Returns:
        values (N,), 0 or 1, higher is better. Invariant to the map's scale. NaN where the mask is empty; 0
        where no relevance is positive.

    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017, section 4.1 (threshold of 15 %), after Zhou et al., CVPR 2016.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.BoxLocalisation().share
        0.15
    """

    share: float = 0.15

    def __post_init__(self) -> None:
        check_inside(self.share, "share")

    def score_map(self, relevance: Array, mask: Array) -> float:
        """Return 1 if the boxes overlap by at least half, else 0."""
        from scipy import ndimage

        if relevance.max() <= 0:
            return 0.0
        parts, count = ndimage.label(relevance > self.share * relevance.max())
        largest = 1 + int(np.argmax(np.bincount(parts.ravel(), minlength=count + 1)[1:]))
        map_box, object_box = _bounding_box(parts == largest), _bounding_box(mask)
        sides = [max(0, min(a[1], b[1]) - max(a[0], b[0])) for a, b in zip(map_box, object_box, strict=True)]
        overlap = float(np.prod(sides))
        areas = [float(np.prod([high - low for low, high in box])) for box in (map_box, object_box)]
        return float(overlap / (sum(areas) - overlap) >= 0.5)


def otsu(values: Array, classes: int = 256) -> float:
    """Return the threshold with the largest variance between the two classes that it separates."""
    counts, edges = np.histogram(values, classes)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype("float64")
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1 + int(np.argmax(between))])


def _bounding_box(mask: Array) -> list[tuple[int, int]]:
    """Return the start and stop index of a mask on each axis."""
    return [(int(indices.min()), int(indices.max()) + 1) for indices in np.nonzero(mask)]
