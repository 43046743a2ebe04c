"""Controls: maps that do not depend on the model, which a good method must beat."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from kerascope.method.base import Method
from kerascope.perturb.pixels import pixels_of
from kerascope.probe import Answer, AnyProbe
from kerascope.resize import resize
from kerascope.target import Target
from kerascope.typing import Array
from kerascope.validation import check_positive, check_whole


@dataclass(frozen=True)
class Control(Method):
    """Base class: an image in, one value per pixel out, without the model. Subclasses implement `draw`.

    Raises:
        InputError: the model has several inputs and none was chosen, or the input has no spatial axes.

    Cost:
        1 forward, for the scores.
    """

    tags: ClassVar[frozenset[str]] = frozenset({"pixels", "target_free", "weight_free", "unlocalised"})
    backwards: ClassVar[int] = 0

    @abstractmethod
    def draw(self, image: Array) -> Array:
        """The map (*spatial) of one image (*spatial, C), float32."""

    def attribute(self, probe: AnyProbe, images: Any, target: Target) -> Answer:
        """One forward, for the scores alone; the map is the same for each class."""
        answer = probe.run(None, images, target)
        maps = np.stack([self.draw(image) for image in pixels_of(answer)]).astype("float32")
        if target.class_axis:
            maps = np.repeat(maps[:, None], answer.scores.shape[1], axis=1)
        return replace(answer, values=maps)


@dataclass(frozen=True)
class RandomMap(Control, name="random_map"):
    r"""Random map: a control that any explanation must beat.

    $$R = U(r), \qquad r_{ij} \sim \mathrm{Uniform}(0, 1)$$

    with random numbers $r$ on a coarse grid, enlarged by $U$ to the image's size, so that it is as smooth as
    a class activation map. A warning: it is meant to be meaningless; it is the same for every model and
    target, and peaks anywhere.

    Args:
        grid: cells along each side, at least 1, at most as many as pixels are taken; None for a number for
            each pixel.
        seed: whole number of at least 0. The generator is seeded by it and by the pixels of the image, so
            that a map differs from image to image, and does not depend on the other images of the batch.

    Returns:
        values float32 (N, H, W), from 0 to 1.

    Source:
        As a control in Petsiuk et al., RISE, BMVC 2018, and in Adebayo et al., Sanity Checks for Saliency
        Maps, NeurIPS 2018. Deviation: coarse by default, since per-pixel noise is too easy to beat.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> images = np.random.default_rng(0).random((2, 8, 8, 1))
        >>> ks.RandomMap()(model, images, target=1).values.shape
        (2, 8, 8)
    """

    grid: int | None = 7
    seed: int = 0

    tags: ClassVar[frozenset[str]] = Control.tags | {"stochastic"}

    def __post_init__(self) -> None:
        if self.grid is not None:
            check_whole(self.grid, "grid")
        check_whole(self.seed, "seed", 0)

    def draw(self, image: Array) -> Array:
        """Random numbers that follow from the seed and the pixels."""
        size = image.shape[:-1]
        grid = size if self.grid is None else tuple(min(side, self.grid) for side in size)
        content = hashlib.sha256(np.ascontiguousarray(image, "<f4").tobytes()).digest()
        generator = np.random.default_rng([self.seed, int.from_bytes(content[:8], "little")])
        maps: Array = resize(generator.random((1, *grid)), size)[0]
        return maps


@dataclass(frozen=True)
class CentreGaussian(Control, name="centre_gaussian"):
    r"""Centre Gaussian: a control for photographs, whose subject is in the middle.

    $$G_{ij} = \exp\!\Big({-\frac{1}{2}} \Big[\Big(\frac{i + 1/2 - H/2}{\sigma H}\Big)^2
      + \Big(\frac{j + 1/2 - W/2}{\sigma W}\Big)^2\Big]\Big)$$

    A warning: it is the same for every image, model and target; a method that does no better on a data set of
    centred subjects has shown nothing.

    Args:
        sigma: standard deviation, as a share of each side, above 0.

    Returns:
        values float32 (N, H, W), from 0 to 1.

    Source:
        The centre bias of photographs, as a baseline for predicting fixations: Judd et al., Learning to
        Predict Where Humans Look, ICCV 2009, section 3. No deviations.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((9, 9, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> found = ks.CentreGaussian()(model, np.ones((1, 9, 9, 1)), target=1)
        >>> float(found.values[0, 4, 4])
        1.0
    """

    sigma: float = 0.25

    def __post_init__(self) -> None:
        check_positive(self.sigma, "sigma")

    def draw(self, image: Array) -> Array:
        """The product of a Gaussian along each side."""
        size = image.shape[:-1]
        places = [((np.arange(side) + 0.5) / side - 0.5) / self.sigma for side in size]
        squared: Array = np.zeros(size)
        for axis in np.meshgrid(*places, indexing="ij"):
            squared += axis**2
        return np.asarray(np.exp(-0.5 * squared))


@dataclass(frozen=True)
class EdgeMap(Control, name="edge_map"):
    r"""Edge map: a control that looks like an explanation, and is none.

    $$E_{ij} = \sum_c \sqrt{(\partial_i G_\sigma * x_c)_{ij}^2 + (\partial_j G_\sigma * x_c)_{ij}^2}$$

    with the image $x$ and derivatives of a Gaussian $G_\sigma$. A warning: it is the same for every model and
    target. Sharp gradient maps are easily taken for explanations because they show edges; one that hardly
    differs from this map has shown the image.

    Args:
        sigma: standard deviation of the Gaussian in pixels, above 0.

    Returns:
        values float32 (N, H, W), at least 0, in units of the input per pixel.

    Source:
        Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018, section 5, which compares saliency maps
        with an edge detector. Deviation: the gradient's size, for any number of spatial axes, instead of
        thresholded edges; pixels beyond the border repeat those at it.

    Example:
        >>> import keras, numpy as np, kerascope as ks
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
        >>> images = np.zeros((1, 8, 8, 1))
        >>> images[:, :, 4:] = 1
        >>> int(ks.EdgeMap()(model, images, target=1).values[0, 2].argmax())
        3
    """

    sigma: float = 1.0

    def __post_init__(self) -> None:
        check_positive(self.sigma, "sigma")

    def draw(self, image: Array) -> Array:
        """The size of the gradient of each channel, summed."""
        from scipy import ndimage

        precise = np.asarray(image, "float64")
        channels = [
            ndimage.gaussian_gradient_magnitude(precise[..., channel], self.sigma, mode="nearest")
            for channel in range(image.shape[-1])
        ]
        return np.asarray(np.sum(channels, axis=0))
