"""A zoo of faults: odd input of every kind that was met or thought of, each beside something good."""

from tests.helpers.files.zoo import archives, changes, links, lists, names, pictures, tables
from tests.helpers.files.zoo.kind import KINDS, Kind

__all__ = ["KINDS", "Kind", "archives", "changes", "links", "lists", "names", "pictures", "tables"]
