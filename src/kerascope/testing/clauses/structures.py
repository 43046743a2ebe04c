"""Beyond one straight path: skips, shared layers, several inputs, sequences, tokens, loops, int8."""

from __future__ import annotations

import numpy as np

from kerascope import errors
from kerascope.probe import Probe
from kerascope.testing.bench import CLOSE, Bench, backend_name, refused, same
from kerascope.testing.clause import clause
from kerascope.testing.clauses.shapes import check_shape, not_flat
from kerascope.testing.models import OTHER_HEADS, UnavailableError


@clause(4)
def merges(bench: Bench) -> None:
    """A skip connection is explained behind its merge, be it made of layers or of bare ops."""
    expected = bench.explain("residual", 1)
    if bench.takes_layer:
        assert expected.layer == "after", f"the layer must be 'after', not {expected.layer!r}"
        if not bench.fits("residual_ops"):
            return
        tiny = bench.tiny("residual_ops")
        found = bench.method(bench.probe("residual_ops"), tiny.images, 1)
        same(found.values, expected.values, CLOSE, "a merge made of ops")
        branches = [bench.explain(name, 1) for name in ("residual_ops", "residual_subclassed")]
        same(branches[1].values, branches[0].values, CLOSE, "at the branch of a subclassed model")
    else:
        for name in bench.family("merge"):
            same(bench.explain(name, 1).values, expected.values, CLOSE, name)


@clause(4)
def inference_mode(bench: Bench) -> None:
    """BatchNormalization uses its moving statistics and Dropout passes everything on."""
    tiny = bench.tiny("normalised")
    found = bench.explain("normalised", 1)
    check_shape(bench, found, tiny, tiny.images)
    if "pooled" not in bench.method.tags:
        alone = bench.explain("normalised", 1, tiny.images[:1])
        same(alone.values, found.values[:1], CLOSE, "image 0 alone")
    scores = np.asarray(bench.probe("normalised").scores(tiny.images, 1))
    outputs = tiny.model.predict_on_batch(tiny.images)
    same(scores, np.asarray(outputs)[:, 1], CLOSE, "scores against the model's own")


@clause(4)
def shared_layers(bench: Bench) -> None:
    """A layer that runs twice must be chosen by its run; an input among several by its name."""
    if not bench.fits("siamese"):
        raise UnavailableError(f"{bench.method.name!r} refuses a head that joins two branches")
    tiny = bench.tiny("siamese")
    probe = bench.probe("siamese")
    if "input" in bench.method.tags or not bench.takes_layer:
        with refused(errors.InputError, "left", "right"):
            bench.method(probe, tiny.images, 1)
        return
    probe = _with_pixels(bench, probe)
    with refused(errors.AmbiguousLayerError, "conv#0", "conv#1"):
        bench.at("encoder/conv")(probe, tiny.images, 1)
    maps = [bench.at(f"encoder/conv#{index}")(probe, tiny.images, 1).values for index in (0, 1)]
    assert maps[0].shape == maps[1].shape == (2, *tiny.spatial), f"got {maps[0].shape}"
    swapped = bench.at("encoder/conv#1")(probe, [tiny.images[1], tiny.images[0]], 1).values
    if "weight_free" not in bench.method.tags:
        assert not np.array_equal(maps[0], maps[1]), "the two runs must have maps of their own"
        assert not np.array_equal(swapped, maps[1]), "the map of run 1 must follow its own image"


def _with_pixels(bench: Bench, probe: Probe) -> Probe:
    """The probe of `siamese`, or, for a method that changes the image itself, one that knows which it is."""
    tiny = bench.tiny("siamese")
    try:
        bench.at("encoder/conv#0")(probe, tiny.images, 1)
    except errors.InputError:
        with refused(errors.InputError, "left", "right"):
            bench.at("encoder/conv#0")(probe, tiny.images, 1)
        return Probe(tiny.model, input="left", compile=False)
    return probe


