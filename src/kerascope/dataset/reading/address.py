"""Addresses in object stores, whose text never shows their credentials."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from kerascope import errors

_BELOW = "below"


class Address(str):
    """An address in a store, `s3://bucket/photos`, as text that can be shown.

    The text has no credentials (`key:secret@`) and no options (`?region=...`), which are attributes, and is
    not percent-encoded. So printing or storing an address shows no secret, and its ending is the object's.

    Example:
        >>> from kerascope.dataset.reading.address import Address
        >>> address = Address.of("s3://key:secret@bucket/my%20photos?region=eu-west-1")
        >>> address, address.joinpath("a#1.jpg").uri
        ('s3://bucket/my photos', 's3://key:secret@bucket/my%20photos/a%231.jpg?region=eu-west-1')
    """

    __slots__ = ("credentials", "options")
    credentials: str
    options: str

    def __new__(cls, text: str, credentials: str = "", options: str = "") -> Address:
        found = super().__new__(cls, text)
        found.credentials, found.options = credentials, options
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return Address, (str(self), self.credentials, self.options)

    @classmethod
    def of(cls, text: str) -> Address:
        """Parse an address."""
        if isinstance(text, Address):
            return text
        scheme, _, rest = text.partition("://")
        rest, _, options = rest.partition("?")
        host, slash, path = rest.partition("/")
        if ":" in host and "@" not in host and "@" in path and not host.rpartition(":")[2].isdecimal():
            # A secret with a slash, which should have been %2F, is hidden all the same.
            host, slash, path = rest, "", ""
        credentials, at, name = host.rpartition("@")
        if ":" not in credentials:  # such as the container of abfs://container@account
            credentials, name = "", f"{credentials}{at}{name}"
        return cls(f"{scheme}://{name}{slash}{unquote(path)}", credentials, options)

    @property
    def uri(self) -> str:
        """The complete address, with credentials and options, by which it is opened."""
        scheme, _, rest = self.partition("://")
        host, slash, path = rest.partition("/")
        at, mark = "@" if self.credentials else "", "?" if self.options else ""
        return f"{scheme}://{self.credentials}{at}{host}{slash}{quote(path)}{mark}{self.options}"

    @property
    def parent(self) -> Address:
        """The address of its folder."""
        return Address(self.rpartition("/")[0], self.credentials, self.options)

    def joinpath(self, relative: str) -> Address:
        """The address of a file or folder below it."""
        return Address(f"{self.rstrip('/')}/{relative}", self.credentials, self.options)


def is_address(path: str) -> bool:
    """Whether it is an address, `s3://bucket/photos`, rather than a path."""
    return "://" in path


def resolve_name(path: str, name: str) -> str:
    """Resolve a name in a list: relative to the folder of the list, or an address.

    Names in a list in a store lead to stores of the same kind only, since a list may come from anywhere.
    """
    if not is_address(path):
        return Address.of(name) if is_address(name) else str(Path(path).parent / name)
    own = Address.of(path)
    named = Address.of(name) if is_address(name) else None
    if named is not None and named.partition("://")[0] == own.partition("://")[0]:
        return Address(named, named.credentials or own.credentials, named.options or own.options)
    return join_inside(own.parent, name)


def join_inside(folder: Address, name: str) -> Address:
    """Join a name to a folder of a store, so that it stays inside."""
    return folder.joinpath("/".join(part for part in name.split("/") if part not in ("", ".", "..")))


@functools.lru_cache(maxsize=16)
def _store(uri: str) -> tuple[Any, str]:
    """The file system of a store, cached with its connections, and the path of its root."""
    from pyarrow import fs

    found, inner = fs.FileSystem.from_uri(uri)
    return found, inner.removesuffix(_BELOW)


def file_system(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    try:
        from pyarrow import ArrowException
    except ImportError:
        raise errors.MissingPackageError("pyarrow", "dataset") from None
    known = Address.of(address)
    scheme, _, rest = known.partition("://")
    host, _, path = rest.partition("/")
    uri = Address(f"{scheme}://{host}/{_BELOW}", known.credentials, known.options).uri
    try:
        found, root = _store(uri)
    except (ArrowException, ValueError, OSError) as error:
        reason = str(error).replace(uri, known)
        reason = reason.replace(known.credentials, "...") if known.credentials else reason
        raise errors.DatasetError(
            "an address must be of a file system that pyarrow knows, such as s3://, gs:// or file://; "
            f"{str(known)!r} is not ({reason})."
        ) from None
    return found, f"{root}{path}" if path else root.rstrip("/") or root
