"""Placements: where the values of an explanation lie on the image. NumPy only."""

from kerascope.placement.axis import AxisPlacement, is_identity, stretch_axis
from kerascope.placement.placement import (
    CHOICES,
    Placement,
    PlacementChoice,
    PlacementKind,
    combine_finest,
    from_dictionary,
    no_picture,
    stretch,
)

__all__ = [
    "CHOICES",
    "AxisPlacement",
    "Placement",
    "PlacementChoice",
    "PlacementKind",
    "combine_finest",
    "from_dictionary",
    "is_identity",
    "no_picture",
    "stretch",
    "stretch_axis",
]
