"""Networks that are trained anew, with the seed of the run: what was planted is what is found."""

from __future__ import annotations

import pytest

import kerascope as ks
from kerascope.synthetic import shortcuts
from tests.helpers.networks.bars import planted
from tests.helpers.networks.trained import NETWORKS

pytestmark = [pytest.mark.once, pytest.mark.slow]


@pytest.mark.parametrize("kind", [None, *shortcuts.KINDS])
def test_a_shortcut_that_was_learnt_is_found_and_no_other_class_is_accused(
    kind: str | None, seed: int
) -> None:
    held = planted(150, kind, seed=1)
    model = NETWORKS[kind or "clean"].train(seed)
    found = ks.audit(model, held.images, held.labels, sanity=False, progress=False)
    named = [f"{each.kind} of {each.label}: {each.effect:.0%}" for each in found.shortcuts]
    print(f"{kind}: right {found.accuracy:.1%}, shortcuts {named}")
    assert found.accuracy is not None
    assert found.accuracy > 0.9
    expected = set() if kind is None else {1}
    assert {each.label for each in found.shortcuts} <= expected <= {each.label for each in found.confirmed}
