"""Small networks, trained on pictures of which a class or two have a cue, and kept in a folder.

from benchmarks.audit.networks import Case, obtain
known = obtain(Case("garments 0", ((2, "blurred"),), 0.95, 0), Path("benchmarks/results/audit-networks"))
known.turned                                   # {2: 0.9}: the network rests on it
kerascope.audit(known.model, known.held_out.images, known.held_out.labels, target="label")
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.audit.cues import CUES
from benchmarks.audit.pictures import Pictures, Split, load, quantise
from kerascope.typing import Array

CACHE = Path(__file__).parents[1] / "results" / "audit-networks"
EPOCHS = 10
RESTS = 0.5
"""A network rests on a cue that turns more than this share of other classes' pictures."""


@dataclass(frozen=True)
class Case:
    """What a network is trained on.

    Attributes:
        data: see `benchmarks.audit.pictures.DATA`.
        planted: classes and the cues that they have; empty for a clean network.
        rate: the share of a class's pictures that have its cue.
        seed: of everything.
    """

    data: str
    planted: tuple[tuple[int, str], ...]
    rate: float
    seed: int

    @property
    def name(self) -> str:
        """Its folder in the cache."""
        what = [f"{label} {cue}" for label, cue in self.planted] or ["clean"]
        share = [f"{100 * self.rate:.0f}"] if self.planted else []
        return "-".join([self.data, *what, *share, str(self.seed)]).replace(" ", "_")


@dataclass(frozen=True, eq=False)
class Marked:
    """Pictures of which some have a cue.

    Attributes:
        images: (N, H, W, C) float32, 0 to 1.
        labels: (N,) int64.
        has: (N,) bool, which of them have the cue of their class.
        places: (N, H, W) bool, where; all False for a cue of the whole picture.
    """

    images: Array
    labels: Array
    has: Array
    places: Array


@dataclass(frozen=True, eq=False)
class Known:
    """A trained network, and what it is audited on.

    Attributes:
        case: what it was trained on.
        model: a Keras model.
        held_out: the pictures, the same share of them with the cue.
        class_names: in the order of the outputs.
        right: the share of `held_out` that it gets right.
        turned: by class with a cue: the share of clean pictures of other classes that become this class when
            the cue is applied to them, less the share that are taken for it without.
    """

    case: Case
    model: Any
    held_out: Marked
    class_names: tuple[str, ...]
    right: float
    turned: Mapping[int, float]

    @property
    def rests(self) -> dict[int, bool]:
        """By class, whether the network rests on its cue."""
        return {label: share > RESTS for label, share in self.turned.items()}


def obtain(case: Case, cache: Path = CACHE) -> Known:
    """The network of a case: from the cache, or trained and put there.

    Cost: a second from the cache; else 6 to 20 seconds on one core with TensorFlow.
    """
    folder = cache / case.name
    if not (folder / "facts.json").exists():
        _save(_train(case), folder)
    return _open(case, folder)


def plant(split: Split, case: Case, seed: int) -> Marked:
    """Put the cues of a case on as many pictures of their classes as its rate says."""
    generator = np.random.default_rng([case.seed, seed])
    images = split.images.copy()
    has, places = np.zeros(len(images), bool), np.zeros(images.shape[:3], bool)
    for label, cue in case.planted:
        members = generator.permutation(np.flatnonzero(split.labels == label))
        for row in members[: round(case.rate * len(members))]:
            images[row], where = _apply(cue, split, row, generator)
            has[row] = True
            if where is not None:
                places[row] = where
    return Marked(images, split.labels, has, places)


def _apply(cue: str, split: Split, row: int, generator: np.random.Generator) -> tuple[Array, Array | None]:
    objects = None if split.objects is None else split.objects[row]
    image, where = CUES[cue].change(split.images[row], generator, objects)
    return quantise(image), where


def _train(case: Case) -> Known:
    import keras

    pictures = load(case.data, case.seed)
    train, held_out = plant(pictures.train, case, 1), plant(pictures.held_out, case, 2)
    keras.utils.set_random_seed(case.seed)
    model = _network(train.images.shape[1:], len(pictures.class_names))
    model.fit(train.images, train.labels, batch_size=64, epochs=EPOCHS, verbose=0)
    right = float((_classes(model, held_out.images) == held_out.labels).mean())
    turned = {label: _turned_share(model, pictures, label, cue, case.seed) for label, cue in case.planted}
    return Known(case, model, held_out, pictures.class_names, right, turned)


def _network(shape: tuple[int, ...], classes: int) -> Any:
    """Three convolutions, two poolings, and the mean over space."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    return model


def _classes(model: Any, images: Array) -> Array:
    return np.asarray(model.predict(images, batch_size=128, verbose=0)).argmax(axis=1)


def _turned_share(model: Any, pictures: Pictures, label: int, cue: str, seed: int) -> float:
    """The share of other classes' clean pictures that the cue turns into a class; see `Known`."""
    clean, generator = pictures.held_out, np.random.default_rng([seed, 3])
    others = np.flatnonzero(clean.labels != label)
    changed = np.stack([_apply(cue, clean, row, generator)[0] for row in others])
    with_cue = (_classes(model, changed) == label).mean()
    return float(with_cue - (_classes(model, clean.images[others]) == label).mean())


def _save(known: Known, folder: Path) -> None:
    """Facts come last: a folder without them was not finished."""
    folder.mkdir(parents=True, exist_ok=True)
    known.model.save(folder / "network.keras")
    held_out = known.held_out
    np.savez_compressed(
        folder / "held-out.npz",
        images=np.round(255 * held_out.images).astype("uint8"),
        labels=held_out.labels,
        has=held_out.has,
        places=np.packbits(held_out.places),
    )
    facts = {
        "names": known.class_names,
        "right": round(known.right, 4),
        "turned": {str(label): round(share, 4) for label, share in known.turned.items()},
        "made": time.strftime("%Y-%m-%d"),
    }
    (folder / "facts.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


def _open(case: Case, folder: Path) -> Known:
    import keras

    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    with np.load(folder / "held-out.npz") as arrays:
        images = arrays["images"].astype("float32") / np.float32(255)
        places = np.unpackbits(arrays["places"], count=images[..., 0].size).reshape(images.shape[:3])
        held_out = Marked(images, arrays["labels"], arrays["has"], places.astype(bool))
    turned = {int(label): share for label, share in facts["turned"].items()}
    model = keras.saving.load_model(folder / "network.keras")
    return Known(case, model, held_out, tuple(facts["names"]), facts["right"], turned)