@clause(4)
def several_inputs(bench: Bench) -> None:
    """With an image and a row of numbers, the image is explained, and is found without help."""
    tiny = bench.tiny("dict_input")
    found = bench.explain("dict_input", 1)
    check_shape(bench, found, tiny, tiny.images["image"])
    assert found.heatmaps().shape == (2, 8, 8), f"heat maps are {found.heatmaps().shape}"
    # Eager, as the other one: compiled, some backends sum in another order.
    alone = bench.for_tiny(tiny)(Probe(tiny.model, compile=False), tiny.images, 1)
    same(alone.values, found.values, 0.0, "the image found without help")


@clause(4, unless="planar")
def sequences(bench: Bench) -> None:
    """Frames through TimeDistributed and ConvLSTM."""
    _explained(bench, "sequences")


@clause(4)
def tokens(bench: Bench) -> None:
    """The tokens of a transformer are laid out on their grid, without the class token."""
    _explained(bench, "tokens")


def _explained(bench: Bench, models: str) -> None:
    """Assert that each tiny model of a family has maps of the right shape, not all of them flat."""
    for name in bench.family(models):
        tiny = bench.tiny(name)
        try:
            check_shape(bench, bench.explain(name, 1), tiny, tiny.images)
        except errors.RuleError:
            _check_without_rectifier(bench, name)
            continue
        not_flat(bench, name)


def _check_without_rectifier(bench: Bench, name: str) -> None:
    """Assert that a method may refuse a tiny model for want of a rectifier."""
    assert "rectifier" in bench.method.tags, "a method with a rule needs the tag rectifier"
    assert not bench.tiny(name).facts.get("rectifier", True), f"{name} has a rectifier; it was not met"


@clause(4)
def grey_pictures(bench: Bench) -> None:
    """Pictures without a channel axis, (N, H, W), are explained as those with one."""
    expected = bench.explain("grey_with_channel", 1)
    for name in bench.family("grey"):
        found = bench.explain(name, 1)
        same(found.values, expected.values, CLOSE, name)
        assert found.heatmaps().shape == (2, 8, 6), f"heat maps of {name} are {found.heatmaps().shape}"
        assert found.images is not None, "the explanation must keep the images"
        assert found.images.shape == (2, 8, 6, 1), f"images of {name} are kept as {found.images.shape}"


@clause(4)
def obstacles(bench: Bench) -> None:
    """A layer in a loop, recomputed or in int8 is explained or refused; never a silent zero map."""
    for name in ("loop", "rematerialised", "int8_dense"):
        tiny = bench.tiny(name)
        if name == "loop" and "planar" in bench.method.tags:
            continue
        layers = [tiny.layer]
        if bench.takes_layer:
            layers += [tiny.facts[key] for key in ("inside", "quantised") if key in tiny.facts]
        for layer in layers:
            try:
                not_flat(bench, name, layer)
            except (errors.UntappableLayerError, errors.AmbiguousLayerError):
                if layer == "loop":
                    raise
            except errors.HeadError:
                if bench.fits(name):
                    raise
            except errors.RuleError:
                _check_without_rectifier(bench, name)


@clause(4, needs="pooled_head")
def other_heads(bench: Bench) -> None:
    """A head that is no mean over space and one linear layer alone is refused, not approximated."""
    for name in sorted(OTHER_HEADS):
        tiny = bench.tiny(name)
        with refused(errors.HeadError, "pooling"):
            bench.at(tiny.layer)(bench.probe(name), tiny.images, 1)


@clause(4, needs="layer", unless="planar")
def inside_a_loop(bench: Bench) -> None:
    """A layer inside a loop is refused, and the error names the layer around it."""
    tiny = bench.tiny("loop")
    method = bench.at(tiny.facts["inside"])
    if backend_name() == "torch":  # PyTorch runs the loop as it is: each step is a run of its own
        with refused(errors.AmbiguousLayerError, "inner#0", "inner#7"):
            method(bench.probe("loop"), tiny.images, 1)
        return
    with refused(errors.UntappableLayerError, "'loop'"):
        method(bench.probe("loop"), tiny.images, 1)
