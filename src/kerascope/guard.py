"""A file of a model is looked at before Keras reads it: it may hold numbers and names of layers, and no code.

Keras' own safe mode differs from version to version, and between its two kinds of files. What is looked at is
what Keras would build and open: all objects that the configuration names, and the containers around it.
"""

from __future__ import annotations

import importlib
import json
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import h5py  # type: ignore[import-untyped]
import keras

from kerascope import errors

_CODE = {
    "TorchModuleWrapper": "a pickled PyTorch module",
    "TFSMLayer": "a program of TensorFlow",
}
"""Layers that are code, whatever they are given."""

_VALUES = {
    "TensorShape",
    "__bytes__",
    "__ellipsis__",
    "__keras_tensor__",
    "__numpy__",
    "__slice__",
    "__tensor__",
    "__tuple__",
}
"""What configurations write as objects and Keras reads as plain values."""

_TRUSTED = ("keras", "keras_hub", "keras_cv", "keras_nlp")
"""Packages in which Keras looks for classes by itself."""

_KINDS = (
    "layers",
    "models",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
)
"""Where a class is looked for that is written without its module."""

_FUNCTIONS = (
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "ops",
    "random",
)
"""Modules of Keras whose functions only compute."""

_FILES = ("vocabulary", "merges", "proto")
"""Arguments of layers that hold a list, and may name a file instead."""

_LARGEST_CONFIGURATION = 64 << 20
_LARGEST_UNPACKED = 1 << 30
_EXPANSION = 100
"""Bytes of a configuration; bytes above which a file may unpack to so many times its size only."""


def check(path: Path) -> None:
    """Refuse a file with code of its own, or that reaches outside itself. Nothing of it is run or built.

    What a model was compiled with is not looked at, since it is not loaded.

    Args:
        path: of a model, `.keras` or `.h5`. What is neither is left to Keras, which does not read it.

    Raises:
        UnsafeModelError: it holds code, names files, or unpacks to more than can be meant.
        ModelError: it names a class or function that is neither of Keras nor registered.
        OSError, ValueError: it is damaged.
    """
    if zipfile.is_zipfile(path):
        _check_archive(path)
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            _check_links(file, path.stat().st_size)
            _check_configuration(file.attrs.get("model_config"))


def _refuse(found: str, place: str) -> NoReturn:
    raise errors.UnsafeModelError(
        f"a model's file must hold no code, and nothing outside itself; this one has {found}, at {place}; "
        "load it with --unsafe (safe_mode=False in Python) only if you trust who made it."
    )


# ---- containers ------------------------------------------------------------------------------


def _check_archive(path: Path) -> None:
    """A `.keras` file: a configuration, weights, and assets."""
    with zipfile.ZipFile(path) as archive:
        names: set[str] = set()
        for member in archive.infolist():
            name, parts = member.filename, member.filename.replace("\\", "/").split("/")
            own = name in ("metadata.json", "config.json", "model.weights.h5") or parts[0] == "assets"
            if not own or ".." in parts or ":" in name or stat.S_ISLNK(member.external_attr >> 16):
                _refuse("a member that is no part of a model", repr(name))
            if name in names:
                _refuse("a member that is there twice", repr(name))
            names.add(name)
            _check_size(member.file_size, member.compress_size, repr(name))
        if "config.json" in names:
            with archive.open("config.json") as file:
                _check_configuration(file.read(_LARGEST_CONFIGURATION + 1))
        if "model.weights.h5" in names:
            member = archive.getinfo("model.weights.h5")
            # What is packed is unpacked first: to go back in it is to begin anew.
            with archive.open(member) as packed, tempfile.TemporaryFile() as unpacked:
                source: Any = packed
                if member.compress_type != zipfile.ZIP_STORED:
                    while block := packed.read(1 << 20):
                        unpacked.write(block)
                    source = unpacked
                with h5py.File(source) as file:
                    _check_links(file, member.file_size)


def _check_links(file: h5py.File, size: int) -> None:
    """Everything in a file of HDF5 lies in the file, and is no larger than can be meant."""
    sizes = []

    # What a visitor returns ends the visit; h5py loses what it raises.
    def link(name: str, found: Any) -> str | None:
        return None if isinstance(found, h5py.HardLink) else name

    def dataset(name: str, found: Any) -> str | None:
        if not isinstance(found, h5py.Dataset):
            return None
        sizes.append(found.nbytes)
        return name if found.external or found.is_virtual else None

    if (name := file.visititems_links(link)) is not None:
        _refuse("a link to elsewhere", repr(name))
    if (name := file.visititems(dataset)) is not None:
        _refuse("values that lie in another file", repr(name))
    _check_size(sum(sizes), size, "all weights")


def _check_size(unpacked: int, packed: int, name: str) -> None:
    if unpacked > max(_LARGEST_UNPACKED, _EXPANSION * packed):
        _refuse(f"{packed:,} bytes that stand for {unpacked:,}", name)


