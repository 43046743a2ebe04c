"""Output files of commands: checked before the work, written at the end, never in place of foreign files."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascope import errors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

InputPaths = Iterable[str | os.PathLike[str] | None]
_GENERATOR = b'<meta name="generator" content="kerascope '
_HEAD = 4096
"""Bytes at the start of a page that hold its generator."""
_CREATED = ("eps", "pdf", "ps", "svg")
_PHOTOGRAPHS = ("avif", "jpeg", "jpg", "tif", "tiff", "webp")
KINDS = (*_CREATED, *_PHOTOGRAPHS, "gif", "png")
"""File types that can be signed; others are not written."""


def check_folder(option: str, path: Path, overwrite: bool, inputs: InputPaths) -> None:
    """Check that a folder exists and is writable, or can be created."""
    from kerascope.dataset.writing.overlap import check_no_overlap, existing_paths

    above = next(
        folder for folder in (path, *path.absolute().parents) if folder.exists() or folder.is_symlink()
    )
    wrong = None
    if not above.is_dir():
        wrong = f"{str(above)!r} is a file"
    elif not os.access(above, os.W_OK):
        wrong = f"{str(above)!r} may not be written"
    if wrong is not None:
        raise errors.ParameterError(
            f"{option} must name a folder that can be written; got {str(path)!r}: {wrong}; name another one."
        )
    if overwrite:
        check_no_overlap(path, existing_paths(*inputs))


def check_page(option: str, path: Path | None, extra: str, inputs: InputPaths) -> None:
    """Check that a page can be created and written, with the pages of labels next to it.

    Args:
        option: of the command.
        path: of the page, or None.
        extra: of kerascope that installs Jinja2.
        inputs: of the command.
    """
    if path is None:
        return
    _check(option, path, _is_page, inputs)
    for neighbour in path.parent.glob("*"):
        rest = neighbour.name.removeprefix(f"{path.stem}-").removesuffix(path.suffix)
        if neighbour.suffix == path.suffix and rest != neighbour.name and rest.split("-")[0].isdigit():
            _check(option, neighbour, _is_page, inputs)
    if importlib.util.find_spec("jinja2") is None:
        raise errors.MissingPackageError("jinja2", extra)


def check_report(option: str, path: Path | None, inputs: InputPaths) -> None:
    """Check that the report of an evaluation can be written."""
    if path is not None:
        target = path if path.suffix == ".npz" or path.is_dir() else path.with_name(f"{path.name}.npz")
        _check(option, target, _is_report, inputs)


def check_picture(option: str, path: Path, inputs: InputPaths) -> None:
    """Check that a figure can be written."""
    from kerascope.dataset.writing.signature import is_signed

    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        raise errors.MissingPackageError("matplotlib", "plot") from None
    known = sorted(set(KINDS) & set(FigureCanvasBase.get_supported_filetypes()))
    if _kind(path) not in known:
        raise errors.ParameterError(
            f"{option} must end in the kind of picture, one of {', '.join(known)}; got {str(path)!r}."
        )
    _check(option, path, is_signed, inputs)


def write_picture(figure: Figure, path: Path) -> None:
    """Write a signed figure: whole, or not at all."""
    from kerascope.persistence import atomic_write

    with atomic_write(path) as partial:
        figure.savefig(partial, format=_kind(path), **_signature(_kind(path)))


def _signature(kind: str) -> dict[str, Any]:
    """Return options of matplotlib that sign a picture."""
    from kerascope.dataset.writing.signature import SIGNATURE, signature_options

    if kind in _PHOTOGRAPHS:
        return {"pil_kwargs": signature_options("JPEG")}
    if kind == "gif":
        return {"pil_kwargs": {"comment": SIGNATURE}}
    return {"metadata": {"Creator" if kind in _CREATED else "Software": SIGNATURE}}


def _kind(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def _check(option: str, path: Path, is_ours: Callable[[Path], bool], inputs: InputPaths) -> None:
    """Check that a file can be written, or replaced."""
    from kerascope.dataset.writing.overlap import check_no_overlap, existing_paths

    folder, target = path.parent, path.resolve()
    wrong = None
    if not folder.is_dir():
        wrong = f"there is no folder {str(folder)!r}; create it"
    elif path.is_dir():
        wrong = "it is a folder; add a file name"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        wrong = "it is not writable; change its permissions"
    elif target.is_file() and not is_ours(target):
        wrong = "it is a file of another program; move it elsewhere"
    if wrong is not None:
        raise errors.ParameterError(
            f"{option} must name a file that can be written; got {str(path)!r}: {wrong}, or name another one."
        )
    if target.is_file():
        check_no_overlap(path, existing_paths(*inputs))


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _GENERATOR in file.read(_HEAD)


def _is_report(path: Path) -> bool:
    from kerascope import load_report

    try:
        load_report(path)
    except errors.EvaluationError:
        return False
    return True
