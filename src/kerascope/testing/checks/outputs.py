"""Every kind of output is explained: pixels, detections, sequences, embeddings and plain numbers."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.testing.choose_once import ChooseOnce
from kerascope.testing.fixture import Fixture
from kerascope.testing.registry import check
from kerascope.testing.target_cases import TARGET_CASES, check_target_case, raw_outputs


@check(8)
def outputs_of_every_kind(fixture: Fixture) -> None:
    """Pixels, boxes, steps, places, embeddings: scores are the target's, and its numbers are arguments."""
    for case in TARGET_CASES:
        tiny = fixture.tiny(case.model)
        try:
            found = check_target_case(case, fixture.at(tiny.layer), fixture.probe(case.model), tiny)
        except errors.HeadError:
            assert "pooled_head" in fixture.method.tags, f"{case}: any head must do"
            continue
        except errors.TargetError:
            assert "classes" in fixture.method.tags, f"{case}: any target must do"
            continue
        expected = fixture.values_shape(tiny.images, tiny.spatial)
        for values in found:
            assert values.shape == expected, f"{case}: values must be {expected}; got {values.shape}"
            assert values.dtype == np.float32, f"{case}: values must be float32; got {values.dtype}"
            assert np.isfinite(values).all(), f"{case}: values must be finite"


@check(8)
def choices_are_made_once(fixture: Fixture) -> None:
    """What a target chooses is chosen on the images, and pinned for variants of them."""
    tiny = fixture.tiny("functional")
    own = raw_outputs(tiny, tiny.images)[0]
    found = fixture.explain("functional", ChooseOnce(own=own))
    assert found.targets.tolist() == own.argmax(axis=1).tolist(), f"got {found.targets}"
