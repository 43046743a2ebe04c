"""Which preprocessing a model wants: said by a file beside it, by its own first layers, or by its name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascope import errors
from kerascope.dataset.preprocessing import CONVENTIONS, Preprocessing, as_preprocessing
from kerascope.probe import Probe

# Networks of `keras.applications` that leave preprocessing to the user, by the names they have there.
_NETWORKS = (
    ("-1-1", r"mobilenet(v2)?_[\d.]+_\d+|mobilenet(v2)?|resnet(50|101|152)v2|xception|inception_v3"),
    ("-1-1", r"inception_resnet_v2|nasnet(_(large|mobile))?"),
    ("caffe", r"vgg(16|19)|resnet(50|101|152)"),
    ("torch", r"densenet(121|169|201)"),
)
AUTO = "auto"
SIDECAR = ".preprocess.json"
"""Behind the name of a model's file, without its ending, the name of the file that says its preprocessing."""


@dataclass(frozen=True)
class Detected:
    """A preprocessing, and how it was found.

    Args:
        preprocessing: what is used.
        reason: how it was chosen, in a few words.
        doubt: a warning where it is a guess, else None.
    """

    preprocessing: Preprocessing
    reason: str
    doubt: str | None = None


def detect(probe: Probe, blank: Any, path: str | os.PathLike[str] | None = None) -> Detected:
    """Find the preprocessing of a model.

    In this order: a file `MODEL.preprocess.json` beside `MODEL.keras`; the model's own first layers, which
    are shown a black and a white image; the name of a network of `keras.applications` in it; else `0-1`, in
    doubt.

    Args:
        probe: of the model.
        blank: one image of zeros, (1, ...) as the model takes it.
        path: of the model's file, or None.

    Cost:
        2 forwards where the model preprocesses by itself.
    """
    if path is not None:
        beside = Path(path).with_suffix("").with_name(Path(path).stem + SIDECAR)
        if beside.is_file():
            return Detected(as_preprocessing(beside), f"said by {beside.name}")
    layer = probe.preprocessed(blank)
    if layer is not None:
        found = _own(probe, blank, layer)
        if found is not None:
            return Detected(CONVENTIONS[found], f"the model's own {layer!r} takes pixels so")
        return _in_doubt(f"what its first layers up to {layer!r} make of pixels fits neither 0-255 nor 0-1")
    names = [probe.model.name, *(row.path.split("/")[0] for row in probe.layers(blank))]
    for convention, pattern in _NETWORKS:
        for name in dict.fromkeys(names):
            if re.fullmatch(rf"({pattern})(_\d+)?", name.lower()):
                return Detected(
                    CONVENTIONS[convention], f"{name!r} is a network of keras.applications without its own"
                )
    return _in_doubt("the model does not preprocess by itself, and is no known network")


def _in_doubt(why: str) -> Detected:
    return Detected(
        CONVENTIONS["0-1"],
        "assumed",
        f"the preprocessing of the model should be known; {why}, so 0-1 was assumed; say it: one of "
        f"{', '.join(CONVENTIONS)}, or a file MODEL{SIDECAR} beside the model.",
    )


def _own(probe: Probe, blank: Any, layer: str) -> str | None:
    """`"0-255"` or `"0-1"`, whichever the model's own preprocessing brings to a usual range."""
    extremes = np.concatenate([np.zeros_like(blank), np.full_like(blank, 255)])
    black, white = (float(np.mean(row)) for row in probe.activations(extremes, layer))
    for name, high in (("0-255", 255.0), ("0-1", 1.0)):
        top = black + (white - black) * high / 255
        # Scaled to about [-1, 1], or to a spread of about 1; or only the mean of bytes was taken off.
        if max(abs(black), abs(top)) <= 4 and top - black >= 0.5:
            return name
    return "0-255" if 200 < white - black < 300 and black < -20 else None


def as_detected(
    value: str | os.PathLike[str] | Preprocessing,
    probe: Probe,
    blank: Any,
    path: str | os.PathLike[str] | None = None,
) -> Detected:
    """A preprocessing that was said, or with `"auto"` the one that is found.

    Args:
        value: `"auto"`, or what `as_preprocessing` takes.
        probe: see `detect`.
        blank: see `detect`.
        path: see `detect`.
    """
    return detect(probe, blank, path) if value == AUTO else Detected(as_preprocessing(value), "as said")


def warned_line(doubt: str) -> str:
    """A doubt as a line among stored warnings."""
    return f"{errors.PreprocessingWarning.__name__}: {doubt}"
