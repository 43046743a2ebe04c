"""Small Keras models whose answer is known by construction, in a registry that the suite iterates.

Each builder takes nothing, builds in milliseconds and returns a `Tiny`: the model, images for it,
and known facts. Weights come from NumPy with fixed seeds and are identical on all backends.
`UnavailableError` is raised, with the reason, where a model cannot exist.
"""

from __future__ import annotations

from kerascope.testing.models import evidence, heads, obstacles, outputs, smooth, structures, topology
from kerascope.testing.models.base import (
    FAMILIES,
    MODELS,
    Builder,
    Tiny,
    UnavailableError,
    fill,
    pictures,
    sixteenths,
)

__all__ = [
    "FAMILIES",
    "MODELS",
    "OTHER_HEADS",
    "Builder",
    "Tiny",
    "UnavailableError",
    "evidence",
    "family",
    "fill",
    "heads",
    "obstacles",
    "outputs",
    "pictures",
    "sixteenths",
    "smooth",
    "structures",
    "topology",
]

OTHER_HEADS = frozenset(
    {
        "dict_input",
        "flattened",
        "grey_subclassed",
        "mixture",
        "int8_dense",
        "linear_map",
        "residual_ops",
        "residual_subclassed",
        "siamese",
        "smooth_flattened",
        "subclassed",
        "transformer_class_token",
    }
)
"""Models with something else behind their layer than a mean over space and one linear layer, or where that
cannot be seen. A method with the tag `pooled_head` must refuse them, and take all others with a layer."""


def family(name: str) -> dict[str, Builder]:
    """The builders of one family, by name, such as `family("topology")`."""
    return {builder: MODELS[builder] for builder in FAMILIES[name]}
