"""Models of Keras 2: their configuration is converted to Keras 3, where it has an equivalent."""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import keras

_WITHOUT_EFFECT: dict[str, tuple[Any, ...] | None] = {
    "groups": (1,),
    "time_major": (False,),
    "noise_shape": (None,),
    "seed": (None,),
    "trainable": None,
    "dtype": None,  # of initialisers
    "kernel_initializer": None,
    "kernel_regularizer": (None,),
    "kernel_constraint": (None,),
    "softmax_robust_masking": (False,),
    "query_shape": None,
    "key_shape": None,
    "value_shape": None,
    "rng_type": None,
}
"""Arguments that Keras 3 has dropped, with the values that have no effect; None for all."""

_RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "FixedDropout": "Dropout",  # of the package efficientnet
}

_LARGEST_METADATA = 1 << 20
"""The most bytes that are read for the version."""

_RESCALING: dict[str, Callable[[float], tuple[float, float]]] = {
    "math.add": lambda number: (1.0, number),
    "__operators__.add": lambda number: (1.0, number),
    "math.subtract": lambda number: (1.0, -number),
    "math.multiply": lambda number: (number, 0.0),
    "math.truediv": lambda number: (1.0 / number, 0.0),
}
"""Scale and offset of TensorFlow operators with a number."""


@contextmanager
def open_as_keras3(path: Path) -> Iterator[Path]:
    """Yield the file, or for the block a copy with a configuration of Keras 3.

    Nothing is loaded here, so the safe mode of Keras applies as before.
    """
    text = _configuration(path)
    found = json.loads(text) if text is not None else None
    modern = _without_slashes(_convert(found))
    if modern == found:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kerascope-model-") as folder:
        copy = Path(folder, path.name)
        shutil.copyfile(path, copy)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(modern)
        yield copy


def version(path: Path) -> str | None:
    """Return the version of Keras that wrote a file, such as `"2.15.0"`; None where it is unknown."""
    try:
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                return _text(file.attrs.get("keras_version"))
        with zipfile.ZipFile(path) as archive, archive.open("metadata.json") as member:
            return str(json.loads(member.read(_LARGEST_METADATA))["keras_version"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def doubt(path: Path) -> str | None:
    """Return a warning where Keras 3 computes differently than the Keras that wrote a file."""
    text = _configuration(path) or ""
    if '"hard_sigmoid"' not in text or not (version(path) or "").startswith("2."):
        return None
    return (
        "the activation hard_sigmoid is x / 6 + 0.5 in Keras 3 and was 0.2 x + 0.5 in Keras 2, which wrote "
        f"{path}: the model's outputs differ a little from what they were."
    )


def _configuration(path: Path) -> str | None:
    """Return the configuration in an HDF5 file; None of other files, and of weights alone."""
    if not h5py.is_hdf5(path):
        return None
    with h5py.File(path) as file:
        return _text(file.attrs.get("model_config"))


def _text(found: Any) -> str | None:
    return found.decode() if isinstance(found, bytes) else found


def _convert(part: Any) -> Any:
    """Convert a part of a configuration, recursively."""
    if isinstance(part, list):
        return [_convert(element) for element in part]
    if not isinstance(part, dict):
        return part
    part = {name: _convert(value) for name, value in part.items()}
    if part.get("class_name") == "Sequential":
        return _sequential(part)
    return _object(part) if isinstance(part.get("config"), dict) else part


def _sequential(model: dict[str, Any]) -> dict[str, Any]:
    """Convert a `Sequential` model: its layers into a dictionary, its shape into an `InputLayer`."""
    config = model["config"]
    config = {"name": "sequential", "layers": config} if isinstance(config, list) else config
    layers = config.get("layers") or [{}]
    shape = layers[0].get("config", {}).get("batch_input_shape")
    if shape is not None and layers[0]["class_name"] != "InputLayer":
        front = {"class_name": "InputLayer", "config": {"batch_input_shape": shape, "name": "input"}}
        first = {**layers[0], "config": _without(layers[0]["config"], "batch_input_shape")}
        layers = [front, first, *layers[1:]]
        config = {**config, "layers": layers}
    return {**model, "config": config}


def _without(config: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != name}


def _object(entry: dict[str, Any]) -> Any:
    """Convert a layer, or another object with a class and a configuration."""
    kind = entry.get("class_name")
    if kind == "Policy":
        return entry["config"]["name"]
    if kind == "TFOpLambda":
        return _rescaling(entry)
    if kind in _RENAMED:
        entry = {**entry, "class_name": _RENAMED[kind]}
    name = str(entry.get("class_name"))
    known = getattr(keras.layers, name, None) or getattr(keras.initializers, name, None)
    if not isinstance(known, type):
        return entry
    taken = _argument_names(known)
    config = entry["config"].items()
    kept = {key: _at_home(value) for key, value in config if key in taken or _matters(key, value)}
    return {**entry, "config": kept}


def _at_home(value: Any) -> Any:
    """Add the module of a layer inside a wrapper, which Keras 3 needs; return other values as they are."""
    kind = value.get("class_name") if isinstance(value, dict) else None
    if kind is None or "module" in value:
        return value
    if kind in ("Functional", "Model", "Sequential"):
        return {**value, "class_name": kind.replace("Functional", "Model"), "module": "keras"}
    return {**value, "module": "keras.layers"} if hasattr(keras.layers, kind) else value


def _matters(name: str, value: Any) -> bool:
    """Return whether an argument has an effect, so that it must not be dropped."""
    values = _WITHOUT_EFFECT.get(name, ())
    return values is not None and value not in values


def _argument_names(kind: type) -> set[str]:
    """Return the argument names of a class, and of the bases that receive its keyword arguments."""
    names: set[str] = set()
    for base in kind.__mro__:
        if "__init__" in vars(base):
            found = inspect.signature(vars(base)["__init__"]).parameters.values()
            names.update(argument.name for argument in found)
            if not any(argument.kind is argument.VAR_KEYWORD for argument in found):
                break
    return names


def _rescaling(entry: dict[str, Any]) -> dict[str, Any]:
    """Convert a TensorFlow operator with a number to a `Rescaling` layer; return others as they are.

    `preprocess_input` of many networks leaves such operators in a model.
    """
    operation, nodes = entry["config"].get("function"), entry.get("inbound_nodes", [])
    if operation not in _RESCALING or len(nodes) != 1:
        return entry
    *source, given = nodes[0]
    number = given.get("y")
    if isinstance(number, bool) or not isinstance(number, int | float):
        return entry
    scale, offset = _RESCALING[operation](number)
    return {
        **entry,
        "class_name": "Rescaling",
        "config": {**_without(entry["config"], "function"), "scale": scale, "offset": offset},
        "inbound_nodes": [[[*source, {}]]],
    }


def _without_slashes(config: Any) -> Any:
    """Replace `/` by `_` in the names of layers, as Keras 3 requires."""
    names = {name for name in _names(config) if "/" in name}

    def rename(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: rename(value) for key, value in part.items()}
        if isinstance(part, list):
            return [rename(element) for element in part]
        return part.replace("/", "_") if isinstance(part, str) and part in names else part

    return rename(config) if names else config


def _names(part: Any) -> Iterator[str]:
    """Yield the names of all layers."""
    if isinstance(part, list):
        for element in part:
            yield from _names(element)
    elif isinstance(part, dict):
        config = part.get("config")
        if isinstance(config, dict) and isinstance(config.get("name"), str):
            yield config["name"]
        for value in part.values():
            yield from _names(value)
