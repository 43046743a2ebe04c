"""Files as addresses, for pages that need nothing from elsewhere."""

from __future__ import annotations

import base64


def data_address(content: bytes, kind: str) -> str:
    """The content of a picture's file as an address.

    Args:
        content: of the file.
        kind: `"png"` or `"jpeg"`.

    Example:
        >>> data_address(b"abc", "png")
        'data:image/png;base64,YWJj'
    """
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