# ---- the configuration -----------------------------------------------------------------------


def _check_configuration(text: str | bytes | None) -> None:
    """All that Keras would build from a configuration."""
    if text is None:
        return
    if len(text) > _LARGEST_CONFIGURATION:
        _refuse(f"more than {_LARGEST_CONFIGURATION:,} bytes", "its configuration")
    found = json.loads(text)
    if isinstance(found, dict):
        found.pop("compile_config", None)
    for entry, place in _objects(found, ()):
        at = "/".join(place) or "its configuration"
        kind = entry["class_name"]
        if kind == "__lambda__":
            _refuse("a Python function", at)
        elif kind == "function":
            _check_function(entry, at)
        elif kind not in _VALUES:
            _check_class(entry, at)


def _objects(part: Any, place: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Each object of a configuration, outer ones first, and the names of the layers that it lies in."""
    if isinstance(part, list):
        for one in part:
            yield from _objects(one, place)
    elif isinstance(part, dict):
        if "class_name" in part:
            config = part.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            place = (*place, name if isinstance(name, str) else str(part["class_name"]))
            yield part, place
        for one in part.values():
            yield from _objects(one, place)


def _check_files(config: Any, place: str) -> None:
    """A list that is given as a file would be read from this machine."""
    for name in _FILES if isinstance(config, dict) else ():
        if isinstance(config.get(name), str):
            _refuse(f"the name of a file, {config[name]!r}", place)


def _check_class(entry: dict[str, Any], place: str) -> None:
    """A class by whichever of its names Keras would find it: there must be one, and none may be code."""
    kind, module, own = entry["class_name"], entry.get("module"), keras.saving.get_custom_objects()
    registered = [own[name] for name in (kind, entry.get("registered_name")) if _is_in(name, own)]
    by_kind = [vars(keras.models)[kind]] if kind in ("Model", "Sequential") else []
    by_kind += [vars(space)[kind] for space in _spaces(_KINDS) if _is_in(kind, vars(space))]
    if kind == "Functional":
        by_kind.append(keras.Model)
    by_module = [] if module is None else _members(module, kind)
    if not registered and not (by_kind if module is None else by_module):
        _miss("class", kind, place)
    if not registered:
        _check_files(entry.get("config"), place)
    for found in by_kind + by_module:
        if not (isinstance(found, type) and hasattr(found, "from_config")):
            _refuse(f"{module}.{kind} where a layer is meant", place)
    for found in registered + by_kind + by_module:
        for name, meaning in _CODE.items():
            if isinstance(found, type) and issubclass(found, getattr(keras.layers, name, ())):
                _refuse(f"{meaning} ({kind})", place)
        if isinstance(found, type) and issubclass(found, keras.layers.Lambda):
            _check_lambda(entry.get("config"), place)


def _check_lambda(config: Any, place: str) -> None:
    """A Lambda layer may name a function; it may not hold one."""
    function = config.get("function") if isinstance(config, dict) else None
    if not isinstance(function, str) and not (
        isinstance(function, dict) and function.get("class_name") == "function"
    ):
        _refuse("a Python function", place)


def _check_function(entry: dict[str, Any], place: str) -> None:
    """A function that is registered, or of Keras and only computes."""
    name, module, own = entry.get("config"), entry.get("module"), keras.saving.get_custom_objects()
    if any(_is_in(one, own) for one in (name, entry.get("registered_name"))):
        return
    if any(one.endswith(f">{name}") for one in own):  # as Keras finds those of files before 3.7
        return
    if module == "builtins":
        if any(_is_in(name, vars(space)) for space in _spaces(_FUNCTIONS)):
            return
    elif isinstance(module, str) and _members(module, name):
        root, _, below = module.partition(".")
        if root == "keras" and below.split(".")[0] in _FUNCTIONS:
            return
        _refuse(f"the function {module}.{name}", place)
    _miss("function", name, place)


def _miss(what: str, name: Any, place: str) -> NoReturn:
    raise errors.ModelError(
        f"a {what} must be of Keras or registered; {name!r} at {place} is neither, and so a custom one."
    )


def _is_in(name: Any, known: Mapping[str, Any]) -> bool:
    return isinstance(name, str) and name in known


def _spaces(names: tuple[str, ...]) -> Iterator[Any]:
    return (getattr(keras, name) for name in names)


def _members(module: Any, name: Any) -> list[Any]:
    """What a module has under a name, of those that a trusted package has loaded itself."""
    root = module.split(".")[0] if isinstance(module, str) else None
    if root not in _TRUSTED:
        return []
    try:
        importlib.import_module(root)
    except ImportError:
        return []
    found = vars(sys.modules[module]) if module in sys.modules else {}
    return [found[name]] if _is_in(name, found) else []
