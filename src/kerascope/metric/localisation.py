"""Localisation: does the map lie where the object is? With masks of objects, one value per image."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerascope import errors
from kerascope.metric.base import Direction, Invariance, Measurement, Metric
from kerascope.metric.context import Case
from kerascope.metric.faithfulness.random_subsets import check_share
from kerascope.typing import Array
from kerascope.validation import is_number


@dataclass(frozen=True)
class Localisation(Metric):
    """The family: one map and one mask in, one number out. An empty mask has no value, and is no hit."""

    group: ClassVar[str] = "localisation"
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    needs: ClassVar[frozenset[str]] = frozenset({"masks"})
    quick: ClassVar[Mapping[str, Any]] = {}

    @abstractmethod
    def located(self, relevance: Array, mask: Array) -> float:
        """The value of a map (*spatial) and a mask that is not empty, bool (*spatial)."""

    def measure(self, case: Case) -> Measurement:
        """Image by image."""
        masks = case.subject.masks
        assert masks is not None
        maps = case.flattened.reshape(masks.shape)
        values = np.full(len(maps), np.nan)
        for image, (relevance, mask) in enumerate(zip(maps, masks, strict=True)):
            if mask.any() and case.shows[image]:
                values[image] = self.located(relevance, mask)
        empty = int((~masks.reshape(len(masks), -1).any(axis=1)).sum())
        told = f"every mask should have a pixel; {empty} of {len(masks)} have none, and no value."
        return Measurement(values, warnings=(told,) if empty else ())


@dataclass(frozen=True)
class PointingGame(Localisation, name="pointing_game"):
    r"""Pointing game: whether the most relevant pixel lies on the object.

    $$\mathbb{1}\big[\arg\max_p a_p \in s\big]$$

    Args:
        tolerance: how far from the object, in pixels, is still a hit, at least 0; default 0.

    Returns:
        values (N,), 0 or 1, higher is better; between them where several pixels share the maximum: the share
        of these that hit. Invariant to any increasing change of the map. NaN where the mask is empty.

    Cost:
        None.

    Source:
        Zhang et al., Top-down Neural Attention by Excitation Backprop, ECCV 2016, section 4.2. Deviation: a
        shared maximum counts in parts, where others take the first pixel.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.PointingGame(tolerance=3).tolerance
        3
    """

    tolerance: float = 0.0

    invariant: ClassVar[Invariance | None] = "order"

    def __post_init__(self) -> None:
        if not (is_number(self.tolerance) and self.tolerance >= 0):
            raise errors.ParameterError(
                f"tolerance must be a number of pixels of at least 0; got {self.tolerance!r}."
            )

    def located(self, relevance: Array, mask: Array) -> float:
        """The share of the maxima that lie near enough."""
        from scipy.ndimage import distance_transform_edt

        near = distance_transform_edt(~mask) <= self.tolerance if self.tolerance else mask
        return float(near[relevance == relevance.max()].mean())


@dataclass(frozen=True)
class TolerantPointingGame(PointingGame, name="pointing_game_15"):
    r"""Pointing game with a tolerance of 15 pixels, as in its published tables.

    As `PointingGame`, where a pixel that is no further from the object hits too.

    Args:
        tolerance: how far from the object, in pixels, is still a hit, at least 0; default 15.

    Returns:
        values (N,), 0 to 1, higher is better; see `PointingGame`. On small images nearly every map hits.

    Cost:
        None.

    Source:
        Zhang et al., ECCV 2016, section 4.2.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.TolerantPointingGame().tolerance
        15.0
    """

    tolerance: float = 15.0


@dataclass(frozen=True)
class EnergyPointingGame(Localisation, name="energy_pointing_game"):
    r"""Energy-based pointing game: the share of what speaks for the target that lies on the object.

    $$\frac{\sum_{p \in s} \max(0, a_p)}{\sum_p \max(0, a_p)}$$

    Returns:
        values (N,), 0 to 1, higher is better; a map that is the same everywhere has the share of the image
        that the object takes. Invariant to the map's scale. NaN where the mask is empty, or nothing speaks
        for the target.

    Cost:
        None.

    Source:
        Wang et al., Score-CAM, CVPR workshops 2020, section 4.3. Deviation: a mask instead of a box.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.EnergyPointingGame.direction
        'higher'
    """

    def located(self, relevance: Array, mask: Array) -> float:
        """The share inside."""
        positive = np.maximum(relevance, 0.0)
        total = positive.sum()
        return float(positive[mask].sum() / total) if total > 0 else np.nan


@dataclass(frozen=True)
class RelevanceRank(Localisation, name="relevance_rank"):
    r"""Relevance rank accuracy: of the most relevant pixels, as many as the object has, the share on it.

    $$\frac{|\mathrm{top}_{|s|}(a) \cap s|}{|s|}$$

    Returns:
        values (N,), 0 to 1, higher is better. The order of pixels alone counts; of pixels that share the last
        place, the expected share is taken. NaN where the mask is empty.

    Cost:
        None.

    Source:
        Arras, Osman and Samek, CLEVR-XAI, Information Fusion 2022, equation 5.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.RelevanceRank.bounds
        (0.0, 1.0)
    """

    invariant: ClassVar[Invariance | None] = "order"

    def located(self, relevance: Array, mask: Array) -> float:
        """The precision of the top |s| pixels."""
        count = int(mask.sum())
        last = np.partition(relevance.ravel(), -count)[-count]
        above, at = relevance > last, relevance == last
        room = count - int(above.sum())
        return float((mask[above].sum() + room * mask[at].mean()) / count)


@dataclass(frozen=True)
class LocalisationAUC(Localisation, name="roc_auc"):
    r"""ROC-AUC: the chance that a pixel on the object is more relevant than one beside it.

    $$P(a_p > a_q) + \tfrac12 P(a_p = a_q), \qquad p \in s,\; q \notin s$$

    Returns:
        values (N,), 0 to 1, higher is better; 0.5 by chance. The order of pixels alone counts. NaN where the
        mask is empty or full.

    Cost:
        None.

    Source:
        Fawcett, An Introduction to ROC Analysis, 2006, section 7: the statistic of Mann and Whitney.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.LocalisationAUC.name
        'roc_auc'
    """

    invariant: ClassVar[Invariance | None] = "order"

    def located(self, relevance: Array, mask: Array) -> float:
        """From the ranks of the pixels on the object."""
        from scipy.stats import rankdata

        inside, count = int(mask.sum()), mask.size
        if inside == count:
            return np.nan
        ranked = rankdata(relevance.ravel())[mask.ravel()].sum()
        return float((ranked - inside * (inside + 1) / 2) / (inside * (count - inside)))


@dataclass(frozen=True)
class OtsuIoU(Localisation, name="iou"):
    r"""IoU: the overlap of the object with what Otsu's threshold leaves of the map.

    $$\frac{|b \cap s|}{|b \cup s|}, \qquad b = \{p : \max(0, a_p) > t_{\mathrm{Otsu}}\}$$

    Returns:
        values (N,), 0 to 1, higher is better. Invariant to the map's scale. NaN where the mask is empty; 0
        where nothing speaks for the target.

    Cost:
        None.

    Source:
        Otsu, A Threshold Selection Method from Gray-Level Histograms, 1979, with 256 classes.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.OtsuIoU.direction
        'higher'
    """

    def located(self, relevance: Array, mask: Array) -> float:
        """The overlap."""
        positive = np.maximum(relevance, 0.0)
        found = positive > otsu(positive) if positive.max() > positive.min() else positive > 0
        return float((found & mask).sum() / (found | mask).sum())


@dataclass(frozen=True)
class BoxLocalisation(Localisation, name="box"):
    r"""Weakly supervised localisation: whether the box around the map fits the object's.

    $$\mathbb{1}\Big[\frac{|b \cap \mathrm{box}(s)|}{|b \cup \mathrm{box}(s)|} \ge \tfrac12\Big]$$

    with the box $b$ of the largest connected part of the map that lies above a share of its maximum.

    Args:
        share: of the maximum that a part lies above, between 0 and 1; default 0.15.

    Returns:
        values (N,), 0 or 1, higher is better. Invariant to the map's scale. NaN where the mask is empty; 0
        where nothing speaks for the target.

    Cost:
        None.

    Source:
        Selvaraju et al., Grad-CAM, ICCV 2017, section 4.1 (threshold of 15 %), after Zhou et al., CVPR 2016.

    Example:
        >>> import kerascope as ks
        >>> ks.metric.BoxLocalisation().share
        0.15
    """

    share: float = 0.15

    def __post_init__(self) -> None:
        check_share(self.share, "share")

    def located(self, relevance: Array, mask: Array) -> float:
        """1 where the boxes overlap enough."""
        from scipy import ndimage

        if relevance.max() <= 0:
            return 0.0
        parts, count = ndimage.label(relevance > self.share * relevance.max())
        largest = 1 + int(np.argmax(np.bincount(parts.ravel(), minlength=count + 1)[1:]))
        own, wanted = _box(parts == largest), _box(mask)
        shared = [max(0, min(a[1], b[1]) - max(a[0], b[0])) for a, b in zip(own, wanted, strict=True)]
        inside = float(np.prod(shared))
        areas = [float(np.prod([high - low for low, high in box])) for box in (own, wanted)]
        return float(inside / (sum(areas) - inside) >= 0.5)


def otsu(values: Array, classes: int = 256) -> float:
    """The threshold that separates values best into two classes: the variance between them is largest.

    Args:
        values: that vary.
        classes: of the histogram, from the lowest to the highest value.
    """
    counts, edges = np.histogram(values, classes)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype("float64")
    above = counts.sum() - below
    sums = np.cumsum(counts * middles)
    between = below * above * (sums[:-1] / below - (sums[-1] - sums[:-1]) / above) ** 2
    return float(edges[1 + int(np.argmax(between))])


def _box(mask: Array) -> list[tuple[int, int]]:
    """First and last but one place on each axis."""
    return [(int(places.min()), int(places.max()) + 1) for places in np.nonzero(mask)]
