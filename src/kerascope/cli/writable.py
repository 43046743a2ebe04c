"""Whether what a command writes at its end can be written: known before the work."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from kerascope import errors


def check_file(option: str, path: Path | None) -> None:
    """An error unless a file can be written there.

    Args:
        option: that names it, such as `"--html"`.
        path: of the file; None for one that is not wanted.

    Raises:
        ParameterError: there is no such folder, or the file or folder cannot be written.
    """
    if path is None:
        return
    folder, wrong = path.parent, None
    if not folder.is_dir():
        wrong = f"there is no folder {str(folder)!r}; make it"
    elif path.is_dir():
        wrong = "it is a folder; add the name of a file"
    elif not os.access(path if path.exists() else folder, os.W_OK):
        wrong = "it may not be written; change its permissions"
    if wrong is not None:
        raise errors.ParameterError(
            f"{option} must name a file that can be written; got {str(path)!r}: {wrong}, or name another one."
        )


def check_folder(option: str, path: Path) -> None:
    """An error unless a folder can be made there, or is there and can be written into.

    Args:
        option: that names it, such as `"--out"`.
        path: of the folder.

    Raises:
        ParameterError: something on the way is no folder, or may not be written.
    """
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


def check_page(option: str, path: Path | None, extra: str) -> None:
    """An error unless a page can be made and written there: see `check_file`.

    Raises:
        MissingPackageError: Jinja2, with which it is made, is not installed.
    """
    check_file(option, path)
    if path is not None and importlib.util.find_spec("jinja2") is None:
        raise errors.MissingPackageError("jinja2", extra)


def check_picture(option: str, path: Path) -> None:
    """An error unless a figure can be written there: see `check_file`.

    Raises:
        ParameterError: the ending is of no kind of picture that matplotlib writes.
        MissingPackageError: matplotlib is not installed.
    """
    check_file(option, path)
    try:
        from matplotlib.backend_bases import FigureCanvasBase
    except ImportError:
        raise errors.MissingPackageError("matplotlib", "plot") from None
    known = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix.lower().removeprefix(".") not in known:
        raise errors.ParameterError(
            f"{option} must end in the kind of picture, one of {', '.join(known)}; got {str(path)!r}."
        )
