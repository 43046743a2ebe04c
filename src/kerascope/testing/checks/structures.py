"""Beyond one straight path: skips, shared layers, several inputs, sequences, tokens, loops, int8."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.probe import Probe
from kerascope.testing.checks.shapes import check_shape, not_flat
from kerascope.testing.fixture import CLOSE, Fixture, assert_close, backend_name, expect_error
from kerascope.testing.models import OTHER_HEADS, UnavailableError
from kerascope.testing.registry import check


@check(4)
def merges(fixture: Fixture) -> None:
    """A skip connection is explained behind its merge, be it made of layers or of bare ops."""
    expected = fixture.explain("residual", 1)
    if fixture.takes_layer:
        assert expected.layer == "after", f"the layer must be 'after', not {expected.layer!r}"
        if not fixture.fits("residual_ops"):
            return
        tiny = fixture.tiny("residual_ops")
        found = fixture.method(fixture.probe("residual_ops"), tiny.images, 1)
        assert_close(found.values, expected.values, CLOSE, "a merge made of ops")
        branches = [fixture.explain(name, 1) for name in ("residual_ops", "residual_subclassed")]
        assert_close(branches[1].values, branches[0].values, CLOSE, "at the branch of a subclassed model")
    else:
        for name in fixture.family("merge"):
            assert_close(fixture.explain(name, 1).values, expected.values, CLOSE, name)


@check(4)
def inference_mode(fixture: Fixture) -> None:
    """BatchNormalization uses its moving statistics and Dropout passes everything on."""
    tiny = fixture.tiny("normalised")
    found = fixture.explain("normalised", 1)
    check_shape(fixture, found, tiny, tiny.images)
    if "pooled" not in fixture.method.tags:
        alone = fixture.explain("normalised", 1, tiny.images[:1])
        assert_close(alone.values, found.values[:1], CLOSE, "image 0 alone")
    scores = np.asarray(fixture.probe("normalised").scores(tiny.images, 1))
    outputs = tiny.model.predict_on_batch(tiny.images)
    assert_close(scores, np.asarray(outputs)[:, 1], CLOSE, "scores against the model's own")


@check(4)
def shared_layers(fixture: Fixture) -> None:
    """A layer that runs twice must be chosen by its run; an input among several by its name."""
    if not fixture.fits("siamese"):
        raise UnavailableError(f"{fixture.method.name!r} refuses a head that joins two branches")
    tiny = fixture.tiny("siamese")
    probe = fixture.probe("siamese")
    if "input" in fixture.method.tags or not fixture.takes_layer:
        with expect_error(errors.InputError, "left", "right"):
            fixture.method(probe, tiny.images, 1)
        return
    probe = _with_pixels(fixture, probe)
    with expect_error(errors.AmbiguousLayerError, "conv#0", "conv#1"):
        fixture.at("encoder/conv")(probe, tiny.images, 1)
    maps = [fixture.at(f"encoder/conv#{index}")(probe, tiny.images, 1).values for index in (0, 1)]
    assert maps[0].shape == maps[1].shape == (2, *tiny.spatial), f"got {maps[0].shape}"
    swapped = fixture.at("encoder/conv#1")(probe, [tiny.images[1], tiny.images[0]], 1).values
    if "weight_free" not in fixture.method.tags:
        assert not np.array_equal(maps[0], maps[1]), "the two runs must have maps of their own"
        assert not np.array_equal(swapped, maps[1]), "the map of run 1 must follow its own image"


def _with_pixels(fixture: Fixture, probe: Probe) -> Probe:
    """The probe of `siamese`, or, for a method that changes the image itself, one that knows which it is."""
    tiny = fixture.tiny("siamese")
    try:
        fixture.at("encoder/conv#0")(probe, tiny.images, 1)
    except errors.InputError:
        with expect_error(errors.InputError, "left", "right"):
            fixture.at("encoder/conv#0")(probe, tiny.images, 1)
        return Probe(tiny.model, input="left", compile=False)
    return probe


@check(4)
def several_inputs(fixture: Fixture) -> None:
    """With an image and a row of numbers, the image is explained, and is found without help."""
    tiny = fixture.tiny("dict_input")
    found = fixture.explain("dict_input", 1)
    check_shape(fixture, found, tiny, tiny.images["image"])
    assert found.heatmaps().shape == (2, 8, 8), f"heat maps are {found.heatmaps().shape}"
    # Eager, as the other one: compiled, some backends sum in another order.
    alone = fixture.for_tiny(tiny)(Probe(tiny.model, compile=False), tiny.images, 1)
    assert_close(alone.values, found.values, 0.0, "the image found without help")


@check(4, unless="planar")
def sequences(fixture: Fixture) -> None:
    """Frames through TimeDistributed and ConvLSTM."""
    _explain_family(fixture, "sequences")


@check(4)
def tokens(fixture: Fixture) -> None:
    """The tokens of a transformer are laid out on their grid, without the class token."""
    _explain_family(fixture, "tokens")


def _explain_family(fixture: Fixture, models: str) -> None:
    """Assert that each tiny model of a family has maps of the right shape, not all of them flat."""
    for name in fixture.family(models):
        tiny = fixture.tiny(name)
        try:
            check_shape(fixture, fixture.explain(name, 1), tiny, tiny.images)
        except errors.RuleError:
            _check_without_rectifier(fixture, name)
            continue
        not_flat(fixture, name)


def _check_without_rectifier(fixture: Fixture, name: str) -> None:
    """Assert that a method may refuse a tiny model for want of a rectifier."""
    assert "rectifier" in fixture.method.tags, "a method with a rule needs the tag rectifier"
    assert not fixture.tiny(name).facts.get("rectifier", True), f"{name} has a rectifier; it was not met"


@check(4)
def grey_pictures(fixture: Fixture) -> None:
    """Pictures without a channel axis, (N, H, W), are explained as those with one."""
    expected = fixture.explain("grey_with_channel", 1)
    for name in fixture.family("grey"):
        found = fixture.explain(name, 1)
        assert_close(found.values, expected.values, CLOSE, name)
        assert found.heatmaps().shape == (2, 8, 6), f"heat maps of {name} are {found.heatmaps().shape}"
        assert found.images is not None, "the explanation must keep the images"
        assert found.images.shape == (2, 8, 6, 1), f"images of {name} are kept as {found.images.shape}"


@check(4)
def obstacles(fixture: Fixture) -> None:
    """A layer in a loop, recomputed or in int8 is explained or refused; never a silent zero map."""
    for name in ("loop", "rematerialised", "int8_dense"):
        tiny = fixture.tiny(name)
        if name == "loop" and "planar" in fixture.method.tags:
            continue
        layers = [tiny.layer]
        if fixture.takes_layer:
            layers += [tiny.facts[key] for key in ("inside", "quantised") if key in tiny.facts]
        for layer in layers:
            try:
                not_flat(fixture, name, layer)
            except (errors.UntappableLayerError, errors.AmbiguousLayerError):
                if layer == "loop":
                    raise
            except errors.HeadError:
                if fixture.fits(name):
                    raise
            except errors.RuleError:
                _check_without_rectifier(fixture, name)


@check(4, needs="pooled_head")
def other_heads(fixture: Fixture) -> None:
    """A head that is no mean over space and one linear layer alone is refused, not approximated."""
    for name in sorted(OTHER_HEADS):
        tiny = fixture.tiny(name)
        with expect_error(errors.HeadError, "pooling"):
            fixture.at(tiny.layer)(fixture.probe(name), tiny.images, 1)


@check(4, needs="layer", unless="planar")
def inside_a_loop(fixture: Fixture) -> None:
    """A layer inside a loop is refused, and the error names the layer around it."""
    tiny = fixture.tiny("loop")
    method = fixture.at(tiny.facts["inside"])
    if backend_name() == "torch":  # PyTorch runs the loop as it is: each step is a run of its own
        with expect_error(errors.AmbiguousLayerError, "inner#0", "inner#7"):
            method(fixture.probe("loop"), tiny.images, 1)
        return
    with expect_error(errors.UntappableLayerError, "'loop'"):
        method(fixture.probe("loop"), tiny.images, 1)
