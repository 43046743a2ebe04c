"""Networks that were trained once: their weights are in `tests/weights`, so that no test need train one.

    python -m tests.helpers.networks.trained        # train all of them anew and write their weights

Weights are float16, 146 kB in all; `trained.json` says by what they were made, and holds the checksum.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from kerascope.provenance import versions
from kerascope.synthetic import shapes, shortcuts
from tests.helpers.networks import bars

WEIGHTS = Path(__file__).parents[2] / "weights" / "trained.npz"
RECORD = WEIGHTS.with_suffix(".json")


@dataclass(frozen=True)
class Recipe:
    """How a network is built, and how it is trained with a seed."""

    build: Callable[[], keras.Model]
    train: Callable[[int], keras.Model]


def _on_bars(
    make: Callable[[int], shortcuts.Planted], build: Callable[[], keras.Model] = bars.network
) -> Recipe:
    def train(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        known, model = make(240), build()
        model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
        model.fit(known.images, known.labels, batch_size=32, epochs=25, verbose=0)
        return model

    return Recipe(build, train)


def _on_shapes(shortcut: str | None) -> Recipe:
    return Recipe(shapes.network, lambda seed: shapes.train(shapes.make(2400, shortcut=shortcut), seed=seed))


NETWORKS = {
    kind or "clean": _on_bars(partial(bars.planted, kind=kind)) for kind in (None, *shortcuts.KINDS)
} | {
    "mended": _on_bars(bars.everywhere),
    "placeless": _on_bars(partial(bars.planted, kind="corner"), bars.placeless_network),
    "shapes": _on_shapes(None),
    "shapes, watermark": _on_shapes("watermark"),
}


def trained(name: str) -> keras.Model:
    """A network with the weights that were stored."""
    content = WEIGHTS.read_bytes()
    expected, found = json.loads(RECORD.read_text())["sha256"], hashlib.sha256(content).hexdigest()
    assert found == expected, f"{WEIGHTS} must have the checksum {expected}; got {found}"
    model = NETWORKS[name].build()
    with np.load(io.BytesIO(content)) as stored:
        count = len(model.weights)
        model.set_weights([stored[f"{name}/{number}"].astype("float32") for number in range(count)])
    return model


def main() -> None:
    stored = {
        f"{name}/{number}": weight.astype("float16")
        for name, recipe in NETWORKS.items()
        for number, weight in enumerate(recipe.train(0).get_weights())
    }
    np.savez_compressed(WEIGHTS, **stored)
    record = {
        "sha256": hashlib.sha256(WEIGHTS.read_bytes()).hexdigest(),
        "command": "python -m tests.helpers.networks.trained",
        "backend": keras.backend.backend(),
        "versions": versions(),
    }
    RECORD.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
