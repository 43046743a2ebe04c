"""Who competes: the bare passes, every method of kerascope, and peers where they are installed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import bare, peers
from benchmarks.bare import Call
from benchmarks.results import FLOOR, FORWARD, STEP
from benchmarks.setting import Setting

if TYPE_CHECKING:
    import keras
    import numpy as np

    import kerascope as ks


@dataclass(frozen=True)
class Contestant:
    """Something that is called again and again.

    Args:
        name: what the tables call it.
        by: the package that it comes from, with its version.
        call: does the work once and brings the result to the host.
        probe: what counts its work, for kerascope's.
        declared: the forward and backward passes per image that it says it costs.
    """

    name: str
    by: str
    call: Call
    probe: ks.Probe | None = None
    declared: tuple[float, float] = (0, 0)


def plain(setting: Setting, model: keras.Model, images: np.ndarray[Any, Any]) -> list[Contestant]:
    """What the others are measured against; the forward pass twice, to show what a ratio of 1 looks like."""
    forward, floor = bare.passes(setting.backend, model, images)
    return [
        Contestant(FORWARD, "bare", forward),
        Contestant(f"{FORWARD} again", "bare", forward),
        Contestant(FLOOR, "bare", floor),
    ]


def ours(setting: Setting, model: keras.Model, images: np.ndarray[Any, Any]) -> list[Contestant]:
    """Every method with its default parameters, Grad-CAM of five classes at once, a step of maximisation."""
    import kerascope as ks

    entries: list[tuple[str, ks.Method, Any, int]] = [
        (name, method(), None, 1)
        for name, method in ks.methods().items()
        if not setting.methods or name in setting.methods
    ]
    if not setting.methods or "grad_cam" in setting.methods:
        entries.append(("grad_cam of Top(5)", ks.GradCAM(), ks.Top(5), 5))

    def contestant(name: str, method: ks.Method, target: Any, classes: int) -> Contestant:
        # A probe of its own, so that its counts are its own.
        probe = ks.Probe(model, batch_size=setting.batch)
        declared = (method.forwards, method.backwards * classes)
        return Contestant(name, "kerascope", lambda: method(probe, images, target), probe, declared)

    found = [contestant(*entry) for entry in entries]
    if not setting.methods or "maximization" in setting.methods:
        found.append(_maximization(STEP, setting, model))
        found.append(_maximization(f"{STEP}, turned", setting, model, transforms=ks.Transforms(rotate=5)))
    return found


def _maximization(name: str, setting: Setting, model: keras.Model, **parameters: Any) -> Contestant:
    """One step of activation maximisation, as many images as the others explain."""
    import kerascope as ks
    from kerascope.maximization.canvas import Canvas
    from kerascope.maximization.targets import spread

    probe = ks.Probe(model, batch_size=setting.batch)
    configuration = ks.Maximize(copies=setting.batch, input_range=(-1, 1), **parameters)
    targets = [target for target in spread(0) for _ in range(setting.batch)]
    canvas = Canvas.of(probe, setting.batch, None, configuration.input_range, None)
    climb = configuration.climb(probe, targets, canvas, range(setting.batch), setting.batch)
    return Contestant(name, "kerascope", lambda: climb.step(configuration.learning_rate), probe, (1, 1))


def others(
    setting: Setting, model: keras.Model, images: np.ndarray[Any, Any]
) -> tuple[list[Contestant], dict[str, str]]:
    """The peers of this backend, and those that are not installed with the reason."""
    found, absent = peers.peers(setting.backend, model, images)
    return [Contestant(name, by, call) for (name, by), call in found.items()], absent
