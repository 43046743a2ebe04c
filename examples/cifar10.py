"""What does my CIFAR-10 network look at? Train a small colour network, then ask it in five ways.

    python -m examples.cifar10

leaves three figures: `methods.png` (the automatic map, saliency, Grad-CAM, guided Grad-CAM and the
maximised image side by side), `layers.png` (Grad-CAM at each convolution) and `classes.png` (the
maximised image of every class).
Offline it takes other pictures than CIFAR-10 and says so; see `colour_pictures`.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

import kerascope as ks
from examples.colour_pictures import SOURCES, Pictures, load_pictures
from examples.demo.terminal import positive, stage
from kerascope.typing import Array

CHANNELS = (32, 64, 128)
CONVOLUTIONS = tuple(f"convolution_{number}" for number in (1, 2, 3))
SEES = (3, 8, 18)  # pixels along an axis that one place of each convolution depends on
BATCH_SIZE = 50
LEAST_EPOCHS, PICTURES_SEEN = 3, 20_000
ROWS = 5
ASKED = 100  # test pictures that the printed shares are of

# Smoother than by default, and moved and turned further: no speckles, and whole parts.
IDEAL = ks.Maximize(
    input_range=(0, 1),
    penalties=(ks.TotalVariation(weight=200),),
    transforms=ks.Transforms(jitter=0.15, rotate=10),
)
PARTS = "What excites each class most: its parts, everywhere, as places are averaged"

WHY = (
    "Saliency and Grad-CAM disagree because they answer different questions. Saliency: how fast does the "
    "score change when this pixel changes? Its answer lies at the pixel, and is speckled. Grad-CAM: where "
    "are the features of one layer that speak for the class? Its answer lies on the coarse grid of that "
    "layer, so it is smooth, and may reach beyond the object. Auto asks the second question at every scale: "
    "the last layer says what, finer ones and the picture say where."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example: 0, or 1 after saying what was missing."""
    options = _options(arguments)
    try:
        run(options.data, options.output, options.epochs, options.seed)
    except (ks.errors.KerascopeError, OSError) as error:
        print(f"cifar10: {error}", file=sys.stderr)
        return 1
    return 0


def run(source: Any, folder: Path, epochs: int | None, seed: int) -> None:
    """The whole job, saying what it does."""
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Keras {keras.__version__} on {keras.backend.backend()}")
    with stage("Pictures"):
        pictures = load_pictures(source, seed)
        for reason in pictures.passed_over:
            print(reason)
        print(f"Taken: {pictures.source}")
    with stage("Training"):
        model = train(pictures, epochs, seed)
        loss, accuracy = model.evaluate(pictures.test_images, pictures.test_labels, verbose=0)
        print(f"test loss {loss:.3f}, test accuracy {accuracy:.1%}")
        model.save(folder / "network.keras")

    # Small batches: five pictures and a hundred then use the same compiled programs.
    probe = ks.Probe(model, class_names=pictures.class_names, batch_size=8)
    with stage("What excites each class: classes.png"):
        # Against the other classes: a score alone may rise together with that of a rival.
        ideal = IDEAL(probe, ks.LogOdds(range(len(pictures.class_names))))
        ideal.plot(columns=5, title=PARTS).savefig(folder / "classes.png")
        print(f"{PARTS}.")
        taken_for = model.predict(ideal.images, verbose=0).argmax(axis=1)
        for name, score, taken in zip(ideal.titles, ideal.scores, taken_for, strict=True):
            other = pictures.class_names[taken]
            more = "" if other == name else f", but that of {other} rose more: scores are not probabilities"
            print(f"{name:<12} score {score:6.1f}{more}")
    with stage("Five methods: methods.png"):
        predictions = model.predict(pictures.test_images, batch_size=250, verbose=0).argmax(axis=1)
        chosen = choose(pictures.test_labels, predictions)
        compare_methods(probe, pictures, chosen, ideal.pictures()).savefig(folder / "methods.png")
        print(WHY)
    with stage("Grad-CAM at each convolution: layers.png"):
        compare_layers(probe, pictures, chosen).savefig(folder / "layers.png")
    print(f"\nThe figures and the network are in {folder}/.")


def colour_network(shape: tuple[int, ...], classes: int) -> keras.Model:
    """The tutorial's network, three convolutions and two dense layers, with changes that make maps fair.

    Convolutions are padded, so that a place of their grid lies over the pixels that it saw. The mean over
    places stands where the tutorial flattens: each channel then counts the same everywhere, which is what
    Grad-CAM takes for granted when it gives a channel one weight. Inputs around zero, larger first weights
    and less dropout only save time: the shapes are learned in five passes.
    """
    parts: list[Any] = [keras.Input(shape), layers.Rescaling(4, offset=-2)]
    for name, channels in zip(CONVOLUTIONS, CHANNELS, strict=True):
        parts += [
            layers.Conv2D(
                channels, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=name
            ),
            layers.MaxPooling2D(2),
            layers.Dropout(0.1),
        ]
    parts += [
        layers.GlobalAveragePooling2D(),
        layers.Dense(256, activation="relu", kernel_initializer="he_normal"),
        layers.Dense(classes, activation="softmax", name="visualized_layer"),
    ]
    model = keras.Sequential(parts, name="colour_pictures")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(pictures: Pictures, epochs: int | None, seed: int) -> keras.Model:
    """The trained network; without a number of epochs, 20,000 pictures or three passes, whichever is more."""
    count = len(pictures.train_images)
    keras.utils.set_random_seed(seed)
    model = colour_network(pictures.train_images.shape[1:], len(pictures.class_names))
    model.fit(
        pictures.train_images,
        pictures.train_labels,
        batch_size=BATCH_SIZE,
        epochs=epochs or max(LEAST_EPOCHS, round(PICTURES_SEEN / count)),
        verbose=2,
    )
    return model


