"""Where the cells of a map lie along one axis of the image, in closed form, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class AxisTruth:
    """The cells along an axis of the image: the centre of cell i lies at `start + i * step` pixels.

    Pixel i spans i to i + 1, so that pixels themselves start at a half.
    """

    cells: int
    start: float
    step: float

    def slide(self, kernel: int, stride: int = 1, before: int = 0, after: int = 0) -> AxisTruth:
        """Behind a window that moves over the cells: a cell lies at the middle of its window."""
        cells = (self.cells + before + after - kernel) // stride + 1
        return AxisTruth(cells, self.start + self.step * ((kernel - 1) / 2 - before), self.step * stride)

    def same(self, kernel: int, stride: int = 1) -> AxisTruth:
        """Behind a window with as much padding as Keras adds for `padding="same"`."""
        missing = max(0, (-(-self.cells // stride) - 1) * stride + kernel - self.cells)
        return self.slide(kernel, stride, missing // 2, missing - missing // 2)

    def crop(self, before: int, after: int) -> AxisTruth:
        """Behind a crop, or a padding where the numbers are negative."""
        return replace(self, cells=self.cells - before - after, start=self.start + self.step * before)

    def resize(self, cells: int) -> AxisTruth:
        """Behind a resizing, or any other even division."""
        step = self.step * self.cells / cells
        return AxisTruth(cells, self.start - self.step / 2 + step / 2, step)


def pixels(side: int) -> AxisTruth:
    """The pixels themselves."""
    return AxisTruth(side, 0.5, 1.0)


def divide(side: int, cells: int) -> AxisTruth:
    """A side in cells of the same size."""
    return pixels(side).resize(cells)
