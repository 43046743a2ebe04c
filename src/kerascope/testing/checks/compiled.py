"""Compiled as eager, one trace for any stream, new weights seen, the declared cost: all by counting."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kerascope.probe import Probe
from kerascope.target import Top
from kerascope.testing.fixture import CLOSE, Fixture, assert_close, backend_name
from kerascope.testing.golden import CASES, case_maps, key, read
from kerascope.testing.models import UnavailableError, fill
from kerascope.testing.registry import check


@check(9)
def golden(fixture: Fixture) -> None:
    """The maps are those of the stored file, which every backend shares."""
    if fixture.golden is None:
        raise UnavailableError("no file of golden maps was given")
    stored = read(Path(fixture.golden))
    for case in filter(fixture.fits, CASES):
        name = key(fixture.method, case)
        assert name in stored, f"{fixture.golden.name} holds no {name!r}; write the file again"
        assert_close(case_maps(fixture, case), stored[name], fixture.tolerance, name)


@check(10)
def compiled_is_eager(fixture: Fixture) -> None:
    """Without compilation the map is the same."""
    if backend_name() == "torch":
        raise UnavailableError("PyTorch runs eagerly as it is; compiling it is the user's choice")
    eager = fixture.explain("smooth_functional", 1)
    assert_close(
        fixture.explain("smooth_functional", 1, compiled=True).values, eager.values, CLOSE, "compiled"
    )


@check(10)
def traces(fixture: Fixture) -> None:
    """Another call, class, batch and number of images add no trace; a new shape adds as many as the first."""
    tiny = fixture.tiny("dynamic_size")
    probe = Probe(tiny.model, batch_size=4)
    images = np.concatenate([tiny.images, tiny.images])
    fixture.method(probe, images, 1)
    first = probe.trace_count
    assert first >= 1, "the first call must trace"
    if "gradient" in fixture.method.tags:
        expected = fixture.method.programs
        assert first == expected, f"the method declares {expected} programs; got {first}"
    for asked, target in ((images, 1), (images, 2), (images, [0, 1, 2, 0, 1, 2]), (images[:4], 0)):
        fixture.method(probe, asked, target)
        assert probe.trace_count == first, (
            f"{len(asked)} images and target {target} traced again: {probe.trace_count} for {first}"
        )
    fixture.method(probe, images[:, :, :8], 1)
    added = probe.trace_count - first
    assert added == first, f"a new shape must add {first} traces; it added {added}"


@check(10)
def traces_of_a_bare_model(fixture: Fixture) -> None:
    """A bare model called in a loop compiles once: its probe lives as long as it does."""
    tiny = fixture.tiny("functional", fresh=True)
    fixture.method(tiny.model, tiny.images, 1)
    probe = Probe.for_model(tiny.model)
    first = probe.trace_count
    assert first >= 1, "a bare model must be asked through its attached probe"
    fixture.method(tiny.model, tiny.images, 2)
    assert probe.trace_count == first, "the second call of a bare model traced again"


@check(10)
def new_weights(fixture: Fixture) -> None:
    """After `set_weights`, the same probe explains the new weights."""
    tiny = fixture.tiny("functional", fresh=True)
    probe = Probe(tiny.model)
    fixture.method(probe, tiny.images, 1)
    traced = probe.trace_count
    fill(tiny.model, 77)
    found = fixture.method(probe, tiny.images, 1)
    expected = fixture.method(Probe(tiny.model), tiny.images, 1)
    assert_close(found.values, expected.values, 0.0, "with new weights")
    assert probe.trace_count == traced, "new weights must not trace again"


@check(11)
def cost(fixture: Fixture) -> None:
    """Forwards and backwards are the declared number per image, and per image and class."""
    tiny = fixture.tiny("functional")
    probe = Probe(tiny.model, batch_size=2)
    for target, classes in ((1, 1), (Top(3), 3)):
        before = probe.forward_count, probe.backward_count
        found = fixture.method(probe, tiny.images, target)
        forwards, backwards = probe.forward_count - before[0], probe.backward_count - before[1]
        if "sized" in fixture.method.tags:
            asked = 0 if found.masks is None else int(found.masks.sum())
            assert forwards == 3 + asked, f"{target}: {forwards} forwards for 3 images and {asked} masks"
            assert backwards in (0, 3 * classes), f"{target}: {backwards} backwards for 3 images"
            continue
        if "masks" in fixture.method.tags:
            assert found.masks is not None, "a method with masks must tell how many"
            assert forwards == 3 + found.masks.sum(), f"{forwards} forwards, {found.masks} masks"
        repeated = classes if "adaptive" in fixture.method.tags else 1
        expected = 3 * (1 + repeated * (fixture.method.forwards - 1))
        assert forwards == expected, f"{target}: {forwards} forwards for 3 images; not {expected}"
        expected = 3 * classes * fixture.method.backwards
        assert backwards == expected, f"{target}: {backwards} backwards; declared are {expected}"
