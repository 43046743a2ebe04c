"""`python -m benchmarks.pytorch_grad_cam`: the same raw maps as pytorch-grad-cam's, on the same Keras models.

pytorch-grad-cam (`pip install grad-cam`) runs on torch and reads channels first, so the models are built so.
It hands out pictures that are rectified, enlarged and stretched to [0, 1]; compared are the maps before that,
as its own pass over the model gives them to `get_cam_image`. A table, and exit status 1 where one disagrees.

It imports torchvision, whose wheel on PyPI is built for CUDA: beside a torch for the CPU its compiled
operators cannot be loaded, and the import fails. No class activation map uses them, so their names are
declared, and torchvision imports.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from kerascope.typing import Tensor

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np

import kerascope as ks
from kerascope.testing.models import fill, pictures

TOLERANCE = 1e-5
"""Largest difference, relative to the largest value of the peer's map."""
CLASS = 1
TINY = "tiny"
LEAST_SUM = 0.1
"""Of a channel's activations: beside less, 1e-7 is more than rounding."""


@dataclass(frozen=True)
class Pair:
    """A method of kerascope and the peer's class that says the same.

    Args:
        mine: name of the method in kerascope.
        theirs: name of the class in pytorch-grad-cam.
        parameters: of the method, so that it does as the peer does; those it does not take are left out.
        either_sign: a principal component has no sign of its own, and the peer keeps what LAPACK gives.
        scale: what scores are multiplied with first, so that the peer's small constants do not count.
        divides: it divides by the sum of a channel's activations, to which the peer adds 1e-7.
        allowed: what differs for a reason, in a few words.
    """

    mine: str
    theirs: str
    parameters: dict[str, Any] = field(default_factory=dict)
    either_sign: bool = False
    scale: float = 1e4
    divides: bool = False
    allowed: str = ""


PAIRS = (
    Pair("GradCAM", "GradCAM"),
    # Their denominators hold 1e-6 and 1e-7 and no other guard: next to nothing where gradients and
    # activations are large, as gradients are made here, and a wrong map where they are small (1e-3 for
    # Grad-CAM++).
    Pair(
        "GradCAMPlusPlus", "GradCAMPlusPlus", allowed="their 1e-6 in a denominator; gradients are large here"
    ),
    Pair("XGradCAM", "XGradCAM", divides=True, allowed="their 1e-7 in a denominator"),
    Pair("HiResCAM", "HiResCAM"),
    Pair("LayerCAM", "LayerCAM"),
    # Its ReLU is within the sum over channels.
    Pair("ElementWiseCAM", "GradCAMElementWise", {"relu": True}),
    Pair("EigenCAM", "EigenCAM", {"centre": True}, either_sign=True, allowed="sign: theirs is arbitrary"),
    Pair(
        "EigenGradCAM",
        "EigenGradCAM",
        {"centre": True},
        either_sign=True,
        allowed="sign: theirs is arbitrary",
    ),
    Pair("KPCACAM", "KPCA_CAM", {"kernel": "sigmoid"}, either_sign=True, allowed="sign: theirs is arbitrary"),
    Pair("ShapleyCAM", "ShapleyCAM"),
    # Theirs weighs several look-alikes by their probabilities, the gradient included; with one there is no
    # weight. It adds 1e-9 to a probability, so scores must be small.
    Pair("FinerCAM", "FinerCAM", {"similar": 1}, scale=1e-2, allowed="one look-alike only"),
)
"""FullGrad is not among them: theirs stretches every channel to [0, 1], and sees torch's own layers alone."""


@dataclass(frozen=True)
class Case:
    """A model with channels first, images, and names of layers to look at."""

    model: keras.Model
    images: Tensor
    layers: tuple[str, ...]


def missing() -> str | None:
    """Why there is no pytorch-grad-cam to compare with; None where there is."""
    try:
        _package()
    except Exception as error:  # noqa: BLE001 - torchvision fails to import with errors of many kinds
        return f"pytorch-grad-cam needs torchvision, which must fit the installed torch ({error})"
    return None


def _package() -> Any:
    from torch import library

    for name in ("torchvision::nms", "torchvision::qnms"):
        try:
            return importlib.import_module("pytorch_grad_cam")
        except RuntimeError as error:
            if f"operator {name} does not exist" not in str(error):
                raise
            library.define(name, "(Tensor boxes, Tensor scores, float threshold) -> Tensor")
            # What was imported half way.
            for module in [module for module in sys.modules if module.partition(".")[0] == "torchvision"]:
                del sys.modules[module]
    return importlib.import_module("pytorch_grad_cam")


