"""What a command writes at its end: whether it can be is known before the work, and nothing is lost by it.

A file that is there already is replaced only where kerascope has made it, and is no input.
"""

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
"""Bytes at the beginning of a page in which its generator stands."""
_CREATED = ("eps", "pdf", "ps", "svg")
_PHOTOGRAPHS = ("avif", "jpeg", "jpg", "tif", "tiff", "webp")
KINDS = (*_CREATED, *_PHOTOGRAPHS, "gif", "png")
"""Kinds of picture that can be signed; others are not written."""


def check_folder(option: str, path: Path, overwrite: bool, inputs: InputPaths) -> None:
    """An error unless a folder can be made there, or is there and can be written into.

    Args:
        option: that names it, such as `"--out"`.
        path: of the folder.
        overwrite: see `kerascope.explain_dataset`.
        inputs: what is read.

    Raises:
        ParameterError: something on the way is no folder, or may not be written.
        DatasetError: it is to be overwritten, and an input lies in it.
    """
    from kerascope.dataset.writing.overlap import check_no_overlap, existing_paths

    above = next(one for one in (path, *path.absolute().parents) if one.exists() or one.is_symlink())
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
    """An error unless a page can be made and written there, with those of labels beside it.

    Args:
        option: that names it.
        path: of the page; None where none is wanted.
        extra: of kerascope, that installs Jinja2.
        inputs: what is read.

    Raises:
        MissingPackageError: Jinja2, with which it is made, is not installed.
        ParameterError, DatasetError: it may not be written.
    """
    if path is None:
        return
    _check(option, path, _is_page, inputs)
    for beside in path.parent.glob("*"):
        rest = beside.name.removeprefix(f"{path.stem}-").removesuffix(path.suffix)
        if beside.suffix == path.suffix and rest != beside.name and rest.split("-")[0].isdigit():
            _check(option, beside, _is_page, inputs)
    if importlib.util.find_spec("jinja2") is None:
        raise errors.MissingPackageError("jinja2", extra)


def check_report(option: str, path: Path | None, inputs: InputPaths) -> None:
    """An error unless a report of an evaluation can be written there.

    Args:
        option: that names it.
        path: of the report; None where none is wanted.
        inputs: what is read.

    Raises:
        ParameterError, DatasetError: it may not be written.
    """
    if path is not None:
        target = path if path.suffix == ".npz" or path.is_dir() else path.with_name(f"{path.name}.npz")
        _check(option, target, _is_report, inputs)


def check_picture(option: str, path: Path, inputs: InputPaths) -> None:
    """An error unless a figure can be written there.

    Args:
        option: that names it.
        path: of the picture.
        inputs: what is read.

    Raises:
        ParameterError: the ending is of no kind of picture that is written, or it may not be written.
        DatasetError: it is an input.
        MissingPackageError: matplotlib is not installed.
    """
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
    """Write a figure that is signed: whole, or not at all."""
    from kerascope.persistence import atomic_write

    with atomic_write(path) as partial:
        figure.savefig(partial, format=_kind(path), **_signature(_kind(path)))


def _signature(kind: str) -> dict[str, Any]:
    """Options of matplotlib by which a picture is signed."""
    from kerascope.dataset.writing.signature import SIGNATURE, signature_options

    if kind in _PHOTOGRAPHS:
        return {"pil_kwargs": signature_options("JPEG")}
    if kind == "gif":
        return {"pil_kwargs": {"comment": SIGNATURE}}
    return {"metadata": {"Creator" if kind in _CREATED else "Software": SIGNATURE}}


def _kind(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


def _check(option: str, path: Path, is_ours: Callable[[Path], bool], inputs: InputPaths) -> None:
    """An error unless a file can be written there, and one that is there replaced.

    Args:
        option: that names it.
        path: of the file.
        is_ours: whether a file of this kind is one that kerascope has made.
        inputs: what is read.
    """
    from kerascope.dataset.writing.overlap import check_no_overlap, existing_paths

    folder, target = path.parent, path.resolve()
    wrong = None
    if not folder.is_dir():
        wrong = f"there is no folder {str(folder)!r}; make it"
    elif path.is_dir():
        wrong = "it is a folder; add the name of a file"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        wrong = "it may not be written; change its permissions"
    elif target.is_file() and not is_ours(target):
        wrong = "it is there, and kerascope has not made it; move it elsewhere"
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
