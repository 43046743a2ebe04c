"""Does the model look at the bus, or at the snow? An audit finds out, and whether retraining has mended it.

    python -m examples.bus_and_snow bus-and-snow

Two classes, cars and buses. In the first training set nearly all buses stand on snow, and cars on a road or
in the night: the network is right nearly always on pictures like these, and rests on the background. The
second training set has all backgrounds for both. Both networks are audited on the same held-out pictures,
which are biased like the first training set, as those of a user would be.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import keras
import numpy as np

import kerascope as ks
from examples.vehicles import BALANCED, BIASED, CLASSES, SCENES, SIZE, write

layers = keras.layers


def network(folder: Path, epochs: int, seed: int) -> keras.Model:
    """A small network, trained on a folder with a subfolder for each class."""
    keras.utils.set_random_seed(seed)
    training = ks.dataset.read_folder(folder, SIZE)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 127.5, offset=-1),
            *(
                layer
                for filters in (16, 32, 48)
                for layer in (
                    layers.Conv2D(filters, 3, padding="same", activation="relu"),
                    layers.MaxPooling2D(),
                )
            ),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2, activation="softmax"),
        ],
        name=folder.name,
    )
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    model.fit(training.images, training.labels, batch_size=32, epochs=epochs, verbose=0)
    return model


def right(model: keras.Model, folder: Path) -> dict[str, float]:
    """The share of pictures that is predicted rightly, for each vehicle in each scene."""
    held = ks.dataset.read_folder(folder, SIZE)
    predicted = model.predict(held.images, verbose=0).argmax(axis=1)
    found = {}
    for label, name in enumerate(CLASSES):
        for scene in SCENES:
            own = np.asarray([path.endswith(f"-{scene}.png") for path in held.paths]) & (held.labels == label)
            found[f"{name} on {scene}"] = (
                float((predicted[own] == label).mean()) if own.any() else float("nan")
            )
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path("bus-and-snow"))
    parser.add_argument("--pictures", type=int, default=400, help="of each class, to train on; default 400")
    parser.add_argument(
        "--epochs", type=int, default=8, help="of the first network; the second has twice as many"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--masks", action="store_true", help="tell the audit where the vehicles are")
    options = parser.parse_args(arguments)
    folder, seed = options.folder, options.seed
    write(folder / "biased", options.pictures, BIASED, 3 * seed)
    write(folder / "balanced", options.pictures, BALANCED, 3 * seed + 1)
    write(folder / "held-out", options.pictures // 2, BIASED, 3 * seed + 2)
    write(folder / "field", options.pictures // 2, BALANCED, 3 * seed + 3)

    audits = {}
    for name, epochs in (("biased", options.epochs), ("balanced", 2 * options.epochs)):
        model = network(folder / name, epochs, seed)
        model.save(folder / f"{name}.keras")
        print(f"\nTrained on {name} pictures. In the field it gets right:")
        print(
            "  " + ", ".join(f"{what} {share:.0%}" for what, share in right(model, folder / "field").items())
        )
        audit = ks.audit(
            model,
            folder / "held-out",
            method=["grad_cam", "layer_cam"],
            masks=folder / "held-out-masks" if options.masks else None,
            folder=folder / f"audit-{name}",
            overwrite=True,
            seed=seed,
        )
        audit.to_html(folder / f"{name}.html")
        print(audit)
        audits[name] = audit
    print("\nWhat changed:")
    print(ks.compare_audits(audits["biased"], audits["balanced"]))
    print(f"\nThe reports are {folder / 'biased.html'} and {folder / 'balanced.html'}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
