"""Safety checks of model files: they may hold numbers and names of layers, but no code.

The safe mode of Keras differs between versions and between its two file formats. The checks cover everything
that Keras would build and open: all objects in the configuration, and the containers.
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
"""Layers that hold code."""

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
"""Objects of configurations that Keras reads as plain values."""

_TRUSTED = ("keras", "keras_hub", "keras_cv", "keras_nlp")
"""Packages in which Keras looks for classes."""

_CLASS_MODULES = (
    "layers",
    "models",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "optimizers",
)
"""Modules of Keras in which classes without a module name are looked up."""

_FUNCTION_MODULES = (
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
    "ops",
    "random",
)
"""Modules of Keras whose functions are safe: they only compute."""

_FILE_ARGUMENTS = ("vocabulary", "merges", "proto")
"""Arguments of layers that take a list or the name of a file."""

_LARGEST_CONFIGURATION = 64 << 20
_LARGEST_CONTENT = 1 << 30
_LARGEST_EXPANSION = 100
"""A file may unpack to more bytes than `_LARGEST_CONTENT` only if that is at most this many times its "
"size."""


def check(path: Path) -> None:
    """Check that a model file holds no code and refers to no other files. Nothing of it is run or built.

    The compile configuration is not checked, since it is not loaded.

    Args:
        path: of a model, `.keras` or `.h5`. Other formats are not checked, since Keras does not read them.

    Raises:
        UnsafeModelError: the file holds code, refers to files, or unpacks to an implausible size.
        ModelError: the file names a class or function that is neither in Keras nor registered.
        OSError, ValueError: the file is damaged.
    """
    if zipfile.is_zipfile(path):
        _check_archive(path)
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            _check_links(file, path.stat().st_size)
            _check_configuration(file.attrs.get("model_config"))


def _refuse(finding: str, location: str) -> NoReturn:
    raise errors.UnsafeModelError(
        f"a model file must hold no code and refer to no other files; this one has {finding}, at {location}; "
        "load it with --unsafe (safe_mode=False in Python) only if you trust its author."
    )


# ---- containers ------------------------------------------------------------------------------


def _check_archive(path: Path) -> None:
    """Check a `.keras` file: a configuration, weights, and assets."""
    with zipfile.ZipFile(path) as archive:
        names: set[str] = set()
        for member in archive.infolist():
            name, parts = member.filename, member.filename.replace("\\", "/").split("/")
            is_expected = name in ("metadata.json", "config.json", "model.weights.h5") or parts[0] == "assets"
            if not is_expected or ".." in parts or ":" in name or stat.S_ISLNK(member.external_attr >> 16):
                _refuse("a member that is not part of a model", repr(name))
            if name in names:
                _refuse("a member that occurs twice", repr(name))
            names.add(name)
            _check_size(member.file_size, member.compress_size, repr(name))
        if "config.json" in names:
            with archive.open("config.json") as file:
                _check_configuration(file.read(_LARGEST_CONFIGURATION + 1))
        if "model.weights.h5" in names:
            member = archive.getinfo("model.weights.h5")
            # Compressed members are unpacked first: seeking backwards in them restarts from the beginning.
            with archive.open(member) as compressed, tempfile.TemporaryFile() as file_copy:
                source: Any = compressed
                if member.compress_type != zipfile.ZIP_STORED:
                    while block := compressed.read(1 << 20):
                        file_copy.write(block)
                    source = file_copy
                with h5py.File(source) as file:
                    _check_links(file, member.file_size)


def _check_links(file: h5py.File, size: int) -> None:
    """Check that an HDF5 file has no links to other files, and a plausible size."""
    sizes = []

    # A visitor ends the visit by its return value, since h5py swallows exceptions.
    def visit_link(name: str, link: Any) -> str | None:
        return None if isinstance(link, h5py.HardLink) else name

    def visit_dataset(name: str, dataset: Any) -> str | None:
        if not isinstance(dataset, h5py.Dataset):
            return None
        sizes.append(dataset.nbytes)
        return name if dataset.external or dataset.is_virtual else None

    if (name := file.visititems_links(visit_link)) is not None:
        _refuse("a link to another file", repr(name))
    if (name := file.visititems(visit_dataset)) is not None:
        _refuse("values in another file", repr(name))
    _check_size(sum(sizes), size, "all weights")


def _check_size(unpacked: int, packed: int, name: str) -> None:
    if unpacked > max(_LARGEST_CONTENT, _LARGEST_EXPANSION * packed):
        _refuse(f"{packed:,} bytes that unpack to {unpacked:,}", name)


# ---- the configuration -----------------------------------------------------------------------


