"""Generated images with known decisive pixels: textured shapes, and shortcuts to plant into images."""

from kerascope.synthetic import shapes, shortcuts

__all__ = ["shapes", "shortcuts"]
