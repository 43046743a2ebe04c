"""Readable text: names of files that are not UTF-8, as text that can be stored and printed."""

from __future__ import annotations


def to_readable(text: str) -> str:
    r"""Escape bytes of a text that are not UTF-8, as `\xff`.

    Python reads such bytes of names as surrogates, which tables, JSON and terminals do not take; where the
    locale is C, so it reads every letter beyond ASCII.

    Example:
        >>> from kerascope.dataset.readable_text import to_readable
        >>> to_readable("Käse.jpg"), to_readable("s\udcff.jpg"), to_readable("K\udcc3\udca4se.jpg")
        ('Käse.jpg', 's\\xff.jpg', 'Käse.jpg')
    """
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        pass
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # others, such as JSON may write
        content = text.encode("utf-8", "surrogatepass")
    return content.decode("utf-8", "backslashreplace")
