"""A small colour data set that is made here: ten shapes, any colour, any place, any background.

Shapes are bright and the ground is dark; otherwise colours, textures and places are drawn without looking at
the class, so only the shape tells the classes apart. Where it is, is known: a map can be held against it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kerascope.typing import Array

SIZE = 32
FINE = 2  # samples per pixel and axis, averaged, so that edges are smooth
RADIUS = (8.0, 11.5)  # pixels
TURN = 15.0  # degrees to either side
CONTRAST = 0.6  # the least distance of the two colours of a picture, of at most 1.7
NOISE = 0.05
CLOUDS = 0.25  # how far the ground is from one colour


def _triangle(u: Array, v: Array) -> Array:
    return (v < 0.75) & (np.abs(u) < 0.58 * (v + 0.95))


def _star(u: Array, v: Array) -> Array:
    radius, angle = np.hypot(u, v), np.arctan2(u, -v)
    fold = np.abs((angle + np.pi / 5) % (2 * np.pi / 5) - np.pi / 5)  # 0 at a point, 36 degrees in a notch
    x, y = radius * np.cos(fold), radius * np.sin(fold)
    notch_x, notch_y = 0.42 * np.cos(np.pi / 5), 0.42 * np.sin(np.pi / 5)
    return (1 - x) * notch_y > (1 - notch_x) * y


def _heart(u: Array, v: Array) -> Array:
    x, y = 1.2 * u, 0.15 - 1.2 * v
    return (x**2 + y**2 - 1) ** 3 < x**2 * y**3


def _arrow(u: Array, v: Array) -> Array:
    shaft = (np.abs(v) < 0.22) & (np.abs(u) < 0.95)
    return (shaft & (u < 0.3)) | ((u > 0) & (np.abs(v) < 0.85 * (0.95 - u)))


# Whether a point is inside, with u to the right and v downwards, in units of the radius.
SHAPES: dict[str, Callable[[Array, Array], Array]] = {
    "disc": lambda u, v: np.hypot(u, v) < 0.85,
    "ring": lambda u, v: np.abs(np.hypot(u, v) - 0.72) < 0.23,
    "square": lambda u, v: np.maximum(np.abs(u), np.abs(v)) < 0.75,
    "triangle": _triangle,
    "cross": lambda u, v: (np.minimum(np.abs(u), np.abs(v)) < 0.27) & (np.hypot(u, v) < 0.95),
    "star": _star,
    "crescent": lambda u, v: (np.hypot(u, v) < 0.9) & (np.hypot(u - 0.5, v) > 0.72),
    "heart": _heart,
    "arrow": _arrow,
    "hourglass": lambda u, v: (np.abs(v) < 0.85) & (np.abs(u) < 0.1 + 0.8 * np.abs(v)),
}
CLASS_NAMES = tuple(SHAPES)


def make_pictures(per_class: int, random: np.random.Generator) -> tuple[Array, Array, Array]:
    """Pictures of the ten shapes, as many of each, shuffled.

    Args:
        per_class: how many of each shape.
        random: where chance comes from; the same state gives the same pictures.

    Returns:
        images (N, 32, 32, 3) float32 from 0 to 1, labels (N,) int64 in the order of `CLASS_NAMES`, and
        objects (N, 32, 32) bool, where the shape is.

    Cost: a second for 2,000 pictures.

    Example:
        >>> images, labels, objects = make_pictures(2, np.random.default_rng(0))
        >>> images.shape, np.bincount(labels).tolist()
        ((20, 32, 32, 3), [2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    labels = random.permutation(np.repeat(np.arange(len(SHAPES)), per_class))
    cover = np.stack([_cover(CLASS_NAMES[label], random) for label in labels])
    front, back = _two_colours(len(labels), random)
    front = front * _texture(len(labels), random)[..., None]
    back = back + CLOUDS * _clouds(len(labels), random)
    images = cover[..., None] * front + (1 - cover[..., None]) * back
    images += random.normal(scale=NOISE, size=images.shape)
    return np.clip(images, 0, 1).astype(np.float32), labels.astype(np.int64), cover >= 0.5


def _cover(name: str, random: np.random.Generator) -> Array:
    """(32, 32), how much of each pixel one shape covers: of any size and place inside the picture."""
    radius = random.uniform(*RADIUS)
    centre = random.uniform(radius, SIZE - radius, size=2)
    turn = np.radians(random.uniform(-TURN, TURN))
    points = (np.arange(SIZE * FINE) + 0.5) / FINE
    x, y = (points - centre[0])[None, :] / radius, (points - centre[1])[:, None] / radius
    u, v = np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x
    return SHAPES[name](u, v).reshape(SIZE, FINE, SIZE, FINE).mean(axis=(1, 3))


def _two_colours(count: int, random: np.random.Generator) -> tuple[Array, Array]:
    """Two arrays (N, 1, 1, 3): bright for the shape, dark for the ground, and far enough apart."""
    front, back = 0.5 + 0.5 * random.random((count, 1, 1, 3)), 0.5 * random.random((count, 1, 1, 3))
    while (close := np.linalg.norm(front - back, axis=-1).ravel() < CONTRAST).any():
        back[close] = 0.5 * random.random((int(close.sum()), 1, 1, 3))
    return front, back


def _texture(count: int, random: np.random.Generator) -> Array:
    """(N, 32, 32), brightness of the shapes: plain, striped in some direction, or checked."""
    place = np.arange(SIZE)
    x, y = place[None, None, :], place[None, :, None]
    angle, phase, second = random.uniform(0, 2 * np.pi, size=(3, count, 1, 1))
    pitch = random.uniform(1.0, 2.0, size=(count, 1, 1))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    stripes, checks = np.sin(along * pitch + phase), np.sin(across * pitch + second)
    kind = random.integers(3, size=(count, 1, 1))
    wave = np.where(kind == 0, 0, np.where(kind == 1, stripes, stripes * checks))
    return 1 + 0.25 * wave


def _clouds(count: int, random: np.random.Generator) -> Array:
    """(N, 32, 32, 3), soft blobs of other colours around zero, for the ground."""
    coarse = random.uniform(-1, 1, size=(count, 5, 5, 3))
    place = np.linspace(0, 4, SIZE)
    ramp = np.maximum(0, 1 - np.abs(place[:, None] - np.arange(5)[None]))  # (32, 5), linear in between
    return np.einsum("ya,xb,nabc->nyxc", ramp, ramp, coarse, optimize=True)
