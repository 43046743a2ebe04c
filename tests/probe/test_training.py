"""A model that is trained while it is asked: one error, for nothing else, and training goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import kerascope as ks
from kerascope import errors
from kerascope.probe.execute.compiled import CompiledProgram

IMAGES = np.random.default_rng(0).random((4, 8, 8, 1)).astype("float32")
LABELS = np.arange(4) % 3


def network(activation: Any = "relu") -> keras.Model:
    """A network that can be trained."""
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation=activation),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


class Asked(keras.callbacks.Callback):
    """Asks in the middle of a step's epoch, and at its end."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        super().__init__()
        self.ask, self.answers = ask, []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.answers.append(self.ask())


def test_a_step_within_a_pass_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of training between what a pass reads first and its end."""
    model = network()
    probe, saliency = ks.Probe(model), ks.Saliency()
    before = saliency(probe, IMAGES, 0).values
    whole = CompiledProgram.__call__

    def trained(program: CompiledProgram, *arguments: Any) -> Any:
        model.train_on_batch(IMAGES, LABELS)
        return whole(program, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(CompiledProgram, "__call__", trained)
        with pytest.raises(errors.BusyModelError, match="must not be trained while it is explained"):
            saliency(probe, IMAGES, 0)
    after = saliency(probe, IMAGES, 0).values
    assert np.isfinite(after).all()
    assert not np.array_equal(before, after)


def test_it_can_be_asked_at_the_end_of_an_epoch() -> None:
    model = network()
    probe = ks.Probe(model)
    asked = Asked(lambda: ks.Saliency()(probe, IMAGES, 0).values)
    model.fit(IMAGES, LABELS, batch_size=2, epochs=2, verbose=0, callbacks=[asked])
    np.testing.assert_array_equal(asked.answers[-1], ks.Saliency()(probe, IMAGES, 0).values)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="autograd of PyTorch tells itself")
def test_a_weight_that_is_changed_between_forward_and_backward_is_told() -> None:
    model = network()
    probe = ks.Probe(model)
    ks.GradCAM()(probe, IMAGES, 0)

    def trained(*_: Any) -> None:
        import torch

        with torch.no_grad():
            model.layers[-1].kernel.value.add_(1)

    hook = model.layers[-1].register_forward_hook(trained)
    try:
        with pytest.raises(errors.BusyModelError) as caught:
            ks.GradCAM()(probe, IMAGES, 0)
    finally:
        hook.remove()
    assert "inplace operation" in str(caught.value.__cause__)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="only there are weights taken away")
def test_weights_that_fit_has_taken_are_told() -> None:
    """What `fit` does on JAX: variables have no value while it runs, and their arrays are deleted."""
    model = network()
    asked, new = ks.Probe(model), ks.Probe(model)
    ks.Saliency()(asked, IMAGES, 0)
    variables = model.variables
    values = [variable.value for variable in variables]
    copies = [np.array(value) for value in values]
    for variable in variables:
        variable._value = None
    for probe in (asked, new):
        with pytest.raises(errors.BusyModelError):
            ks.Saliency()(probe, IMAGES, 0)
        with pytest.raises(errors.BusyModelError):
            ks.sanity(ks.Saliency(), probe, IMAGES)
    for variable, value in zip(variables, values, strict=True):
        variable._value = value
        value.delete()
    for probe in (asked, new):
        with pytest.raises(errors.BusyModelError):
            ks.Saliency()(probe, IMAGES, 0)
    for variable, value in zip(variables, copies, strict=True):
        variable.assign(value)
    assert np.isfinite(ks.Saliency()(asked, IMAGES, 0).values).all()


def test_other_errors_pass() -> None:
    """On PyTorch while a weight changes, too."""

    def broken(tensor: Any) -> Any:
        if armed:
            if keras.backend.backend() == "torch":
                model.layers[-1].bias.value.add_(1.0)
            raise RuntimeError("a fault of its own")
        return keras.ops.relu(tensor)

    armed: list[bool] = []
    model = network(broken)
    probe = ks.Probe(model)
    ks.Saliency()(probe, IMAGES, 0)
    armed.append(True)
    with pytest.raises((RuntimeError, errors.InputError), match="a fault of its own") as caught:
        ks.GradCAM()(probe, IMAGES, 0)
    assert not isinstance(caught.value, errors.BusyModelError)