def _check_configuration(text: str | bytes | None) -> None:
    """Check all objects that Keras would build from a configuration."""
    if text is None:
        return
    if len(text) > _LARGEST_CONFIGURATION:
        _refuse(f"more than {_LARGEST_CONFIGURATION:,} bytes", "its configuration")
    configuration = json.loads(text)
    if isinstance(configuration, dict):
        configuration.pop("compile_config", None)
    for entry, layers in _objects(configuration, ()):
        location = "/".join(layers) or "its configuration"
        kind = entry["class_name"]
        if kind == "__lambda__":
            _refuse("a Python function", location)
        elif kind == "function":
            _check_function(entry, location)
        elif kind not in _VALUES:
            _check_class(entry, location)


def _objects(part: Any, layers: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Yield each object of a configuration, outer ones first, and the names of the layers around it."""
    if isinstance(part, list):
        for item in part:
            yield from _objects(item, layers)
    elif isinstance(part, dict):
        if "class_name" in part:
            config = part.get("config")
            name = config.get("name") if isinstance(config, dict) else None
            layers = (*layers, name if isinstance(name, str) else str(part["class_name"]))
            yield part, layers
        for item in part.values():
            yield from _objects(item, layers)


def _check_files(config: Any, location: str) -> None:
    """Check that no argument names a file, which Keras would read from this machine."""
    for name in _FILE_ARGUMENTS if isinstance(config, dict) else ():
        if isinstance(config.get(name), str):
            _refuse(f"the name of a file, {config[name]!r}", location)


def _check_class(entry: dict[str, Any], location: str) -> None:
    """Check all classes that Keras may find for an entry: there must be one, and none may hold code."""
    kind, module, custom = entry["class_name"], entry.get("module"), keras.saving.get_custom_objects()
    registered = [custom[name] for name in (kind, entry.get("registered_name")) if _is_in(name, custom)]
    by_kind = [vars(keras.models)[kind]] if kind in ("Model", "Sequential") else []
    by_kind += [vars(space)[kind] for space in _spaces(_CLASS_MODULES) if _is_in(kind, vars(space))]
    if kind == "Functional":
        by_kind.append(keras.Model)
    by_module = [] if module is None else _members(module, kind)
    if not registered and not (by_kind if module is None else by_module):
        _raise_unknown("class", kind, location)
    if not registered:
        _check_files(entry.get("config"), location)
    for found in by_kind + by_module:
        if not (isinstance(found, type) and hasattr(found, "from_config")):
            _refuse(f"{module}.{kind} instead of a layer", location)
    for found in registered + by_kind + by_module:
        for name, meaning in _CODE.items():
            if isinstance(found, type) and issubclass(found, getattr(keras.layers, name, ())):
                _refuse(f"{meaning} ({kind})", location)
        if isinstance(found, type) and issubclass(found, keras.layers.Lambda):
            _check_lambda(entry.get("config"), location)


def _check_lambda(config: Any, location: str) -> None:
    """Check that a Lambda layer names a function and does not hold one."""
    function = config.get("function") if isinstance(config, dict) else None
    if not isinstance(function, str) and not (
        isinstance(function, dict) and function.get("class_name") == "function"
    ):
        _refuse("a Python function", location)


def _check_function(entry: dict[str, Any], location: str) -> None:
    """Check that a function is registered, or a safe one of Keras."""
    name, module, custom = entry.get("config"), entry.get("module"), keras.saving.get_custom_objects()
    if any(_is_in(alias, custom) for alias in (name, entry.get("registered_name"))):
        return
    if any(alias.endswith(f">{name}") for alias in custom):  # as Keras does for files before 3.7
        return
    if module == "builtins":
        if any(_is_in(name, vars(space)) for space in _spaces(_FUNCTION_MODULES)):
            return
    elif isinstance(module, str) and _members(module, name):
        root, _, below = module.partition(".")
        if root == "keras" and below.split(".")[0] in _FUNCTION_MODULES:
            return
        _refuse(f"the function {module}.{name}", location)
    _raise_unknown("function", name, location)


def _raise_unknown(what: str, name: Any, location: str) -> NoReturn:
    raise errors.ModelError(
        f"a {what} must be in Keras or registered; got {name!r} at {location}, a custom {what}."
    )


def _is_in(name: Any, known: Mapping[str, Any]) -> bool:
    return isinstance(name, str) and name in known


def _spaces(names: tuple[str, ...]) -> Iterator[Any]:
    return (getattr(keras, name) for name in names)


def _members(module: Any, name: Any) -> list[Any]:
    """Return the member of a module that a trusted package has loaded itself, as a list of at most one."""
    root = module.split(".")[0] if isinstance(module, str) else None
    if root not in _TRUSTED:
        return []
    try:
        importlib.import_module(root)
    except ImportError:
        return []
    members = vars(sys.modules[module]) if module in sys.modules else {}
    return [members[name]] if _is_in(name, members) else []
