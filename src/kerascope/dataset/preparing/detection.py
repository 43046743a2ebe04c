"""Detection of a model's preprocessing: from a file next to it, its own first layers, or its name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascope.dataset.preparing.loader_defaults import own_preprocessing
from kerascope.dataset.preparing.preprocessing import CONVENTIONS, Preprocessing, read_preprocessing
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
"""The ending of the file next to MODEL.keras that states its preprocessing: MODEL.preprocess.json."""


_LOADING: frozenset[str] = frozenset({"fit", "interpolation"})


@dataclass(frozen=True)
class Detection:
    """A preprocessing, and how it was detected.

    Args:
        preprocessing: of the model.
        reason: for it, in a few words.
        unclear: why it is a guess, or None.
        stated: fields besides the arithmetic that were stated and not assumed.
    """

    preprocessing: Preprocessing
    reason: str
    unclear: str | None = None
    stated: frozenset[str] = frozenset()

    @property
    def doubt(self) -> str | None:
        """A warning where it is a guess, else None."""
        return (
            None
            if self.unclear is None
            else describe_doubt(self.unclear, f"{self.preprocessing.name} was assumed")
        )


def describe_doubt(why: str, done: str) -> str:
    """Return a warning that the arithmetic is a guess."""
    return (
        f"the preprocessing of the model should be known; {why}, so {done}; say it: one of "
        f"{', '.join(CONVENTIONS)}, or a file MODEL{SIDECAR} beside the model."
    )


def find_stated(
    value: str | os.PathLike[str] | Preprocessing,
    model: keras.Model,
    path: str | os.PathLike[str] | None = None,
) -> Detection | None:
    """Find a stated preprocessing: of the caller, a file next to the model, or the model's own preprocessor.

    Returns:
        None where there is none.
    """
    if value != AUTO:
        found, fields = read_preprocessing(value)
        return Detection(found, "as said", stated=_loading_fields(fields))
    if path is not None:
        sidecar = Path(path).with_suffix("").with_name(Path(path).stem + SIDECAR)
        if sidecar.is_file():
            found, fields = read_preprocessing(sidecar)
            return Detection(found, f"said by {sidecar.name}", stated=_loading_fields(fields))
    own = own_preprocessing(model)
    return None if own is None else Detection(own, "said by the model's own preprocessor", stated=_LOADING)


def _loading_fields(fields: frozenset[str]) -> frozenset[str]:
    """Return the stated fields about how a photograph is fitted; a share implies a crop."""
    return _LOADING & (fields | ({"fit"} if "share" in fields else set()))


def detect(probe: Probe, blank: Any, path: str | os.PathLike[str] | None = None) -> Detection:
    """Detect the preprocessing of a model.

    In this order: a file `MODEL.preprocess.json` next to `MODEL.keras`; the preprocessor that a model of
    keras-hub carries; the model's own first layers, which are shown a black and a white image; the name of a
    network of `keras.applications` in it; else `0-1`, in doubt.

    Args:
        probe: of the model.
        blank: one image of zeros, (1, ...) as the model takes it.
        path: of the model's file, or None.

    Cost:
        2 forwards where the model preprocesses by itself.
    """
    known = find_stated(AUTO, probe.model, path)
    if known is not None:
        return known
    layer = probe.preprocessing_layer(blank)
    if layer is not None:
        found = _match_range(probe, blank, layer)
        if found is not None:
            return Detection(CONVENTIONS[found], f"the model's own {layer!r} takes pixels so")
        return _assume(f"what its first layers up to {layer!r} make of pixels fits neither 0-255 nor 0-1")
    names = [probe.model.name, *(row.path.split("/")[0] for row in probe.layers(blank))]
    for convention, pattern in _NETWORKS:
        for name in dict.fromkeys(names):
            if re.fullmatch(rf"({pattern})(_\d+)?", name.lower()):
                return Detection(
                    CONVENTIONS[convention], f"{name!r} is a network of keras.applications without its own"
                )
    return _assume("the model does not preprocess by itself, and is no known network")


def _assume(why: str) -> Detection:
    return Detection(CONVENTIONS["0-1"], "assumed", why)


def _match_range(probe: Probe, blank: Any, layer: str) -> str | None:
    """Return `"0-255"` or `"0-1"`, whichever the model's own preprocessing brings to a usual range."""
    extremes = np.concatenate([np.zeros_like(blank), np.full_like(blank, 255)])
    black, white = (float(np.mean(row)) for row in probe.activations(extremes, layer))
    for name, high in (("0-255", 255.0), ("0-1", 1.0)):
        top = black + (white - black) * high / 255
        # Scaled to about [-1, 1], or to a spread of about 1; or only the mean of bytes was taken off.
        if max(abs(black), abs(top)) <= 4 and top - black >= 0.5:
            return name
    return "0-255" if 200 < white - black < 300 and black < -20 else None


def find_preprocessing(
    value: str | os.PathLike[str] | Preprocessing,
    probe: Probe,
    blank: Any,
    path: str | os.PathLike[str] | None = None,
) -> Detection:
    """Return a stated preprocessing, or with `"auto"` the detected one."""
    return find_stated(value, probe.model, path) or detect(probe, blank, path)
