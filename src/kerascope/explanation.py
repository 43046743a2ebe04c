"""An explanation: raw values, and everything needed to trust and repeat them. NumPy only."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerascope import errors
from kerascope.persistence import load_arrays, save_arrays
from kerascope.placement import Placement, PlacementChoice, from_dictionary, stretch
from kerascope.typing import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Reduction = Literal["none", "max_abs", "sum"]

LEAST_VARIATION = 0.05
"""A map shows something where its values span more than this share of the largest absolute one.

On its own scale a narrower map would be painted from the first colour to the last, though it says much the
same everywhere. Class activation maps of layers that give little but their bias, or whose sigmoids are
saturated, were seen to span 0 to 4 %, Grad-CAM more where the weights of channels cancel; maps of untrained
networks of `keras.applications`, on photographs of 96 pixels, 19 % and more, maps of networks that were
trained 46 % and more. Float16 rounds to 0.05 %, far below.
"""

_ROUNDING = 1e-6
"""What spans less is constant up to the rounding of float32 arithmetic, and is called so."""

_FORMAT = 1
"""Version of the file format; a file with a later one is refused."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a method found, raw and signed, with its provenance.

    N images; with a target that asks for K classes at once, `values`, `targets`, `scores` and
    `probabilities` carry a class axis after N.

    Args:
        values: float32, as the method defines them: (N, h, w) for class activation maps on the layer's own
            grid, (N, H, W, C) for methods on the input. Channels last.
        targets: int32 (N,) or (N, K), the explained classes; -1 where no class was explained.
        scores: float32 in the same shape, the explained numbers.
        probabilities: float32 in the same shape, the model's probability of these classes; NaN where the
            model does not give one.
        predictions: int32 (N,), the predicted classes, -1 where scores are NaN or infinite; None for models
            without classes.
        images: float32 (N, H, W, C), the images as the model was given them, or None.
        input_size: spatial size of the input in pixels, such as (H, W).
        reduction: how channels become one heat map: `"none"` where there are none, `"max_abs"` (largest
            absolute value) or `"sum"` (signed sum).
        signed: values can be negative: evidence against the target.
        class_axis: values carry an axis for the classes.
        method: the method with its parameters, as it would be written.
        target: what was explained, in a few words.
        layer: full path of the layer that was explained, or None for methods on the input.
        class_names: names of the classes, or None.
        seed: seed of the random numbers, or None for methods without any.
        completeness_gap: float32 in the shape of `scores`: the sum of the values, less the change of the
            score that they share out, as a share of that change, or what the method says (`FullGrad`); None
            for methods that promise no sum.
        masks: int32 (N,), the number of masks of each image, or None for methods without any.
        notes: what else there is to know about the values, such as the baseline that they are against.
        warnings: what was warned about while explaining.
        versions: versions of kerascope, Keras and the backend.
        placement: where the values lie on the image; None for stretched over it.
    """

    values: Array
    targets: Array
    scores: Array
    probabilities: Array
    predictions: Array | None
    images: Array | None
    input_size: tuple[int, ...]
    reduction: Reduction
    signed: bool
    class_axis: bool
    method: str
    target: str
    layer: str | None = None
    class_names: tuple[str, ...] | None = None
    seed: int | None = None
    completeness_gap: Array | None = None
    masks: Array | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    placement: Placement | None = None

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        at = f" at {self.layer!r}" if self.layer else ""
        return (
            f"<Explanation of {len(self)} images by {self.method}{at}, {self.target}, "
            f"values {self.values.shape}, {len(self.warnings)} warnings>"
        )

    def __getitem__(self, index: int | slice | Array | list[int]) -> Explanation:
        """The explanation of some of the images."""
        chosen: Any = index
        if isinstance(index, int | np.integer):
            size = len(self)
            if not -size <= index < size:
                raise IndexError(f"image {index} of {size}")
            chosen = [int(index)]
        parts = {name: None if value is None else value[chosen] for name, value in self._arrays().items()}
        return replace(self, **parts)  # type: ignore[arg-type]

    @cached_property
    def variation(self) -> Array:
        """float64 (N,) or (N, K): what the values of a map span, as a share of the largest absolute one.

        0 for a constant map, 1 for one from 0 to anything, up to 2 for a signed one; NaN where the map is not
        finite. Channels are reduced first, as in a heat map; the grid of `values` is used.
        """
        maps = self.values.reshape(*self.scores.shape, -1)
        # The numbers of an input without places are no channels of one.
        placed = self.values.ndim > self.scores.ndim + 1
        with np.errstate(invalid="ignore", over="ignore"):
            heat = reduce_channels(self.values, self.reduction if placed else "none").reshape(
                *self.scores.shape, -1
            )
            found = variation(heat.min(axis=-1), heat.max(axis=-1))
        return np.where(np.isfinite(maps).all(axis=-1), found, np.nan)

    @cached_property
    def flat(self) -> Array:
        """bool (N,) or (N, K): the map is constant or nearly so, or not finite, so it shows nothing.

        It is nearly constant where its `variation` is at most 0.05: where values span no more than 5 % of the
        largest.
        """
        flat: Array = ~(self.variation > LEAST_VARIATION)
        return flat

    def heatmaps(self, size: tuple[int, ...] | None = None, placement: PlacementChoice = "auto") -> Array:
        """One map per image (and class) in the size of the input, not normalised.

        Channels are reduced as `reduction` says, then values are interpolated linearly between the places of
        their cells (see `kerascope.placement`). Values that do not tell places along an axis apart, as those
        of frames or columns, are the same along it.

        Args:
            size: wanted size in pixels, (H, W); None for the input's.
            placement: `"auto"` or `"measured"` for the explanation's own; `"stretched"` to stretch the grid
                over the image.

        Returns:
            float32 (N, H, W), or (N, K, H, W) with a class axis; sign and scale as in `values`, and for
            `max_abs` never negative; 0 for pixels that no cell sees, as outside of a crop in the model.

        Raises:
            ExplanationError: the values are no places of the image, or the model takes several inputs and
                none was chosen.
        """
        if size is None:
            check_has_input(self)
        maps = reduce_channels(self.values, self.reduction)
        first = self.scores.ndim
        placed = self.place(placement).placement
        if placed is None or placed.grid != maps.shape[first:]:
            placed = stretch(maps.shape[first:], self.input_size or tuple(size or ()))
        return placed.to_image(maps, None if size is None else tuple(size), first)

    def place(self, placement: PlacementChoice) -> Explanation:
        """The same values, placed otherwise on the image.

        Args:
            placement: `"auto"` or `"measured"` for as they are; `"stretched"` over the whole image.
        """
        placed = None if self.placement is None else self.placement.choose(placement)
        return replace(self, placement=placed)

    def title(self, image: int, column: int | None = None) -> str:
        """What was explained of one image: a class name, a class index, or the target in words.

        Args:
            image: position of the image.
            column: position on the class axis, where there is one.
        """
        label = int(self.targets[image] if column is None else self.targets[image, column])
        return self.target if label < 0 else self.class_name(label)

    def class_name(self, label: int) -> str:
        """Name of a class, or `"class 3"` where the names are not known."""
        return f"class {label}" if self.class_names is None else self.class_names[label]

    def overlay(
        self, alpha: float = 0.5, colormap: str | None = None, placement: PlacementChoice = "auto"
    ) -> Array:
        """The heat maps painted over the images; see `kerascope.render.overlay`.

        Args:
            alpha: opacity of the strongest relevance, from 0 to 1.
            colormap: name of a matplotlib colour map; None for one that fits the map's sign.
            placement: see `heatmaps`.

        Returns:
            uint8 (N, H, W, 3), or (N, K, H, W, 3) with a class axis.
        """
        from kerascope import render

        return render.overlay(self, alpha=alpha, colormap=colormap, placement=placement)

    def plot(self, **options: Any) -> Figure:
        """A figure with input, map and overlay of each image; see `kerascope.render.figure`."""
        from kerascope import render

        return render.figure(self, **options)

    def _repr_png_(self) -> bytes | None:
        from kerascope import render

        return render.png(self[:8])

    def save(self, path: str | os.PathLike[str], images: bool = True) -> Path:
        """Write an `.npz` file that `kerascope.load` reads.

        Args:
            path: the file; `.npz` is added where it is missing.
            images: keep the images in the file, so that overlays can be drawn after loading.

        Returns:
            The path that was written.
        """
        arrays = {name: value for name, value in self._arrays().items() if value is not None}
        if not images:
            arrays.pop("images", None)
        metadata = {name: value for name, value in asdict(self).items() if name not in self._arrays()}
        return save_arrays(path, metadata, arrays, _FORMAT)

    def _arrays(self) -> dict[str, Array | None]:
        return {
            "values": self.values,
            "targets": self.targets,
            "scores": self.scores,
            "probabilities": self.probabilities,
            "predictions": self.predictions,
            "images": self.images,
            "completeness_gap": self.completeness_gap,
            "masks": self.masks,
        }


def check_has_input(explanation: Explanation) -> None:
    """An error unless it is known which input the maps lie on.

    Raises:
        ExplanationError: the model takes several, and none was chosen.
    """
    if not explanation.input_size:
        raise errors.ExplanationError(
            "the input that a map is drawn on must be known; the model takes several, and more than one "
            f"leads to {explanation.layer!r}; choose it by its name: ks.Probe(model, input=...)."
        )


def variation(least: Array, greatest: Array) -> Array:
    """What maps span, as a share of their largest absolute value; NaN where they are not finite.

    Args:
        least: the least value of each map.
        greatest: the greatest, in the same shape.

    Returns:
        float64, 0 to 2, in the same shape; see `Explanation.variation`.
    """
    low, high = np.asarray(least, "float64"), np.asarray(greatest, "float64")
    largest = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(invalid="ignore"):  # infinity less infinity
        return np.asarray((high - low) / np.where(largest > 0, largest, 1))


def describe_flatness(shares: Array) -> str:
    """How maps that show nothing are, in words that stand behind "they", or "it" for a single number.

    Args:
        shares: the variation of each of these maps; see `Explanation.variation`.
    """
    most, one = float(np.max(shares)), np.ndim(shares) == 0
    if not most > _ROUNDING:
        how = "not finite" if np.isnan(most) else "constant"
        return f"is {how}" if one else f"are {how}"
    verb, extent, whose = ("varies", "", "its") if one else ("vary", "up to ", "their")
    return f"{verb} by {extent}{100 * most:.1g}% of {whose} largest value"


def reduce_channels(values: Array, reduction: Reduction) -> Array:
    """Values without their channel axis, as heat maps have them; see `Explanation.reduction`."""
    if reduction == "max_abs":
        return np.asarray(np.abs(values).max(axis=-1))
    return np.asarray(values.sum(axis=-1)) if reduction == "sum" else values


def load(path: str | os.PathLike[str]) -> Explanation:
    """Read an explanation that `Explanation.save` wrote. No code in the file is run.

    Args:
        path: the `.npz` file.

    Raises:
        ExplanationError: the file is not an explanation, is damaged, or was written by a later version.
        FileNotFoundError: there is no such file.
    """
    return load_arrays(
        path,
        _from_arrays,
        kind="an explanation written by Explanation.save",
        version=_FORMAT,
        error=errors.ExplanationError,
    )


def _from_arrays(metadata: dict[str, Any], arrays: dict[str, Array]) -> Explanation:
    names = metadata["class_names"]
    tuples: dict[str, Any] = {
        "input_size": tuple(metadata["input_size"]),
        "warnings": tuple(metadata["warnings"]),
        "notes": tuple(metadata.get("notes", ())),
        "class_names": None if names is None else tuple(names),
        "placement": from_dictionary(metadata.get("placement")),
    }
    absent = dict.fromkeys(("images", "predictions", "completeness_gap", "masks"))
    return Explanation(**{**absent, **arrays, **metadata, **tuples})
