"""Every kind of output is explained: pixels, detections, sequences, embeddings and plain numbers."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.testing.bench import Bench
from kerascope.testing.clause import clause
from kerascope.testing.questions import QUESTIONS, check_question, raw_outputs
from kerascope.testing.watched import Watched


@clause(8)
def outputs_of_every_kind(bench: Bench) -> None:
    """Pixels, boxes, steps, places, embeddings: scores are the target's, and its numbers are arguments."""
    for question in QUESTIONS:
        tiny = bench.tiny(question.model)
        try:
            found = check_question(question, bench.at(tiny.layer), bench.probe(question.model), tiny)
        except errors.HeadError:
            assert "pooled_head" in bench.method.tags, f"{question}: any head must do"
            continue
        except errors.TargetError:
            assert "classes" in bench.method.tags, f"{question}: any target must do"
            continue
        expected = bench.values_shape(tiny.images, tiny.spatial)
        for values in found:
            assert values.shape == expected, f"{question}: values must be {expected}; got {values.shape}"
            assert values.dtype == np.float32, f"{question}: values must be float32; got {values.dtype}"
            assert np.isfinite(values).all(), f"{question}: values must be finite"


@clause(8)
def choices_are_made_once(bench: Bench) -> None:
    """What a target chooses is chosen on the images, and pinned for variants of them."""
    tiny = bench.tiny("functional")
    own = raw_outputs(tiny, tiny.images)[0]
    found = bench.explain("functional", Watched(own=own))
    assert found.targets.tolist() == own.argmax(axis=1).tolist(), f"got {found.targets}"
