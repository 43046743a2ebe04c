"""Names that are not UTF-8, as text that can be stored and printed."""

from __future__ import annotations


def to_readable(text: str) -> str:
    r"""A text as it is, or, where it has bytes that are not UTF-8, with these as `\xff`.

    The system hands such bytes out as surrogates, which neither a table nor JSON nor a terminal takes; so it
    does with every letter beyond ASCII where the locale is C.

    Args:
        text: such as the name of a file.

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
