"""Saving and loading of values: atomic writing, and arrays with metadata in `.npz` files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kerascope import errors
from kerascope.typing import Array

T = TypeVar("T")
_PARTIAL = re.compile(r"\..+\.kerascope-\d+\.partial")


def save_arrays(
    path: str | os.PathLike[str], metadata: Mapping[str, Any], arrays: Mapping[str, Array], version: int
) -> Path:
    """Write arrays and metadata as an `.npz` file.

    Args:
        path: the file; `.npz` is added if it is missing.
        metadata: values that JSON can hold.
        arrays: arrays by name.
        version: version of the file format.

    Returns:
        The path of the written file.
    """
    path = Path(path)
    path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
    text = np.asarray(json.dumps({"format": version, **metadata}))
    with atomic_write(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **{"meta": text, **arrays})  # type: ignore[arg-type]
    return path


def load_arrays(
    path: str | os.PathLike[str],
    build: Callable[[dict[str, Any], dict[str, Array]], T],
    *,
    kind: str,
    version: int,
    error: type[errors.KerascopeError],
) -> T:
    """Read a file of `save_arrays`. No code in the file is run.

    Args:
        path: the `.npz` file.
        build: returns the value from the metadata and the arrays.
        kind: the expected content, such as "a report written by Report.save".
        version: the latest known version of the file format.
        error: exception of a damaged file, and of a file with a later version.

    Raises:
        FileNotFoundError: there is no such file.
    """
    try:
        # Opened here: NumPy leaves a damaged archive open.
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            metadata = json.loads(str(file["meta"]))
            arrays = {name: file[name] for name in file.files if name != "meta"}
        found = metadata.pop("format")
        if found <= version:
            return build(metadata, arrays)
    except FileNotFoundError:
        raise
    except Exception as cause:
        raise error(
            f"the file must be {kind}; {os.fspath(path)!r} cannot be read as one ({type(cause).__name__}: "
            f"{cause}); save it again."
        ) from cause
    raise error(
        f"the file must be of format {version} or older; {os.fspath(path)!r} is of format {found}; install a "
        "newer kerascope."
    )


@contextmanager
def atomic_write(path: Path, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path, which is renamed at the end of the block, and removed after an error.

    Args:
        path: of the file; a link is followed, and a device, such as /dev/stdout, is written to directly.
        sync: wait until the content is on the disk before the file is renamed.

    Example:
        >>> import tempfile, pathlib
        >>> from kerascope.persistence import atomic_write
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = pathlib.Path(folder, "page.html")
        ...     with atomic_write(file) as partial:
        ...         written = partial.write_text("whole")
        ...     file.read_text(), len(list(file.parent.iterdir()))
        ('whole', 1)
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        yield path
        return
    # A name has at most 255 bytes; those of a run begin with a number of their own.
    short = path.name.encode()[:160].decode(errors="ignore")
    partial = path.with_name(f".{short}.kerascope-{os.getpid()}.partial")
    try:
        yield partial
        if sync:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def is_partial(path: Path) -> bool:
    """Return whether a file is an unfinished one, by its name."""
    return _PARTIAL.fullmatch(path.name) is not None and is_regular_file(path)


def is_regular_file(path: Path) -> bool:
    """Return whether a path is a file, and not a link, a folder, or a device."""
    return path.is_file() and not path.is_symlink()
