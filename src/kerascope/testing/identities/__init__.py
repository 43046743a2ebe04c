"""What theory says about methods on networks where theory is simple."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kerascope.testing.fixture import Fixture
from kerascope.testing.identities import cam, gradient, perturbation, pixels, segment, variance

IDENTITIES: Mapping[str, Callable[[Fixture], None]] = {
    **cam.IDENTITIES,
    **gradient.IDENTITIES,
    **perturbation.IDENTITIES,
    **pixels.IDENTITIES,
    **segment.IDENTITIES,
    **variance.IDENTITIES,
}
"""The identity of each method that has one, by the method's name."""
