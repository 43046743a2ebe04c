"""The keras-vis tutorial of 2019 on Keras 3: `vis` became `kerascope.vis` in two import lines, and nothing
else.

    KERAS_BACKEND=torch python -m examples.keras_vis_tutorial figures

trains the tutorial's network on MNIST, or on 5,000 digits of it without a network connection, and writes
into the folder what it looks at: class activation maps, guided saliency, and the digits that it would most
like to see. It needs the packages of `kerascope[demo]`.

`visualize_cam` warns here: the network flattens the layer that Grad-CAM averages over, so its maps are often
beside the stroke, as they were in 2019. `ks.explain(model, images)` gives maps that do not average.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import keras
import numpy as np
from keras import activations
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from examples.demo.digits import load_digits
from kerascope.vis.utils import utils
from kerascope.vis.visualization import overlay, visualize_activation, visualize_cam, visualize_saliency


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the figures go")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--source", choices=["auto", "keras", "package"], default="auto")
    parser.add_argument("--steps", type=int, default=200, help="of activation maximisation")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)

    # Train, as in the tutorial.
    keras.utils.set_random_seed(0)
    digits = load_digits(options.source)
    model = Sequential(
        [
            keras.Input((28, 28, 1)),
            Conv2D(32, kernel_size=(3, 3), activation="relu"),
            MaxPooling2D(pool_size=(2, 2)),
            Dropout(0.25),
            Conv2D(64, kernel_size=(3, 3), activation="relu"),
            MaxPooling2D(pool_size=(2, 2)),
            Dropout(0.25),
            Flatten(),
            Dense(256, activation="relu"),
            Dense(10, activation="softmax", name="visualized_layer"),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(
        digits.train_images,
        digits.train_labels,
        batch_size=250,
        epochs=options.epochs,
        validation_split=0.2,
        verbose=2,
    )
    loss, accuracy = model.evaluate(digits.test_images, digits.test_labels, verbose=0)
    print(f"{digits.source}: test loss {loss:.3f}, accuracy {accuracy:.1%}")

    # Find the layer, and swap its softmax for a linear activation.
    layer_index = utils.find_layer_idx(model, "visualized_layer")
    model.layers[layer_index].activation = activations.linear
    model = utils.apply_modifications(model)

    shown = [int(np.flatnonzero(digits.test_labels == digit)[0]) for digit in range(10)]
    maps, details, sheets = [], [], []
    for input_class, number in enumerate(shown):
        input_image = digits.test_images[number]
        maps.append(visualize_cam(model, layer_index, filter_indices=input_class, seed_input=input_image))
        details.append(
            visualize_saliency(
                model,
                layer_index,
                filter_indices=input_class,
                seed_input=input_image,
                backprop_modifier="guided",
            )
        )
        sheets.append(
            visualize_activation(
                model,
                layer_index,
                filter_indices=input_class,
                input_range=(0.0, 1.0),
                max_iter=options.steps,
            )
        )

    # What speaks against another class: the gradients of the map turned around.
    against = visualize_cam(
        model, layer_index, filter_indices=9, seed_input=digits.test_images[shown[4]], grad_modifier="negate"
    )

    images = [digits.test_images[number] for number in shown]
    blends = [overlay(jet(heat), jet_grey(image)) for heat, image in zip(maps, images, strict=True)]
    write(
        options.folder / "cam.png",
        {"digit": images, "visualize_cam": maps, "overlay": blends, "guided saliency": details},
    )
    write(options.folder / "activation.png", {"visualize_activation": sheets})
    write(options.folder / "against.png", {"a four; 4; not 9": [images[4], maps[4], against]})
    print(f"figures in {options.folder}")


def jet(heat: np.ndarray) -> np.ndarray:
    """A map in [0, 1] in colours, uint8 (H, W, 3): the tutorial's `np.uint8(cm.jet(heat)[..., :3] * 255)`."""
    from matplotlib import cm

    return np.uint8(cm.jet(heat)[..., :3] * 255)


def jet_grey(image: np.ndarray) -> np.ndarray:
    """A grey picture (H, W, 1) in [0, 1] as uint8 (H, W, 3)."""
    return np.uint8(np.repeat(image, 3, axis=-1) * 255)


def write(path: Path, rows: dict[str, list[np.ndarray]]) -> None:
    """A figure with a row of pictures for each name; needs no window."""
    columns = max(map(len, rows.values()))
    figure = Figure(figsize=(1.1 * columns + 0.6, 1.25 * len(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (name, pictures) in zip(panels, rows.items(), strict=True):
        for axis, picture in zip(axes, pictures, strict=True):
            grey = picture.ndim == 3 and picture.shape[-1] == 1
            axis.imshow(picture[..., 0] if grey else picture, cmap="gray" if grey else "jet")
            axis.set(xticks=[], yticks=[])
        axes[0].set_ylabel(name, fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