def choose(labels: Array, predictions: Array, count: int = ROWS) -> Array:
    """Positions of test pictures, the first of each class predicted rightly, and one predicted wrongly."""
    right, wrong = np.flatnonzero(labels == predictions), np.flatnonzero(labels != predictions)[:1]
    _, first = np.unique(labels[right], return_index=True)
    return np.concatenate([right[first][: count - len(wrong)], wrong])


def compare_methods(probe: ks.Probe, pictures: Pictures, chosen: Array, ideal: Array) -> Any:
    """A figure: each picture, four maps of its predicted class, and the image that excites it most."""
    last = CONVOLUTIONS[-1]
    methods = {
        "Auto (multi-scale)": ks.Auto(),
        "Saliency": ks.Saliency(),
        f"Grad-CAM, {last}": ks.GradCAM(layer=last),
        "Guided Grad-CAM": ks.GuidedGradCAM(layer=last),
    }
    _print_shares_on_object(probe, pictures, methods)
    found = {name: _explain(method, probe, pictures.test_images[chosen]) for name, method in methods.items()}
    targets = found["Saliency"].targets
    return ks.render.compare(
        found,
        pictures={"Maximised image of the class": ideal[targets]},
        captions=_truths(pictures, chosen, targets),
        notes=[WHY],
        panel=1.7,
        title="What the network looks at, by five methods",
    )


def compare_layers(probe: ks.Probe, pictures: Pictures, chosen: Array) -> Any:
    """A figure: each picture and Grad-CAM of its predicted class at each convolution."""
    shares, found = [], {}
    for layer, sees in zip(CONVOLUTIONS, SEES, strict=True):
        cam = _explain(ks.GradCAM(layer=layer), probe, pictures.test_images[chosen])
        share = knows_class(probe, layer, pictures.test_images[:ASKED])
        height, width = cam.values.shape[1:]
        print(
            f"{layer}: {height} x {width} places that see {sees} x {sees} pixels; knows the class {share:.0%}"
        )
        shares.append(f"{share:.0%}")
        found[f"{layer}: {height}\N{MULTIPLICATION SIGN}{width}"] = cam
    chance = 1 / len(pictures.class_names)
    findings = (
        f"An early layer has a fine grid, but each place sees {SEES[0]} x {SEES[0]} pixels: edges and "
        f"colours, which all classes have. The last one sees {SEES[-1]} x {SEES[-1]}, enough to tell classes "
        "apart, on a coarse grid. Of the maps of all classes, that of the predicted class adds up to most "
        f"for {', '.join(shares[:-1])} and {shares[-1]} of the test pictures, layer by layer; by chance it "
        f"would be {chance:.0%}."
    )
    print(findings)
    return ks.render.compare(
        found,
        captions=_truths(pictures, chosen, cam.targets),
        notes=[findings, WHY],
        title="Grad-CAM at each convolution",
    )


def knows_class(probe: ks.Probe, layer: str, images: Array) -> float:
    """For what share of images Grad-CAM adds up to more for the predicted class than for any other."""
    signed = _explain(
        ks.GradCAM(layer=layer, relu=False), probe, images, ks.Top(len(probe.class_names or ()))
    )
    sums = signed.values.sum(axis=(2, 3))  # classes in the order of their scores: the predicted one first
    return float(np.mean(sums.argmax(axis=1) == 0))


def _print_shares_on_object(probe: ks.Probe, pictures: Pictures, methods: Mapping[str, ks.Method]) -> None:
    """How much of each map lies on the object, where it is known: by chance, as much as the object covers."""
    if pictures.test_objects is None:
        return
    objects = pictures.test_objects[:ASKED]
    for name, method in methods.items():
        maps = np.maximum(_explain(method, probe, pictures.test_images[:ASKED]).heatmaps(), 0)
        total = maps.sum(axis=(1, 2))
        shares = (maps * objects).sum(axis=(1, 2))[total > 0] / total[total > 0]
        print(f"{name}: {shares.mean():.0%} of the map lies on the object, which covers {objects.mean():.0%}")


def _explain(method: ks.Method, probe: ks.Probe, images: Array, target: Any = None) -> ks.Explanation:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ks.errors.FlatMapWarning)  # the figures mark a map that is flat
        return method(probe, images, target)


def _truths(pictures: Pictures, chosen: Array, targets: Array) -> list[str]:
    """What is written beside each picture: what it is, where the network takes it for something else."""
    pairs = zip(pictures.test_labels[chosen], targets, strict=True)
    return ["" if label == target else f"but it is: {pictures.class_names[label]}" for label, target in pairs]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Train a small colour network; show what it looks at.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--data", choices=SOURCES, default="auto", help="auto: the first that there is, in this order"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("cifar10-output"), metavar="FOLDER", help="for the figures"
    )
    parser.add_argument(
        "--epochs", type=positive, metavar="N", help="passes; None: 20,000 pictures or 3 passes"
    )
    parser.add_argument("--seed", type=int, default=0, help="of pictures and training")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
