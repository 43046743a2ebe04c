"""The audit of one sigmoid for two classes is that of the same classifier with two softmax outputs."""

from __future__ import annotations

import functools

import keras
import pytest

import kerascope as ks
from kerascope.typing import Array
from tests.helpers.networks.bars import planted
from tests.helpers.networks.trained import trained

NAMES = ("upright", "level")


def headed(body: keras.Model, kernel: Array, bias: Array, activation: str) -> keras.Model:
    head = keras.layers.Dense(kernel.shape[1], activation=activation)
    model = keras.Model(body.inputs, head(body.output))
    head.set_weights([kernel, bias])
    return model


def two_heads(kind: str) -> tuple[keras.Model, keras.Model]:
    """One classifier of two classes, by a softmax over W0 and W1, and by a sigmoid of W1 - W0."""
    known = trained(kind)
    body = keras.Model(known.inputs, known.layers[-2].output)
    kernel, bias = (weight[..., :2] for weight in known.layers[-1].get_weights())
    apart = [weight[..., 1:] - weight[..., :1] for weight in (kernel, bias)]
    return headed(body, kernel, bias, "softmax"), headed(body, *apart, "sigmoid")


@functools.cache
def audits(kind: str) -> tuple[ks.Audit, ks.Audit]:
    held = planted(135, kind, seed=1)
    own = held.labels < 2
    images, labels = held.images[own], held.labels[own]
    return tuple(  # type: ignore[return-value]
        ks.audit(model, images, labels, class_names=NAMES, sanity=False, progress=False)
        for model in two_heads(kind)
    )


KINDS = [pytest.param("corner"), pytest.param("frame", marks=pytest.mark.once)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_sigmoid_is_audited_as_two_softmax_outputs_are(kind: str) -> None:
    found = [
        [(one.kind, one.name, one.what, one.verdict, round(one.effect, 2)) for one in audit.findings]
        for audit in audits(kind)
    ]
    assert found[0] == found[1]
    assert "shortcut" in {verdict for _, _, _, verdict, _ in found[1]}
    softmax, sigmoid = audits(kind)
    assert softmax.accuracy == sigmoid.accuracy == 1
    assert [one.name for one in sigmoid.classes] == list(NAMES)


@pytest.mark.once
def test_nothing_changes_between_the_two() -> None:
    changes = ks.compare_audits(*audits("corner"))
    assert (changes.gone, changes.new, changes.predictions) == ((), (), 0)
    names = [finding.name for finding in audits("corner")[0].confirmed]
    assert "level" in names
    assert [(old.name, new.name) for old, new in changes.stayed] == [(name, name) for name in names]


@pytest.mark.once
def test_the_other_class_of_one_sigmoid_is_no_check_of_a_map() -> None:
    held = planted(16, "corner", seed=1)
    checked = ks.sanity("grad_cam", two_heads("corner")[1], held.images, depths=2, draws=1, progress=False)
    assert [one.name for one in checked.checks] == ["cascading", "independent"]
    assert any("the other class has the opposite score" in note for note in checked.notes)
