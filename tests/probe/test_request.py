"""Requests: one value says which tensors to compute, and is the key of the compiled program."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

import kerascope as ks
from kerascope import errors
from kerascope.probe import AnyProbe, Request, require_probe
from kerascope.rule import get_rule
from kerascope.testing.models import MODELS

CHANGES: dict[str, Any] = {
    "layers": ("conv1",),
    "spatial": True,
    "gradients": True,
    "image_gradient": True,
    "rule": get_rule("guided"),
    "hvp": True,
    "biases": True,
    "branches": 2,
}


@dataclass(frozen=True)
class AttentionRequest(Request):
    """A request with a flag of its own: one line."""

    attention: bool = False


def test_every_field_changes_the_key() -> None:
    assert list(CHANGES) == [field.name for field in fields(Request)]
    requests = {Request(), *(replace(Request(), **{name: value}) for name, value in CHANGES.items())}
    assert len(requests) == len(CHANGES) + 1


def test_a_flag_of_its_own_is_a_program_of_its_own() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    for attention in (False, True, False, True):
        probe.run(None, tiny.images, 1, AttentionRequest(attention=attention))
    assert probe.trace_count == 2
    requests = [program._program.request for program in probe._cache._programs.values()]
    assert [request.attention for request in requests] == [False, True]


def test_a_layer_is_the_same_by_any_of_its_names() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    path = probe.layers(tiny.images).automatic
    assert path is not None
    for layer in (None, path.path):
        probe.activations(tiny.images, layer)
    assert probe.trace_count == 1


def test_a_check_is_no_other_program() -> None:
    tiny = MODELS["functional"]()
    probe = ks.Probe(tiny.model)
    for spatial in (False, True):
        probe.run(None, tiny.images, 1, Request((None,), spatial=spatial))
    assert probe.trace_count == 1


@pytest.mark.parametrize("name", [name for name in CHANGES if name != "spatial"])
def test_a_black_box_computes_scores_alone(name: str) -> None:
    box: AnyProbe = ks.BlackBox(lambda images: images.mean(axis=(1, 2)))
    tiny = MODELS["functional"]()
    request = replace(Request(), **{name: CHANGES[name]})
    with pytest.raises(errors.ModelError, match="black box has neither"):
        box.run(None, tiny.images, 0, request)


def test_a_black_box_is_no_probe() -> None:
    with pytest.raises(errors.ModelError, match="black box has neither"):
        require_probe(ks.BlackBox(lambda images: images))
    probe = ks.Probe(MODELS["functional"]().model)
    assert require_probe(probe) is probe
