"""Labelled images: read from a folder, and put together as mosaics. NumPy and Pillow only."""

from kerascope.dataset.folder import Folder, read_folder
from kerascope.dataset.mosaic import Mosaics, mosaics

__all__ = ["Folder", "Mosaics", "mosaics", "read_folder"]