def case(name: str) -> Case:
    """The tiny network, or one of `keras.applications` with random weights, channels first."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        keras.utils.set_random_seed(0)
        if name == TINY:
            return _tiny()
        model = getattr(keras.applications, name)(weights=None, classifier_activation=None)
        images = np.random.default_rng(0).uniform(-1, 1, (1, *model.input_shape[1:])).astype("float32")
        return Case(model, images, (_last_spatial(model).name,))
    finally:
        keras.config.set_image_data_format(before)


def _tiny() -> Case:
    """Convolutions with a skip, pooling, and a head in which gradients differ from place to place.

    No unit has a corner, on either side of which the two might find themselves by a rounding.
    """
    layers = keras.layers
    inputs = keras.Input((3, 12, 16))
    first = layers.Conv2D(6, 3, padding="same", activation="silu", name="first")(inputs)
    pooled = layers.AveragePooling2D(2, name="pooled")(first)
    second = layers.Conv2D(6, 3, padding="same", activation="silu", name="second")(pooled)
    merged = layers.Add(name="merged")([pooled, second])
    hidden = layers.Dense(10, activation="gelu")(layers.Flatten()(merged))
    model = keras.Model(inputs, layers.Dense(4)(hidden))
    fill(model, 3)
    # Bright ones: of small activations a sigmoid kernel is nearly constant, and what differs is rounded away.
    return Case(model, 4 * pictures(3, 3, 12, 16), ("first", "pooled", "second", "merged"))


def _last_spatial(model: keras.Model) -> keras.Layer:
    shapes = ((layer, layer.output.shape) for layer in reversed(model.layers))
    return next(layer for layer, shape in shapes if len(shape) == 4 and shape[2] > 1)


@contextmanager
def scaled(model: keras.Model, by: float) -> Iterator[None]:
    """The model with scores this many times as large, for a while."""
    last = model.layers[-1]
    before = last.get_weights()
    last.set_weights([by * weight for weight in before])
    try:
        yield
    finally:
        last.set_weights(before)


def method(pair: Pair, layer: str) -> ks.Method | None:
    """kerascope's method, signed and at this layer; None where this version has none of the name."""
    kind = getattr(ks, pair.mine, None)
    if kind is None:
        return None
    plain = ks.GradCAM(layer=layer, relu=False)
    wanted = {"layer": layer, "relu": False, "method": plain} | pair.parameters
    taken = {one.name for one in fields(kind)}
    made: ks.Method = kind(**{name: value for name, value in wanted.items() if name in taken})
    return made


def raw(theirs: str, model: keras.Model, layer: str, images: Tensor) -> Tensor:
    """The peer's map on the layer's grid, (N, h, w), as its pass gives it before it makes a picture of it."""
    import torch

    package = _package()
    kept: list[Tensor] = []
    with getattr(package, theirs)(model=model, target_layers=[model.get_layer(layer)]) as peer:
        # Finer-CAM asks another one.
        maker = getattr(peer, "base_cam", peer)
        makes: Callable[..., Tensor] = maker.get_cam_image

        def keeping(*arguments: Any, **options: Any) -> Tensor:
            kept.append(np.array(makes(*arguments, **options)))
            return kept[-1]

        maker.get_cam_image = keeping
        if maker is peer:
            chosen = package.utils.model_targets.ClassifierOutputTarget(CLASS)
            peer(torch.tensor(images), [chosen] * len(images))
        else:
            peer(torch.tensor(images), comparison_categories=[1], target_idx=CLASS)
        # On leaving, theirs detaches them in place, which torch refuses for a gradient that is a view.
        maker.activations_and_grads.gradients, maker.activations_and_grads.activations = [], []
    return kept[0]


def apart(mine: Tensor, theirs: Tensor, either_sign: bool = False) -> float:
    """Largest difference of the maps, relative to the largest value of each of the peer's."""
    if mine.shape != theirs.shape:
        raise AssertionError(f"maps must be of one shape; got {mine.shape} and {theirs.shape}")
    if not np.abs(theirs).reshape(len(theirs), -1).max(axis=1).all():
        raise AssertionError("a peer's map of zeros would prove nothing")
    found = []
    for one, other in zip(mine.astype("float64"), theirs.astype("float64"), strict=True):
        signs = (1, -1) if either_sign else (1,)
        found.append(min(np.abs(sign * one - other).max() for sign in signs) / np.abs(other).max())
    return float(max(found))


def comparison(pair: Pair, found: Case, layer: str) -> float | str:
    """How far the two are apart, or why they cannot be compared."""
    asked = method(pair, layer)
    if asked is None:
        return "no method"
    probe = ks.Probe(found.model)
    with scaled(found.model, pair.scale):
        if pair.divides:
            activations = probe.activations(found.images, layer)
            sums = np.abs(activations.sum(axis=(1, 2)))
            if (least := sums[sums > 0].min(initial=np.inf)) < LEAST_SUM:
                return f"sums of {least:.0e}"
        mine = asked(probe, found.images, CLASS).values
        return apart(mine, raw(pair.theirs, found.model, layer, found.images), pair.either_sign)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pytorch_grad_cam", description=__doc__)
    parser.add_argument(
        "--models", nargs="+", default=[TINY], help=f"{TINY}, or of keras.applications; default: {TINY}"
    )
    reason = missing()
    if keras.backend.backend() != "torch" or reason:
        print(reason or "pytorch-grad-cam runs on torch: set KERAS_BACKEND=torch", file=sys.stderr)
        return 2
    failed = False
    print(f"{'model':<12} {'layer':<20} {'kerascope':<16} {'pytorch-grad-cam':<18} {'apart':>13}")
    for name in parser.parse_args().models:
        found = case(name)
        for layer in found.layers:
            for pair in PAIRS:
                gap = comparison(pair, found, layer)
                # NaN is no agreement.
                agrees = isinstance(gap, str) or gap <= TOLERANCE
                failed = failed or not agrees
                said = gap if isinstance(gap, str) else f"{gap:.1e}"
                note = pair.allowed if agrees else "DISAGREES"
                print(f"{name:<12} {layer:<20} {pair.mine:<16} {pair.theirs:<18} {said:>13} {note}".rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
